"""ZIP archives built while they are sent: one piece of a file in memory at a time, none on disk."""

import io
import zipfile
from collections.abc import Iterator
from typing import IO

from web.http import stored

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
