import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.parts import picture
from web.page import regions
from worker.errors import Refused

PHOTO = picture(90, 60)


def _png(left: int, right: int, size: tuple[int, int] = (30, 20)) -> str:
    """A mask that is white from one column to another."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    mask[:, left:right] = 255
    out = io.BytesIO()
    Image.fromarray(mask).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def _painting(**changed: object) -> str:
    masks = {"0": _png(0, 15), "2": _png(15, 30)}
    return json.dumps({"width": 30, "height": 20, "feather": 0, "masks": masks} | changed)


def _masks(painting: str) -> list[np.ndarray]:
    made = regions.masks(painting, [0, 2], PHOTO)
    return [np.asarray(Image.open(io.BytesIO(mask.read())), float) for mask in made]


def test_masks_come_out_in_the_photos_size(studio: Path) -> None:
    first, second = _masks(_painting())
    assert first.shape == second.shape == (60, 90)
    assert first[:, :40].min() == 255
    assert first[:, 50:].max() == 0


def test_feathered_regions_meet_softly_and_still_cover_everything_once(studio: Path) -> None:
    first, second = _masks(_painting(feather=10))
    assert 40 < first[30, 45] < 215
    assert np.abs(first + second - 255).max() < 6


def test_an_empty_region_is_reported_with_its_style(studio: Path) -> None:
    painting = _painting(masks={"0": _png(0, 30), "2": _png(0, 0)})
    with pytest.raises(Refused, match="Nothing of the photo is left for style 3"):
        regions.masks(painting, [0, 2], PHOTO)


@pytest.mark.parametrize(
    "painting",
    [
        "x",
        "[]",
        "[" * 100_000,
        _painting(width=10**9),
        _painting(feather="soft"),
        _painting(masks={"0": _png(0, 15)}),
        _painting(masks={"0": "!", "2": "!"}),
        _painting(masks={"0": "aGk=", "2": "aGk="}),
        _painting(masks={"0": _png(0, 9, (9, 9)), "2": _png(0, 9, (9, 9))}),
    ],
    ids=["no JSON", "a list", "deep", "large", "feather", "missing", "base64", "no PNG", "size"],
)
def test_an_invalid_painting_is_refused_with_a_sentence(studio: Path, painting: str) -> None:
    with pytest.raises(Refused, match=r"\.$"):
        regions.masks(painting, [0, 2], PHOTO)
