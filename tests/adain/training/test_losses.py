from pathlib import Path

import pytest
import torch
from torch import Tensor

from adain.model.builders import build
from adain.model.moments import statistics
from adain.training import losses, lossnet
from adain.training.lossnet import LossNetwork, LossNetworkMissing, names_and_weights
from adain.training.teach import as_loud, unexplained, untaught

WIDTHS = (4, 6, 8, 10)


def images(n: int = 2, side: int = 48, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(n, 3, 5, 6, generator=generator)
    return torch.nn.functional.interpolate(coarse, (side, side + 16), mode="bilinear")


@pytest.fixture(scope="module")
def eye() -> LossNetwork:
    torch.manual_seed(1)
    network = lossnet.ready(LossNetwork(WIDTHS))
    lossnet.rescale(network, images(4))
    return network


def test_features_lie_at_full_half_quarter_and_eighth_size(eye: LossNetwork) -> None:
    shapes = [tuple(x.shape[1:]) for x in eye(images())]
    assert shapes == [(4, 48, 64), (6, 24, 32), (8, 12, 16), (10, 6, 8)]


def test_rescaling_brings_every_filter_to_a_mean_of_1_and_keeps_proportions() -> None:
    torch.manual_seed(2)
    network = LossNetwork(WIDTHS)
    before = network(images(4))
    lossnet.rescale(network, images(4))
    after = network(images(4))
    for old, new in zip(before, after, strict=True):
        mean = old.mean((0, 2, 3), keepdim=True)
        alive = mean > max(1e-4, 0.03 * mean.mean().item())
        torch.testing.assert_close(
            new * alive, old / mean.clamp_min(1e-4) * alive, atol=2e-2, rtol=2e-3
        )


def test_the_losses_of_equal_pictures_are_zero(eye: LossNetwork) -> None:
    x = images()
    seen = eye(x)
    nothing = torch.zeros(2)
    torch.testing.assert_close(losses.content(seen[-1], seen[-1]), nothing)
    torch.testing.assert_close(losses.style(eye.style(seen), eye.style(seen)), torch.zeros(2, 4))
    torch.testing.assert_close(
        losses.paper_style(eye.style(seen), eye.style(seen)), torch.zeros(2, 4)
    )
    torch.testing.assert_close(
        losses.paper_content(seen[-1], seen[-1], seen[-1]), nothing, atol=1e-6, rtol=0
    )
    for loss in (losses.colour, losses.lattice, losses.identity, losses.mimic):
        torch.testing.assert_close(loss(x, x), nothing)
    torch.testing.assert_close(losses.lightness(x, x), nothing, atol=1e-2, rtol=0)
    assert losses.outside(x).max() == 0


def test_every_loss_is_a_number_a_picture_and_apart_for_each(eye: LossNetwork) -> None:
    x, y = images(seed=1), images(seed=2)
    seen, wanted = eye(x), eye(y)
    both = losses.style(eye.style(seen), eye.style(wanted))
    first = losses.style(eye.style(eye(x[:1])), eye.style(eye(y[:1])))
    torch.testing.assert_close(both[:1], first, atol=1e-5, rtol=1e-3)
    assert losses.content(seen[-1], wanted[-1]).shape == (2,)
    assert (losses.colour(x * 0.5, y) > 0).all()


def test_content_does_not_depend_on_contrast() -> None:
    x = torch.randn(2, 6, 9, 9, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(losses.content(3 * x + 1, x), torch.zeros(2))
    assert (losses.content(-x, x) > 1).all()


def test_statistics_estimated_through_a_map_are_those_of_the_mapped_features(
    eye: LossNetwork,
) -> None:
    seen = eye(images())
    full = torch.nn.Linear(WIDTHS[0], 7)
    eye.estimates.append(full)
    for width in WIDTHS[1:]:
        eye.estimates.append(torch.nn.Linear(width, 5))
    estimated = eye.style(seen)[0][:, 2 * WIDTHS[0] :]
    del eye.estimates[:]
    mapped = statistics(full(seen[0].permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
    torch.testing.assert_close(estimated, torch.cat(mapped, 1), atol=1e-4, rtol=1e-3)


def test_a_lattice_is_seen_and_irregular_texture_is_not() -> None:
    generator = torch.Generator().manual_seed(0)
    tile = torch.rand(1, 3, 16, 16, generator=generator)
    repeats = tile.repeat(1, 1, 12, 12)
    irregular = torch.rand(1, 3, 192, 192, generator=generator)
    flat = torch.full_like(repeats, 0.5)
    assert losses.lattice(repeats, flat) > 10 * losses.lattice(irregular, flat)
    assert losses.hatch(repeats, flat).item() > 0.7
    assert losses.hatch(irregular, flat).item() == pytest.approx(1 / 36, abs=0.01)


def test_fine_detail_is_counted_only_where_the_photo_is_flat() -> None:
    grain = 0.2 * torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    sky, leaves = torch.full_like(grain, 0.5), 5 * grain
    assert losses.flat(sky + grain, sky) > 50 * losses.flat(sky, sky)
    assert losses.flat(sky + grain, leaves) < 0.1 * losses.flat(sky + grain, sky)


@pytest.mark.parametrize("names", list(lossnet.NAMES.values()), ids=list(lossnet.NAMES))
def test_every_layout_gives_the_same_features(
    eye: LossNetwork, names: list[str], tmp_path: Path
) -> None:
    convs = [eye.colours, *eye.convs.values()]
    state = {
        f"{name}.{part}": value
        for name, conv in zip(names[: len(convs)], convs, strict=True)
        for part, value in conv.state_dict().items()
    }
    if names[0].endswith(")"):  # torchvision's has no map of colours; ImageNet's is put in place
        state = {key: value for key, value in state.items() if not key.startswith(names[0])}
    torch.save(state, tmp_path / "eye.pth")
    loaded = lossnet.load(tmp_path / "eye.pth")
    assert loaded.raw == names[0].endswith(")")
    if not loaded.raw:
        for mine, its in zip(loaded(images()), eye(images()), strict=True):
            torch.testing.assert_close(mine, its)


def test_a_missing_or_foreign_loss_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LossNetworkMissing, match="no loss network"):
        lossnet.load(tmp_path / "none.safetensors")
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(LossNetworkMissing, match="none of"):
        lossnet.load(tmp_path / "other.pth")


def test_the_papers_encoder_gets_the_loss_networks_weights() -> None:
    full = LossNetwork((64, 128, 256, 512))
    encoder = build("vgg19").encoder
    lossnet.copy_into(full, encoder)
    x = images(1, 32)
    torch.testing.assert_close(encoder(x), full(x)[-1])


def test_the_shipped_loss_network_sees_more_in_strokes_than_in_blur() -> None:
    eye, x = lossnet.load(), images(1, 64)
    blurred = torch.nn.functional.avg_pool2d(x, 5, 1, 2)
    louder, fainter = (eye.style(eye(picture))[0].norm() for picture in (x, blurred))
    assert louder > fainter


def test_scaling_a_students_layers_scales_its_features(eye: LossNetwork) -> None:
    pupil = untaught(eye, seed=3)
    before = pupil(images())
    as_loud(pupil, loud := [3.0, 0.5, 10.0, 2.0])
    for old, new, factor in zip(before, pupil(images()), loud, strict=True):
        torch.testing.assert_close(new, old * factor, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(unexplained(before, before), torch.zeros(4))
    assert "conv41.bias" in names_and_weights(pupil)
