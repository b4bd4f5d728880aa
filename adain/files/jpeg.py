"""Markers of a JPEG file, as bytes: how many scans it has, and whether its end is there."""

import re
from collections.abc import Iterator
from itertools import islice

START, SCAN, END = b"\xff\xd8", b"\xda", b"\xd9"
_MARKER = re.compile(rb"\xff([^\x00\x01\xff\xd0-\xd8])", re.DOTALL)  # that has a length, or ends
_SPACE = b" \t\r\n"


def markers(data: bytes) -> Iterator[bytes]:
    """Yield the kind of each marker of the first picture in a file, `END` last if it is there."""
    place = len(START)
    while marker := _MARKER.search(data, place):
        yield marker[1]
        if marker[1] == END:
            break
        place = marker.end() + max(2, int.from_bytes(data[marker.end() : marker.end() + 2]))


def has_scans(data: bytes, count: int) -> bool:
    """Whether the first picture has at least so many scans.

    The bytes of a scan's marker are counted first, 50 times as fast: other data may hold them too,
    so that they are at least as many as the scans.
    """
    if data.count(b"\xff" + SCAN) < count:
        return False
    scans = (marker for marker in markers(data) if marker == SCAN)
    return next(islice(scans, count - 1, None), None) is not None


def is_whole(data: bytes) -> bool:
    """Whether the end of the first picture is there; a file that ends in it is not searched."""
    return data.endswith(b"\xff" + END) or END in markers(data)


def ended(data: bytes) -> bytes:
    """Return a JPEG with an end, so that what is there of it can be decoded.

    Spaces and line ends before it are dropped; any other file is returned as it is.
    """
    begun = data if data.startswith(START) else data[:64].lstrip(_SPACE) + data[64:]
    if not begun.startswith(START):
        return data
    return begun if is_whole(begun) else begun + b"\xff" + END
