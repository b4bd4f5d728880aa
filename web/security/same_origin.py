"""Refuse requests that another site has a visitor's browser send (CSRF).

Browsers say which site a request comes from; a program that says nothing is no browser, carries
no visitor's cookie but its own, and passes.
"""

import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.language import texts
from web.language.problems import problem
from worker import errors
from worker.settings import settings

SAFE = {"GET", "HEAD", "OPTIONS"}
_HOST = re.compile(r"([\w.~%-]*|\[[0-9a-fA-F:.]+\])(:(?P<port>[0-9]{0,5}))?")
_LETS_OTHERS_READ = ("access-control-allow-origin", "access-control-allow-credentials")


def _host(netloc: str) -> str:
    """Return host and port as they compare: lower case, the usual ports left out."""
    return netloc.lower().removesuffix(":443").removesuffix(":80")


def _host_of(url: str) -> str:
    """Return the host and port of an address; "" if it is none, or names a user before an @."""
    try:
        netloc = urlsplit(url).netloc
    except ValueError:  # such as http://[
        return ""
    return "" if "@" in netloc else _host(netloc)


def from_elsewhere(headers: Headers) -> bool:
    """Tell whether a browser says that another site sent this request.

    `Sec-Fetch-Site: none` is the visitor's own doing, and says nothing against another `Origin`.
    """
    if (site := headers.get("sec-fetch-site")) not in {None, "none"}:
        return site != "same-origin"
    if origin := headers.get("origin"):
        ours = {_host(headers.get("host", "")), _host_of(settings().public_url)}
        return _host_of(origin) not in ours - {""}
    return False


def _is_valid(host: str) -> bool:
    """Tell whether a Host header can be part of an address."""
    named = _HOST.fullmatch(host)
    return named is not None and int(named["port"] or 0) < 65536


class SameOrigin:
    """Middleware: what changes something comes from our own pages; no other site reads answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        language = texts.language_of(HTTPConnection(scope))
        if not _is_valid(Headers(scope=scope).get("host", "")):
            refused = problem(400, errors.Message("request.host"), None, language)
            return await refused(scope, receive, send)
        if scope["method"] not in SAFE and from_elsewhere(Headers(scope=scope)):
            refused = problem(403, errors.Message("request.cross_site"), None, language)
            return await refused(scope, receive, send)

        async def for_ourselves(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name in _LETS_OTHERS_READ:  # Gradio lets every site in
                    del headers[name]
            await send(message)

        await self.app(scope, receive, for_ourselves)
