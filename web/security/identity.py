"""Identity of a request: its owner, by a signed cookie or an API key.

The first response to a new visitor sets the cookie. Page and API both use `owner_of`, so that
neither is an unguarded way to another visitor's jobs.
"""

import secrets
from time import time
from typing import NamedTuple

from anyio.to_thread import run_sync
from fastapi import Depends, Request
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.language import texts
from web.language.problems import HTTPProblem, message_for, problem
from web.security import cookies, signed
from web.security.cookies import Place
from worker import errors
from worker.credentials import api_keys

COOKIE = "studio"  # over https with a prefix, see `web/security/cookies.py`
LASTS = 365 * 86400  # seconds
RENEWED = 30 * 86400  # a cookie older than this is signed again, so that a regular keeps it
WITHOUT_OWNER = (  # the same for all, or the admin's; no cookie
    "/livez",
    "/readyz",
    "/healthz",
    "/metrics",
    "/shelf/",
    "/page/",
    "/admin",
    "/api/v1/admin",
)


class OtherTime(Exception):
    """A cookie that was signed here, too long ago or too far in the future."""


def _signer(name: str) -> URLSafeTimedSerializer:
    """Return what signs the cookie of this name, and no cookie of another name."""
    return signed.timed("owner" if name == COOKIE else f"owner {name}")


def sign(owner: str, name: str = COOKIE) -> str:
    """Return the cookie's value for an owner."""
    return str(_signer(name).dumps(owner))


def read(cookie: str, name: str = COOKIE) -> tuple[str, float] | None:
    """Return the owner and the cookie's age in seconds; None if it was not signed here.

    Raises `OtherTime`.
    """
    try:
        owner, when = _signer(name).loads(cookie, max_age=LASTS, return_timestamp=True)
    except SignatureExpired as error:
        raise OtherTime from error
    except BadSignature:
        return None
    return str(owner), time() - when.timestamp()


class _Known(NamedTuple):
    """The owner of a request, and whether the answer sets the cookie again."""

    owner: str
    renew: bool
    is_new: bool = False


def _known(connection: HTTPConnection, place: Place) -> _Known:
    """Return the owner that the cookies name; raises `OtherTime`.

    A cookie of the time before the prefixes counts where none with the right name comes. It was
    given out for a year, and is no more over https.
    """
    for name in dict.fromkeys((place.name, COOKIE)):
        if (value := connection.cookies.get(name)) and (found := read(value, name)):
            owner, age = found
            return _Known(owner, name != place.name or age > RENEWED)
    return _Known(secrets.token_hex(16), True, is_new=True)


def owner_of(connection: HTTPConnection) -> str:
    """Return the owner of a request; a new visitor is a new owner."""
    return str(connection.state.owner)


def by_key(connection: HTTPConnection) -> bool:
    """Tell whether the request is identified by an API key."""
    return bool(connection.state.by_key)


def come_back(connection: HTTPConnection, language: str) -> str | None:
    """Return how to see again what was just accepted, to who came with neither cookie nor key."""
    return texts.words(language)["come.back"] if connection.state.is_new else None


def in_browser(request: Request) -> None:
    """Depend on this where an API key is not enough; raises a 403."""
    if by_key(request):
        raise HTTPProblem(403, "key.browser_only")


IN_BROWSER = [Depends(in_browser)]


def become(connection: HTTPConnection, owner: str) -> None:
    """Give the visitor another owner's cookie with the answer; "": none at all."""
    connection.state.owner = owner


def _set_cookie(headers: MutableHeaders, owner: str, place: Place) -> None:
    name, path, secure = place
    answer = Response()
    answer.set_cookie(
        name,
        sign(owner, name) if owner else "",
        max_age=LASTS if owner else 0,
        path=path,
        secure=secure,
        httponly=True,
        samesite="none" if secure and cookies.framed() else "lax",
    )
    # in a frame of another site's page, kept for that site apart; Python writes it from 3.14 on
    partitioned = "; Partitioned" if secure and cookies.framed() else ""
    headers.append("set-cookie", answer.headers["set-cookie"] + partitioned)


def _set_cookies(headers: MutableHeaders, owner: str, place: Place, changed: bool) -> None:
    """Give the cookie; who became another owner leaves the one without a prefix behind as well."""
    _set_cookie(headers, owner, place)
    if changed and place.name != COOKIE:
        _set_cookie(headers, "", Place(COOKIE, "/", place.secure))


def _bearer(connection: HTTPConnection) -> str | None:
    kind, _, word = connection.headers.get("authorization", "").partition(" ")
    return word.strip() if kind.lower() == "bearer" else None


class Identity:
    """Middleware: finds the owner of every request, and gives a newcomer a cookie."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def _with_key(self, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Go on as the key's owner, without a cookie; 401 for an unknown key."""
        language = texts.language_of(HTTPConnection(scope))
        try:
            owner = await run_sync(api_keys.owner_of, key)
        except Exception as error:
            return await problem(*message_for(error), None, language)(scope, receive, send)
        if owner is None:
            unknown = errors.Message("key.unknown")
            answer = problem(401, unknown, {"WWW-Authenticate": "Bearer"}, language)
            return await answer(scope, receive, send)
        scope.setdefault("state", {}).update(owner=owner, by_key=True, is_new=False)
        await self.app(scope, receive, send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"} or scope["path"].startswith(WITHOUT_OWNER):
            return await self.app(scope, receive, send)
        connection = HTTPConnection(scope)
        if (key := _bearer(connection)) is not None:
            return await self._with_key(key, scope, receive, send)
        place = cookies.place(COOKIE, cookies.secure(connection))
        try:
            owner, renew, is_new = _known(connection, place)
        except OtherTime:  # a newcomer's cookie would replace it, and the pictures be lost
            language = texts.language_of(connection)
            other_time = problem(401, errors.Message("cookie.time"), None, language)
            return await other_time(scope, receive, send)
        scope.setdefault("state", {}).update(owner=owner, by_key=False, is_new=is_new)

        async def with_cookie(message: Message) -> None:
            now: str = scope["state"]["owner"]
            if message["type"] == "http.response.start" and (renew or now != owner):
                _set_cookies(MutableHeaders(scope=message), now, place, now != owner)
            await send(message)

        await self.app(scope, receive, with_cookie)
