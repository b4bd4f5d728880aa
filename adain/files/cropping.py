"""Crops: rectangles of an upright picture, as shares of its width and height.

A crop is (left, top, right, bottom), each from 0 to 1; an empty one is the whole picture.
"""

import re
from collections.abc import Sequence

from PIL import Image

SQUARE = "square"  # in place of four numbers: the largest square in the middle

Crop = Sequence[float]
Box = tuple[int, int, int, int]

_NUMBER = r"\s*([0-9]*\.?[0-9]+)\s*"
_NUMBERS = re.compile(",".join([_NUMBER] * 4))


def is_crop(crop: Crop) -> bool:
    """Tell whether numbers are a rectangle inside a picture, or none."""
    if not crop:
        return True
    if len(crop) != 4:
        return False
    left, top, right, bottom = crop
    return 0 <= left < right <= 1 and 0 <= top < bottom <= 1


def read(text: str) -> tuple[float, ...]:
    """Return the crop that a text such as 0.1,0,0.9,1 means; raises ValueError."""
    found = _NUMBERS.fullmatch(text)
    crop = tuple(map(float, found.groups())) if found else ()
    if not crop or not is_crop(crop):
        raise ValueError(
            f"{text!r} is no crop: left,top,right,bottom, each a share from 0 to 1 of the picture, "
            "left less than right and top less than bottom."
        )
    return crop


def square(width: int, height: int) -> tuple[float, ...]:
    """Return the crop that is the largest square in the middle of a picture."""
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left / width, top / height, (left + side) / width, (top + side) / height


def _span(first: float, last: float, side: int) -> tuple[int, int]:
    """Return the first pixel and the one behind the last, at least one pixel."""
    start = min(int(first * side + 0.5), side - 1)
    return start, max(int(last * side + 0.5), start + 1)


def box(crop: Crop, width: int, height: int) -> Box:
    """Return a crop in pixels of a picture of this size."""
    if not crop:
        return 0, 0, width, height
    left, right = _span(crop[0], crop[2], width)
    top, bottom = _span(crop[1], crop[3], height)
    return left, top, right, bottom


def size(crop: Crop, width: int, height: int) -> tuple[int, int]:
    """Return the width and height that a crop of a picture of this size has."""
    left, top, right, bottom = box(crop, width, height)
    return right - left, bottom - top


def cropped(image: Image.Image, crop: Crop) -> Image.Image:
    """Return what is inside a crop of a picture; the very picture if that is all of it."""
    inside = box(crop, *image.size)
    return image if inside == (0, 0, *image.size) else image.crop(inside)
