"""Files of people who were refused or got other colours, each with its right value.

Every case goes through the door of uploads and through that of `python -m adain`.
"""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from adain import pictures
from worker import images

CASES = Path(__file__).parents[1] / "data" / "cases"
Door = Callable[[bytes], Image.Image]


def upload(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(images.clean(data).data))


def command_line(data: bytes) -> Image.Image:
    return pictures.rgb(pictures.opened_bytes(data, None))


DOORS = pytest.mark.parametrize("door", [upload, command_line])


def samples(image: Image.Image) -> NDArray[np.int64]:
    return np.asarray(image.convert("RGB")).astype(int)


def difference(image: Image.Image, expected: Path) -> int:
    """Return the largest difference of any sample, of 255."""
    return int(np.abs(samples(image) - samples(Image.open(expected))).max())


@DOORS
@pytest.mark.parametrize("name", ["itxt-workflow", "ztxt-8bim"])
def test_large_text_of_a_png_is_passed_over(door: Door, name: str) -> None:
    folder = CASES / "png-large-metadata"
    image = door((folder / f"{name}.png").read_bytes())
    assert difference(image, folder / "expected.png") == 0


@DOORS
def test_a_profile_of_more_than_a_megabyte_applies(door: Door) -> None:
    folder = CASES / "png-large-metadata"
    image = door((folder / "iccp-large-profile.png").read_bytes())
    light = (samples(Image.open(folder / "expected.png")) / 255) ** (0x233 / 256)  # its gamma
    expected = 255 * np.where(light < 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(samples(image) - expected).max() <= 2


@DOORS
def test_a_profile_too_large_to_be_read_is_passed_over(door: Door) -> None:
    out = io.BytesIO()
    Image.new("RGB", (2, 2), (9, 80, 200)).save(out, "PNG", icc_profile=bytes(30 << 20))
    assert samples(door(out.getvalue())).tolist() == [[[9, 80, 200]] * 2] * 2


@DOORS
@pytest.mark.parametrize("name", ["palette-adobe", "rgb-adobe"])
def test_a_profile_applies_to_a_palette_as_to_rgb(door: Door, name: str) -> None:
    folder = CASES / "palette-png-with-profile"
    image = door((folder / f"{name}.png").read_bytes())
    assert difference(image, folder / "expected.png") <= 1


@DOORS
@pytest.mark.parametrize("name", ["grey-linear", "grey-alpha-linear"])
def test_a_grey_profile_applies_with_alpha_as_without(door: Door, name: str) -> None:
    folder = CASES / "grey-alpha-with-profile"
    image = door((folder / f"{name}.png").read_bytes())
    assert difference(image, folder / "expected.png") <= 2
