"""The forward pass of pictures of any size equals the network's own loop over its levels."""

import pytest
import torch
from torch import Tensor

from adain import pixels, tiles
from adain.catalog import NETWORKS, Transfer
from adain.mixing import mix, restyle
from adain.model.builders import build
from adain.model.network import Network
from adain.request import Request, Style
from adain.stylizer import Stylizer
from adain.tiled_forward import TiledForward
from tests.adain.test_stylizer import drawn

SIDES = (144, 96)  # of a picture that both networks take as it is


@pytest.fixture(scope="module", params=NETWORKS)
def stylizer(request: pytest.FixtureRequest) -> Stylizer:
    if request.param == "compact":
        return Stylizer.load("compact", device="cpu", exact=True)
    torch.manual_seed(0)
    network = build(request.param).eval().requires_grad_(False)
    return Stylizer(network, request.param, "untrained", torch.device("cpu"), exact=True)


def whole(network: Network, image: Tensor, request: Request) -> Tensor:
    """Paint a picture by `Network.paint`."""
    styles = [style for style in request.styles if isinstance(style, Style)]
    mixed = [mix(network, [request], [styles], level) for level in network.levels]
    photo = network.folded(pixels.unit(image))
    back = photo if request.alpha < 1 else None
    wanted, coverage = [one.styles for one in mixed], mixed[0].coverage
    painted = network.paint(
        network.enter(photo), wanted, coverage, request.alpha, request.transfer, back
    )
    return network.unfolded(painted)


def in_tiles(network: Network, image: Tensor, request: Request) -> Tensor:
    """Paint a picture by `restyle`."""
    styles = [style for style in request.styles if isinstance(style, Style)]
    mixes = [mix(network, [request], [styles], level) for level in network.levels]
    forward = TiledForward(network, image)
    plain = restyle(forward, mixes, lambda stage, fraction: None)
    made = torch.empty(image.shape)
    for tile in forward.tiles():
        lost = tile.of(pixels.unit(image)) - plain.picture(tile)
        tile.of(made).copy_(forward.picture(tile) + (1 - request.alpha) * lost)
    return made


@torch.inference_mode()
@pytest.mark.parametrize("side", [tiles.SIDE, 64])
@pytest.mark.parametrize("alpha", [1.0, 0.4])
@pytest.mark.parametrize("transfer", Transfer)
def test_tiled_forward_pass_equals_the_loop_of_the_network(
    stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch, transfer: Transfer, alpha: float, side: int
) -> None:
    kept = [stylizer.style(drawn(seed), 64) for seed in (2, 3)]
    request = Request(drawn(1, SIDES), kept, (1, 3), alpha=alpha, size=0, transfer=transfer)
    image = pixels.tensor(request.content)
    expected = whole(stylizer.model, image, request)
    monkeypatch.setattr(tiles, "SIDE", side)
    found = in_tiles(stylizer.model, image, request)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert expected.std() > 0.01


@torch.inference_mode()
def test_style_measured_in_tiles_equals_the_loop_of_the_network(
    stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = pixels.tensor(drawn(4, SIDES))
    features = stylizer.model.encode(pixels.unit(image))
    expected, _ = stylizer.model.measure(features)
    monkeypatch.setattr(tiles, "SIDE", 64)
    forward = TiledForward(stylizer.model, image)
    for level, wanted in enumerate(expected):
        found = forward.measure(level, Transfer.COVARIANCE.full(level))
        for ours, theirs in zip(found, wanted.each(), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_a_network_from_a_level_to_another_is_its_whole_way_in_parts(stylizer: Stylizer) -> None:
    network, features = stylizer.model, torch.rand(1, stylizer.model.channels[0], 8, 8)
    with torch.inference_mode():
        parts = features
        for level in network.levels:
            parts = network.run(parts, start=level, end=level + 1)
        assert torch.equal(parts, network.run(features))
