"""Combined loss networks, and the synthetic patterns of training."""

from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from adain.training import lossnet
from adain.training.eye import SPREADS, Eye, eyes
from adain.training.losses import halved
from adain.training.lossnet import LossNetwork, LossNetworkMissing
from adain.training.patterns import sparse
from tests.adain.training.test_losses import images


def network(*widths: int) -> LossNetwork:
    torch.manual_seed(len(widths))
    return lossnet.ready(LossNetwork(widths))


def test_front_gives_the_first_layers_and_the_network_the_deeper_ones() -> None:
    front, small = network(5, 6, 7), network(2, 3, 4, 5, 6)
    [eye] = eyes([front, small], layers=5)
    x = images()
    wanted = [*front(x), *small(x)[3:]]
    for mine, its in zip(eye(x), wanted, strict=True):
        assert torch.equal(mine, its)


def test_networks_of_every_layer_are_used_by_turns() -> None:
    both = [network(2, 3, 4, 5), network(3, 4, 5, 6)]
    assert [eye.network for eye in eyes(both, layers=4)] == both


def test_half_size_is_seen_by_the_network_and_a_quarter_by_the_far_one() -> None:
    front, near, far = network(5, 6, 7), network(2, 3, 4, 5, 6), network(3, 4, 5, 6)
    [eye] = eyes([front, near, far], layers=5)
    x = images()
    seen = eye.look(x, ["style", "style_half", "style_quarter", SPREADS])
    assert torch.equal(seen.relu4_1, near(x)[3])
    half, quarter = near(halved(x))[:4], far(halved(halved(x)))[:3]
    for name, features, of in (("style_half", half, near), ("style_quarter", quarter, far)):
        for mine, its in zip(seen.vectors[name], of.style(features), strict=True):
            assert torch.equal(mine, its)
    assert [spread.shape[1:] for spread in seen.vectors[SPREADS]] == [(6, 6), (7, 7)]


def test_features_that_are_not_asked_for_are_not_computed() -> None:
    eye = Eye(network(2, 3, 4, 5))
    assert eye.look(images(), ["content"]).vectors == {}


@pytest.mark.parametrize(
    ("widths", "layers", "says"),
    [
        ([(2, 3, 4)], 4, "wants one beside it"),
        ([(2, 3, 4), (3, 4, 5), (2, 3, 4, 5)], 4, "no second"),
        ([(2, 3, 4), (2, 3, 4, 5)], 5, "5 layers, to relu5_1; one of those named has 4"),
    ],
)
def test_networks_that_do_not_reach_are_refused(
    widths: list[tuple[int, ...]], layers: int, says: str
) -> None:
    with pytest.raises(LossNetworkMissing, match=says):
        eyes([network(*some) for some in widths], layers)


def test_first_published_layout_takes_blue_green_red_less_their_means(tmp_path: Path) -> None:
    plain = network(5, 6, 7)
    with torch.no_grad():
        plain.colours.weight.copy_(torch.eye(3).view(3, 3, 1, 1))
        plain.colours.bias.zero_()  # type: ignore[union-attr]
    names = lossnet.NAMES["VGG-19 as first published"][1:6]
    state = {
        f"{name}.{part}": (value.half() if part == "weight" else value).contiguous()
        for name, conv in zip(names, plain.convs.values(), strict=True)
        for part, value in conv.state_dict().items()
    }
    save_file(state | {"conv3_2.weight": torch.zeros(1)}, tmp_path / "vgg.safetensors")
    loaded = lossnet.load(tmp_path / "vgg.safetensors")
    assert loaded.raw
    x = images()
    as_published = x.flip(1) * 255 - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    for mine, its in zip(loaded(x), plain(as_published), strict=True):
        assert (mine - its).norm() < 0.01 * its.norm()


@pytest.mark.parametrize("seed", range(4))
def test_sparse_pattern_is_mostly_ground_and_the_same_for_the_same_generator(seed: int) -> None:
    one, other = (np.asarray(sparse(Random(seed), 64)) for _ in range(2))
    assert (one == other).all()
    _, counts = np.unique(one.reshape(-1, 3), axis=0, return_counts=True)
    assert one.shape == (64, 64, 3)
    assert len(counts) > 1
    assert counts.max() > 64 * 64 / 5
