"""Paths that no file and no route can have: answered here, since what is behind raises for them."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from web.language.problems import problem

NAME, PATH = 255, 4000  # bytes of a part between slashes, and of the whole; file systems' limits
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _is_usable(path: str) -> bool:
    whole = path.encode("utf-8", "surrogatepass")
    short = len(whole) <= PATH and all(len(part) <= NAME for part in whole.split(b"/"))
    return short and not _CONTROL.search(path)


class UnusablePaths:
    """Middleware: 404 for a path with a name longer than files have, or a control character."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _is_usable(scope["path"]):
            return await problem(404, "Not Found")(scope, receive, send)
        await self.app(scope, receive, send)
