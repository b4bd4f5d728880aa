"""Optimisation from the photo or noise: what it lowers, where, from what, and in which network."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from adain import methods, pixels
from adain.catalog import Color, Effort, Start, Transfer, Transparency
from adain.methods import Limits, gatys, objective, sizes
from adain.methods.sizes import Stage
from adain.model.builders import build
from adain.request import Request
from adain.stylizer import Stylizer
from adain.training.lossnet import LossNetwork
from tests.adain.test_stylizer import array, drawn, mask

CPU = torch.device("cpu")
REQUEST = Request(drawn(1), [drawn(2)], size=72, method="gatys", effort=Effort.LITTLE)
SHORT = Limits(steps=12)


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer.load("compact", device="cpu", exact=True)


def made(stylizer: Stylizer, request: Request, limits: Limits = SHORT) -> Image.Image:
    return methods.make(stylizer, [request], limits=limits)[0]


def loss(image: Image.Image, request: Request) -> float:
    measured = objective.Losses(objective.loss_network("cpu"), request.upright(), CPU)
    with torch.no_grad():
        return float(measured(pixels.unit(pixels.tensor(image.convert("RGB")))))


def test_sizes_go_from_coarse_to_the_whole_and_all_steps_are_made() -> None:
    assert sizes.stages(512, 150) == [Stage(128, 60), Stage(256, 45), Stage(512, 45)]
    assert sizes.stages(130, 10) == [Stage(65, 6), Stage(130, 4)]
    assert sizes.stages(64, 7) == [Stage(64, 7)]
    for side in (1, 64, 127, 128, 255, 256, 1024):
        for steps in (1, 2, 3, 50):
            found = sizes.stages(side, steps)
            assert sum(stage.steps for stage in found) == steps
            assert min(stage.steps for stage in found) >= 1
            assert [stage.side for stage in found] == sorted(stage.side for stage in found)
            assert found[-1].side == side


def test_more_steps_bring_the_photo_nearer_to_the_style(stylizer: Stylizer) -> None:
    few, many = (made(stylizer, REQUEST, Limits(steps=steps)) for steps in (4, 30))
    lost = [loss(one, REQUEST) for one in (REQUEST.content, few, many)]
    assert lost[0] > lost[1] > lost[2]
    assert lost[0] > 2 * lost[2]


def test_from_noise_it_is_another_picture_that_comes_nearer_too(stylizer: Stylizer) -> None:
    noise = replace(REQUEST, start=Start.NOISE)
    from_photo, from_noise = (made(stylizer, one) for one in (REQUEST, noise))
    assert np.abs(array(from_photo) - array(from_noise)).mean() > 4
    few = made(stylizer, noise, Limits(steps=1))
    assert loss(from_noise, REQUEST) < loss(few, REQUEST)
    assert np.array_equal(array(from_noise), array(made(stylizer, noise)))  # the same each time


@pytest.mark.parametrize("start", Start)
def test_outside_of_a_mask_the_photo_stays_to_the_bit(stylizer: Stylizer, start: Start) -> None:
    left = replace(REQUEST, masks=[mask((0, 0, 40, 72))], start=start)
    photo, painted = array(REQUEST.content), array(made(stylizer, left))
    assert np.array_equal(photo[:, 40:], painted[:, 40:])
    assert np.abs(photo - painted)[:, :40].mean() > 2


def test_at_strength_0_it_is_the_photo(stylizer: Stylizer) -> None:
    assert np.array_equal(
        array(made(stylizer, replace(REQUEST, alpha=0.0))), array(REQUEST.content)
    )


def test_every_control_it_takes_changes_the_picture(stylizer: Stylizer) -> None:
    usual = array(made(stylizer, REQUEST))
    photo = drawn(1).convert("RGBA")
    photo.paste((0, 0, 0, 0), (0, 0, 30, 72))
    for other in (
        replace(REQUEST, alpha=0.3),
        replace(REQUEST, styles=[drawn(2), drawn(3)], weights=[1, 2]),
        replace(REQUEST, color=Color.CONTENT),
        replace(REQUEST, color=Color.LUMINANCE),
        replace(REQUEST, strokes=0.5),
        replace(REQUEST, loss="mean_deviation"),
        replace(REQUEST, content=photo, transparency=Transparency.KEEP),
    ):
        found = array(made(stylizer, other).convert("RGB"))
        assert np.abs(found - usual).mean() > 0.3


def test_grey_photo_and_style_give_a_grey_picture(stylizer: Stylizer) -> None:
    grey = [drawn(seed).convert("L").convert("RGB") for seed in (1, 2)]
    painted = array(made(stylizer, replace(REQUEST, content=grey[0], styles=[grey[1]])))
    assert (painted.max(2) - painted.min(2)).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 97), (130, 131)])
def test_pictures_of_any_shape_are_optimised(stylizer: Stylizer, size: tuple[int, int]) -> None:
    request = Request(drawn(1, size), [drawn(2, size)], size=0, method="gatys")
    assert made(stylizer, request, Limits(steps=3)).size == size


def test_each_step_is_reported_and_what_raises_there_stops_it(stylizer: Stylizer) -> None:
    reported: list[tuple[str, float]] = []
    large = Request(drawn(1, (140, 130)), [drawn(2)], size=0, method="gatys")
    methods.make(stylizer, [large], lambda *said: reported.append(said), Limits(steps=6))
    steps = [f"gatys {n}/6" for n in range(1, 7)]
    found = list(dict.fromkeys(stage for stage, _ in reported if not stage.startswith("styles")))
    assert found == [*steps, "done"]
    assert [part for _, part in reported] == sorted(part for _, part in reported)

    def stop(stage: str, fraction: float) -> None:
        reported.append((stage, fraction))
        if stage == "gatys 3/6":
            raise KeyboardInterrupt

    reported.clear()
    with pytest.raises(KeyboardInterrupt):
        methods.make(stylizer, [large], stop, Limits(steps=6))
    assert reported[-1][0] == "gatys 3/6"


def test_what_it_cannot_do_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"^The method gatys has no transfer to choose\.$"):
        replace(REQUEST, transfer=Transfer.ADAIN)


def test_with_the_users_vgg19_it_measures_in_that() -> None:
    model = build("vgg19").eval()
    own = Stylizer(model, "vgg19", "random", CPU)
    found = gatys.network_of(own)
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(found(image)[-1], model.encode(image), atol=1e-4)
    assert isinstance(found, LossNetwork)
    assert [conv.out_channels for conv in found.convs.values()][-1] == 512
    assert made(own, replace(REQUEST, size=32), Limits(steps=1)).size == (43, 32)
