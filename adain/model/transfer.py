"""Transfer of moments from styles to a content's features: AdaIN, or whitening and colouring.

Equation numbers are those of Huang and Belongie, "Arbitrary Style Transfer in Real-time
with Adaptive Instance Normalization", ICCV 2017.
"""

import torch
from torch import Tensor

from adain.model.covariance import full_precision, positions, ridged, roots
from adain.model.moments import Moments, Statistics, measured, statistics


def adain(
    features: Tensor,
    styles: Statistics,
    coverage: Tensor | None = None,
    alpha: Tensor | float = 1.0,
    content: Statistics | None = None,
    plain: Statistics | None = None,
    grain: Tensor | None = None,
) -> Tensor:
    """Give content features the channel statistics of their styles (eqs. 8, 14 and 15).

    `features` is N×C×h×w; `styles` holds N×K×C. `coverage` says how much of each style a
    position gets: N×K×1×1, or N×K×h×w for spatial control, summing to at most 1 over K; the
    remainder keeps the content's own features. None means equal shares everywhere. `alpha`
    in [0, 1], one number or N of them, goes from the content (0) to the full style (1).
    `content` holds the features' own statistics, N×1×C, or N×K×C region by region; None
    measures them here. `plain` holds those that the content would have here with no style at
    all, which alpha goes back to; None: the features' own, as where nothing was
    transferred before. `grain`, 1×C×h×w, is added in proportion to how far each channel's
    statistics move: none where content and style are alike.

    AdaIN, mixing and alpha are all affine in the features, so they fold into one
    gain and one bias per channel and position.
    """
    n, k = styles.mean.shape[:2]
    if coverage is None:
        coverage = features.new_full((n, k, 1, 1), 1 / k)
    if content is None:
        content = Statistics(*(value[:, None] for value in statistics(features)))  # N×1×C
    plain = plain or content
    alpha = torch.as_tensor(alpha, dtype=content.std.dtype, device=content.std.device)
    strength = alpha.view(-1, 1, 1)
    mean = strength * styles.mean + (1 - strength) * plain.mean  # N×K×C, what is wanted
    std = strength * styles.std + (1 - strength) * plain.std
    gain = std / content.std
    bias = mean - content.mean * gain  # so that gain · x + bias is eq. 8
    coverage = coverage.to(gain.dtype)
    gain = 1 + torch.einsum("nkc,nkhw->nchw", gain - 1, coverage)
    bias = torch.einsum("nkc,nkhw->nchw", bias, coverage)
    if grain is not None:
        moved = (mean - content.mean).abs() + (std - content.std).abs()
        bias = bias + torch.einsum("nkc,nkhw->nchw", moved, coverage) * grain
    return torch.addcmul(bias, gain, features.float()).to(features.dtype)


def recolour(
    features: Tensor,
    styles: Moments,
    coverage: Tensor | None = None,
    alpha: Tensor | float = 1.0,
    content: Moments | None = None,
    plain: Moments | None = None,
) -> Tensor:
    """Give content features the mean and covariance of their styles: whitening and colouring.

    Everything is as `adain` has it, with covariances N×K×C×C for variances and their symmetric
    roots for standard deviations: R_style R_content⁻¹ is the gain, a matrix. Mixtures and alpha
    interpolate the roots, so that they are affine in the features (eqs. 14 and 15). Where content
    and style are alike the features come back to the bit. Covariances get a ridge first.
    """
    n, k = styles.mean.shape[:2]
    if coverage is None:
        coverage = features.new_full((n, k, 1, 1), 1 / k)
    content = content or measured(features, full=True).each()
    with full_precision(features.device):
        own, inverse = roots(ridged(content.spread))
        back = roots(ridged(plain.spread))[0] if plain else own
        plain = plain or content
        alpha = torch.as_tensor(alpha, dtype=own.dtype, device=own.device)
        strength = alpha.view(-1, 1, 1)
        mean = strength * styles.mean + (1 - strength) * plain.mean  # N×K×C, what is wanted
        strength = strength[..., None]
        root = strength * roots(ridged(styles.spread))[0] + (1 - strength) * back
        gain = (root - own) @ inverse  # N×K×C×C, beside the identity
        bias = mean - content.mean - (gain @ content.mean[..., None])[..., 0]
        return _moved(features, gain, bias, coverage.to(gain.dtype)).to(features.dtype)


def _moved(features: Tensor, gain: Tensor, bias: Tensor, coverage: Tensor) -> Tensor:
    """Give x + Σₖ coverageₖ (gainₖ x + biasₖ) at each position; one product where that is even."""
    x = positions(features)
    n, channels, height, width = features.shape
    if coverage.shape[2:] == (1, 1):
        shares = coverage[..., 0]  # N×K×1
        matrix = torch.eye(channels, device=x.device) + (shares[..., None] * gain).sum(1)
        moved = torch.baddbmm((shares * bias).sum(1)[:, None], x, matrix.mT)
    else:
        moved = x
        for one, shift, where in zip(
            gain.unbind(1), bias.unbind(1), coverage.unbind(1), strict=True
        ):
            moved = moved + where.flatten(1)[..., None] * torch.baddbmm(shift[:, None], x, one.mT)
    return moved.view(n, height, width, channels).permute(0, 3, 1, 2)


def transferred(
    features: Tensor,
    styles: Moments,
    coverage: Tensor | None,
    alpha: Tensor | float,
    content: Moments,
    plain: Moments | None = None,
    grain: Tensor | None = None,
) -> Tensor:
    """Change features by `recolour` where the content's covariance is known, else by `adain`."""
    if content.full:
        return recolour(features, styles, coverage, alpha, content, plain)
    with full_precision(features.device):
        without = plain and plain.statistics()
        wanted, own = styles.statistics(), content.statistics()
        return adain(features, wanted, coverage, alpha, own, without, grain)


def restored(painted: Tensor, plain: Tensor, photo: Tensor, strength: Tensor) -> Tensor:
    """Give back what the network itself lost, in proportion to what is not painted.

    `plain` is what it makes of `photo` with no style. All are in about [0, 1], not clamped, of
    one shape that `strength`, alpha · coverage, fits. At 1 the result is `painted`, towards 0
    it goes to the photo.
    """
    return painted.float() + (1 - strength) * (photo - plain.float())
