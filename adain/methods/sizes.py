"""Optimisation of a picture at several sizes, coarse to fine: broad strokes first, and cheaply.

After Gatys et al., "Controlling Perceptual Factors in Neural Style Transfer", CVPR 2017.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from adain import pixels
from adain.files import pictures
from adain.methods import stage_of
from adain.methods.descent import descend
from adain.methods.objective import DEEP, Content, Losses, padded, painted
from adain.mixing import Watch
from adain.request import Request
from adain.training.lossnet import LossNetwork

_COARSEST = 64  # pixels of a shorter side
_SHARES = {1: (1.0,), 2: (0.6, 0.4), 3: (0.4, 0.3, 0.3)}  # of the steps, by how many sizes

Begun = Callable[[Tensor], Tensor]  # a photo 1×3×H×W → what the first steps start from


@dataclass(frozen=True)
class Stage:
    """Some steps at one size."""

    side: int  # pixels of the shorter side
    steps: int


def stages(side: int, steps: int) -> list[Stage]:
    """Return the sizes that a picture is optimised at, coarsest first, and the steps at each."""
    sides = [side]
    while len(sides) < len(_SHARES) and len(sides) < steps and sides[-1] >= 2 * _COARSEST:
        sides.append(sides[-1] // 2)
    counts = [max(1, round(share * steps)) for share in _SHARES[len(sides)][:-1]]
    counts.append(max(1, steps - sum(counts)))
    return [Stage(*one) for one in zip(reversed(sides), counts, strict=True)]


def scaled(image: Tensor, like: Tensor) -> Tensor:
    """Return a picture at the size of another: 1×3×H×W."""
    size = (like.shape[2], like.shape[3])
    if image.shape == like.shape:
        return image
    return F.interpolate(image, size, mode="bilinear", align_corners=False, antialias=True)


@dataclass(frozen=True)
class Optimisation:
    """An upright request on its way from size to size, in a loss network.

    `begun` says at each size what it starts from, and what the sizes before have changed is added
    to that, so that no detail is lost; with `fresh` what they gave takes its place instead.
    """

    network: LossNetwork
    request: Request
    device: torch.device
    watch: Watch
    begun: Begun
    fresh: bool = False
    content: Content = field(default_factory=lambda: DEEP)
    most: float = math.inf  # pixels of the finest size; what it changes is enlarged

    def _start(self, photo: Tensor, where: Tensor, before: Tensor | None) -> Tensor:
        """Return what the steps at a size start from; `before`: the size before's, if any."""
        if self.fresh:
            picture = self.begun(photo) if before is None else scaled(before, photo)
            return torch.lerp(photo, picture, where)
        begun = self.begun(photo)
        return begun if before is None else begun + where * scaled(before, photo)

    def run(self, steps: int) -> Tensor:
        """Go through all sizes; return the picture, 1×3×H×W with padding."""
        width, height = pictures.checked_size(self.request.content, self.request.size)
        fit = min(1.0, math.sqrt(self.most / (width * height)))
        finest = max(1, round(fit * min(width, height)))
        plan = stages(finest, steps)
        work = sum(stage.steps * stage.side**2 for stage in plan)
        made, spent, before = 0, 0, None
        for stage in plan:

            def tell(step: int, stage: Stage = stage, made: int = made, spent: int = spent) -> None:
                part = (spent + step * stage.side**2) / work
                self.watch(stage_of(self.request.method, made + step + 1, steps), part)

            whole = stage.side == min(width, height)
            sized = self.request if whole else replace(self.request, size=stage.side)
            done = spent / work
            measured = Losses(self.network, sized, self.device, self.watch, done, self.content)
            photo = pixels.unit(padded(sized.at(sized.size).content)).to(self.device)
            start = self._start(photo, measured.painted, before)
            ground = torch.zeros_like(start) if self.fresh else start
            image = descend(start, ground, measured, stage.steps, tell)
            before = image if self.fresh else image - self.begun(photo)
            made, spent = made + stage.steps, spent + stage.steps * stage.side**2
        if whole:
            return image
        sized = self.request.at(self.request.size)
        photo = pixels.unit(padded(sized.content)).to(self.device)
        return self._start(photo, painted(sized).to(self.device), before)
