"""Chunks of a PNG file, as bytes: what is read of one, and what is left out before it is read."""

import zlib
from collections.abc import Iterator

LARGEST_PROFILE = 4 << 20  # bytes of a colour profile, inflated
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_USED = frozenset(b"IHDR PLTE tRNS IDAT IEND iCCP sRGB gAMA cHRM cICP eXIf acTL fcTL fdAT".split())
_TEXT = frozenset(b"tEXt zTXt iTXt".split())


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, begin and end of each chunk until IEND; nothing for other files."""
    place = len(_SIGNATURE) if data.startswith(_SIGNATURE) else len(data)
    kind = b""
    while place + 12 <= len(data) and kind != b"IEND":
        kind = data[place + 4 : place + 8]
        end = place + 12 + int.from_bytes(data[place : place + 4])
        yield kind, place, end
        place = end


def _fits(profile: bytes) -> bool:
    """Whether the profile in an iCCP chunk's data is not too large to be read."""
    _, _, packed = profile.partition(b"\0")
    inflate = zlib.decompressobj()
    try:
        inflate.decompress(packed[1:], LARGEST_PROFILE)
    except zlib.error:  # which the reader passes over
        return True
    return not inflate.unconsumed_tail


def _is_used(kind: bytes, data: bytes, keyword: bytes) -> bool:
    if kind in _TEXT:
        return bool(keyword) and data.startswith(keyword + b"\0")
    return kind in _USED and (kind != b"iCCP" or _fits(data))


def lean(data: bytes, keyword: bytes = b"") -> bytes:
    """Return a PNG without the chunks that are not used; any other file as it is.

    Of texts only those with the keyword stay; a colour profile that is too large goes as well.
    """
    kept, since = [], 0
    for kind, begin, end in _chunks(data):
        if not _is_used(kind, data[begin + 8 : end - 4], keyword):
            kept.append(data[since:begin])
            since = end
    return b"".join([*kept, data[since:]]) if kept else data


def chunk(data: bytes, wanted: bytes) -> bytes:
    """Return the data of the first chunk of that kind before the pixels, b"" if there is none."""
    for kind, begin, end in _chunks(data):
        if kind == b"IDAT":
            break
        if kind == wanted:
            return data[begin + 8 : end - 4]
    return b""
