"""Whose colours the result has: pixels in, pixels out, all RGB in [0, 1].

The default, the style's colours, needs no code.
"""

from enum import StrEnum

import torch
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)  # Rec. 601
_LEAST_VARIANCE = 1e-4  # a grey picture has no chroma to stretch, only noise


class Color(StrEnum):
    """Whose colours the result has."""

    STYLE = "style"
    CONTENT = "content"
    LUMINANCE = "luminance"


def _moments(image: Tensor) -> tuple[Tensor, Tensor]:
    """3×H×W → mean 3×1 and covariance 3×3 over the pixels."""
    pixels = image.flatten(1)
    mean = pixels.mean(1, keepdim=True)
    centred = pixels - mean
    return mean, centred @ centred.T / max(pixels.shape[1] - 1, 1)


def _power(covariance: Tensor, exponent: float, least: float) -> Tensor:
    """A power of a symmetric 3×3 matrix, its eigenvalues no smaller than `least`."""
    values, vectors = torch.linalg.eigh(covariance)
    power: Tensor = vectors @ torch.diag(values.clamp_min(least) ** exponent) @ vectors.T
    return power


def match_colors(style: Tensor, content: Tensor) -> Tensor:
    """Give a style picture the mean and covariance of the content's colours (paper 7.4).

    Both 3×H×W, of any size; returns the style's shape, clamped. The linear map
    Σc^½ Σs^-½ (x − μs) + μc is that of Gatys et al., "Preserving Color in Neural Artistic
    Style Transfer". Covariances are divided by their number of pixels, which the
    reference implementations forget.
    """
    style_mean, style_covariance = _moments(style)
    content_mean, content_covariance = _moments(content)
    whiten = _power(style_covariance, -0.5, _LEAST_VARIANCE)
    color = _power(content_covariance, 0.5, 0.0)
    matched = color @ whiten @ (style.flatten(1) - style_mean) + content_mean
    return matched.view_as(style).clamp(0, 1)


def keep_colors(result: Tensor, content: Tensor) -> Tensor:
    """Keep only the luminance of a result, and the content's chroma; both ...×3×H×W.

    Adding one number to R, G and B changes a pixel's luminance and nothing else.
    """
    luma = torch.tensor(_LUMA, device=result.device, dtype=result.dtype).view(3, 1, 1)
    lighter = ((result - content) * luma).sum(-3, keepdim=True)
    return (content + lighter).clamp(0, 1)
