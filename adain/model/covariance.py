"""Mean and covariance of features, and the roots of a covariance: matrices only.

Whitening and colouring (Li et al., "Universal Style Transfer via Feature Transforms", NIPS 2017)
needs the roots; `transfer.recolour` is the transfer itself. Knows no network.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

RIDGE = 1e-3  # of a covariance's mean variance, added to its diagonal so that it can be inverted
LEAST = 1e-5  # added on top, so that features without any variance can be, too
_FLOOR = 1e-10  # under every root: rounding may leave an eigenvalue below zero


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Switch autocast off where it is on: roots and means are float32 always."""
    if torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def positions(features: Tensor) -> Tensor:
    """N×C×h×w → N×hw×C in float32; a view of what lies in memory with channels last."""
    return features.float().permute(0, 2, 3, 1).flatten(1, 2)


def covariance(features: Tensor) -> tuple[Tensor, Tensor]:
    """N×C×h×w → mean N×C and biased covariance N×C×C over positions, in float32."""
    with full_precision(features.device):
        x = positions(features)
        mean = x.mean(1)
        apart = x - mean[:, None]
        return mean, apart.mT @ apart / x.shape[1]


def ridged(covariances: Tensor) -> Tensor:
    """Add to the diagonal of …×C×C what makes them safe to invert."""
    variances = covariances.diagonal(dim1=-2, dim2=-1)
    ridge = variances.mean(-1)[..., None] * RIDGE + LEAST
    return covariances + torch.diag_embed(ridge.expand_as(variances))


def _decomposed(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Roots of the eigenvalues, …×C, and eigenvectors of symmetric …×C×C."""
    values, vectors = torch.linalg.eigh(matrices)
    return values.clamp_min(_FLOOR).sqrt(), vectors


def _composed(values: Tensor, vectors: Tensor) -> Tensor:
    return vectors @ (values[..., None] * vectors.mT)


class _Roots(torch.autograd.Function):
    """Root and inverse root, with the closed form of their derivative (Daleckii and Krein).

    The derivative of `eigh` divides by differences of eigenvalues, which may be zero; this one
    divides by sums of roots, which are not.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, matrices: Tensor) -> tuple[Tensor, Tensor]:
        values, vectors = _decomposed(matrices)
        ctx.save_for_backward(values, vectors)
        return _composed(values, vectors), _composed(1 / values, vectors)

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> Tensor:
        values, vectors = ctx.saved_tensors  # type: ignore[attr-defined]
        of_root, of_inverse = (vectors.mT @ grad @ vectors for grad in grads)
        column, row = values[..., :, None], values[..., None, :]
        inner = (of_root - of_inverse / (column * row)) / (column + row)
        outer: Tensor = vectors @ inner @ vectors.mT
        return (outer + outer.mT) / 2


_differentiable: Callable[[Tensor], tuple[Tensor, Tensor]] = _Roots.apply


def roots(covariances: Tensor) -> tuple[Tensor, Tensor]:
    """Symmetric positive definite …×C×C → their root and their inverse root."""
    if torch.is_grad_enabled() and covariances.requires_grad:
        return _differentiable(covariances)
    values, vectors = _decomposed(covariances)
    return _composed(values, vectors), _composed(1 / values, vectors)
