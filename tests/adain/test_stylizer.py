from collections.abc import Callable
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from adain import pixels, tiled_forward, tiles
from adain.catalog import Color, Transfer
from adain.model.builders import build
from adain.request import Request
from adain.stylizer import Stylizer
from adain.training import losses
from adain.weights import WeightsMissing


def drawn(seed: int, size: tuple[int, int] = (96, 72)) -> Image.Image:
    """A picture with edges and colours."""
    generator = np.random.default_rng(seed)
    image = Image.new("RGB", size, tuple(int(v) for v in generator.integers(0, 256, 3)))
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        (x0, x1), (y0, y1) = np.sort(generator.integers(0, max(size), (2, 2)), axis=1).tolist()
        color = tuple(int(v) for v in generator.integers(0, 256, 3))
        draw.ellipse((x0, y0, x1, y1), fill=color)
    return image


def array(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=np.int16)


def mask(box: tuple[int, int, int, int], size: tuple[int, int] = (96, 72)) -> Image.Image:
    image = Image.new("L", size, 0)
    image.paste(255, box)
    return image


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer.load("compact", device="cpu", exact=True)


def autoencoded(stylizer: Stylizer, photo: Image.Image) -> np.ndarray:
    """A picture whose sides the network takes, encoded and decoded with no style; not clamped."""
    with torch.inference_mode():
        features = stylizer.model.encode(pixels.unit(pixels.tensor(photo)))
        return (stylizer.model.decode(features)[0].permute(1, 2, 0) * 255).numpy()


Make = Callable[[Request], np.ndarray]


@pytest.fixture
def make(stylizer: Stylizer) -> Make:
    return lambda request: array(stylizer.stylize([request])[0])


PLAIN = Request(drawn(1), [drawn(2)], size=72)


@pytest.mark.parametrize("size", [(1, 1), (1, 97), (131, 1), (17, 23), (64, 64), (63, 65), (9, 40)])
def test_the_result_has_exactly_the_contents_size(
    stylizer: Stylizer, size: tuple[int, int]
) -> None:
    [result] = stylizer.stylize([Request(drawn(1, size), [drawn(2)], size=0)])
    assert (result.size, result.mode) == (size, "RGB")


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "I;16", "1"])
def test_pictures_of_every_mode_are_taken_as_content_and_as_style(make: Make, mode: str) -> None:
    odd = Image.new(mode, (40, 30))
    assert make(Request(odd, [odd], size=32)).shape == (32, 43, 3)


def test_the_style_changes_the_picture_and_alpha_says_how_much(make: Make) -> None:
    plain = make(replace(PLAIN, alpha=0.0))
    distances = [
        np.abs(make(replace(PLAIN, alpha=alpha)) - plain).mean() for alpha in (0.25, 0.5, 1.0)
    ]
    assert 0 < distances[0] < distances[1] < distances[2]


def test_alpha_moves_the_picture_evenly_at_every_level(make: Make) -> None:
    plain, full = make(replace(PLAIN, alpha=0.0)), make(PLAIN)
    half = np.abs(make(replace(PLAIN, alpha=0.5)) - plain).mean()
    assert 0.35 < half / np.abs(full - plain).mean() < 0.65


def test_only_the_proportions_of_weights_count(make: Make) -> None:
    two = replace(PLAIN, styles=[drawn(2), drawn(3)])
    assert np.abs(make(replace(two, weights=[1, 3])) - make(replace(two, weights=[2, 6]))).max() < 2
    assert np.abs(make(replace(two, weights=[1e308, 1e308])) - make(two)).max() < 2
    assert np.abs(make(replace(two, weights=[1, 3])) - make(replace(two, weights=[3, 1]))).max() > 9


def test_a_style_of_weight_0_does_nothing(make: Make) -> None:
    two = replace(PLAIN, styles=[drawn(2), drawn(3)], weights=[1, 0])
    assert np.abs(make(two) - make(PLAIN)).max() < 2


