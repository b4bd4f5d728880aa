from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from adain.files import margins, pictures

CASES = Path(__file__).parents[2] / "data" / "cases" / "style-with-margins"
PAINTING = pictures.rgb(Image.open(CASES / "painting.png"))


def light(image: Image.Image) -> float:
    return float(np.asarray(image.convert("L")).mean())


@pytest.mark.parametrize("name", ["painting-margin-a-quarter", "painting-margin-half"])
def test_a_plain_margin_is_trimmed(name: str) -> None:
    scanned = pictures.rgb(Image.open(CASES / f"{name}.png"))
    inside = margins.trimmed(scanned)
    assert abs(light(scanned) - light(PAINTING)) > 20
    assert abs(light(inside) - light(PAINTING)) < 3
    assert inside.width < scanned.width


@pytest.mark.parametrize("ground", ["white", "black", "tan"])
def test_margins_of_any_colour_with_dust_are_trimmed(ground: str) -> None:
    scanned = Image.new("RGB", (PAINTING.width + 200, PAINTING.height + 80), ground)
    scanned.paste(PAINTING, (120, 30))
    scanned.putpixel((5, 5), (99, 0, 0))
    inside = margins.inside(scanned)
    whole = (120, 30, 120 + PAINTING.width, 30 + PAINTING.height)
    assert all(abs(one - other) <= 4 for one, other in zip(inside, whole, strict=True))


@pytest.mark.parametrize(
    "image",
    [PAINTING, Image.new("RGB", (90, 60), "white"), Image.linear_gradient("L").convert("RGB")],
    ids=["a painting", "one colour", "a gradient"],
)
def test_a_picture_without_margins_stays(image: Image.Image) -> None:
    assert margins.trimmed(image) is image


def test_corners_without_dust_are_those_of_the_whole_picture_without_dust() -> None:
    for seed in range(20):
        noise = np.random.default_rng(seed).integers(0, 255, (5 + seed, 9, 3), dtype=np.uint8)
        image = Image.fromarray(noise)
        whole = np.asarray(image.filter(ImageFilter.MedianFilter(3)))
        assert np.array_equal(np.asarray(margins.corners(image)), whole[:: len(whole) - 1, ::8])
