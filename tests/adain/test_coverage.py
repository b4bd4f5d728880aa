"""What is painted in part is the photo in part, and what is not painted is the photo."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from adain import coverage, pixels, tiled_forward, tiles
from adain.catalog import Color, Region, Transfer
from adain.color import keep_colors
from adain.coverage import NEAR, OUTSIDE
from adain.files import pictures
from adain.request import Request
from adain.stylizer import Stylizer
from tests.adain.test_stylizer import array, autoencoded, drawn, mask

CASE = Path(__file__).parents[1] / "data" / "cases" / "outside-the-mask"
WIDE = Request(drawn(1, (256, 128)), [drawn(2)], size=0)


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer.load("compact", device="cpu", exact=True)


Make = Callable[[Request], np.ndarray]


@pytest.fixture
def make(stylizer: Stylizer) -> Make:
    return lambda request: array(stylizer.stylize([request])[0])


def apart(mask: Image.Image) -> np.ndarray:
    """Distance of each pixel to the nearest that is not black, the slow way."""
    rows, columns = np.nonzero(np.asarray(mask))
    y, x = np.mgrid[: mask.height, : mask.width]
    found = np.full(y.shape, np.inf)
    for row, column in zip(rows, columns, strict=True):
        found = np.minimum(found, np.hypot(y - row, x - column))
    return found


def test_outside_the_mask_is_the_photo(make: Make) -> None:
    photo, house = (Image.open(CASE / name) for name in ("photo.png", "mask-house.png"))
    made = make(Request(photo, [drawn(2)], masks=[house], size=0))
    far = apart(house.convert("L")) > 32
    assert np.array_equal(made[far], array(photo.convert("RGB"))[far])
    white = np.asarray(house.convert("L")) == 255
    assert np.abs(made - array(photo.convert("RGB")))[white].mean() > 10


def test_a_region_is_one_side_of_the_mask(make: Make) -> None:
    half = Image.new("L", WIDE.content.size)
    half.paste(255, (0, 0, 128, 128))
    one = replace(WIDE, masks=[half])
    subject, background = (
        make(replace(one, region=region)) for region in (Region.SUBJECT, Region.BACKGROUND)
    )
    photo = array(WIDE.content)
    assert np.array_equal(subject, make(one))
    assert np.array_equal(subject[:, 128 + OUTSIDE :], photo[:, 128 + OUTSIDE :])
    assert np.array_equal(background[:, : 128 - OUTSIDE], photo[:, : 128 - OUTSIDE])
    assert np.array_equal(background, make(replace(WIDE, masks=[ImageOps.invert(half)])))
    assert not np.array_equal(background[:, 128:], photo[:, 128:])


@pytest.mark.parametrize("masks", [0, 2])
def test_a_region_needs_one_mask(masks: int) -> None:
    white = Image.new("L", WIDE.content.size, 255)
    with pytest.raises(ValueError, match="needs one style, and one mask"):
        replace(
            WIDE, masks=[white] * masks, styles=[drawn(2)] * max(1, masks), region=Region.SUBJECT
        )


@pytest.mark.parametrize("color", Color)
def test_strength_0_is_the_photo_and_runs_no_network(color: Color) -> None:
    broken = Stylizer.load("compact", device="cpu", exact=True)
    with torch.no_grad():
        for weights in broken.model.parameters():
            weights.fill_(float("nan"))
    nowhere = replace(WIDE, masks=[Image.new("L", WIDE.content.size, 0)])
    small = replace(WIDE, alpha=0.0, size=64)
    for request in (replace(WIDE, alpha=0.0), nowhere, small):
        [made] = broken.stylize([replace(request, color=color)])
        wanted = pictures.scaled(request.content, request.size)
        assert np.array_equal(array(made), array(wanted))


def test_full_strength_is_what_the_network_paints(stylizer: Stylizer, make: Make) -> None:
    style = stylizer.style(WIDE.content, 0)
    kept = replace(WIDE, styles=[stylizer.style(drawn(2), 0)])
    with torch.inference_mode():
        features = stylizer.model.encode(pixels.unit(pixels.tensor(WIDE.content)))
        styles = [type(level)(*(value[None, None] for value in level)) for level in style.levels]
        own = pixels.as_bytes(stylizer.model.unfolded(stylizer.model.paint(features, styles)))
    assert np.array_equal(make(replace(WIDE, styles=[style])), array(pixels.image(own[0])))
    everywhere = [Image.new("L", WIDE.content.size, 255)] * 2
    two = replace(kept, styles=[*kept.styles] * 2, masks=everywhere, weights=[1, 3])
    assert np.abs(make(two) - make(kept)).max() <= 1


@pytest.mark.parametrize("transfer", Transfer)
def test_what_the_network_loses_is_given_back_in_proportion(
    stylizer: Stylizer, make: Make, transfer: Transfer
) -> None:
    own = replace(WIDE, styles=[WIDE.content], transfer=transfer)  # painted is autoencoded
    photo, plain = array(WIDE.content), autoencoded(stylizer, WIDE.content)
    assert np.abs(plain - photo).mean() > 3

    def wanted(strength: float) -> np.ndarray:
        between: np.ndarray = plain + (1 - strength) * (photo - plain)
        return between.clip(0, 255)

    for alpha in (0.3, 1.0):
        assert np.abs(make(replace(own, alpha=alpha)) - wanted(alpha)).max() <= 2
    half = replace(own, masks=[Image.new("L", WIDE.content.size, 102)])
    assert np.abs(make(half) - wanted(0.4)).max() <= 2


def test_strength_goes_to_the_photo_and_to_full_strength_without_a_jump(make: Make) -> None:
    photo, full = array(WIDE.content), make(WIDE)
    assert np.abs(make(replace(WIDE, alpha=0.002)) - photo).max() <= 3
    assert np.abs(make(replace(WIDE, alpha=0.998)) - full).max() <= 3
    steps = [make(replace(WIDE, alpha=alpha)) for alpha in (0.4, 0.405)]
    assert np.abs(steps[0] - steps[1]).max() <= 6


def test_a_soft_edge_and_the_way_to_the_photo_have_no_jump(make: Make) -> None:
    flat = Image.new("RGB", (256, 128), (90, 140, 60))
    soft = Image.linear_gradient("L").rotate(90).resize((256, 128))
    soft = soft.point(lambda value: max(0, value - 128) * 2)
    for one in (soft, mask((0, 0, 100, 128), (256, 128)).filter(ImageFilter.GaussianBlur(6))):
        made = make(replace(WIDE, content=flat, masks=[one]))
        photo = array(flat)
        error = np.abs(made - photo).mean(axis=(0, 2))
        assert np.abs(np.diff(error)).max() < 12


def test_only_what_is_painted_in_part_goes_through_the_network_twice(
    stylizer: Stylizer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "SIDE", 64)
    seen: list[int] = []
    last = stylizer.model.steps[-1]
    hook = last.register_forward_hook(lambda *_: seen.append(1))
    style = stylizer.style(drawn(2), 0)
    kept, size = replace(WIDE, styles=[style]), WIDE.content.size
    passes = {}
    for name, request in {
        "full": kept,
        "half": replace(kept, alpha=0.5),
        "everywhere": replace(kept, masks=[Image.new("L", size, 255)]),
        "left": replace(kept, masks=[mask((0, 0, 60, 128), size)]),
    }.items():
        seen.clear()
        make(request)
        passes[name] = len(seen)
    hook.remove()
    # 4 × 2 tiles; of a mask on the left two tiles are painted in part, two near it, four not at all
    assert passes == {"full": 8, "half": 16, "everywhere": 8, "left": 8}


@pytest.mark.parametrize("kept", [tiled_forward.KEPT, 0])
@pytest.mark.parametrize("alpha", [1.0, 0.6])
def test_tiles_batches_and_wholes_are_alike(
    stylizer: Stylizer, make: Make, monkeypatch: pytest.MonkeyPatch, alpha: float, kept: int
) -> None:
    size = WIDE.content.size
    left = mask((10, 5, 70, 110), size).filter(ImageFilter.GaussianBlur(3))
    right = mask((60, 20, 120, 128), size)
    two = replace(WIDE, styles=[drawn(2), drawn(3)], masks=[left, right], weights=[1, 0.4])
    requests = [replace(one, alpha=alpha) for one in (two, replace(WIDE, masks=[left]), WIDE)]
    requests.append(replace(requests[1], color=Color.LUMINANCE))
    whole = [make(request) for request in requests]
    together = [array(image) for image in stylizer.stylize(requests)]
    monkeypatch.setattr(tiles, "SIDE", 64)
    monkeypatch.setattr(tiled_forward, "KEPT", kept)
    for request, one, other in zip(requests, whole, together, strict=True):
        assert np.abs(one - other).max() <= 1
        assert np.abs(make(request) - one).max() <= 1


def test_colours_are_kept_of_what_was_given_back(make: Make) -> None:
    left = replace(WIDE, masks=[mask((0, 0, 90, 128), WIDE.content.size)], alpha=0.7)
    # luminance is linear as long as nothing is clamped
    photo, plain = array(WIDE.content), make(left)
    kept = make(replace(left, color=Color.LUMINANCE))
    clear = ((plain > 0) & (plain < 255)).all(axis=2)
    units = [torch.from_numpy(one).permute(2, 0, 1) / 255 for one in (plain, photo)]
    wanted = (keep_colors(*units) * 255).permute(1, 2, 0).numpy()
    assert np.abs(kept - wanted)[clear].max() <= 2
    assert np.array_equal(kept[:, 90 + OUTSIDE :], photo[:, 90 + OUTSIDE :])


def test_the_blend_to_the_photo_depends_on_the_distance_from_the_mask(stylizer: Stylizer) -> None:
    painted = Image.new("L", (200, 160), 0)
    draw = ImageDraw.Draw(painted)
    draw.ellipse((50, 40, 60, 52), fill=255)
    draw.point([(150, 100)], fill=1)
    strength = pixels.unit(pixels.tensor(painted))
    near, distance = coverage._near(strength)[0, 0].numpy(), apart(painted)
    assert (near[distance <= NEAR] == 1).all()
    assert (near[distance >= OUTSIDE] == 0).all()
    between = (distance > NEAR) & (distance < OUTSIDE)
    left = (OUTSIDE - distance[between]) / (OUTSIDE - NEAR)
    np.testing.assert_allclose(near[between], 3 * left**2 - 2 * left**3, atol=1e-5)
