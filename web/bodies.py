"""The bodies of requests: limited and counted before they are read, timed while they arrive.

What each may be is in `web/limits.py`. Connections without a body are not counted: open pages
and event streams hold those.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import NamedTuple

from anyio.to_thread import run_sync
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web import address, limits, problems, sentences, texts
from web.limits import Rule
from worker.settings import KIB, MIB, settings

LEAST_RATE = 8 * KIB  # bytes a second
WINDOW = 30.0  # seconds in which so much must have come, or the rest of the body
IN_ALL, OF_ADDRESS = 200, 40  # requests with a body that are under way
IN_MEMORY = 64 * MIB  # bytes of the bodies under way that are not spooled
PIECE = MIB  # bytes of a body that are handed on at once
PATIENCE = 20.0  # seconds that a request waits for room before it is refused
SOON, LATER = 2.0, 30.0  # seconds after which another try is worth it, at least and at most
LINGER = 10.0  # seconds in which the rest of a body that nobody wants is read and dropped

SLOW = "The request came too slowly and was given up. Please send it again."
FULL = "The studio receives as much as it can just now. Please try again in a few seconds."
UNCLEAR = "The request does not say clearly how long it is (Content-Length)."


class Busy(HTTPException):
    """Too many bodies, or too large ones, are under way."""

    def __init__(self, retry_after: float) -> None:
        headers = {"Retry-After": str(math.ceil(retry_after)), "Connection": "close"}
        super().__init__(503, FULL, headers=headers)


class _Waiting(NamedTuple):
    """A request that waits for room; `turn` is done when it is counted as under way."""

    who: str
    size: int
    turn: asyncio.Future[None]


class InFlight:
    """How many requests with a body are under way, and their bytes, in all and by address.

    Who finds no room waits a while, unread, in the order of arrival. Used from the event loop
    only. `most` returns the bytes that may be under way.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._requests: Counter[str] = Counter()  # those that wait included
        self._bytes: Counter[str] = Counter()  # those that wait not included
        self._line: list[_Waiting] = []
        self._lasts = SOON  # seconds that requests take lately, their waiting included

    @property
    def requests(self) -> int:
        """The requests under way, and those that wait."""
        return self._requests.total()

    @property
    def bytes(self) -> int:
        """The bytes under way."""
        return self._bytes.total()

    def _own_fits(self, who: str, size: int) -> bool:
        """Tell whether an address stays within its half."""
        own = self._bytes[who]
        return not own or own + size <= self._most() / 2

    def _fits(self, size: int) -> bool:
        """Tell whether there is room; who never fits may come in alone."""
        return not self.bytes or self.bytes + size <= self._most()

    def _begin(self) -> None:
        """Let in those that wait while there is room, none before who came earlier.

        Who waits for others of the same address holds up nobody else.
        """
        for one in tuple(self._line):
            if self._own_fits(one.who, one.size):
                if not self._fits(one.size):
                    return
                self._line.remove(one)
                self._bytes[one.who] += one.size
                one.turn.set_result(None)

    async def _wait(self, who: str, size: int) -> None:
        """Count so many bytes as under way once there is room; raises `Busy`."""
        mine = _Waiting(who, size, asyncio.get_running_loop().create_future())
        self._line.append(mine)
        self._begin()
        await asyncio.wait([mine.turn], timeout=PATIENCE)
        if not mine.turn.done():
            self._line.remove(mine)
            self._begin()
            raise Busy(min(LATER, self._lasts))

    @asynccontextmanager
    async def admitted(self, who: str, size: int) -> AsyncIterator[None]:
        """Count a request of so many bytes from an address while it is under way.

        Raises `Busy`.
        """
        if self.requests >= IN_ALL or self._requests[who] >= OF_ADDRESS:
            raise Busy(min(LATER, self._lasts))
        begun = time.monotonic()
        self._requests[who] += 1
        try:
            await self._wait(who, size)
            try:
                yield
            finally:
                self._bytes -= Counter({who: size})  # and drops who is at 0
                self._begin()
        finally:
            self._requests -= Counter({who: 1})
            self._lasts += (max(SOON, time.monotonic() - begun) - self._lasts) / 4


