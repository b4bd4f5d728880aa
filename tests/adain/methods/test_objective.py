"""What an optimised picture is measured by: region, loss, and how dark the style is."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from adain import catalog, pixels
from adain.losses import statistics
from adain.losses.names import STYLE_LOSSES
from adain.methods import objective
from adain.methods.objective import Losses, Part
from adain.request import Request
from tests.adain.test_stylizer import drawn, mask

CPU = torch.device("cpu")
REQUEST = Request(drawn(1), [drawn(2)], size=72, method="refine")


def unit(image: Image.Image) -> Tensor:
    return pixels.unit(pixels.tensor(image))


def loss(image: Image.Image, request: Request) -> float:
    with torch.no_grad():
        return float(Losses(objective.loss_network("cpu"), request.upright(), CPU)(unit(image)))


def test_the_losses_to_choose_are_those_marked_fit() -> None:
    assert {name for name, known in STYLE_LOSSES.items() if known.fit} == {*catalog.LOSSES}
    assert catalog.DEFAULT_LOSS in catalog.LOSSES


@pytest.mark.parametrize("name", catalog.LOSSES)
def test_by_every_loss_the_style_itself_is_nearer_than_another_picture(name: str) -> None:
    request = replace(REQUEST, loss=name)
    assert loss(drawn(2), request) < loss(drawn(3), request)


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the bytes of the largest tensor that is made."""

    bytes = 0

    def __torch_dispatch__(
        self,
        function: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        found = function(*args, **kwargs or {})
        made = found if isinstance(found, tuple) else (found,)
        self.bytes = max(self.bytes, *(x.nbytes for x in made if isinstance(x, Tensor)), 0)
        return found


@pytest.mark.parametrize("name", catalog.LOSSES)
def test_no_loss_makes_of_features_what_is_much_larger(name: str) -> None:
    features = torch.rand(1, 64, 320, 320)
    with Largest() as largest:  # type: ignore[no-untyped-call]
        STYLE_LOSSES[name].target(features)
    assert largest.bytes <= max(2 * features.nbytes, 64 << 20)


@pytest.mark.parametrize("name", catalog.LOSSES)
def test_no_loss_has_more_remembered_for_the_way_back_than_another(name: str) -> None:
    image = unit(drawn(1)).requires_grad_()

    def remembered(loss: str) -> int:
        network = objective.loss_network("cpu")
        measured = Losses(network, replace(REQUEST, loss=loss).upright(), CPU)
        kept = dict[int, int]()

        def note(x: Tensor) -> Tensor:
            kept[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
            return x

        with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x):
            measured(image)
        return sum(kept.values())

    assert remembered(name) < 1.1 * remembered(catalog.DEFAULT_LOSS)


@pytest.mark.parametrize("name", catalog.LOSSES)
def test_by_every_loss_a_region_is_measured_alone(name: str) -> None:
    """What lies outside of a mask changes the content's loss, and not the style's."""
    request = replace(REQUEST, loss=name, masks=[mask((0, 0, 40, 72))])
    measured = Losses(objective.loss_network("cpu"), request.upright(), CPU)
    inside = Part(torch.ones(1, 1, 72, 96), torch.ones(1, 5, 72, 96))
    left = torch.zeros(1, 1, 72, 96)
    left[..., :40] = 1
    part = Part(left, torch.ones(1, 5, 72, 96))
    features = torch.rand(1, 5, 72, 96)
    changed = features.clone()
    changed[..., 40:] = 0
    target = STYLE_LOSSES[name].target
    assert torch.equal(target(part.of(name, features)), target(part.of(name, changed)))
    assert not torch.equal(target(inside.of(name, features)), target(inside.of(name, changed)))
    assert measured.painted.mean() == pytest.approx(40 / 96, abs=0.02)


@pytest.mark.parametrize("name", catalog.LOSSES)
def test_a_lower_strength_asks_for_less(name: str) -> None:
    """The photo itself is the nearer to what is wanted, the lower the strength."""
    request = replace(REQUEST, loss=name)
    lost = [loss(drawn(1), replace(request, alpha=alpha)) for alpha in (0.1, 0.5, 1.0)]
    assert lost == sorted(lost)


def test_of_a_region_where_nothing_is_painted_nothing_is_asked() -> None:
    nowhere = replace(REQUEST, masks=[Image.new("L", (96, 72), 0)], loss="histogram")
    assert loss(drawn(1), nowhere) < 0.01


def test_a_weighted_gram_matrix_is_that_of_the_part_it_counts() -> None:
    features, where = torch.rand(1, 5, 8, 6), torch.zeros(1, 1, 8, 6)
    where[..., :3] = 1

    def gram(weight: Tensor) -> Tensor:
        return statistics.gram(Part(weight, features).gram(features))

    part = statistics.gram(features[..., :3].contiguous())
    everything = torch.ones(1, 1, 8, 6)
    assert torch.allclose(gram(where), part, atol=1e-6)
    assert torch.allclose(gram(0.3 * everything), gram(everything))
    assert torch.allclose(gram(everything), statistics.gram(features))
    assert gram(0 * everything).abs().max() == 0


def test_beside_a_dark_style_the_photo_counts_more() -> None:
    opaque = torch.ones(1, 1, 8, 8)
    found = [
        objective.content_weight(torch.full((1, 3, 8, 8), shade), opaque)
        for shade in (0.0, 0.1, 0.2, 0.5, 1.0)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > 2 * found[-1]
    assert found[-2] == found[-1]
    opaque[..., :4] = 0
    half = torch.ones(1, 3, 8, 8)
    half[..., 4:] = 0  # white where it is transparent
    assert objective.content_weight(half, opaque) == found[0]


def test_a_measurement_pauses_between_its_layers_on_the_way_back_too() -> None:
    """So that quick pictures go first within a step that takes long; what raises stops it."""
    measured = Losses(objective.loss_network("cpu"), REQUEST.upright(), CPU)
    paused: list[int] = []
    measured.pause = lambda: paused.append(torch.is_grad_enabled())
    image = unit(drawn(1)).requires_grad_()
    total = measured(image)
    before = len(paused)
    torch.autograd.backward(total)
    assert before >= 1
    assert len(paused) - before >= 8  # layers, at several sizes
    assert image.grad is not None

    def stop() -> None:
        raise KeyboardInterrupt

    total = measured(image)
    measured.pause = stop
    with pytest.raises(KeyboardInterrupt):
        torch.autograd.backward(total)
