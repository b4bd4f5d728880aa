"""Refuse requests that another site has a visitor's browser send (CSRF).

Browsers say which site a request comes from; a program that says nothing is no browser, carries
no visitor's cookie but its own, and passes.
"""

import re
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.language import texts
from web.language.problems import HTTPProblem, problem
from worker import errors
from worker.settings import settings

SAFE = {"GET", "HEAD", "OPTIONS"}
_HOST = re.compile(r"([\w.~%-]*|\[[0-9a-fA-F:.]+\])(:(?P<port>[0-9]{0,5}))?")
_LETS_OTHERS_READ = ("access-control-allow-origin", "access-control-allow-credentials")


_PORTS = {"http": ":80", "https": ":443"}


def _host(netloc: str, scheme: str) -> str:
    """Return host and port as they compare: lower case, the scheme's own port left out."""
    return netloc.lower().removesuffix(_PORTS[scheme])


def _site_of(url: str) -> tuple[str, str]:
    """Return scheme, and host with port; two "" if it is no site, or names a user before an @."""
    try:
        scheme, netloc = urlsplit(url)[:2]
    except ValueError:  # such as http://[
        return "", ""
    return (scheme, _host(netloc, scheme)) if scheme in _PORTS and "@" not in netloc else ("", "")


def _is_ours(origin: str, host: str, over_https: bool) -> bool:
    """Tell whether a site is the studio, by the Host header of a request or by the settings.

    Where it is reached over https, a page of the same name over http is another's: anybody on the
    way may have written it.
    """
    scheme, site = _site_of(origin)
    public_scheme, public = _site_of(settings().public_url)
    if not site or (
        scheme == "http" and (over_https or (public_scheme, public) == ("https", site))
    ):
        return False
    return site == _host(host, scheme) or (scheme, site) == (public_scheme, public)


def from_elsewhere(headers: Headers, over_https: bool = False) -> bool:
    """Tell whether a browser says that another site sent this request.

    `Sec-Fetch-Site: none` is the visitor's own doing, and says nothing against another `Origin`.
    """
    if (site := headers.get("sec-fetch-site")) not in {None, "none"}:
        return site != "same-origin"
    if origin := headers.get("origin"):
        return not _is_ours(origin, headers.get("host", ""), over_https)
    return False


def is_embedded_elsewhere(headers: Headers, over_https: bool = False) -> bool:
    """Tell whether a page of another site fetches this as a part of itself.

    A link there that a visitor follows, which opens a page or a download, is none.
    """
    document = headers.get("sec-fetch-dest", "document") == "document"
    followed = headers.get("sec-fetch-mode") == "navigate" and document
    return from_elsewhere(headers, over_https) and not followed


def not_embedded(request: Request) -> None:
    """Depend on this where a GET has a picture decoded or encoded; raises `HTTPProblem` with 403.

    Else a page elsewhere would have its visitors' browsers ask for that, from their addresses.
    """
    if is_embedded_elsewhere(request.headers, request.url.scheme == "https"):
        raise HTTPProblem(403, "request.cross_site")


NOT_EMBEDDED = [Depends(not_embedded)]


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
        over_https = scope["scheme"] == "https"
        if scope["method"] not in SAFE and from_elsewhere(Headers(scope=scope), over_https):
            refused = problem(403, errors.Message("request.cross_site"), None, language)
            return await refused(scope, receive, send)

        async def for_ourselves(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name in _LETS_OTHERS_READ:  # Gradio lets every site in
                    del headers[name]
            await send(message)

        await self.app(scope, receive, for_ourselves)
