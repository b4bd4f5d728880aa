"""ZIP archives built while they are sent: one piece of a file in memory at a time, none on disk."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import IO, Any

from fastapi import Response

from web.http import stored
from worker.storage import blobs

ZIP: dict[int | str, dict[str, Any]] = {  # what a route that answers with one declares
    200: {
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The pictures.",
    }
}
EPOCH = (2026, 1, 1, 0, 0, 0)  # the same pictures make the same archive


class _Sink(io.RawIOBase):
    """Where the archive is written; what was written is taken out again at once."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._held += piece
        return len(piece)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        held, self._held = bytes(self._held), bytearray()
        return held


def zipped(files: Iterator[tuple[str, int, IO[bytes]]]) -> Iterator[bytes]:
    """Yield a zip of files, by name and bytes; not compressed again, since pictures are already.

    Each file is closed once it is in the archive.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for name, size, file in files:
            member = zipfile.ZipInfo(name, EPOCH)
            member.file_size = size
            with archive.open(member, "w") as place:
                for piece in stored.pieces(file):
                    place.write(piece)
                    yield sink.take()
            yield sink.take()
    yield sink.take()


def _opened(pictures: Iterable[tuple[str, str]]) -> Iterator[tuple[str, int, IO[bytes]]]:
    for name, key in pictures:
        with suppress(blobs.BlobMissing):  # deleted while the archive is sent
            yield name, *blobs.opened(key)


def answer(pictures: Iterable[tuple[str, str]], name: str) -> Response:
    """Return the answer that is a zip of kept pictures, given by file name and blob's key."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.zip"',
        "Cache-Control": "no-store",
    }
    return stored.Streamed(zipped(_opened(pictures)), media_type="application/zip", headers=headers)
