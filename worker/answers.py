"""What a decoder may answer: it may have been taken over by a picture, so nothing is believed.

Bounds the answer's size and refuses what we would not have written, by its first bytes. The pixels
themselves can't be checked.
"""

import json
import math
import struct
from typing import IO, Any

from worker.settings import MIB

LINE = 4096  # bytes of an answer's first line
OVERHEAD = 4 * MIB  # bytes beyond 4 a pixel; also what a note may have

_SUFFIXES = {"clean": {"jpg", "png"}, "mask": {"png"}, "note": {"txt"}}
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_BASELINE = 0xC0  # the kind of JPEG that we write


class NotOurs(Exception):
    """An answer that no decoder of ours would give."""


def head(answers: IO[bytes]) -> dict[str, Any]:
    """Read an answer's first line; raises `NotOurs`, and EOFError when there is none."""
    line = answers.readline(LINE)
    if not line:
        raise EOFError
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NotOurs from error
    if not isinstance(told, dict):
        raise NotOurs
    return told


def _number(value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise NotOurs
    return value


def _png_size(data: bytes) -> tuple[int, int]:
    if not data.startswith(_PNG) or len(data) < 24:
        raise NotOurs
    wide, high = struct.unpack_from(">II", data, 16)
    return wide, high


def _jpeg_size(data: bytes) -> tuple[int, int]:
    place = 2 if data.startswith(b"\xff\xd8\xff") else len(data)
    while place + 9 <= len(data) and data[place] == 0xFF:
        if data[place + 1] == _BASELINE:
            high, wide = struct.unpack_from(">HH", data, place + 5)
            return wide, high
        place += 2 + max(2, int.from_bytes(data[place + 2 : place + 4]))
    raise NotOurs


def _check_picture(verb: str, told: dict[str, Any], limit: int) -> None:
    if told.get("suffix") not in _SUFFIXES[verb]:
        raise NotOurs
    wide = _number(told.get("width"), 1, limit)
    _number(told.get("height"), 1, limit // wide)


def _check_seconds(told: dict[str, Any]) -> None:
    seconds = told.get("seconds", 0.0)
    if type(seconds) not in {int, float} or not math.isfinite(seconds) or seconds < 0:
        raise NotOurs


def read(verb: str, limit: int, answers: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Read an answer on a picture of at most so many pixels.

    Raises `NotOurs`, and EOFError when the decoder ended.
    """
    told = head(answers)
    length = _number(told.get("length"), 0, 4 * limit + OVERHEAD)
    _check_seconds(told)
    if "refused" in told:
        if not isinstance(told["refused"], str) or length:
            raise NotOurs
        return told, b""
    _check_picture(verb, told, limit)
    made = answers.read(length)
    if len(made) < length:
        raise EOFError
    size = {"png": _png_size, "jpg": _jpeg_size}.get(told["suffix"])
    if size and size(made) != (told["width"], told["height"]):
        raise NotOurs
    return told, made
