"""The style losses there are, by name.

A loss has two halves: what is kept of a style's features, once, and how far a picture's
features are from it, at every step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from adain.losses import distributions, patches, statistics

ADVERSARIAL = "adversarial"  # of pictures, not of features: `critic.Critic`; not fit by itself


@dataclass(frozen=True)
class StyleLoss:
    """One loss, at one layer of a loss network."""

    target: Callable[[Tensor], Tensor]  # a style's features N×C×h×w → what is kept, N×…
    distance: Callable[[Tensor, Tensor], Tensor]  # a picture's features and that → N, 0 if alike
    fit: bool = True  # for painting by itself; what was measured stands in docs/paper.md


def _of(statistic: Callable[[Tensor], Tensor], fit: bool = True) -> StyleLoss:
    """Make a loss of a statistic: the relative squared distance."""

    def distance(features: Tensor, wanted: Tensor) -> Tensor:
        return statistics.relative(statistic(features), wanted)

    return StyleLoss(statistic, distance, fit)


STYLE_LOSSES = {
    "mean_deviation": _of(statistics.mean_deviation),
    "gram": _of(statistics.gram),
    "coral": _of(statistics.coral),
    "mmd_linear": _of(statistics.mmd_linear, fit=False),
    "mmd_rbf": StyleLoss(statistics.mmd_rbf, statistics.mmd_rbf_distance),
    "histogram": _of(distributions.histogram),
    "sliced": _of(distributions.sliced),
    "mrf": StyleLoss(patches.mrf, patches.mrf_distance, fit=False),
}


def targets(name: str, features: Sequence[Tensor]) -> list[Tensor]:
    """Keep what a loss wants of a style's features, a layer each."""
    return [STYLE_LOSSES[name].target(x) for x in features]


def distances(name: str, features: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Measure a picture's features against `targets`: N×layers."""
    distance = STYLE_LOSSES[name].distance
    return torch.stack([distance(x, y) for x, y in zip(features, wanted, strict=True)], dim=1)
