"""Samples of more than eight bits, integers and floats of any range, brought to sixteen or eight.

Pillow only.
"""

from typing import Any, cast

from PIL import Image, ImageMath

from adain.files import opacity

_BITS, _SIGNED = 258, 339  # tags of a TIFF: how many bits a sample has, and if a sign (2; 1: none)
_WRAP = 2.0**32  # by which samples of 32 bits without sign are too small where they are negative

Levels = tuple[float, float, float]


def _levels(image: Image.Image) -> Levels:
    """Return factor and offset that bring samples of more than eight bits to sixteen.

    And what is added to negative ones before: those of 32 bits without sign that Pillow wraps.
    """
    if "levels" in image.info:
        return cast(Levels, image.info["levels"])
    tags = getattr(image, "tag_v2", {})
    if image.mode in opacity.SIXTEEN_BITS:
        return float(1 << 16 - min(tags.get(_BITS, (16,))[0], 16)), 0.0, 0.0
    low, high = cast(tuple[float, float], image.getextrema())
    if low < 0 and tags.get(_BITS) == (32,) and tags.get(_SIGNED, (1,)) == (1,):
        return 65535 / _WRAP, 0.0, _WRAP
    if low >= 0:
        for most in (1.0, 255.0, 65535.0, _WRAP):
            if high <= most and not (most == 1.0 and image.mode == "I"):
                return 65535 / most, 0.0, 0.0
    factor = 65535 / ((high - low) or 1.0)
    return factor, -low * factor, 0.0


def levels(image: Image.Image) -> dict[str | tuple[int, int], Any]:
    """Return the levels of a picture that has such samples, to be kept in its `info`."""
    return {"levels": _levels(image)} if image.mode in {"I", "F", *opacity.SIXTEEN_BITS} else {}


def _unwrapped(image: Image.Image, wrap: float) -> Image.Image:
    """Return mode F with a number added to what is negative."""
    made: Image.Image = ImageMath.lambda_eval(
        lambda given: given["float"](given["values"]) + given["float"](given["values"] < 0) * wrap,
        values=image,
    )
    return made


def sixteen_bits(image: Image.Image) -> Image.Image:
    """Bring integers and floats of any range to I;16; other pictures as they are."""
    if image.mode not in {"I", "F", *opacity.SIXTEEN_BITS}:
        return image
    factor, offset, wrap = _levels(image)
    if (factor, offset) == (1.0, 0.0) and image.mode in opacity.SIXTEEN_BITS:
        return image
    whole = image if image.mode == "F" else image.convert("I")
    if wrap:
        whole = _unwrapped(whole, wrap)
    return whole.point(lambda value: value * factor + offset).convert("I").convert("I;16")


def eight_bits(image: Image.Image) -> Image.Image:
    """Sixteen bits a pixel → L by its upper byte; anything else as it is."""
    if image.mode not in opacity.SIXTEEN_BITS:
        return image
    return image.convert("I").point(lambda value: value / 256).convert("L")
