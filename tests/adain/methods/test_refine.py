"""Refine: what it changes of the network's picture, where, and what it leaves."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from adain import methods, pixels
from adain.catalog import Color, Effort, Transparency
from adain.methods import Limits, objective, refine, sizes
from adain.request import Request
from adain.stylizer import Stylizer
from tests.adain.test_stylizer import array, drawn, mask

SIZE = (96, 72)
PLAIN = Request(drawn(1), [drawn(2)], size=72)
REFINED = replace(PLAIN, method="refine")


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer.load("compact", device="cpu", exact=True)


def made(stylizer: Stylizer, request: Request) -> Image.Image:
    return methods.make(stylizer, [request])[0]


def loss(image: Image.Image, request: Request) -> float:
    """What refining lowers, of a picture."""
    cpu = torch.device("cpu")
    measured = objective.Losses(objective.refining_network("cpu"), request.upright(), cpu)
    with torch.no_grad():
        return float(measured(pixels.unit(pixels.tensor(image.convert("RGB")))))


def test_more_steps_bring_the_picture_nearer_to_the_style(stylizer: Stylizer) -> None:
    little = replace(REFINED, effort=Effort.LITTLE)
    lost = [loss(made(stylizer, one), REFINED) for one in (PLAIN, little, REFINED)]
    assert lost[0] > 1.2 * lost[1]
    assert lost[1] > 0.97 * lost[2]  # the best of them all, but for rounding


def test_outside_of_a_mask_the_networks_picture_stays_to_the_bit(stylizer: Stylizer) -> None:
    left = replace(PLAIN, masks=[mask((0, 0, 40, 72))])
    plain, refined = (array(made(stylizer, one)) for one in (left, replace(left, method="refine")))
    assert np.array_equal(plain[:, 40:], refined[:, 40:])
    assert np.abs(plain - refined)[:, :40].mean() > 2


def test_a_large_picture_is_refined_at_a_bounded_size_and_what_that_changes_is_enlarged(
    stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    class Noting(objective.Losses):
        def __call__(self, image: torch.Tensor) -> torch.Tensor:
            seen.append(image.shape[2] * image.shape[3])
            return super().__call__(image)

    monkeypatch.setattr(sizes, "Losses", Noting)
    monkeypatch.setattr(refine, "FINEST", 1200)
    left = replace(PLAIN, masks=[mask((0, 0, 40, 72))])
    plain, refined = (array(made(stylizer, one)) for one in (left, replace(left, method="refine")))
    assert max(seen) <= 1.1 * 1200
    assert refined.shape == plain.shape
    assert np.array_equal(plain[:, 40:], refined[:, 40:])
    assert np.abs(plain - refined)[:, :40].mean() > 2
    whole = replace(REFINED, masks=left.masks)
    assert loss(made(stylizer, whole), whole) < loss(made(stylizer, left), whole)


def test_each_style_refines_its_own_region(stylizer: Stylizer) -> None:
    masks = [mask((0, 0, 48, 72)), mask((48, 0, 96, 72))]
    two = replace(REFINED, styles=[drawn(2), drawn(3)], masks=masks)
    plain = replace(two, method="adain")
    swapped = replace(two, styles=two.styles[::-1])
    assert loss(made(stylizer, two), two) < loss(made(stylizer, plain), two)
    assert loss(made(stylizer, two), two) < loss(made(stylizer, two), swapped)


def test_of_several_styles_the_shares_count(stylizer: Stylizer) -> None:
    two = replace(REFINED, styles=[drawn(2), drawn(3)])
    alone = array(made(stylizer, REFINED))
    first, second = (
        np.abs(array(made(stylizer, replace(two, weights=weights))) - alone).mean()
        for weights in ([1, 0], [0, 1])
    )
    assert first < 0.2 * second  # rounding grows from step to step


def test_at_strength_0_it_is_the_photo_and_near_0_it_is_near(stylizer: Stylizer) -> None:
    photo = array(PLAIN.content)
    assert np.array_equal(array(made(stylizer, replace(REFINED, alpha=0.0))), photo)
    apart = [
        np.abs(array(made(stylizer, replace(REFINED, alpha=alpha))) - photo).mean()
        for alpha in (0.05, 0.5, 1.0)
    ]
    assert apart[0] < 0.4 * apart[1] < 0.4 * apart[2]


def test_the_photos_colours_stay_where_only_luminance_is_painted(stylizer: Stylizer) -> None:
    grey = REFINED.content.convert("L").convert("RGB")
    kept = array(made(stylizer, replace(REFINED, content=grey, color=Color.LUMINANCE)))
    assert np.abs(kept - kept[..., :1]).max() <= 1


def test_styles_are_matched_to_the_photos_colours_before(stylizer: Stylizer) -> None:
    blue = Image.new("RGB", SIZE, (40, 60, 200))
    blue.paste((70, 90, 230), (10, 10, 60, 50))
    request = replace(REFINED, content=blue, styles=[drawn(5)])
    wanted = array(blue).mean((0, 1))
    own, matched = (
        np.abs(array(made(stylizer, replace(request, color=color))).mean((0, 1)) - wanted).sum()
        for color in (Color.STYLE, Color.CONTENT)
    )
    assert matched < 0.5 * own


def test_grey_photo_and_style_give_a_grey_picture(stylizer: Stylizer) -> None:
    grey = [drawn(seed).convert("L").convert("RGB") for seed in (1, 2)]
    refined = array(made(stylizer, replace(REFINED, content=grey[0], styles=[grey[1]])))
    assert (refined.max(2) - refined.min(2)).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 97), (9, 40), (63, 65)])
def test_pictures_of_any_shape_are_refined(stylizer: Stylizer, size: tuple[int, int]) -> None:
    masks = [Image.new("L", size, 255)]
    request = Request(drawn(1, size), [drawn(2, size)], size=0, masks=masks, method="refine")
    little = replace(request, effort=Effort.LITTLE)
    assert made(stylizer, little).size == size


def test_transparent_parts_stay_transparent(stylizer: Stylizer) -> None:
    photo = drawn(1).convert("RGBA")
    photo.paste((0, 0, 0, 0), (0, 0, 30, 72))
    kept = made(stylizer, replace(REFINED, content=photo, transparency=Transparency.KEEP))
    assert kept.getchannel("A").tobytes() == photo.getchannel("A").tobytes()


def test_each_step_is_reported_and_what_raises_there_stops_it(stylizer: Stylizer) -> None:
    reported: list[tuple[str, float]] = []
    methods.make(stylizer, [REFINED], lambda *said: reported.append(said))
    steps = list(dict.fromkeys(stage for stage, _ in reported if stage.startswith("refine")))
    assert steps == [f"refine {step}/30" for step in range(1, 31)]
    assert [part for _, part in reported] == sorted(part for _, part in reported)
    assert reported[-1] == ("done", 1.0)

    def stop(stage: str, fraction: float) -> None:
        reported.append((stage, fraction))
        if stage == "refine 3/30":
            raise KeyboardInterrupt

    reported.clear()
    with pytest.raises(KeyboardInterrupt):
        methods.make(stylizer, [REFINED], stop)
    assert reported[-1][0] == "refine 3/30"


def test_methods_mix_in_one_call_and_the_networks_own_is_as_it_was(stylizer: Stylizer) -> None:
    plain, refined = methods.make(stylizer, [PLAIN, REFINED])
    assert np.array_equal(array(plain), array(stylizer.stylize([PLAIN])[0]))
    assert np.array_equal(array(refined), array(made(stylizer, REFINED)))


def test_what_is_too_large_is_refused_before_anything_is_made(stylizer: Stylizer) -> None:
    reported: list[str] = []
    sentence = (
        "The picture would have 96 × 72 pixels; the method refine makes up to 0.005 megapixels. "
        "Choose a smaller size."
    )
    with pytest.raises(ValueError, match=r"up to 0\.005 megapixels") as refused:
        methods.make(
            stylizer, [PLAIN, REFINED], lambda stage, _: reported.append(stage), Limits(5000)
        )
    assert (str(refused.value), reported) == (sentence, [])
    assert methods.make(
        stylizer, [PLAIN], limits=Limits(5000)
    )  # the network's own has no such limit


def test_no_more_steps_are_made_than_the_limit(stylizer: Stylizer) -> None:
    reported: list[str] = []
    methods.make(stylizer, [REFINED], lambda stage, _: reported.append(stage), Limits(steps=3))
    steps = dict.fromkeys(stage for stage in reported if stage.startswith("refine"))
    assert list(steps) == ["refine 1/3", "refine 2/3", "refine 3/3"]


def test_another_loss_is_followed_where_one_is_chosen(stylizer: Stylizer) -> None:
    little = replace(REFINED, effort=Effort.LITTLE)
    sliced = replace(little, loss="sliced")
    assert np.abs(array(made(stylizer, little)) - array(made(stylizer, sliced))).mean() > 0.5
    assert loss(made(stylizer, sliced), sliced) < loss(made(stylizer, PLAIN), sliced)
