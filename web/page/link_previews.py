"""Link previews: what other programs show of a link to the studio, read without scripts.

The tags stand in the head of a page's HTML: title, description, picture and address.
"""

import re
from html import escape
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.language import texts
from web.security.public_path import under
from worker.settings import settings

TITLE = "AdaIN Studio"
SAMPLE = "/page/sample/card.jpg"  # 1200 × 630, the shape that most programs show
_OTHERS = re.compile(  # Gradio's tags, and its manifest, which nothing answers
    r'(?:<meta\s+(?:property|name)="(?:og|twitter):|<link\s+rel="manifest")[^>]*>\s*'
)


def host_of(connection: HTTPConnection) -> str:
    """Return the address of the studio's host as the visitor names it, without a path."""
    address = urlsplit(settings().public_url or str(connection.base_url))
    return f"{address.scheme}://{address.netloc}"


def tags(connection: HTTPConnection, title: str = TITLE, picture: str = "") -> str:
    """Return the tags for the page that a request asks for; `picture`: its address on the host."""
    picture = picture or under(SAMPLE)
    host = host_of(connection)
    words = texts.words(texts.language_of(connection))
    said = {
        "og:type": "website",
        "og:site_name": TITLE,
        "og:title": title,
        "og:description": words["tagline"],
        "og:url": host + under(connection.scope["path"]),
        "og:image": host + picture,
        "twitter:card": "summary_large_image",
    }
    given = "".join(
        f'<meta property="{name}" content="{escape(value)}">\n' for name, value in said.items()
    )
    described = f'<meta name="description" content="{escape(words["tagline"])}">\n'
    return f"<title>{escape(title)}</title>\n{described}{given}"


def inserted(html: str, head: str) -> str:
    """Return a page with these tags in its head, in place of those it had."""
    return _OTHERS.sub("", html).replace("<head>", f"<head>\n{head}", 1)


class LinkPreviews:
    """Middleware in front of Gradio: its page has our tags instead of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/":
            return await self.app(scope, receive, send)
        head = tags(HTTPConnection(scope))
        started: Message = {}
        body = b""

        async def change(message: Message) -> None:
            nonlocal started, body
            if message["type"] == "http.response.start":
                started = message
                return
            if message["type"] != "http.response.body":
                return await send(message)
            body += message.get("body", b"")
            if message.get("more_body", False):
                return
            html = inserted(body.decode(), head).encode()
            headers = MutableHeaders(scope=started)
            headers["Cache-Control"] = "private, no-cache"  # a browser may show it on the way back
            if body:  # not so of HEAD
                headers["Content-Length"] = str(len(html))
            await send(started)
            await send({"type": "http.response.body", "body": html if body else b""})

        await self.app(scope, receive, change)
