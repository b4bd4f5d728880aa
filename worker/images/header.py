"""The header of an untrusted picture: what may be decoded, by what is known before it is decoded.

Refuses what is of no accepted kind or would take too much memory or time.
"""

import logging
import math
from dataclasses import dataclass
from itertools import count

from PIL import ExifTags, Image
from PIL.JpegImagePlugin import JpegImageFile

from adain.files import jpeg, kinds, pictures, profiles
from worker.errors import Message, Refused

log = logging.getLogger(__name__)


MEMORY = 300_000_000  # bytes beyond what the idle process has
MOST_SHRUNK = 8  # times the limit: larger pictures are not made smaller but refused
MOST_OF_MEMORY = 0.95  # is given to a picture; the rest is for what is in pieces
# Bytes a pixel while decoding, beyond the picture itself, as measured with 12 megapixels
DECODING = {"WEBP": 9.5, "AVIF": 5.5, "HEIF": 5.0, "TIFF": 3.5, "PNG": 1.0, "GIF": 2.0}
SAMPLES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2}  # bytes a pixel in Pillow, others 4
NAMES = {"MPO": "JPEG", "HEIF": "HEIC", "WEBP": "WebP"}
TURNS = {
    **{2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180},
    **{4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE},
    **{6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90},
}
MOST_SCANS = 100  # of a JPEG, each of which goes through all its pixels; ordinary ones have ten

Image.MAX_IMAGE_PIXELS = None  # `opened` looks at the header itself


ACCEPTED = Message("accepted.with_heic" if kinds.HEIC else "accepted.without_heic")


class ImageRejected(Refused):
    """A picture that can't be used; the message says what is accepted."""


# ---------------------------------------------------------------- the header


@dataclass(frozen=True)
class Header:
    """A picture that is not decoded yet; a JPEG may be set to be decoded smaller."""

    image: Image.Image
    size: tuple[int, int]  # of what is in the file
    shrink: int  # by how much the decoded picture is to be made smaller


def _too_large(limit: int) -> ImageRejected:
    most = MOST_SHRUNK * limit / 1e6
    return ImageRejected("picture.too_large", limit=most)


def _fits(size: tuple[int, int], shrink: int, limit: int) -> bool:
    """Whether a picture made smaller so has at most so many pixels; parts of a pixel count."""
    return math.prod(-(-side // shrink) for side in size) <= limit


def _opened(image: Image.Image, limit: int) -> Header:
    """Choose how a picture becomes small enough; raises `ImageRejected` where none does."""
    size = image.size
    if image.width * image.height > MOST_SHRUNK * limit:
        raise _too_large(limit)
    if _fits(size, 1, limit):
        return Header(image, size, 1)
    if not isinstance(image, JpegImageFile):
        return Header(image, size, next(by for by in count(2) if _fits(size, by, limit)))
    shrink = next((by for by in (2, 4, 8) if _fits(size, by, limit)), None)
    if shrink is None:
        raise _too_large(limit)
    image.draft(image.mode, (max(1, size[0] // shrink), max(1, size[1] // shrink)))
    return Header(image, size, 1)


def _coefficients(image: JpegImageFile, data: bytes) -> float:
    """Return the bytes a pixel that libjpeg keeps of a JPEG of several scans."""
    if not jpeg.has_scans(data, 2):
        return 0.0
    sides = [(layer[1], layer[2]) for layer in image.layer]
    whole = max(wide for wide, _ in sides) * max(high for _, high in sides)
    return 2 * sum(wide * high for wide, high in sides) / whole


def turn(image: Image.Image) -> Image.Transpose | None:
    """Return what sets a picture upright by its EXIF orientation, if that can be read."""
    try:
        return TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except MemoryError:
        raise
    except Exception:  # what it says of its picture, not the picture, is broken
        log.debug("EXIF can't be read", exc_info=True)
        return None


def _needed(header: Header, data: bytes) -> float:
    """Return the bytes of memory that it takes to decode and convert a picture."""
    image, (width, height) = header.image, header.size
    pixels, made = width * height, image.width * image.height / header.shrink**2
    needed = DECODING.get(image.format or "", 0.0) * pixels
    needed += SAMPLES.get(image.mode, 4) * image.width * image.height
    if isinstance(image, JpegImageFile):
        needed += _coefficients(image, data) * pixels
    managed = profiles.of_info(image.info) or "transparency" in image.info
    if image.mode != "RGB" or header.shrink > 1 or managed:
        needed += 4 * made
    return needed + (4 * made if turn(image) else 0)


def _check_memory(header: Header, data: bytes) -> None:
    """Refuse by the header what would take too much memory while it is decoded."""
    free, needed = MEMORY * MOST_OF_MEMORY - len(data), _needed(header, data)
    if needed > free:
        kind = NAMES.get(header.image.format or "", header.image.format)
        most = header.size[0] * header.size[1] * free / needed / 1e6
        raise ImageRejected("picture.too_large_as_kind", kind=kind or "", limit=round(most))


def _check_scans(data: bytes) -> None:
    """Refuse a JPEG of very many scans, by its markers alone."""
    if jpeg.has_scans(data, MOST_SCANS + 1):
        raise ImageRejected("picture.too_many_scans", limit=MOST_SCANS)


def _unreadable(kind: str) -> ImageRejected:
    """Return the refusal of bytes of a kind, "" if it is none that is known."""
    if not kind:
        return ImageRejected("picture.unreadable", accepted=ACCEPTED)
    return ImageRejected("picture.kind_refused", kind=Message(f"kind.{kind}"), accepted=ACCEPTED)


def _looked_at(data: bytes, limit: int, keyword: str) -> Header:
    image = pictures.opened_bytes(data, kinds.FORMATS, keyword.encode())
    if kinds.is_raw(image):
        raise _unreadable("raw")
    if isinstance(image, JpegImageFile):
        _check_scans(data)
    header = _opened(image, limit)
    if not keyword:
        _check_memory(header, data)
    return header


def opened(data: bytes, limit: int, keyword: str = "") -> Header:
    """Read the header only; raises `ImageRejected`, also for what is too large.

    Of a PNG's texts those with the keyword are read.
    """
    try:
        return _looked_at(data, limit, keyword)
    except (MemoryError, ImageRejected):
        raise
    except Exception as error:  # whatever is made of a stranger's bytes
        raise _unreadable(kinds.other(data)) from error
