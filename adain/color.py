"""Whose colours the result has: pixels in, pixels out, all RGB in [0, 1].

The default, the style's colours, needs no code.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from adain import pixels

_LUMA = (0.299, 0.587, 0.114)  # Rec. 601
_LEAST_VARIANCE = 1e-4  # a grey picture has no chroma to stretch, only noise
_COLORED = 48 / 255  # chroma from which on a picture's colours are no tint any more
_CELL = 8  # pixels a side, over which chroma is averaged: what is smaller is noise
_LOOKED_AT = 512  # pixels of the shorter side that is looked at for it, at least


def _moments(image: Tensor) -> tuple[Tensor, Tensor]:
    """3×H×W → mean 3×1 and covariance 3×3 over the pixels."""
    flat = image.flatten(1)
    mean = flat.mean(1, keepdim=True)
    centred = flat - mean
    return mean, centred @ centred.T / max(flat.shape[1] - 1, 1)


def _power(covariance: Tensor, exponent: float, least: float) -> Tensor:
    """A power of a symmetric 3×3 matrix, its eigenvalues no smaller than `least`."""
    values, vectors = torch.linalg.eigh(covariance)
    power: Tensor = vectors @ torch.diag(values.clamp_min(least) ** exponent) @ vectors.T
    return power


def match_colors(style: Tensor, content: Tensor, counted: Tensor | None = None) -> Tensor:
    """Give a style picture the mean and covariance of the content's colours (paper 7.4).

    Both 3×H×W, of any size (the content may be a row of pixels, 3×N); returns the style's shape,
    clamped. The linear map
    Σc^½ Σs^-½ (x − μs) + μc is that of Gatys et al., "Preserving Color in Neural Artistic
    Style Transfer". Covariances are divided by their number of pixels, which the
    reference implementations forget. `counted`, 3×…, are the style's pixels that are measured,
    None: all.
    """
    style_mean, style_covariance = _moments(style if counted is None else counted)
    content_mean, content_covariance = _moments(content)
    whiten = _power(style_covariance, -0.5, _LEAST_VARIANCE)
    color = _power(content_covariance, 0.5, 0.0)
    matched = color @ whiten @ (style.flatten(1) - style_mean) + content_mean
    return matched.view_as(style).clamp(0, 1)


def luminance(image: Tensor) -> Tensor:
    """Return the luminance of ...×3×H×W: ...×1×H×W."""
    luma = torch.tensor(_LUMA, device=image.device, dtype=image.dtype).view(3, 1, 1)
    return (image * luma).sum(-3, keepdim=True)


def keep_colors(result: Tensor, content: Tensor) -> Tensor:
    """Keep only the luminance of a result, and the content's chroma; both ...×3×H×W.

    Adding one number to R, G and B changes a pixel's luminance and nothing else.
    """
    return (content + luminance(result - content)).clamp(0, 1)


def _spread(image: Tensor) -> Tensor:
    """Largest less smallest channel of each pixel: ...×3×H×W → ...×1×H×W."""
    return image.amax(-3, keepdim=True) - image.amin(-3, keepdim=True)


def chroma(image: Tensor) -> float:
    """Return how colourful a 1×3×H×W picture is at most, 0 for a grey one, 1 for pure colours.

    Averaged over cells of 8 px, so that neither noise nor compression counts.
    """
    step = max(1, min(image.shape[2:]) // _LOOKED_AT)
    seen = pixels.unit(image[:, :, ::step, ::step])
    return float(_spread(F.avg_pool2d(seen, _CELL, ceil_mode=True)).max())


def most_chroma(chroma: float) -> float:
    """Return the most channel spread that a result of inputs so colourful may have; inf: any.

    Grey inputs give grey; a tint has room beside it that grows, until there is no limit.
    """
    return chroma / (1 - chroma / _COLORED) if chroma < _COLORED else math.inf


def limit_chroma(result: Tensor, most: Tensor) -> Tensor:
    """Bring pixels of more channel spread than `most` (N) down to it; N×3×H×W.

    Luminance and hue stay; a pixel within the limit stays to the bit.
    """
    most = most.view(-1, 1, 1, 1)
    spread = _spread(result)
    beyond = spread > most
    if not beyond.any():
        return result
    grey = luminance(result)
    return torch.where(beyond, grey + (result - grey) * (most / spread), result)
