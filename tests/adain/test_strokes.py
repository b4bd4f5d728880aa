"""Strokes are as broad beside a picture whatever its size, and as broad as asked for."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageFilter

from adain import strokes, tiles
from adain.catalog import Color
from adain.coverage import OUTSIDE
from adain.files import pictures
from adain.request import BROADEST, FINEST, USUAL, Request
from adain.stylizer import Stylizer
from tests.adain.test_stylizer import array, drawn, mask


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer.load("compact", device="cpu", exact=True)


Make = Callable[[Request], Image.Image]


@pytest.fixture
def make(stylizer: Stylizer) -> Make:
    return lambda request: stylizer.stylize([request])[0]


def sky(size: tuple[int, int]) -> Image.Image:
    """A soft picture, detailed in its lower half."""
    small = Image.linear_gradient("L").resize((48, 32)).convert("RGB")
    large = small.resize(size, Image.Resampling.BICUBIC)
    detail = drawn(4, (size[0] // 4, size[1] // 8)).resize((size[0], size[1] // 2))
    large.paste(detail, (0, size[1] // 2))
    return large


def detail(image: Image.Image) -> np.ndarray:
    """Luminance finer than some pixels, of the picture at 192 px."""
    grey = pictures.scaled(image, 192).convert("L")
    fine = np.asarray(grey, float) - np.asarray(grey.filter(ImageFilter.BoxBlur(4)), float)
    flat: np.ndarray = fine.ravel()
    return flat


def alike(one: Image.Image, other: Image.Image) -> float:
    """Correlation of details."""
    return float(np.corrcoef(detail(one), detail(other))[0, 1])


@pytest.mark.parametrize("strokes_", [FINEST, 1.0, 2.0, BROADEST])
@pytest.mark.parametrize("size", [(512, 768), (3000, 1024), (1500, 2300), (8192, 8192)])
def test_steps_lead_from_the_side_of_these_strokes_to_the_pictures_own(
    size: tuple[int, int], strokes_: float
) -> None:
    plan = strokes.steps(*size, strokes_)
    if min(size) >= USUAL / strokes_:
        assert plan[0].side == round(USUAL / strokes_)
        assert plan[-1].side == min(size)
    assert plan[0].share == 0
    for before, after in pairwise(plan):
        assert after.side <= 2 * before.side + 2
        assert 0 < after.share <= 1
    *_, (_, _, end) = strokes.parts(plan)
    assert end == 1


@pytest.mark.parametrize("strokes_", [FINEST, 1.0, 2.7, BROADEST])
def test_a_step_more_comes_without_a_jump(strokes_: float) -> None:
    for side in range(1030, 2100, 7):
        shares = sum(step.share for step in strokes.steps(side, side, strokes_))
        assert abs(shares - max(0, math.log2(side * strokes_ / USUAL))) < 0.04


def test_a_small_picture_is_painted_larger_but_no_strip_grows_without_end() -> None:
    assert strokes.steps(256, 300, 1.0) == [strokes.Step(512, 0.0)]
    [step] = strokes.steps(64, 64 * 2000, 1.0)
    assert step.side == 64
    [step] = strokes.steps(1, 30_000, 1.0)  # 64 x 30,000 by what it takes: next to nothing is left
    assert step.side == 1
    [step] = strokes.steps(128, 1280, FINEST)
    assert 128 < step.side < 512
    assert strokes.steps(100, 4000, 0.0) == [strokes.Step(100, 0.0)]


def test_the_look_of_a_picture_stays_with_its_size(make: Make) -> None:
    photo, style = sky((1536, 1024)), drawn(2, (500, 400))
    usual = make(Request(photo, [style], size=512, strokes=1.0))
    for size in (256, 1024):
        ours = make(Request(photo, [style], size=size, strokes=1.0))
        before = make(Request(photo, [style], size=size))
        assert alike(ours, usual) > alike(before, usual) + 0.1
        assert ours.size == before.size


def test_the_usual_strokes_at_the_usual_size_are_the_networks_own(make: Make) -> None:
    photo, style = sky((768, 512)), drawn(2, (500, 400))
    one = make(Request(photo, [style.resize((640, 512))], size=512, strokes=1.0))
    assert np.array_equal(array(one), array(make(Request(photo, [style.resize((640, 512))]))))


def test_broader_strokes_are_broader(make: Make) -> None:
    photo = sky((384, 256))

    def fine(broadness: float) -> float:
        """Share of what is painted on the soft half that is fine."""
        made = make(Request(photo, [drawn(2, (500, 400))], size=256, strokes=broadness))
        half = made.convert("L").crop((0, 0, 384, 100))
        coarse = half.filter(ImageFilter.GaussianBlur(3))
        return float(1 - np.asarray(coarse, float).var() / np.asarray(half, float).var())

    found = [fine(broadness) for broadness in (0.5, 1.0, 2.0, 4.0)]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.5 * found[0]


@pytest.mark.parametrize("strokes_", [1.0, 3.0])
def test_strength_0_and_what_no_mask_covers_are_the_photo_all_the_same(
    make: Make, strokes_: float
) -> None:
    photo = sky((384, 256))
    left = replace(
        Request(photo, [drawn(2)], size=0, strokes=strokes_),
        masks=[mask((0, 0, 150, 256), photo.size)],
    )
    for color in (Color.STYLE, Color.LUMINANCE):
        made = array(make(replace(left, color=color)))
        assert np.array_equal(made[:, 150 + OUTSIDE :], array(photo)[:, 150 + OUTSIDE :])
        assert np.abs(made - array(photo))[:, :150].mean() > 5
    faint = replace(left, masks=[], alpha=0.002)
    assert np.abs(array(make(faint)) - array(photo)).max() <= 3


def test_batches_and_tiles_paint_as_one_by_one(
    stylizer: Stylizer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, style = [sky((384, 256)), drawn(5, (384, 256))], drawn(2)
    requests = [Request(photo, [style], size=0, strokes=2.0) for photo in photos]
    requests += [replace(requests[0], strokes=0.0), replace(requests[1], color=Color.CONTENT)]
    alone = [array(make(request)) for request in requests]
    for one, together in zip(alone, stylizer.stylize(requests), strict=True):
        assert np.abs(one - array(together)).max() <= 2
    monkeypatch.setattr(tiles, "SIDE", 128)
    assert np.abs(array(make(requests[0])) - alone[0]).max() <= 2


def test_the_watcher_gets_progress_in_order_over_all_steps(stylizer: Stylizer) -> None:
    watched: list[tuple[str, float]] = []
    request = Request(sky((384, 256)), [drawn(2)], size=0, strokes=4.0)
    stylizer.stylize([request], lambda stage, fraction: watched.append((stage, fraction)))
    assert [fraction for _, fraction in watched] == sorted(fraction for _, fraction in watched)
    stages = list(dict.fromkeys(stage for stage, _ in watched))
    assert stages == ["styles", "content", "picture", "done"]


@pytest.mark.parametrize("strokes_", [-1, 0.4, 4.1, float("nan"), float("inf")])
def test_strokes_out_of_range_are_refused(strokes_: float) -> None:
    with pytest.raises(ValueError, match=r"Strokes are a number from 0\.5 to 4, or 0\."):
        Request(drawn(1), [drawn(2)], strokes=strokes_)


def test_a_style_is_measured_at_its_own_side_or_the_usual() -> None:
    request = Request(drawn(1), [drawn(2)], size=1024, strokes=1.0)
    assert request.style_side(drawn(2, (300, 900))) == 300
    assert request.style_side(drawn(2, (2000, 900))) == USUAL
    assert replace(request, strokes=0.0).style_side(drawn(2)) == 1024
