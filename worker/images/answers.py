"""Check what a decoder process answers, since a picture may have compromised it.

Bounds the size of an answer and checks by its first bytes that it is a format we write. The pixels
themselves can't be checked.
"""

import json
import math
import struct
from typing import IO, Any, Protocol

from worker.errors import Message
from worker.settings import KIB, MIB

LINE = 4096  # bytes of an answer's first line
PIECE = 64 * KIB  # bytes of a picture that are in memory at a time
OVERHEAD = 4 * MIB  # bytes beyond 4 a pixel; also what a note may have

# a file without its end, a picture without its plain border, a mask that is dark all over
CUT, TRIMMED, FAINT = "cut", "trimmed", "faint"
NOTES = (CUT, TRIMMED, FAINT)
_SUFFIXES = {"clean": {"jpg", "png"}, "mask": {"png"}, "note": {"txt"}}
_SUFFIXES |= {"small": {"jpg", "png"}, "small_mask": {"png"}, "opposite": {"png"}}
_LONGEST = 1 << 31  # pixels of a side that a file may speak of
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_BASELINE = 0xC0  # the kind of JPEG that we write


class NotOurs(Exception):
    """An answer that no decoder of ours would give."""


class NotKept(Exception):
    """The answer could not be written where it should be."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class Sink(Protocol):
    """What an answer's picture is written to."""

    def write(self, piece: bytes, /) -> object:
        """Take the next bytes; may raise OSError."""
        ...


def head(answers: IO[bytes]) -> dict[str, Any]:
    """Read an answer's first line; raises `NotOurs`, and EOFError when there is none."""
    line = answers.readline(LINE)
    if not line:
        raise EOFError
    try:
        body = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NotOurs from error
    if not isinstance(body, dict):
        raise NotOurs
    return body


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


def _check_picture(verb: str, fields: dict[str, Any], limit: int) -> None:
    if fields.get("suffix") not in _SUFFIXES[verb]:
        raise NotOurs
    wide = _number(fields.get("width"), 1, limit)
    _number(fields.get("height"), 1, limit // wide)
    original = fields.get("original", [0, 0])
    if not isinstance(original, list) or len(original) != 2:
        raise NotOurs
    for side in original:
        _number(side, 0, _LONGEST)
    notes = fields.setdefault("notes", [])
    if not isinstance(notes, list) or any(note not in NOTES for note in notes):
        raise NotOurs


def _check_seconds(fields: dict[str, Any]) -> None:
    seconds = fields.get("seconds", 0.0)
    if type(seconds) not in {int, float} or not math.isfinite(seconds) or seconds < 0:
        raise NotOurs


def _check_refusal(refused: object) -> None:
    """Check that a refusal is a message on pictures, with the gaps that its text has."""
    try:
        message = Message.load(refused)
    except ValueError as error:
        raise NotOurs from error
    if not message.code.startswith(("picture.", "mask.")):
        raise NotOurs


def copy(answers: IO[bytes], into: Sink, length: int) -> bytes:
    """Copy so many bytes, piece by piece; returns the first piece. Raises EOFError, `NotKept`."""
    first = b""
    while length:
        piece = answers.read(min(length, PIECE))
        if not piece:
            raise EOFError
        first, length = first or piece, length - len(piece)
        try:
            into.write(piece)
        except OSError as error:
            raise NotKept(error) from error
    return first


def read(verb: str, limit: int, answers: IO[bytes], into: Sink) -> dict[str, Any]:
    """Read an answer on a picture of at most so many pixels, and write what was made.

    Raises `NotOurs`, `NotKept`, and EOFError when the decoder ended.
    """
    reported = head(answers)
    length = _number(reported.get("length"), 0, 4 * limit + OVERHEAD)
    _check_seconds(reported)
    if "refused" in reported:
        _check_refusal(reported["refused"])
        if length:
            raise NotOurs
        return reported
    _check_picture(verb, reported, limit)
    first = copy(answers, into, length)
    size = {"png": _png_size, "jpg": _jpeg_size}.get(reported["suffix"])
    if size and size(first) != (reported["width"], reported["height"]):
        raise NotOurs
    return reported
