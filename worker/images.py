"""Untrusted bytes in, clean pictures out.

A picture that passed is upright sRGB without alpha, encoded by us, with nothing else of what
was uploaded in it. Knows no job; conversions themselves are `adain.pictures`.
"""

import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import BoundedSemaphore

from PIL import Image, ImageOps

from adain import pictures
from worker.refused import Refused
from worker.settings import MIB, settings

FORMATS = ("PNG", "JPEG", "WEBP")
ACCEPTED = "PNG, JPEG and WebP are accepted"

_SEATS = BoundedSemaphore(2)  # pictures decoded at a time; one takes at most 300 MB
_PIECE = 1 << 20  # pixels converted at a time

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


def _check_pixels(image: Image.Image) -> None:
    """Refuse by the header what is too large, or would be while it is decoded.

    libwebp keeps four buffers of a picture, libjpeg all coefficients of a CMYK one.
    """
    pixels, limit = image.width * image.height, settings().max_pixels
    if pixels > limit:
        raise _too_large()
    if pixels > limit // 2 and (image.format == "WEBP" or image.mode == "CMYK"):
        raise ImageRejected(
            f"The picture is too large: as WebP or in CMYK at most {limit / 2e6:g} megapixels are "
            f"accepted; as PNG or JPEG in RGB {limit / 1e6:g}."
        )


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
    _check_pixels(image)
    return image


def _pieces(image: Image.Image) -> Iterator[tuple[tuple[int, int], Image.Image]]:
    """Yield a picture piece by piece, each with its place: copies of it all would be too many."""
    wide = min(image.width, _PIECE)
    high = _PIECE // wide
    for top in range(0, image.height, high):
        for left in range(0, image.width, wide):
            right, bottom = min(left + wide, image.width), min(top + high, image.height)
            yield (left, top), image.crop((left, top, right, bottom))


def _upright(image: Image.Image) -> Image.Image:
    """Decode the first frame and turn it by its EXIF orientation, in place."""
    image.seek(0)
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    keep = {"icc_profile", "transparency"}
    image.info = {what: value for what, value in image.info.items() if what in keep}
    return image


def _rgb(image: Image.Image) -> Image.Image:
    image = _upright(image)
    if image.mode == "RGB" and not image.info:
        return image
    out = Image.new("RGB", image.size)
    for place, piece in _pieces(image):
        out.paste(pictures.rgb(piece), place)
    return out


def _alpha(image: Image.Image) -> Image.Image:
    return image.convert("RGBA").getchannel("A")


def _mask(image: Image.Image) -> Image.Image:
    """Convert as `pictures.mask` does, which looks at the whole picture to choose the channel."""
    image = _upright(image)
    transparent = image.has_transparency_data and any(
        _alpha(piece).getextrema() != (255, 255) for _, piece in _pieces(image)
    )
    out = Image.new("L", image.size)
    for place, piece in _pieces(image):
        out.paste(_alpha(piece) if transparent else pictures.mask(piece), place)
    return out


def _decoded(data: bytes, convert: Callable[[Image.Image], Image.Image]) -> tuple[Image.Image, str]:
    """Return the converted picture and the name of the format it came in."""
    image = opened(data)
    came_as = image.format or ""
    try:
        return convert(image), came_as
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
        image, came_as = _decoded(data, _rgb)
        suffix = "jpg" if came_as in {"JPEG", "MPO"} else "png"
        return CleanImage(encode(image, suffix), suffix, image.width, image.height)


def clean_mask(data: bytes, size: tuple[int, int]) -> CleanImage:
    """Check a mask for a photo of that (width, height); raises `ImageRejected`."""
    with _SEATS:
        image, _ = _decoded(data, _mask)
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
