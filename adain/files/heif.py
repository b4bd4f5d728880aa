"""Boxes of a HEIF or AVIF file, as bytes: what its colours are, where it has no profile."""

_NUMBERS, _PROFILES = b"colrnclx", (b"colrprof", b"colrrICC")
_HEAD = 1 << 16  # bytes in which the boxes of metadata begin


def codes(data: bytes) -> bytes:
    """Return primaries, transfer, matrix and range as in a PNG's cICP chunk, b"" if not there."""
    if data[4:8] != b"ftyp":
        return b""
    head = data[:_HEAD]
    place = head.find(_NUMBERS)
    if place < 0 or any(kind in head for kind in _PROFILES):
        return b""
    numbers = head[place + len(_NUMBERS) :]
    return bytes([numbers[1], numbers[3], numbers[5], 1]) if len(numbers) > 6 else b""
