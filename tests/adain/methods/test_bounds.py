"""What every method keeps to, whatever it is given: pixels measured untiled, steps watched."""

from dataclasses import replace
from typing import Any

import pytest
from PIL import Image
from torch import Tensor

from adain import catalog, methods
from adain.catalog import MOST_PIXELS
from adain.files import pictures
from adain.methods import Limits
from adain.mixing import Watch
from adain.request import Request
from adain.stylizer import Stylizer
from adain.tiled_forward import TiledForward
from adain.training.lossnet import LossNetwork
from tests.adain.test_stylizer import drawn

SHAPES = [(1, 30_000), (400, 16_000), (16_000, 400), (2000, 2000)]
MADE = [name for name, known in catalog.METHODS.items() if known.maker]  # by no network alone

given: list[tuple[int, int]] = []


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer.load("compact", device="cpu", exact=True)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pixels that loss networks were given, of each picture."""
    found: list[int] = []
    forward = LossNetwork.forward

    def noted(self: LossNetwork, image: Tensor, *more: Any) -> list[Tensor]:  # noqa: ANN401
        found.append(image.shape[2] * image.shape[3])
        return forward(self, image, *more)

    monkeypatch.setattr(LossNetwork, "forward", noted)
    return found


def note(stylizer: Stylizer, request: Request, watch: Watch, *more: object) -> Image.Image:
    """A method that only looks at what it is given."""
    for style in methods.each_style(request, watch):
        given.append(style.size)
    return request.content


def flat(size: tuple[int, int]) -> Image.Image:
    return Image.new("RGB", size, "teal")


@pytest.mark.parametrize("size", SHAPES)
def test_a_style_of_any_shape_comes_to_a_method_with_a_bounded_area(
    stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    entry = replace(catalog.METHODS["refine"], maker=f"{__name__}:note")
    monkeypatch.setitem(catalog.METHODS, "third", entry)
    given.clear()
    request = Request(drawn(1), [flat(size), drawn(2)], size=64, method="third", strokes=4.0)
    methods.make(stylizer, [request])
    [large, small] = given
    width, height = pictures.work(*large)
    assert 0.9 * min(MOST_PIXELS, 64 * 30_000) <= width * height <= MOST_PIXELS
    assert small == drawn(2).size


@pytest.mark.parametrize("strokes", [0.0, 4.0])
@pytest.mark.parametrize("method", MADE)
def test_loss_networks_are_given_a_bounded_area(
    stylizer: Stylizer, measured: list[int], method: str, strokes: float
) -> None:
    request = Request(drawn(1), [flat((400, 16_000))], size=64, method=method, strokes=strokes)
    methods.make(stylizer, [request], limits=Limits(steps=1))
    assert max(measured, default=0) <= MOST_PIXELS


@pytest.mark.parametrize("size", [(1, 30_000), (64, 4000)])
@pytest.mark.parametrize("method", MADE)
def test_the_network_is_given_a_bounded_area_at_any_size_of_the_picture(
    stylizer: Stylizer,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    size: tuple[int, int],
) -> None:
    most, found, forward = 1 << 17, list[int](), Stylizer.forward

    def noted(self: Stylizer, images: Tensor) -> TiledForward:
        found.append(images.shape[2] * images.shape[3])
        return forward(self, images)

    monkeypatch.setattr(Stylizer, "forward", noted)
    request = Request(drawn(1), [flat(size)], size=128, method=method, strokes=0.0)
    methods.make(stylizer, [request], limits=Limits(most, steps=1))
    assert max(found, default=0) <= most


@pytest.mark.parametrize("method", MADE)
def test_a_method_that_makes_a_strip_is_refused_what_would_be_padded_beyond_the_bound(
    stylizer: Stylizer, method: str
) -> None:
    request = Request(flat((30_000, 1)), [drawn(2)], size=0, method=method)
    with pytest.raises(ValueError, match="makes up to"):
        methods.make(stylizer, [request])


@pytest.mark.parametrize("method", MADE)
def test_a_methods_watch_is_asked_between_styles(
    stylizer: Stylizer, measured: list[int], method: str
) -> None:
    before: list[int] = []

    def watch(stage: str, fraction: float) -> None:
        if stage.startswith("styles "):
            before.append(len(measured))
        if stage == "styles 3/3":
            raise InterruptedError

    request = Request(drawn(1), [drawn(2), drawn(3), drawn(4)], size=64, method=method)
    with pytest.raises(InterruptedError):
        methods.make(stylizer, [request], watch)
    assert len(before) == 3
    assert before == sorted(before)
