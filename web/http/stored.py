"""Stored pictures as responses: a large one is read while it is sent, never held as a whole.

A slow client keeps a file open and a piece of it in memory; this module limits how many may,
`web/http/connection.py` how slow they may be. Raises `HTTPProblem` with 503.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from fastapi import Response
from fastapi.responses import StreamingResponse
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from web.language.problems import HTTPProblem
from web.security import address
from worker.images import images
from worker.settings import KIB
from worker.storage import blobs

WHOLE = 256 * KIB  # bytes of a picture that is sent at once, and not counted
PIECE = 64 * KIB
IN_ALL, OF_ADDRESS = 200, 40  # large answers that are under way
AGAIN = 5  # seconds after which another try is worth it


class UnderWay:
    """How many large answers are under way, in all and by address; for the event loop only."""

    def __init__(self) -> None:
        self._answers: Counter[str] = Counter()

    @property
    def answers(self) -> int:
        return self._answers.total()

    @contextmanager
    def counted(self, who: str) -> Iterator[None]:
        """Count an answer while it is sent; raises `HTTPProblem` with 503."""
        own, free = self._answers[who], IN_ALL - self.answers
        if own >= OF_ADDRESS or own >= free:  # half of what the others leave
            raise HTTPProblem(503, "response.busy", headers={"Retry-After": str(AGAIN)})
        self._answers[who] += 1
        try:
            yield
        finally:
            self._answers -= Counter([who])  # and drops an address at 0


under_way = UnderWay()


class Streamed(StreamingResponse):
    """A large answer, made while it is sent; 503 in its place when too many are under way."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with under_way.counted(address.origin(HTTPConnection(scope))):
            await super().__call__(scope, receive, send)


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Yield what is in a file, piece by piece, and close it."""
    with file:
        while piece := file.read(PIECE):
            yield piece


def sent(size: int, file: IO[bytes], kind: str, headers: Mapping[str, str]) -> Response:
    """Return the answer that is an open file of so many bytes, which it closes."""
    if size <= WHOLE:
        with file:
            return Response(file.read(), media_type=kind, headers=dict(headers))
    fields = {"Content-Length": str(size), **headers}
    return Streamed(pieces(file), media_type=kind, headers=fields)


def answer(key: str, headers: Mapping[str, str]) -> Response:
    """Return the answer that is a kept picture; raises `BlobMissing`."""
    size, file = blobs.opened(key)
    return sent(size, file, images.media_type(key), headers)


def made(data: bytes, kind: str, headers: Mapping[str, str]) -> Response:
    """Return the answer that is a picture just made; a large one waits in a temporary file."""
    if len(data) <= WHOLE:
        return Response(data, media_type=kind, headers=dict(headers))
    file = tempfile.TemporaryFile()  # noqa: SIM115, closed once it is sent
    file.write(data)
    file.seek(0)
    return sent(len(data), file, kind, headers)
