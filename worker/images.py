"""Untrusted bytes in, clean pictures out.

A picture that passed is upright sRGB without alpha, encoded by us, with nothing else of what
was uploaded in it. Knows no job; conversions themselves are `adain.pictures`.
"""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from threading import BoundedSemaphore

from PIL import Image

from adain import pictures
from worker.refused import Refused
from worker.settings import MIB, settings

FORMATS = ("PNG", "JPEG", "WEBP")
ACCEPTED = "PNG, JPEG and WebP are accepted"

_SEATS = BoundedSemaphore(2)  # pictures decoded at a time: 25 megapixels take half a gigabyte

warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


class ImageRejected(Refused):
    """A picture that can't be used; the sentence says what is accepted."""


@dataclass(frozen=True)
class CleanImage:
    """A picture in a file that we wrote: `suffix` is jpg or png."""

    data: bytes
    suffix: str
    width: int
    height: int


def _too_large() -> ImageRejected:
    limit = settings().max_pixels / 1e6
    return ImageRejected(f"The picture is too large: at most {limit:g} megapixels are accepted.")


def _what(data: bytes) -> str:
    """Say what bytes are that are no picture."""
    if b"<svg" in data[:4096].lower():
        return "SVG drawings can't be used"
    return "This file is not a picture that can be read"


def opened(data: bytes) -> Image.Image:
    """Read the header only; raises `ImageRejected`."""
    limit = settings().max_upload_bytes
    if len(data) > limit:
        raise ImageRejected(f"The file is too large: at most {limit / MIB:g} MiB are accepted.")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large() from error
    except Exception as error:  # whatever a decoder makes of a stranger's bytes
        raise ImageRejected(f"{_what(data)}; {ACCEPTED}.") from error
    if image.width * image.height > settings().max_pixels:
        raise _too_large()
    return image


def _decoded(data: bytes, convert: Callable[[Image.Image], Image.Image]) -> tuple[Image.Image, str]:
    """Return the converted picture and the name of the format it came in."""
    image = opened(data)
    try:
        return convert(image), image.format or ""
    except Exception as error:
        raise ImageRejected(f"The picture is damaged or incomplete; whole {ACCEPTED}.") from error


def encode(image: Image.Image, suffix: str) -> bytes:
    """Encode as png, jpg (near lossless) or webp (for thumbnails), fast before small."""
    image.info.clear()
    out = io.BytesIO()
    match suffix:
        case "jpg":
            image.save(out, "JPEG", quality=95, subsampling="4:4:4")
        case "webp":
            image.save(out, "WEBP", quality=80, method=2)
        case _:
            image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def clean(data: bytes) -> CleanImage:
    """Check and re-encode a picture; raises `ImageRejected`."""
    with _SEATS:
        image, came_as = _decoded(data, pictures.rgb)
        suffix = "jpg" if came_as in {"JPEG", "MPO"} else "png"
        return CleanImage(encode(image, suffix), suffix, image.width, image.height)


def clean_mask(data: bytes, size: tuple[int, int]) -> CleanImage:
    """Check a mask for a photo of that (width, height); raises `ImageRejected`."""
    with _SEATS:
        image, _ = _decoded(data, pictures.mask)
    if image.size != size:
        raise ImageRejected(
            f"A mask must have its photo's size, {size[0]} × {size[1]} pixels; "
            f"this one has {image.width} × {image.height}."
        )
    return CleanImage(encode(image, "png"), "png", image.width, image.height)


def thumbnail(image: Image.Image, side: int = 384) -> bytes:
    """Return a WebP no wider or higher than `side`."""
    small = image.copy()
    small.thumbnail((side, side), reducing_gap=2.0)
    return encode(small, "webp")
