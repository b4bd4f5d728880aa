"""A studio under a path of its host, such as https://host/studio: its requests and its addresses.

Inside, everything lies at the root: the path is taken off requests, whether a proxy left it there
or not, and put before the addresses that answers name.
"""

from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.settings import settings


def under(address: str) -> str:
    """Return the address, on its host, of something of the studio's that begins with a slash."""
    return settings().public_path + address


def _without(path: str, scope: Scope) -> Scope:
    """Return a request's scope as if the studio lay at the root."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    inner = scope["path"].removeprefix(path)
    return {**scope, "path": inner, "raw_path": raw.removeprefix(path.encode())}


class PublicPath:
    """Middleware: requests below the studio's path, and redirects, if it has one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = settings().public_path
        if not path or scope["type"] not in {"http", "websocket"}:
            return await self.app(scope, receive, send)
        if scope["path"] == path:  # relative addresses of the page need the slash
            return await RedirectResponse(f"{path}/", 308)(scope, receive, send)
        if scope["path"].startswith(f"{path}/"):
            scope = _without(path, scope)

        async def with_path(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                target = headers.get("location", "")
                if target.startswith("/") and not target.startswith(("//", f"{path}/")):
                    headers["location"] = path + target
            await send(message)

        await self.app(scope, receive, with_path)
