"""Sorted values of features: the whole distribution, of which mean and deviation are a part."""

import torch
import torch.nn.functional as F
from torch import Tensor

from adain.model.covariance import full_precision, positions

QUANTILES = 256


def _quantiles(values: Tensor) -> Tensor:
    """Sort N×C×positions, average over `QUANTILES` equal parts: so pictures of any size compare."""
    return F.adaptive_avg_pool1d(values.float().sort(-1).values, QUANTILES)


def histogram(features: Tensor) -> Tensor:
    """Sorted values of each channel: N×C×Q.

    Risser, Wilmot and Barnes, "Stable and Controllable Neural Texture Synthesis and Style Transfer
    Using Histogram Losses", 2017; by sorting as Zhang et al., "Exact Feature Distribution
    Matching", CVPR 2022.
    """
    return _quantiles(features.flatten(2))


def _directions(channels: int, like: Tensor) -> Tensor:
    """As many random unit vectors as channels, always the same: C×C."""
    drawn = torch.randn(channels, channels, generator=torch.Generator().manual_seed(0))
    return F.normalize(drawn, dim=0).to(like)


def sliced(features: Tensor) -> Tensor:
    """Sorted values along random directions through the channels: N×C×Q.

    Heitz et al., "A Sliced Wasserstein Loss for Neural Texture Synthesis", CVPR 2021.
    """
    with full_precision(features.device):
        x = positions(features)
        return _quantiles((x @ _directions(x.shape[2], x)).mT)
