"""Paths that no file and no route can have: answered here, since a file system raises for them."""

from starlette.types import ASGIApp, Receive, Scope, Send

from web.language.problems import problem

NAME, PATH = 255, 4000  # bytes of a part between slashes, and of the whole; file systems' limits


def _is_too_long(path: str) -> bool:
    whole = path.encode("utf-8", "surrogatepass")
    return len(whole) > PATH or any(len(part) > NAME for part in whole.split(b"/"))


class LongPaths:
    """Middleware: 404 for a path with a name longer than files have."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_too_long(scope["path"]):
            return await problem(404, "Not Found")(scope, receive, send)
        await self.app(scope, receive, send)
