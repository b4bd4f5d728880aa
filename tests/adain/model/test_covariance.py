"""Whitening and colouring: the laws of the transfer and the derivative that training uses."""

import pytest
import torch
from torch import Tensor

from adain.catalog import Transfer
from adain.model.covariance import covariance, ridged, roots
from adain.model.moments import MomentAccumulator, Moments, measured
from adain.model.transfer import recolour
from adain.weights import SHIPPED, load_file_of
from tests.adain.model.features import features, halves, region_moments


def of(*styles: Tensor) -> Moments:
    """Moments of 1×C×h×w feature maps as the K styles of one request: 1×K×…."""
    found = [measured(style, full=True) for style in styles]
    return Moments(*(torch.stack(values, 1) for values in zip(*found, strict=True)))


def mixed(seed: int, h: int = 24, w: int = 18) -> Tensor:
    """Features whose channels are correlated."""
    random = torch.randn(5, 5, generator=torch.Generator().manual_seed(seed + 100))
    mixing = torch.eye(5) + 0.2 * random
    return torch.einsum("dc,nchw->ndhw", mixing, features(h=h, w=w, seed=seed))


def test_covariance_is_that_of_torch() -> None:
    x = mixed(1)
    mean, spread = covariance(x)
    torch.testing.assert_close(mean[0], x[0].flatten(1).mean(1), atol=1e-5, rtol=1e-5)
    wanted = torch.cov(x[0].flatten(1), correction=0)
    torch.testing.assert_close(spread[0], wanted, atol=1e-4, rtol=1e-4)


