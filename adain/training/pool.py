"""A pool of crops with their loss-network features, computed once and used again.

A training step then costs one pass of a loss network, for its result, in place of three.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from adain import pixels
from adain.training import crops
from adain.training.eye import SPREADS, Eye, Seen

_AT_ONCE = 8  # crops measured together


@dataclass
class Measured:
    """Crops and what one eye sees in each; in the pool features and covariances in halves."""

    images: Tensor  # N×3×S×S bytes
    seen: Seen

    def take(self, places: list[int]) -> "Measured":
        vectors = {
            name: [vector[places].float() for vector in layers]
            for name, layers in self.seen.vectors.items()
        }
        return Measured(self.images[places], Seen(self.seen.relu4_1[places].float(), vectors))


def _smaller(name: str, vector: Tensor) -> Tensor:
    return vector.half() if name == SPREADS else vector


@torch.no_grad()
def measure(
    eye: Eye,
    images: Tensor,
    losses: Iterable[str],
    half: bool,
    watch: Callable[[int], object] = abs,
) -> Measured:
    """Look at N×3×S×S bytes for some losses, a few at a time; `watch` hears how many.

    `half`: in bfloat16.
    """
    parts = []
    for some in torch.split(images, _AT_ONCE):
        seen = eye.look(pixels.unit(some), losses, half)
        parts.append(seen)
        watch(len(some))
    vectors = {
        name: [
            torch.cat([_smaller(name, part.vectors[name][layer]) for part in parts])
            for layer in range(len(found))
        ]
        for name, found in parts[0].vectors.items()
    }
    return Measured(images, Seen(torch.cat([part.relu4_1.half() for part in parts]), vectors))


class Pool:
    """Crops by number: a fixed count of them measured beforehand, or, with 0, as they come."""

    def __init__(
        self,
        crop: crops.Crop,
        count: int,
        eyes: list[Eye],
        device: torch.device,
        losses: Iterable[str],
        half: bool = False,
        watch: Callable[[int], object] = abs,
    ) -> None:
        self._crop, self._eyes, self._device = crop, eyes, device
        self._how = (losses, half)
        self._kept: list[Measured] = []
        if count:
            images = crops.stacked(crop, list(range(count))).to(device)
            self._kept = [measure(eye, images, *self._how, watch) for eye in eyes]

    def take(self, numbers: list[int], turn: int) -> Measured:
        """Return crops with their features in the loss network whose turn it is."""
        if self._kept:
            return self._kept[turn].take(numbers)
        images = crops.stacked(self._crop, numbers).to(self._device)
        return measure(self._eyes[turn], images, *self._how).take(list(range(len(numbers))))
