"""Cookies: the name, path and Secure flag of each.

A browser takes a cookie named `__Host-…` only over https, for the path "/" and without a domain:
neither a sibling site nor an attacker on an unencrypted connection can plant one. A studio under a
path shares its host with others and can't have that: its cookies are `__Secure-…`, sent to its
path, with the path's hash in the name.
"""

import hashlib
from typing import NamedTuple

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from worker.settings import settings


class Place(NamedTuple):
    """A cookie's name, path and whether it is for https only."""

    name: str
    path: str
    secure: bool


def over_https() -> bool:
    """Tell whether the visitors reach the studio over https."""
    return settings().over_https


def secure(connection: HTTPConnection) -> bool:
    """Tell whether the request came over https."""
    return over_https() or connection.url.is_secure


def framed() -> bool:
    """Tell whether other sites may show the studio in a frame."""
    return bool(settings().frame_ancestors)


def place(name: str, secure: bool) -> Place:
    """Return where a cookie belongs; over http its name stays as it is."""
    if not secure:
        return Place(name, "/", False)
    if under := settings().public_path:
        digest = hashlib.sha256(under.encode()).hexdigest()[:8]
        return Place(f"__Secure-{name}-{digest}", under, True)
    return Place(f"__Host-{name}", "/", True)


def _unquoted(header: bytes) -> bytes:
    """Return a Cookie header without the cookies that have a quote in them, wherever it is.

    What counts as the beginning of a value, each parser says for itself.
    """
    return b";".join(one for one in header.split(b";") if b'"' not in one)


class Unquoted:
    """Middleware: cookies in quotes are dropped. None of ours is in quotes.

    Python before 3.11.10 takes quadratic time over their backslashes (CVE-2024-7592).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            scope["headers"] = [
                (name, _unquoted(value) if name == b"cookie" else value)
                for name, value in scope["headers"]
            ]
        await self.app(scope, receive, send)
