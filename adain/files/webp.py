"""WebP files: whether the picture in one was compressed with loss, by its chunks."""

import struct

_HEAD, _CHUNK = 12, 8  # bytes of a file's head, and of a chunk's
_MOST = 100  # chunks that are looked at
_FRAME = 16  # bytes of a frame's data before its own chunks


def _is_lossy(data: bytes, place: int) -> bool:
    """Tell by the first chunk of pixels from here on, False if it is not among the first."""
    for _ in range(_MOST):
        if place + _CHUNK > len(data):
            break
        kind, size = struct.unpack_from("<4sI", data, place)
        if kind in (b"VP8 ", b"VP8L"):
            return bool(kind == b"VP8 ")
        if kind == b"ANMF":
            size = _FRAME
        place += _CHUNK + size + size % 2
    return False


def is_lossy(data: bytes) -> bool:
    """Tell whether a file is a WebP whose first picture was compressed with loss."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP" and _is_lossy(data, _HEAD)
