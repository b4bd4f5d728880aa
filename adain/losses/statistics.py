"""Statistics of features over their positions, and distances between them.

N×C×h×w in; what is compared does not depend on where in the picture a feature lies.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from adain.model.covariance import covariance, full_precision, positions
from adain.model.moments import statistics

_LEAST = 1e-8  # squared norm below which a distance is no longer relative
_FREQUENCIES = 512  # of the Fourier features that stand for the RBF kernel
_LEAST_WIDTH = 1e-3  # of the RBF kernel
_POSITIONS = 16_384  # that are embedded at once: bounds memory


class _Recomputed(torch.autograd.Function):
    """A function of one tensor that is called again on the way back.

    As `torch.utils.checkpoint` does, which loads the compiler of torch: seconds, and 100 MB.
    """

    @staticmethod
    def forward(ctx: Any, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:  # noqa: ANN401
        ctx.function = function
        ctx.save_for_backward(x)
        return function(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:  # noqa: ANN401
        [x] = ctx.saved_tensors
        with torch.enable_grad():
            again = x.detach().requires_grad_()
            found = ctx.function(again)
        return None, torch.autograd.grad(found, again, gradient)[0]


def recomputed(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Call a function without chance; on the way back it is called again, nothing is remembered."""
    found: Tensor = _Recomputed.apply(function, x)
    return found


def relative(made: Tensor, wanted: Tensor) -> Tensor:
    """Squared distance of N×… over the squared norm of what is wanted: N; 0 at equality, 1 at 0."""
    off, norm = (x.float().flatten(1).square().sum(1) for x in (made - wanted, wanted))
    return off / norm.clamp_min(_LEAST)


def mean_deviation(features: Tensor) -> Tensor:
    """Means and standard deviations: N×2C.

    Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive Instance
    Normalization", ICCV 2017, eq. 13; after Li et al., "Demystifying Neural Style Transfer",
    IJCAI 2017.
    """
    return torch.cat(statistics(features), 1)


def gram(features: Tensor) -> Tensor:
    """Products of channels, mean over positions: N×C×C.

    Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016.
    """
    with full_precision(features.device):
        x = positions(features)
        return x.mT @ x / x.shape[1]


def coral(features: Tensor) -> Tensor:
    """Covariances of channels, which say nothing of their means: N×C×C.

    Sun and Saenko, "Deep CORAL: Correlation Alignment for Deep Domain Adaptation", ECCV 2016.
    """
    return covariance(features)[1]


def mmd_linear(features: Tensor) -> Tensor:
    """Means, whose distance is the maximum mean discrepancy of a linear kernel: N×C.

    Li et al., "Demystifying Neural Style Transfer", IJCAI 2017.
    """
    return statistics(features).mean


def _frequencies(channels: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Directions C×F of standard deviation 1 and phases F, always the same."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(channels, _FREQUENCIES, generator=generator)
    phases = 2 * math.pi * torch.rand(_FREQUENCIES, generator=generator)
    return drawn.to(like), phases.to(like)


def _embedded(features: Tensor, width: Tensor) -> Tensor:
    """Mean of √2 cos(wᵀx / width + phase) over positions: N×F, width N×1.

    Some positions after the others; on the way back they are embedded again, not remembered.
    """

    def total(x: Tensor) -> Tensor:
        return torch.cos(x @ drawn + phases).sum(1)

    with full_precision(features.device):
        x = positions(features) / width[..., None]
        drawn, phases = _frequencies(x.shape[2], x)
        found = x.new_zeros(x.shape[0], _FREQUENCIES)
        for some in torch.split(x, _POSITIONS, 1):
            found = found + recomputed(total, some)
        return math.sqrt(2) * found / x.shape[1]


def mmd_rbf(features: Tensor) -> Tensor:
    """Return what a style's features are in the space of an RBF kernel: N×(1 + F), first its width.

    The width is the root mean square distance of two of its positions. Gretton et al., "A Kernel
    Two-Sample Test", JMLR 2012; Rahimi and Recht, "Random Features for Large-Scale Kernel
    Machines", NIPS 2007.
    """
    variance = statistics(features).std.square().sum(1, keepdim=True)
    width = (2 * variance).sqrt().clamp_min(_LEAST_WIDTH)
    return torch.cat([width, _embedded(features, width)], 1)


def mmd_rbf_distance(features: Tensor, wanted: Tensor) -> Tensor:
    """Squared maximum mean discrepancy, 0 to 2, with the wanted width: N."""
    width, embedded = wanted[:, :1], wanted[:, 1:]
    return (_embedded(features, width) - embedded).square().mean(1)
