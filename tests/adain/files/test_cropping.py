import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from adain.files import cropping

SHARES = st.floats(0, 1)
SIDES = st.integers(1, 10_000)


@given(SHARES, SHARES, SHARES, SHARES, SIDES, SIDES)
def test_a_crop_has_a_pixel_at_least_and_stays_inside(
    left: float, top: float, right: float, bottom: float, width: int, height: int
) -> None:
    crop = left, top, right, bottom
    if not cropping.is_crop(crop):
        return
    x, y, to_x, to_y = cropping.box(crop, width, height)
    assert 0 <= x < to_x <= width
    assert 0 <= y < to_y <= height
    assert cropping.size(crop, width, height) == (to_x - x, to_y - y)


@pytest.mark.parametrize(("size", "side"), [((400, 300), 300), ((301, 400), 301), ((7, 7), 7)])
def test_square_is_the_largest_in_the_middle(size: tuple[int, int], side: int) -> None:
    left, top, right, bottom = cropping.box(cropping.square(*size), *size)
    assert (right - left, bottom - top) == (side, side)
    assert abs(left - (size[0] - right)) <= 1
    assert abs(top - (size[1] - bottom)) <= 1


def test_cropped_has_the_pixels_of_the_rectangle() -> None:
    image = Image.new("RGB", (100, 50), "white")
    image.paste("teal", (20, 10, 60, 40))
    made = cropping.cropped(image, (0.2, 0.2, 0.6, 0.8))
    assert (made.size, made.getcolors()) == ((40, 30), [(1200, (0, 128, 128))])
    assert cropping.cropped(image, ()) is image
    assert cropping.cropped(image, (0, 0, 1, 1)) is image


def test_a_text_is_read() -> None:
    assert cropping.read("0.1, 0,.9,1") == (0.1, 0, 0.9, 1)


@pytest.mark.parametrize("text", ["", "0,0,1", "0,0,0,1", "0,0,1.1,1", "-0.1,0,1,1", "a,0,1,1"])
def test_a_text_that_is_no_rectangle_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{text!r} is no crop")):
        cropping.read(text)
