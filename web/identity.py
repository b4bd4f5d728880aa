"""Who is asking: a signed cookie that comes with the first answer.

The page and the API both ask `owner_of`, so that neither is an unguarded way to the other's
jobs. Knows no name, no password and no job.
"""

import secrets
from time import time

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.settings import cookie_secret, settings

COOKIE = "studio"
LASTS = 365 * 86400  # seconds
RENEWED = 30 * 86400  # a cookie older than this is signed anew, so that a regular keeps it
NOBODY = (
    "/livez",
    "/readyz",
    "/healthz",
    "/metrics",
    "/shelf/",
    "/page/",
)  # the same for all; no cookie


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(cookie_secret(), salt="owner")


def sign(owner: str) -> str:
    """Return the cookie's value for an owner."""
    return str(_signer().dumps(owner))


def read(cookie: str) -> tuple[str, float] | None:
    """Return the owner and the cookie's age in seconds; None if it was not signed here."""
    try:
        owner, signed = _signer().loads(cookie, max_age=LASTS, return_timestamp=True)
    except BadSignature:
        return None
    return str(owner), time() - signed.timestamp()


def owner_of(connection: HTTPConnection) -> str:
    """Return who asks; there is always somebody, if only since this request."""
    return str(connection.state.owner)


def _set_cookie(headers: MutableHeaders, owner: str, secure: bool) -> None:
    answer = Response()
    answer.set_cookie(
        COOKIE, sign(owner), max_age=LASTS, httponly=True, samesite="lax", secure=secure
    )
    headers.append("set-cookie", answer.headers["set-cookie"])


def _over_https() -> bool:
    return settings().https_only or settings().public_url.lower().startswith("https://")


class Identity:
    """Middleware: finds the owner of every request, and gives a newcomer a cookie."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] not in {"http", "websocket"} or scope["path"].startswith(NOBODY):
            return await self.app(scope, receive, send)
        connection = HTTPConnection(scope)
        owner, age = read(connection.cookies.get(COOKIE, "")) or (secrets.token_hex(16), LASTS)
        scope.setdefault("state", {})["owner"] = owner
        secure = _over_https() or connection.url.is_secure

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and age > RENEWED:
                _set_cookie(MutableHeaders(scope=message), owner, secure)
            await send(message)

        await self.app(scope, receive, with_cookie)
