"""Security headers: the Content-Security-Policy of each path; no foreign code, no foreign frame.

What a route says nothing about is a visitor's, and no cache keeps it; static files have an ETag.

Gradio starts its page with inline scripts and builds functions from strings (`js=` and
`js_on_load`), so there, and only there, 'unsafe-inline' and 'unsafe-eval' stand.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.security.cookies import over_https
from worker.settings import settings

Policy = dict[str, str]

_NOTHING: Policy = {
    "default-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
_PAGE: Policy = _NOTHING | dict.fromkeys(
    ("script-src", "style-src", "img-src", "media-src", "connect-src", "form-action"), "'self'"
)
_ENGINE = {
    "script-src": "'self' 'wasm-unsafe-eval'",
    "connect-src": "'self'",
    "worker-src": "'self'",
}
_LIVE: Policy = (
    _PAGE
    | _ENGINE
    | {
        "img-src": "'self' blob:",
        "media-src": "'self' blob:",
        "form-action": "'none'",
    }
)
_GRADIO: Policy = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
PAGES = ("/share/", "/gallery/", "/api")  # of ours, without Gradio
ADMIN = "/admin"  # likewise, and never in a frame
LIVE = "/live"  # likewise, and its frames are the camera's
# what it and the studio run beside the page, by another policy
WORKERS = ("/page/live/worker.js", "/page/engine/helper.js", "/page/previews/worker.js")
ANSWERS = (
    "/api/",
    "/page/",
    "/shelf/",
    "/sign-",
    "/texts.js",
    "/live/",
    "/livez",
    "/readyz",
    "/healthz",
    "/metrics",
)
STATIC = ("/page/", "/assets/", "/static/", "/theme.css", "/favicon.ico")  # the same for all
UNKEPT = "private, no-store"
_NO_DEVICE = "microphone=(), geolocation=(), payment=(), usb=()"


def _in_frames(asked: Policy) -> Policy:
    """Return the policy of a page that the sites of the settings may show in a frame."""
    sites = settings().frame_ancestors.replace(",", " ")
    return asked | ({"frame-ancestors": f"'self' {sites}"} if sites else {})


def policy(path: str) -> Policy:
    """Return what the answer at a path may load and run, and who may show it in a frame."""
    if path in WORKERS:
        return _NOTHING | _ENGINE
    if path == LIVE:
        return _in_frames(_LIVE)
    if path.startswith(ANSWERS):
        return _NOTHING
    if path.startswith(ADMIN):
        return _PAGE
    return _in_frames(_PAGE if path.startswith(PAGES) else _GRADIO)


def of(path: str) -> dict[str, str]:
    """Return the headers of an answer at a path."""
    asked = policy(path)
    has_none = path.startswith((*ANSWERS, *PAGES, ADMIN))
    camera = "camera=()" if has_none else "camera=(self)"
    found = {
        "Content-Security-Policy": "; ".join(f"{what} {who}" for what, who in asked.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": f"{camera}, {_NO_DEVICE}",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if path in (LIVE, *WORKERS):
        found["Cross-Origin-Embedder-Policy"] = "require-corp"
    return found | ({"Strict-Transport-Security": "max-age=31536000"} if over_https() else {})


def kept(path: str, headers: Headers) -> str | None:
    """Return the Cache-Control of an answer in place of none; None: as it is.

    No shared cache keeps an answer that gives a visitor a cookie.
    """
    reported = headers.get("cache-control")
    if "set-cookie" in headers:
        is_own = reported is not None and ("private" in reported or "no-store" in reported)
        return None if is_own else UNKEPT
    return UNKEPT if reported is None and not path.startswith(STATIC) else None


class SecurityHeaders:
    """Middleware: every answer says what may be done with it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(of(scope["path"]))
                if control := kept(scope["path"], headers):
                    headers["Cache-Control"] = control
            await send(message)

        await self.app(scope, receive, with_headers)