def test_roots_multiply_to_the_matrix_and_to_its_inverse() -> None:
    matrix = ridged(covariance(mixed(1))[1])
    root, inverse = roots(matrix)
    torch.testing.assert_close(root @ root, matrix, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(root @ inverse, torch.eye(5)[None], atol=1e-4, rtol=1e-4)


def test_gradient_of_the_roots_agrees_with_finite_differences() -> None:
    generator = torch.Generator().manual_seed(3)
    factor = torch.randn(2, 4, 6, generator=generator, dtype=torch.float64, requires_grad=True)

    def both(x: Tensor) -> tuple[Tensor, Tensor]:
        return roots(x @ x.mT / 6 + 0.1 * torch.eye(4, dtype=x.dtype))

    assert torch.autograd.gradcheck(both, (factor,))


def test_gradient_of_the_roots_is_finite_where_eigenvalues_are_equal() -> None:
    matrix = torch.eye(4)[None].requires_grad_()
    root, inverse = roots(matrix)
    torch.autograd.backward((root * 3 + inverse).sum())
    assert matrix.grad is not None
    wanted = torch.full((4, 4), 3 / 2 - 1 / 2)  # of √x and 1/√x at 1
    torch.testing.assert_close(matrix.grad[0], wanted)


def test_result_has_mean_and_covariance_of_the_style() -> None:
    style = mixed(2) * 2 - 1
    result, wanted = measured(recolour(mixed(1), of(style)), full=True), measured(style, full=True)
    torch.testing.assert_close(result.mean, wanted.mean, atol=1e-3, rtol=1e-3)
    size = wanted.spread.abs().max()
    assert (result.spread - wanted.spread).abs().max() < 0.01 * size  # ridge of 0.001


def test_transfer_is_root_of_the_style_by_inverse_root_of_the_content() -> None:
    """The function the network was trained with, written out."""
    content, style = mixed(1), mixed(2)
    x, y = content[0].flatten(1), style[0].flatten(1)

    def power(rows: Tensor, exponent: float) -> Tensor:
        spread = torch.cov(rows, correction=0)
        spread = spread + (1e-3 * spread.diagonal().mean() + 1e-5) * torch.eye(5)
        values, vectors = torch.linalg.eigh(spread)
        result: Tensor = vectors @ torch.diag(values**exponent) @ vectors.T
        return result

    wanted = power(y, 0.5) @ power(x, -0.5) @ (x - x.mean(1)[:, None]) + y.mean(1)[:, None]
    result = recolour(content, of(style))[0].flatten(1)
    torch.testing.assert_close(result, wanted, atol=1e-3, rtol=1e-3)


def test_content_that_is_its_own_style_comes_back_to_the_bit() -> None:
    content = mixed(1)
    assert torch.equal(recolour(content, of(content)), content)


def test_alpha_0_gives_the_content_to_the_bit_and_alpha_mixes_in_proportion() -> None:
    content, styles = mixed(1), of(mixed(2))
    assert torch.equal(recolour(content, styles, alpha=0.0), content)
    full = recolour(content, styles)
    torch.testing.assert_close(
        recolour(content, styles, alpha=0.3), 0.7 * content + 0.3 * full, atol=1e-3, rtol=1e-3
    )


def test_alpha_goes_back_to_what_the_content_was_before_any_transfer() -> None:
    before, now, styles = mixed(1), mixed(4), of(mixed(2))
    back = recolour(now, styles, alpha=0.0, plain=of(before))
    torch.testing.assert_close(back, recolour(now, of(before)), atol=1e-4, rtol=1e-4)


def test_mixture_of_a_style_with_itself_is_that_style() -> None:
    content, style = mixed(1), mixed(2)
    coverage = torch.tensor([0.3, 0.7]).view(1, 2, 1, 1)
    twice = recolour(content, of(style, style), coverage)
    torch.testing.assert_close(twice, recolour(content, of(style)), atol=1e-4, rtol=1e-4)


def test_masks_that_cover_everything_equal_no_mask() -> None:
    content, styles = mixed(1), of(mixed(2), mixed(3))
    everywhere = torch.ones(1, 2, 24, 18)
    own = region_moments(content, everywhere, full=True)
    masked = recolour(content, styles, everywhere / 2, content=own)
    torch.testing.assert_close(masked, recolour(content, styles), atol=1e-3, rtol=1e-3)


def test_each_region_gets_mean_and_covariance_of_its_own_style() -> None:
    content, styles, sides = mixed(1), of(mixed(2), mixed(3) * 3 + 1), halves(24, 18)
    own = region_moments(content, sides, full=True)
    found = region_moments(recolour(content, styles, sides, content=own), sides, full=True)
    torch.testing.assert_close(found.mean, styles.mean, atol=1e-3, rtol=1e-3)
    for region in range(2):
        wanted = styles.spread[0, region]
        assert (found.spread[0, region] - wanted).abs().max() < 0.01 * wanted.abs().max()


def test_where_no_mask_covers_the_content_stays() -> None:
    content, left = mixed(1), halves(24, 18)[:, :1]
    own = region_moments(content, left, full=True)
    result = recolour(content, of(mixed(2)), left, content=own)
    assert torch.equal(result[..., 4:], content[..., 4:])
    assert not torch.allclose(result[..., :4], content[..., :4])


def test_region_of_fewer_cells_than_channels_has_the_covariance_of_the_whole() -> None:
    content = mixed(1)
    small = torch.zeros(1, 1, 24, 18)
    small[..., 3, 3:7] = 1
    found, whole = region_moments(content, small, full=True), measured(content, full=True)
    assert torch.equal(found.spread[:, 0], whole.spread)
    assert torch.equal(found.mean[:, 0], whole.mean)


@pytest.mark.parametrize("regions", [None, halves(24, 18)])
def test_moments_of_pieces_are_those_of_the_whole(regions: Tensor | None) -> None:
    content, pieces, whole = (
        mixed(1) + 100,
        MomentAccumulator(full=True),
        MomentAccumulator(full=True),
    )
    whole.add(content, regions)
    for part in (slice(0, 5), slice(5, 17), slice(17, 24)):
        pieces.add(content[:, :, part], None if regions is None else regions[:, :, part])
    for one, other in zip(pieces.moments(), whole.moments(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-4)


def test_features_without_variance_give_finite_numbers() -> None:
    flat = torch.full((1, 5, 24, 18), 0.5)
    for result in (recolour(flat, of(mixed(1))), recolour(mixed(1), of(flat))):
        assert torch.isfinite(result).all()


def test_batch_equals_single_runs() -> None:
    content = torch.cat([mixed(seed) for seed in range(3)])
    styles = measured(torch.cat([mixed(seed) for seed in (4, 5, 6)]), full=True).each()
    alpha = torch.tensor([0.2, 0.7, 1.0])
    together = recolour(content, styles, alpha=alpha)
    for n in range(3):
        one = Moments(*(value[n : n + 1] for value in styles))
        alone = recolour(content[n : n + 1], one, alpha=float(alpha[n]))
        torch.testing.assert_close(together[n : n + 1], alone, atol=1e-4, rtol=1e-4)


def test_network_gives_each_level_after_the_first_the_covariance_of_the_style() -> None:
    network = load_file_of("compact", SHIPPED / "compact.safetensors")
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        content, style = network.encode(torch.rand(2, 3, 64, 64, generator=generator)).chunk(2)
        wanted, _ = network.measure(style)
        assert [moments.full for moments in wanted] == [False, True, True]
        styles = [moments.each() for moments in wanted]
        by_covariance = network.paint(content, styles)
        by_deviation = network.paint(content, styles, transfer=Transfer.ADAIN)
        back, own = network.measure(content)[::-1]
        same = network.paint(content, [moments.each() for moments in own])
    assert not torch.allclose(by_covariance, by_deviation, atol=0.05)
    torch.testing.assert_close(same, back, atol=1e-3, rtol=1e-3)


def test_autocast_leaves_the_transfer_in_full_precision() -> None:
    content, styles = mixed(1), of(mixed(2))
    wanted = recolour(content, styles)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(recolour(content, styles), wanted)
        assert torch.equal(covariance(content)[1], measured(content, full=True).spread)
