import pytest
import torch
from torch import Tensor

from adain.catalog import NETWORKS
from adain.model.builders import build
from adain.model.moments import Statistics, statistics
from adain.model.transfer import adain
from tests.adain.model.features import features, halves, region_moments


def stacked(*styles: Tensor) -> Statistics:
    """Statistics of 1×C×h×w feature maps as the K styles of one request: 1×K×C."""
    measured = [statistics(style) for style in styles]
    return Statistics(
        torch.stack([m.mean for m in measured], 1), torch.stack([m.std for m in measured], 1)
    )


def test_the_output_has_the_styles_mean_and_std_in_every_channel() -> None:
    style = features(seed=2) * 2 - 1
    result = statistics(adain(features(seed=1), stacked(style)))
    wanted = statistics(style)
    torch.testing.assert_close(result.mean, wanted.mean, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(result.std, wanted.std, atol=1e-4, rtol=1e-4)


def test_a_content_that_is_its_own_style_comes_back() -> None:
    content = features()
    torch.testing.assert_close(adain(content, stacked(content)), content)


def test_alpha_0_gives_the_content_to_the_bit() -> None:
    content = features()
    assert torch.equal(adain(content, stacked(features(seed=1)), alpha=0.0), content)


def test_alpha_mixes_features_in_proportion() -> None:
    content, styles = features(), stacked(features(seed=1))
    full = adain(content, styles)
    torch.testing.assert_close(
        adain(content, styles, alpha=0.3), 0.7 * content + 0.3 * full, atol=1e-5, rtol=1e-4
    )


def test_two_styles_mix_as_the_weighted_sum_of_their_transfers() -> None:
    content, one, other = features(), features(seed=1), features(seed=2) * 3
    coverage = torch.tensor([0.25, 0.75]).view(1, 2, 1, 1)
    mixed = adain(content, stacked(one, other), coverage)
    apart = 0.25 * adain(content, stacked(one)) + 0.75 * adain(content, stacked(other))
    torch.testing.assert_close(mixed, apart, atol=1e-5, rtol=1e-4)


def test_masks_that_cover_everything_equal_no_mask() -> None:
    content, styles = features(), stacked(features(seed=1), features(seed=2))
    everywhere = torch.ones(1, 2, 12, 9)
    own = region_moments(content, everywhere).statistics()
    torch.testing.assert_close(
        adain(content, styles, everywhere / 2, content=own),
        adain(content, styles),
        atol=1e-5,
        rtol=1e-4,
    )


def test_each_region_gets_its_own_styles_statistics() -> None:
    styles = stacked(features(seed=1), features(seed=2) * 3 + 1)
    content = features()
    own = region_moments(content, halves()).statistics()
    result = adain(content, styles, halves(), content=own)
    measured = region_moments(result, halves()).statistics()
    torch.testing.assert_close(measured.mean, styles.mean, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(measured.std, styles.std, atol=1e-4, rtol=1e-3)


def test_a_region_of_ones_and_zeros_has_the_statistics_of_its_cut_out_pixels() -> None:
    content = features()
    measured = region_moments(content, halves()).statistics()
    cut = statistics(content[:, :, :, :4])
    torch.testing.assert_close(measured.mean[:, 0], cut.mean)
    torch.testing.assert_close(measured.std[:, 0], cut.std)


def test_where_no_mask_covers_the_content_stays() -> None:
    content, left = features(), halves()[:, :1]
    own = region_moments(content, left).statistics()
    result = adain(content, stacked(features(seed=1)), left, content=own)
    assert torch.equal(result[..., 4:], content[..., 4:])
    assert not torch.allclose(result[..., :4], content[..., :4])


def test_a_region_of_a_few_cells_uses_the_statistics_of_the_whole() -> None:
    content = features()
    speck = torch.zeros(1, 1, 12, 9)
    speck[..., 3, 3] = 1
    measured, whole = region_moments(content, speck).statistics(), statistics(content)
    assert torch.equal(measured.mean[:, 0], whole.mean)
    assert torch.equal(measured.std[:, 0], whole.std)


def test_a_constant_channel_gives_finite_numbers() -> None:
    flat = torch.full((1, 5, 12, 9), 0.5)
    result = adain(flat, stacked(features(seed=1)))
    assert torch.isfinite(result).all()
    wanted = statistics(features(seed=1)).mean
    torch.testing.assert_close(statistics(result).mean, wanted, atol=1e-3, rtol=1e-3)


def test_grain_comes_only_where_statistics_move() -> None:
    content, noise = features(), features(seed=5)
    torch.testing.assert_close(adain(content, stacked(content), grain=noise), content)
    assert torch.equal(adain(content, stacked(features(seed=1)), alpha=0.0, grain=noise), content)
    left, style = halves()[:, :1], stacked(features(seed=1))
    own = region_moments(content, left).statistics()
    grained = adain(content, style, left, content=own, grain=noise)
    assert torch.equal(grained[..., 4:], content[..., 4:])
    assert not torch.allclose(grained, adain(content, style, left, content=own), atol=0.01)


def test_noise_is_the_same_wherever_a_tile_begins() -> None:
    network = build("compact")
    whole = network.grain(0, 0, 0, torch.Size((80, 70)))
    part = network.grain(0, 50, 30, torch.Size((30, 40)))
    assert whole is not None
    assert part is not None
    assert torch.equal(part, whole[:, :, 50:, 30:])
    assert network.grain(1, 0, 0, torch.Size((8, 8))) is None
    assert build("vgg19").grain(0, 0, 0, torch.Size((8, 8))) is None


def test_a_batch_equals_single_runs() -> None:
    content, style = features(3), features(3, seed=4) * 2
    styles = Statistics(*(value[:, None] for value in statistics(style)))
    alpha = torch.tensor([0.2, 0.7, 1.0])
    together = adain(content, styles, alpha=alpha)
    for n in range(3):
        alone = adain(
            content[n : n + 1], Statistics(styles.mean[n : n + 1], styles.std[n : n + 1]),
            alpha=float(alpha[n]),
        )  # fmt: skip
        torch.testing.assert_close(together[n : n + 1], alone, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_halves_the_side_three_times_and_comes_back(name: str) -> None:
    network = build(name).eval()
    images = torch.rand(1, 3, 32, 48)
    with torch.inference_mode():
        encoded = network.encode(images)
        assert encoded.shape == (1, network.channels[0], 4, 6)
        assert network.decode(encoded).shape == images.shape


def test_the_sizes_of_both_networks_are_the_published_ones() -> None:
    compact, vgg19 = build("compact"), build("vgg19")
    assert sum(p.numel() for p in compact.parameters()) == 865_004
    assert sum(p.numel() for p in vgg19.encoder.parameters()) == 3_505_740
    assert sum(p.numel() for p in vgg19.decoder.parameters()) == 3_505_219


def test_an_unknown_network_is_named_together_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'vgg16'; there are: compact, vgg19"):
        build("vgg16")


@pytest.mark.parametrize(("name", "reach"), [("compact", (24, 40)), ("vgg19", (32, 32))])
def test_no_network_looks_further_than_its_reach(name: str, reach: tuple[int, int]) -> None:
    network = build(name).double().eval()
    assert (network.encoder_reach, network.decoder_reach) == reach
    image = torch.rand(1, 3, 160, 160, dtype=torch.float64)
    changed = image.clone()
    changed[..., :8] = torch.rand(1, 3, 160, 8, dtype=torch.float64)
    with torch.inference_mode():
        before, after = network.encode(image), network.encode(changed)
        beyond = -(-(8 + reach[0]) // 8)
        assert torch.equal(before[..., beyond:], after[..., beyond:])
        assert not torch.equal(before[..., :1], after[..., :1])
        before, after = network.decode(before), network.decode(after)
        beyond = beyond * 8 + reach[1]
        assert torch.equal(before[..., beyond:], after[..., beyond:])
