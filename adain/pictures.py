"""Pictures as the network wants them: plain RGB, masks as plain grey, the right size.

Pillow only. Knows no tensor, so that a process without torch can use it, and no limits:
what may be opened at all is decided at the worker's door (`worker/images.py`).
"""

import io
from collections.abc import Iterable
from typing import cast

from PIL import ExifTags, Image, ImageCms, ImageOps

LONGEST = 4  # times `size`: a panorama's longer side stops here
_SIXTEEN_BITS = {"I", "I;16", "I;16L", "I;16B", "I;16N"}
_SRGB = ImageCms.createProfile("sRGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Sixteen bits a pixel → L by its upper byte; anything else as it is."""
    if image.mode not in _SIXTEEN_BITS:
        return image
    grey = image.convert("I")
    return grey.point(lambda value: value / 256).convert("L")


def _in_srgb(image: Image.Image) -> Image.Image:
    """Apply an embedded colour profile; a broken one, or one for another mode, is ignored."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in {"RGB", "CMYK", "L"}:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        turned = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return image
    return cast(Image.Image, turned)


def _with_alpha(image: Image.Image) -> bool:
    return image.has_transparency_data


def _turned(image: Image.Image) -> Image.Image:
    """First frame, upright by its EXIF orientation, eight bits a channel; no copy if it is so."""
    image.seek(0)
    image.load()
    if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        image = ImageOps.exif_transpose(image)
    return _eight_bits(image)


def rgb(image: Image.Image) -> Image.Image:
    """Convert any picture Pillow opens to upright sRGB without alpha (white shows through).

    A picture that is just that is returned as it is: a large one is not copied.
    """
    image = _turned(image)
    if not _with_alpha(image):
        image = _in_srgb(image)
        return image if image.mode == "RGB" else image.convert("RGB")
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    flat = Image.alpha_composite(white, image).convert("RGB")
    flat.info["icc_profile"] = image.info.get("icc_profile")
    return _in_srgb(flat)


def mask(image: Image.Image) -> Image.Image:
    """Convert a picture to a mask of mode L, white where the style acts.

    A picture that is anywhere transparent is read by its alpha channel, any other by its
    brightness.
    """
    image = _turned(image)
    if _with_alpha(image):
        alpha = image.convert("RGBA").getchannel("A")
        if alpha.getextrema() != (255, 255):
            return alpha
    return image.convert("RGB").convert("L")


def scaled_size(width: int, height: int, size: int) -> tuple[int, int]:
    """Return (width, height) with the shorter side scaled to `size` pixels; 0 keeps both.

    The longer side stops at `LONGEST` · `size`, and no side falls below one pixel.
    """
    if size == 0:
        return width, height
    factor = min(size / min(width, height), LONGEST * size / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def scaled(image: Image.Image, size: int) -> Image.Image:
    """Scale so that the shorter side is `size` pixels (see `scaled_size`)."""
    wanted = scaled_size(*image.size, size)
    if image.size == wanted:
        return image
    return image.resize(wanted, Image.Resampling.LANCZOS, reducing_gap=3.0)


def opened(paths: Iterable[str]) -> list[Image.Image]:
    """Open files as upright RGB pictures."""
    return [rgb(Image.open(path)) for path in paths]
