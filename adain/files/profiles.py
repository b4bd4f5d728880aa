"""ICC profiles of RGB spaces that a file describes by numbers: primaries, white and a curve."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

Point = tuple[float, float]  # chromaticity x, y
Matrix = list[list[float]]

_D65 = (0.3127, 0.3290)
_REC_709 = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_REC_2020 = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
_PRIMARIES = {1: _REC_709, 9: _REC_2020, 12: _P3}  # by code of ITU-T H.273
_SRGB_GAMMA = 0.45455  # which a PNG holds beside an sRGB chunk, or instead of one
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_CURVES: dict[int, tuple[float, ...]] = {4: (2.2,), 5: (2.8,), 8: (1.0,)}  # others as sRGB's
_BRADFORD = [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
_D50 = (0.9642, 1.0, 0.8249)


def _times(one: Matrix, other: Matrix) -> Matrix:
    columns = list(zip(*other, strict=True))
    return [[sum(a * b for a, b in zip(row, col, strict=True)) for col in columns] for row in one]


def _inverse(matrix: Matrix) -> Matrix:
    """Return the inverse of a 3×3 matrix; raises ZeroDivisionError."""
    rows = [0, 1, 2]

    def cofactor(row: int, column: int) -> float:
        (a, b), (c, d) = ([matrix[y][x] for x in rows if x != column] for y in rows if y != row)
        return (-1.0 if (row + column) % 2 else 1.0) * (a * d - b * c)

    size = sum(matrix[0][column] * cofactor(0, column) for column in rows)
    return [[cofactor(column, row) / size for column in rows] for row in rows]


def _xyz(point: Point) -> list[float]:
    x, y = point
    return [x / y, 1.0, (1 - x - y) / y]


def _columns(primaries: Sequence[Point], white: Point) -> Matrix:
    """Return XYZ of red, green and blue as seen under D50, one a row; raises ZeroDivisionError."""
    seen = [list(row) for row in zip(*map(_xyz, primaries), strict=True)]
    shares = _times(_inverse(seen), [[value] for value in _xyz(white)])
    scaled = [[value * shares[place][0] for place, value in enumerate(row)] for row in seen]
    source = _times(_BRADFORD, [[value] for value in _xyz(white)])
    wanted = _times(_BRADFORD, [[value] for value in _D50])
    cone = [
        [wanted[row][0] / source[row][0] if row == column else 0.0 for column in range(3)]
        for row in range(3)
    ]
    adapted = _times(_times(_inverse(_BRADFORD), _times(cone, _BRADFORD)), scaled)
    return [list(column) for column in zip(*adapted, strict=True)]


def _numbers(*values: float) -> bytes:
    """Return s15Fixed16 numbers; raises struct.error beyond their range."""
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _packed(tags: Mapping[bytes, bytes]) -> bytes:
    """Return a display profile of RGB with these tags."""
    place, table, body = 132 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        padded = value + bytes(-len(value) % 4)
        table += struct.pack(">4sII", name, place + len(body), len(value))
        body += padded
    count = struct.pack(">I", len(tags))
    head = struct.pack(
        ">I4sI4s4s4s12s4s28s12s48s",
        *(128 + len(count + table + body), b"", 0x04200000, b"mntr", b"RGB ", b"XYZ ", bytes(12)),
        *(b"acsp", b"", _numbers(*_D50), b""),
    )
    return head + count + table + body


def profile(primaries: Sequence[Point], white: Point, curve: Sequence[float]) -> bytes:
    """Return the ICC profile of a space, b"" if the numbers describe none.

    `curve` is a gamma, or gamma, a, b, c, d of ICC's parametric curve of type 3.
    """
    kind = 0 if len(curve) == 1 else 3
    try:
        para = b"para" + bytes(4) + struct.pack(">HH", kind, 0) + _numbers(*curve)
        red, green, blue = (b"XYZ " + bytes(4) + _numbers(*c) for c in _columns(primaries, white))
    except (ZeroDivisionError, struct.error, OverflowError):
        return b""
    text = b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", 2, 28) + b"\0-"
    return _packed(
        {
            **{b"desc": text, b"cprt": text, b"wtpt": b"XYZ " + bytes(4) + _numbers(*_D50)},
            **{b"rXYZ": red, b"gXYZ": green, b"bXYZ": blue},
            **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), para),
        }
    )


def _of_codes(primaries: int, transfer: int) -> bytes:
    """Return the profile of two codes of ITU-T H.273, b"": sRGB, as what is not known."""
    if primaries not in {9, 12} and transfer not in _CURVES:
        return b""
    curve = _CURVES.get(transfer, _SRGB_CURVE)
    return profile(_PRIMARIES.get(primaries, _REC_709), _D65, curve)


def of_info(info: Mapping[Any, Any]) -> bytes:
    """Return the profile that Pillow's `info` of a picture holds or describes, b"": sRGB.

    Codes of a PNG's cICP chunk go before its profile, and both before gamma and primaries, of which
    those mean sRGB that the PNG specification gives as its substitute.
    """
    if len(codes := info.get("cicp", b"")) == 4:
        return _of_codes(codes[0], codes[1])
    if icc := info.get("icc_profile"):
        return bytes(icc)
    if "srgb" in info or not info.get("gamma"):
        return b""
    white, *primaries = _pairs(info.get("chromaticity", ())) or [_D65, *_REC_709]
    if (info["gamma"], white, *primaries) == (_SRGB_GAMMA, _D65, *_REC_709):
        return b""
    return profile(primaries, white, (1 / info["gamma"],))


def _pairs(numbers: Sequence[float]) -> list[Point]:
    return list(zip(numbers[::2], numbers[1::2], strict=True)) if len(numbers) == 8 else []