class Body:
    """A body that is counted and timed while it arrives; stands where `receive` does.

    Each `LEAST_RATE * WINDOW` bytes may take `WINDOW` seconds of waiting for the client; what the
    studio itself takes in between does not count. Raises HTTPException with 413 and 408.
    """

    def __init__(self, receive: Receive, rule: Rule) -> None:
        self._receive, self._rule = receive, rule
        self._left = WINDOW
        self._seen = self._windows = 0  # bytes; windows that were filled
        self._whole = False

    async def _next(self) -> Message:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, self._left)):
                return await self._receive()
        except TimeoutError:
            raise HTTPException(408, SLOW, headers={"Connection": "close"}) from None
        finally:
            self._left -= time.monotonic() - begun

    def _count(self, size: int) -> None:
        self._seen += size
        if self._seen > self._rule.most():
            raise self._rule.too_large()
        if (filled := int(self._seen / (LEAST_RATE * WINDOW))) > self._windows:
            self._windows, self._left = filled, WINDOW

    async def _counted(self) -> Message:
        message = await self._next()
        self._whole = not message.get("more_body", False)
        self._count(len(message.get("body", b"")))
        return message

    async def __call__(self) -> Message:
        """Return the next message, as ASGI's `receive`, with as much of the body as is wanted.

        Each piece costs its reader a turn of a thread, so small ones are put together.
        """
        if self._whole:
            return await self._receive()
        pieces, size = [], 0
        while not self._whole and size < PIECE:
            message = await self._counted()
            if message["type"] != "http.request":
                return message
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
        return {"type": "http.request", "body": b"".join(pieces), "more_body": not self._whole}

    async def read(self) -> Receive:
        """Read the whole body; return what hands it out in its place. Raises as `__call__`."""
        came: list[Message] = []
        while not self._whole:
            came.append(await self())

        async def again() -> Message:
            return came.pop(0) if came else await self._receive()

        return again

    async def drop(self) -> None:
        """Read what is still to come, for some seconds and up to a submission's limit; keep none.

        A body without an end is not read further.
        """
        dropped = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                while not self._whole and dropped < limits.most():
                    message = await self._receive()
                    dropped += len(message.get("body", b""))
                    self._whole = not message.get("more_body", False)


def _announced(headers: Headers, rule: Rule) -> int:
    """Return the bytes that a body has, at most; raises HTTPException when they are too many."""
    if "transfer-encoding" in headers:
        return rule.most()
    said = headers["content-length"]
    if not (said.isascii() and said.isdigit()):
        raise HTTPException(400, UNCLEAR, headers={"Connection": "close"})
    if int(said) > rule.most():
        raise rule.too_large()
    return int(said)


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _lingering(body: Body, send: Send) -> Send:
    """Return a `send` that ends an answer only when the request has come, or was given up.

    Who still sends when the connection is closed may never read the answer.
    """

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            await send({**message, "more_body": True})
            await body.drop()
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    return sent


def _refusal(error: Exception, scope: Scope) -> Response:
    """Return an error as an answer; in a member that Gradio's script shows, where it asked."""
    language = texts.language_of(HTTPConnection(scope))
    if isinstance(error, HTTPException):
        status, sentence, headers = error.status_code, error.detail, dict(error.headers or {})
    else:
        status, sentence = problems.sentence_for(error)
        headers = problems.wait(error) | {"Connection": "close"}
    if limits.is_pages(scope):
        return JSONResponse({"error": sentences.said(sentence, language)}, status, headers)
    return problems.problem(status, sentence, headers, language)


class Bodies:
    """Middleware: a body is read only when it may be so large, and when there is room for it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._spooled = InFlight(lambda: settings().spool_bytes)
        self._small = InFlight(lambda: IN_MEMORY)

    async def _admit(self, held: AsyncExitStack, rule: Rule, asks: HTTPConnection) -> None:
        """Take room for a body until `held` ends; raises what `problems.sentence_for` knows."""
        size = _announced(asks.headers, rule)
        line = self._spooled if rule.spooled else self._small
        await held.enter_async_context(line.admitted(address.origin(asks), size))
        if rule is not limits.DEFAULT:
            await run_sync(rule.before, address.visitor(asks), size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http" or not _has_body(scope):
            return await self.app(scope, receive, send)
        rule = limits.rule_of(scope)
        body = Body(receive, rule)
        answer = _lingering(body, send)
        async with AsyncExitStack() as held:
            try:
                await self._admit(held, rule, HTTPConnection(scope))
                came = body if rule.spooled else await body.read()
            except Exception as error:
                return await _refusal(error, scope)(scope, body, answer)
            await self.app(scope, came, answer)