def test_a_flat_sky_gets_strokes_and_no_lattice(stylizer: Stylizer) -> None:
    sky = Image.linear_gradient("L").resize((192, 192)).point(lambda v: 90 + v // 16)
    photo = pixels.unit(pixels.tensor(sky.convert("RGB")))
    smooth = Stylizer.load("compact", device="cpu", exact=True)
    smooth.model._grain = None
    styles = [drawn(seed, (192, 192)) for seed in range(2, 8)]

    def hatch(painter: Stylizer) -> float:
        requests = [Request(sky, [style], size=0) for style in styles]
        painted = [pixels.unit(pixels.tensor(one)) for one in painter.stylize(requests)]
        return sum(losses.hatch(one, photo).item() for one in painted)

    assert hatch(stylizer) < 0.8 * hatch(smooth)


def test_adain_and_covariance_paint_otherwise_and_share_a_kept_style(
    stylizer: Stylizer, make: Make
) -> None:
    kept = replace(PLAIN, styles=[stylizer.style(drawn(2), 72)])
    pictures = [make(replace(kept, transfer=transfer)) for transfer in Transfer]
    assert np.abs(pictures[0] - pictures[1]).mean() > 2
    for picture, transfer in zip(pictures, Transfer, strict=True):
        assert np.array_equal(picture, make(replace(PLAIN, transfer=transfer)))


def test_vgg19_has_one_level_and_so_one_transfer() -> None:
    torch.manual_seed(0)
    random = Stylizer(build("vgg19").eval(), "vgg19", "random", torch.device("cpu"), exact=True)
    requests = [Request(drawn(1), [drawn(2)], size=32, transfer=transfer) for transfer in Transfer]
    one, other = (array(picture) for picture in random.stylize(requests))
    assert np.array_equal(one, other)


def test_photo_that_is_its_own_style_is_only_autoencoded(stylizer: Stylizer, make: Make) -> None:
    own = make(replace(PLAIN, styles=[PLAIN.content]))
    wanted = autoencoded(stylizer, PLAIN.content).clip(0, 255)
    assert np.abs(own - wanted).max() <= 1


def test_styles_may_be_of_any_size(make: Make) -> None:
    sizes = [(300, 20), (1, 1), (64, 64)]
    mixed = replace(PLAIN, styles=[drawn(seed, size) for seed, size in enumerate(sizes)])
    assert make(mixed).shape == (72, 96, 3)


def test_a_kept_style_gives_the_same_picture_as_its_file(stylizer: Stylizer, make: Make) -> None:
    kept = stylizer.style(drawn(2), 72)
    assert [level.mean.shape for level in kept.levels] == [(128,), (64,), (32,)]
    assert [level.spread.shape for level in kept.levels] == [(128,), (64, 64), (32, 32)]
    assert np.array_equal(make(replace(PLAIN, styles=[kept])), make(PLAIN))


def test_a_style_kept_by_other_weights_is_refused(stylizer: Stylizer) -> None:
    other = Stylizer(build("compact"), "compact", "other", torch.device("cpu"))
    with pytest.raises(ValueError, match="is no use to"):
        stylizer.stylize([replace(PLAIN, styles=[other.style(drawn(2))])])


@pytest.mark.parametrize("weights", [(), (1.0, 3.0), (0.2, 0.2)])
def test_masks_that_cover_everything_equal_no_mask(make: Make, weights: tuple[float, ...]) -> None:
    two = replace(PLAIN, styles=[drawn(2), drawn(3)], weights=weights)
    everywhere = [Image.new("L", PLAIN.content.size, 255)] * 2
    assert np.abs(make(replace(two, masks=everywhere)) - make(two)).max() <= 2


def test_each_mask_puts_its_style_where_it_is_white(make: Make) -> None:
    left, right = mask((0, 0, 48, 72)), mask((48, 0, 96, 72))
    two = replace(PLAIN, styles=[drawn(2), drawn(3)], masks=[left, right])
    swapped = replace(two, styles=[drawn(3), drawn(2)], masks=[right, left])
    assert np.abs(make(two) - make(swapped)).max() <= 2
    other = make(replace(two, styles=[drawn(2), drawn(4)]))
    changed = np.abs(make(two) - other).mean(axis=(0, 2))
    # far from the seam a region hears of the other only through its own statistics near the seam
    assert changed[:16].mean() < 0.1 * changed[72:].mean()


def test_a_speck_of_a_mask_gives_a_picture(make: Make) -> None:
    assert make(replace(PLAIN, masks=[mask((5, 5, 6, 6))])).shape == (72, 96, 3)


def test_matched_colours_stay_near_the_contents(make: Make) -> None:
    content = Image.new("RGB", (96, 72), (60, 120, 60))
    content.paste((90, 150, 80), (20, 20, 70, 50))
    request = Request(content, [drawn(2)], size=72)
    wanted = array(content).mean(axis=(0, 1))
    matched = make(replace(request, color=Color.CONTENT)).mean(axis=(0, 1))
    plain = make(request).mean(axis=(0, 1))
    assert np.abs(matched - wanted).max() < np.abs(plain - wanted).max()


@pytest.mark.parametrize("change", [{}, {"alpha": 0.6}, {"color": Color.CONTENT}, {"masked": 1}])
def test_a_grey_photo_in_a_grey_style_is_grey(make: Make, change: dict[str, Any]) -> None:
    grey = [drawn(seed, (256, 192)).convert("L") for seed in (1, 2)]
    masks = [mask((0, 0, 128, 192), (256, 192))] if change.pop("masked", 0) else []
    result = make(Request(grey[0], [grey[1]], masks=masks, size=0, **change))
    spread = result.max(axis=2) - result.min(axis=2)
    assert np.quantile(spread, 0.99) < 4
    assert np.abs(result - array(grey[0].convert("RGB"))).mean() > 2


def test_a_tint_comes_and_goes_without_a_jump(make: Make) -> None:
    photo, style = (drawn(seed).convert("L").convert("RGB") for seed in (1, 2))
    made = []
    for tint in (0, 4, 8, 12, 16, 20, 24):
        warm = Image.merge(
            "RGB",
            [*style.split()[:2], style.getchannel(2).point([max(0, v - tint) for v in range(256)])],
        )
        made.append(make(replace(PLAIN, content=photo, styles=[warm])))
    steps = [np.abs(after - before).mean() for before, after in pairwise(made)]
    assert max(steps) < 4
    assert made[-1][..., 0].mean() - made[-1][..., 2].mean() > 8


def test_luminance_keeps_the_contents_chroma(make: Make) -> None:
    grey = replace(PLAIN, content=PLAIN.content.convert("L"), color=Color.LUMINANCE)
    result = make(grey)
    assert np.abs(result[..., 0] - result[..., 2]).max() <= 1


def test_a_batch_equals_single_runs(stylizer: Stylizer, make: Make) -> None:
    left, right = mask((0, 0, 48, 72)), mask((48, 0, 96, 72))
    requests = [
        PLAIN,
        replace(PLAIN, alpha=0.4, color=Color.LUMINANCE),
        replace(PLAIN, styles=[drawn(3), drawn(4)], masks=[left, right], weights=[1, 0.5]),
        replace(PLAIN, content=drawn(5, (50, 90)), color=Color.CONTENT),
        replace(PLAIN, styles=[drawn(3), drawn(2), drawn(6)]),
        replace(PLAIN, styles=[drawn(3), drawn(2)], transfer=Transfer.ADAIN),
    ]
    for together, request in zip(stylizer.stylize(requests), requests, strict=True):
        assert np.abs(array(together) - make(request)).max() <= 1


def test_the_watcher_gets_every_stage_and_can_stop_the_work(stylizer: Stylizer) -> None:
    received: list[tuple[str, float]] = []
    stylizer.stylize([PLAIN], lambda stage, fraction: received.append((stage, fraction)))
    stages = [stage for stage, _ in groupby(received, key=lambda said: said[0])]
    assert stages == ["styles", "content", "picture", "done"]
    assert [fraction for _, fraction in received] == sorted(fraction for _, fraction in received)

    def stop(stage: str, fraction: float) -> None:
        if stage == "picture":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        stylizer.stylize([PLAIN], stop)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"styles": []}, "At least one style"),
        ({"weights": [1, 2]}, "as many weights"),
        ({"weights": [-1]}, "from 0 up"),
        ({"weights": [float("nan")]}, "finite"),
        ({"weights": [float("inf")]}, "finite"),
        ({"weights": [0]}, "greater than 0"),
        ({"masks": [Image.new("L", (96, 72))] * 2}, "as many masks"),
        ({"alpha": 1.1}, "from 0 to 1"),
        ({"alpha": float("nan")}, "from 0 to 1"),
        ({"size": -1}, "from 1 up"),
    ],
)
def test_a_bad_request_is_refused_in_a_sentence(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(PLAIN, **change)


def test_a_mask_of_another_shape_is_refused(stylizer: Stylizer) -> None:
    narrow = replace(PLAIN, masks=[Image.new("L", (80, 72))])
    with pytest.raises(ValueError, match="96 × 72 pixels or a part of it; this one has 80 × 72"):
        stylizer.stylize([narrow])


def test_half_precision_differs_by_less_than_3_of_255(make: Make) -> None:
    [quick] = Stylizer.load("compact", device="cpu").stylize([PLAIN])
    error = (array(quick) - make(PLAIN)).astype(float)
    assert np.sqrt((error**2).mean()) < 3  # of 255; 38 dB


def test_an_untrained_network_never_serves(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing):
        Stylizer.load("vgg19", tmp_path)


def test_an_unknown_device_is_refused() -> None:
    others = "auto, cpu or cuda" if torch.cuda.is_available() else "auto or cpu"
    for name in ("tpu9", "cuda:99"):
        with pytest.raises(ValueError, match=f"no device '{name}' here; use {others}.$"):
            Stylizer.load(device=name)


@pytest.mark.parametrize("kept", [tiled_forward.KEPT, 0])
@pytest.mark.parametrize("size", [(131, 200), (64, 65), (40, 300)])
def test_a_tiled_picture_equals_the_untiled_one(
    make: Make, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], kept: int
) -> None:
    left = mask((0, 0, size[0] // 2, size[1]), size)
    request = Request(drawn(1, size), [drawn(2, (150, 90))], size=0)
    requests = [
        request,
        replace(request, masks=[left], color=Color.LUMINANCE, alpha=0.8),
        replace(request, transfer=Transfer.ADAIN),
    ]
    whole = [make(request) for request in requests]
    monkeypatch.setattr(tiles, "SIDE", 64)
    monkeypatch.setattr(tiled_forward, "KEPT", kept)
    for request, untiled in zip(requests, whole, strict=True):
        assert np.abs(make(request) - untiled).max() <= 1
