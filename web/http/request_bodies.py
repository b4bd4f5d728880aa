"""Request bodies: limited and counted before they are read, timed while they arrive.

The limit of each route is in `web/security/body_limits.py`, how many may be under way in
`web/http/in_flight.py`. Requests without a body, such as event
streams, are not counted.
"""

import asyncio
import logging
import time
from contextlib import AsyncExitStack, suppress

from anyio.to_thread import run_sync
from fastapi.responses import JSONResponse, Response
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.http.in_flight import InFlight
from web.language import messages, problems, texts
from web.language.problems import HTTPProblem
from web.security import address, body_limits
from web.security.body_limits import Rule
from worker.settings import KIB, MIB, settings
from worker.storage import free_space

log = logging.getLogger(__name__)

LEAST_RATE = 8 * KIB  # bytes a second
WINDOW = 30.0  # seconds in which so much must have come, or the rest of the body
IN_MEMORY = 64 * MIB  # bytes of the bodies under way that are not spooled
PIECE = 128 * KIB  # bytes of a body that are handed on at once, and parsed while others wait
GRACE = 10.0  # seconds of waiting for a client before its body counts as slow …
WHOLE = 300.0  # … unless all of it comes, at that rate, in so many
LINGER = 10.0  # seconds in which the rest of a refused body is read and dropped


def _too_slow() -> HTTPProblem:
    return HTTPProblem(408, "request.too_slow", {"Connection": "close"})


class Body:
    """A body that is counted and timed while it arrives; stands where `receive` does.

    Each `LEAST_RATE * WINDOW` bytes may take `WINDOW` seconds of waiting for the client; what the
    studio itself takes in between does not count. Raises `HTTPProblem` with 413 and 408.
    """

    def __init__(self, receive: Receive, rule: Rule) -> None:
        self._receive, self._rule = receive, rule
        self._left = WINDOW
        self._seen = self._windows = 0  # bytes; windows that were filled
        self._whole = False
        self._given_up: HTTPProblem | None = None  # why it is
        self._announced = rule.most()
        self._waited = 0.0  # seconds waited for the client
        self._since: float | None = None  # when the present wait began
        self._clock: asyncio.Timeout | None = None

    def expect(self, size: int) -> None:
        """Note how many bytes were announced."""
        self._announced = size

    def slowness(self) -> float:
        """Return how many times longer than `WHOLE` the body takes; 0 while that is not known."""
        now = 0.0 if self._since is None else time.monotonic() - self._since
        waited = self._waited + now
        if self._whole or waited < GRACE:
            return 0.0
        return self._announced * waited / (max(1, self._seen) * WHOLE)

    def received(self) -> int | None:
        """Return how many bytes have come; None once it has come whole."""
        return None if self._whole else self._seen

    def give_way(self, why: HTTPProblem | None = None) -> None:
        """Give the body up, as one that comes too slowly or for another reason."""
        self._given_up = why or _too_slow()
        if self._clock is not None:
            self._clock.reschedule(asyncio.get_running_loop().time())

    async def _in_time(self) -> Message:
        async with asyncio.timeout(max(0.0, self._left)) as self._clock:
            return await self._receive()

    async def _next(self) -> Message:
        if self._given_up:
            raise self._given_up
        self._since = begun = time.monotonic()
        try:
            return await self._in_time()
        except TimeoutError:
            raise self._given_up or _too_slow() from None
        finally:
            self._clock = self._since = None
            self._left -= time.monotonic() - begun
            self._waited += time.monotonic() - begun

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
        """Read and drop the rest of a body, for some seconds and up to a submission's limit.

        A body without an end is not read further.
        """
        dropped = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                while not self._whole and dropped < body_limits.most():
                    message = await self._receive()
                    dropped += len(message.get("body", b""))
                    self._whole = not message.get("more_body", False)


def _announced(headers: Headers, rule: Rule) -> int:
    """Return the bytes that a body has, at most; raises `HTTPProblem` when they are too many."""
    if "transfer-encoding" in headers:
        return rule.most()
    said = headers["content-length"]
    if not (said.isascii() and said.isdigit()):
        raise HTTPProblem(400, "request.length_unclear", {"Connection": "close"})
    if int(said) > rule.most():
        raise rule.too_large()
    return int(said)


def _check_charset(headers: Headers) -> None:
    """Raise `HTTPProblem` unless text is UTF-8: decoding others may take quadratic time."""
    _, parameters = parse_options_header(headers.get("content-type", ""))
    if parameters.get(b"charset", b"utf-8").lower() not in {b"utf-8", b"utf8", b"us-ascii"}:
        raise HTTPProblem(415, "request.charset", {"Connection": "close"})


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
    if isinstance(error, HTTPProblem):
        status, message, headers = error.status_code, error.message, dict(error.headers or {})
    else:
        status, message = problems.message_for(error)
        headers = problems.wait(error) | {"Connection": "close"}
    if body_limits.is_pages(scope):
        return JSONResponse({"error": messages.said(message, language)}, status, headers)
    return problems.problem(status, message, headers, language)


class Bodies:
    """Middleware: a body is read only when it may be so large, and when there is room for it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._spooled = InFlight(lambda: settings().spool_bytes)
        self._small = InFlight(lambda: IN_MEMORY)

    async def _admit(
        self, held: AsyncExitStack, rule: Rule, asks: HTTPConnection, body: Body
    ) -> None:
        """Take room for a body until `held` ends; raises what `problems.message_for` knows."""
        size = _announced(asks.headers, rule)
        _check_charset(asks.headers)
        line = self._spooled if rule.spooled else self._small
        body.expect(size)
        if rule.spooled:
            await run_sync(free_space.check, size)
        who, network = address.origin(asks), address.network(asks)
        await held.enter_async_context(line.admitted(who, size, body, network))
        if rule is not body_limits.DEFAULT:
            await run_sync(rule.before, address.visitor(asks), size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope):
            return await self.app(scope, receive, send)
        rule = body_limits.rule_of(scope)
        body = Body(receive, rule)
        answer = _lingering(body, send)
        async with AsyncExitStack() as held:
            try:
                await self._admit(held, rule, HTTPConnection(scope), body)
                came = body if rule.spooled else await body.read()
            except Exception as error:
                return await _refusal(error, scope)(scope, body, answer)
            try:
                await self.app(scope, came, answer)
            except ClientDisconnect:  # there is no one to be answered
                log.info("%s: the client went away before the body was whole", scope["path"])
