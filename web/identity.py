"""Who is asking: a signed cookie that comes with the first answer, or an API key.

The page and the API both ask `owner_of`, so that neither is an unguarded way to the other's
jobs. Knows no name, no password and no job.
"""

import secrets
from time import time

from anyio.to_thread import run_sync
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.problems import problem, sentence_for
from worker import keys
from worker.settings import cookie_secret, settings

COOKIE = "studio"
LASTS = 365 * 86400  # seconds
RENEWED = 30 * 86400  # a cookie older than this is signed anew, so that a regular keeps it
NOBODY = (  # the same for all, or the keeper's; no cookie
    "/livez",
    "/readyz",
    "/healthz",
    "/metrics",
    "/shelf/",
    "/page/",
    "/admin",
    "/api/v1/admin",
)
NO_KEY = "There is no such key, or it was revoked. Make one at /api/v1/me/keys."


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


def by_key(connection: HTTPConnection) -> bool:
    """Tell whether who asks is known by an API key."""
    return bool(connection.state.by_key)


def become(connection: HTTPConnection, owner: str) -> None:
    """Give whoever asks another owner's cookie with the answer; "": none at all."""
    connection.state.owner = owner


def over_https() -> bool:
    """Tell whether the visitors reach the studio over https."""
    return settings().https_only or settings().public_url.lower().startswith("https://")


def _set_cookie(headers: MutableHeaders, owner: str, secure: bool) -> None:
    answer = Response()
    if owner:
        answer.set_cookie(
            COOKIE, sign(owner), max_age=LASTS, httponly=True, samesite="lax", secure=secure
        )
    else:
        answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=secure)
    headers.append("set-cookie", answer.headers["set-cookie"])


def _bearer(connection: HTTPConnection) -> str | None:
    kind, _, word = connection.headers.get("authorization", "").partition(" ")
    return word.strip() if kind.lower() == "bearer" else None


class Identity:
    """Middleware: finds the owner of every request, and gives a newcomer a cookie."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def _with_key(self, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the key's owner in, who gets no cookie; nobody else."""
        try:
            owner = await run_sync(keys.owner_of, key)
        except Exception as error:
            return await problem(*sentence_for(error))(scope, receive, send)
        if owner is None:
            unknown = problem(401, NO_KEY, {"WWW-Authenticate": "Bearer"})
            return await unknown(scope, receive, send)
        scope.setdefault("state", {}).update(owner=owner, by_key=True)
        await self.app(scope, receive, send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] not in {"http", "websocket"} or scope["path"].startswith(NOBODY):
            return await self.app(scope, receive, send)
        connection = HTTPConnection(scope)
        if (key := _bearer(connection)) is not None:
            return await self._with_key(key, scope, receive, send)
        owner, age = read(connection.cookies.get(COOKIE, "")) or (secrets.token_hex(16), LASTS)
        scope.setdefault("state", {}).update(owner=owner, by_key=False)
        secure = over_https() or connection.url.is_secure

        async def with_cookie(message: Message) -> None:
            now: str = scope["state"]["owner"]
            if message["type"] == "http.response.start" and (age > RENEWED or now != owner):
                _set_cookie(MutableHeaders(scope=message), now, secure)
            await send(message)

        await self.app(scope, receive, with_cookie)
