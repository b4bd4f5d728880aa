"""Kept pictures as answers: a large one is read while it is sent, never held as a whole.

A client that reads slowly, or not at all, keeps a file open and one piece of it in memory.
"""

from collections.abc import Iterator, Mapping
from typing import IO

from fastapi import Response
from fastapi.responses import StreamingResponse

from worker import blobs, images
from worker.settings import KIB, MIB

WHOLE = MIB  # bytes of a picture that is sent at once
PIECE = 256 * KIB


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


def answer(key: str, headers: Mapping[str, str]) -> Response:
    """Return the answer that is a kept picture; raises `BlobMissing`."""
    size, file = blobs.opened(key)
    kind = images.media_type(key)
    if size <= WHOLE:
        with file:
            return Response(file.read(), media_type=kind, headers=dict(headers))
    told = {"Content-Length": str(size), **headers}
    return StreamingResponse(_pieces(file), media_type=kind, headers=told)
