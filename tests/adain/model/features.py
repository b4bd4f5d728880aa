"""Features to measure and to change, and regions of them."""

import torch
from torch import Tensor

from adain.model.moments import MomentAccumulator, Moments


def features(n: int = 1, c: int = 5, h: int = 12, w: int = 9, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    scale = torch.linspace(0.5, 3, c).view(1, c, 1, 1)
    return torch.randn(n, c, h, w, generator=generator) * scale + scale


def halves(h: int = 12, w: int = 9) -> Tensor:
    left = torch.zeros(1, 2, h, w)
    left[:, 0, :, :4] = 1
    left[:, 1, :, 4:] = 1
    return left


def region_moments(features: Tensor, regions: Tensor, full: bool = False) -> Moments:
    """Measure N×C×h×w features inside each of N×K×h×w soft regions."""
    accumulator = MomentAccumulator(full)
    accumulator.add(features, regions)
    return accumulator.moments()
