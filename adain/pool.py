"""Crops and what the loss networks see in them, measured once and used again.

A step of training then costs one pass of a loss network, for the picture painted, in place of
three.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from adain import crops, losses, pixels
from adain.lossnet import LossNetwork

_AT_ONCE = 8  # crops measured together


@dataclass
class Measured:
    """Crops and what one loss network sees in each."""

    images: Tensor  # N×3×S×S bytes
    relu4_1: Tensor  # N×C×h×w, half precision in the pool
    style: list[Tensor]  # N×V a layer (see LossNetwork.style)
    half: list[Tensor]  # the same at half size, where asked for

    def take(self, places: list[int]) -> "Measured":
        """Return some of them, in float32."""
        style, half = ([vector[places] for vector in some] for some in (self.style, self.half))
        return Measured(self.images[places], self.relu4_1[places].float(), style, half)


@torch.no_grad()
def measure(
    network: LossNetwork,
    images: Tensor,
    half: bool,
    smaller: bool,
    watch: Callable[[int], object] = abs,
) -> Measured:
    """Look at N×3×S×S bytes with a loss network, a few at a time; `watch` hears how many.

    With `half` in bfloat16, with `smaller` at half size as well.
    """
    deepest, style, below = [], [], []
    for some in torch.split(images, _AT_ONCE):
        with torch.autocast(some.device.type, torch.bfloat16, enabled=half):
            features = network(pixels.unit(some))
            less = network(losses.halved(pixels.unit(some))) if smaller else []
        deepest.append(features[-1].half())
        style.append(network.style(features))
        below.append(network.style(less))
        watch(len(some))
    layers, half_layers = (
        [torch.cat(vectors) for vectors in zip(*measured, strict=True)]
        for measured in (style, below)
    )
    return Measured(images, torch.cat(deepest), layers, half_layers)


class Pool:
    """Crops by number: a fixed count of them measured beforehand, or, with 0, as they come."""

    def __init__(
        self,
        crop: crops.Crop,
        count: int,
        networks: list[LossNetwork],
        device: torch.device,
        half: bool = False,
        smaller: bool = False,
        watch: Callable[[int], object] = abs,
    ) -> None:
        self._crop, self._networks, self._device = crop, networks, device
        self._how = (half, smaller)
        self._kept: list[Measured] = []
        if count:
            images = crops.stacked(crop, list(range(count))).to(device)
            self._kept = [measure(network, images, *self._how, watch) for network in networks]

    def take(self, numbers: list[int], turn: int) -> Measured:
        """Return crops as the loss network whose turn it is sees them."""
        if self._kept:
            return self._kept[turn].take(numbers)
        images = crops.stacked(self._crop, numbers).to(self._device)
        return measure(self._networks[turn], images, *self._how).take(list(range(len(numbers))))
