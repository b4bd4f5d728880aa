"""Stored pictures as responses: a large one is read while it is sent, never held as a whole.

A slow client keeps a file open, and a piece of it in memory; this module limits how many may, and
the bytes of files that are there for one answer alone, `web/http/connection.py` how slow they may
be. Raises `HTTPProblem` with 503.
"""

import hashlib
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from web.language.problems import HTTPProblem
from web.security import address
from worker.images import images
from worker.settings import KIB, settings
from worker.storage import blobs, free_space

WHOLE = 256 * KIB  # bytes of a picture that is sent at once, and not counted
PIECE = 64 * KIB
_RANGE = re.compile("bytes=([0-9]{0,15})-([0-9]{0,15})")
IN_ALL, OF_ADDRESS = 200, 40  # large answers that are under way
AGAIN = 5  # seconds after which another try is worth it


class UnderWay:
    """How many large answers are under way, in all and by address; for the event loop only.

    `most` returns the bytes that files made for one answer alone may have, beside each other.
    """

    def __init__(self, most: Callable[[], int] = lambda: settings().spool_bytes) -> None:
        self._answers: Counter[str] = Counter()
        self._most = most
        self._made: Counter[str] = Counter()  # bytes of such files

    @property
    def answers(self) -> int:
        return self._answers.total()

    @property
    def made(self) -> int:
        """The bytes of files made for one answer alone."""
        return self._made.total()

    def _fits(self, who: str, made: int) -> bool:
        """Tell whether one more answer leaves the others as much again, and so does its file.

        A file may be larger than that where there is no other: of the address, and in all.
        """
        own, free = self._answers[who], IN_ALL - self.answers
        if own >= OF_ADDRESS or own >= free:
            return False
        own, free = self._made[who], self._most() - self.made
        own_fits = not own or made <= (free - own) / 2
        return not made or ((not self.made or made <= free) and own_fits)

    @contextmanager
    def counted(self, who: str, made: int = 0) -> Iterator[None]:
        """Count an answer while it is sent; raises `HTTPProblem` with 503.

        `made`: the bytes of its file, if that is there for it alone.
        """
        if not self._fits(who, made):
            raise HTTPProblem(503, "response.busy", headers={"Retry-After": str(AGAIN)})
        self._answers[who] += 1
        self._made[who] += made
        try:
            yield
        finally:
            self._answers -= Counter([who])  # and drops an address at 0
            self._made -= Counter({who: made})


under_way = UnderWay()


class Streamed(StreamingResponse):
    """A large answer, made while it is sent; 503 in its place when too many are under way."""

    made = 0  # bytes of a file that is there for it alone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with under_way.counted(address.origin(HTTPConnection(scope)), self.made):
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


def _piece_of(file: IO[bytes], begin: int, count: int) -> Iterator[bytes]:
    """Yield so many bytes of a file from a place on, piece by piece, and close it."""
    with file:
        file.seek(begin)
        while count and (piece := file.read(min(count, PIECE))):
            count -= len(piece)
            yield piece


def _range(asked: Mapping[str, str], size: int, tag: str) -> range | None:
    """Return which bytes of a file a request asks for; None: all. An empty one can't be met."""
    wanted = _RANGE.fullmatch(asked.get("range", ""))
    if wanted is None or asked.get("if-range", tag) != tag:
        return None
    first, last = wanted.groups()
    if not (first or last) or (first and last and int(last) < int(first)):
        return None
    if first:
        return range(int(first), min(size, int(last) + 1 if last else size))
    return range(max(0, size - int(last)), size)


def _film_name(key: str) -> str:
    """Return what a film is called where it is saved, by its key."""
    folder, _, file = key.partition("/")
    return f"adain-studio-{folder[-12:]}.{file.rpartition('.')[2]}"


def film(request: Request, key: str, headers: Mapping[str, str]) -> Response:
    """Return the answer that is a kept film, or the part of it that is asked for.

    Players ask for parts, and some play nothing without. Raises `BlobMissing`, and `HTTPProblem`
    with 416 for a part that is not there.
    """
    size, file = blobs.opened(key)
    kind, tag = images.media_type(key), f'"{hashlib.sha256(key.encode()).hexdigest()[:32]}"'
    named = {"Content-Disposition": f'inline; filename="{_film_name(key)}"'}
    headers = {"Accept-Ranges": "bytes", "ETag": tag, **named, **headers}
    if tag in request.headers.get("if-none-match", ""):
        file.close()
        return Response(status_code=304, headers=headers)
    part = _range(request.headers, size, tag)
    if part is None:
        return sent(size, file, kind, headers)
    if not part:
        file.close()
        raise HTTPProblem(416, "response.no_part", {"Content-Range": f"bytes */{size}"}, size=size)
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    headers["Content-Length"] = str(len(part))
    pieces = _piece_of(file, part.start, len(part))
    return Streamed(pieces, 206, media_type=kind, headers=headers)


def made(data: bytes, kind: str, headers: Mapping[str, str]) -> Response:
    """Return the answer that is a picture just made; a large one waits in a temporary file.

    Raises `StorageFull` where there is no room for that.
    """
    if len(data) <= WHOLE:
        return Response(data, media_type=kind, headers=dict(headers))
    free_space.check(len(data))
    file = tempfile.TemporaryFile()  # noqa: SIM115, closed once it is sent
    file.write(data)
    file.seek(0)
    answer = sent(len(data), file, kind, headers)
    if isinstance(answer, Streamed):
        answer.made = len(data)
    return answer
