"""Optimisation from the photo, or from noise, coarse to fine: no network paints, each step does.

Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016;
coarse to fine after Gatys et al., "Controlling Perceptual Factors in Neural Style Transfer", CVPR
2017. In the loss network that ships or, where the user's own VGG-19 is chosen as network, in that.
From the photo the small loss network does worse than `refine`: docs/paper.md has the figures.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from adain import coverage, pixels
from adain.catalog import Start
from adain.files import pictures
from adain.methods import stage_of
from adain.methods.descent import descend, finished
from adain.methods.objective import Losses, loss_network, padded
from adain.mixing import Watch
from adain.request import Request
from adain.stylizer import Stylizer
from adain.training import lossnet
from adain.training.lossnet import LossNetwork

_COARSEST = 64  # pixels of a shorter side
_SHARES = {1: (1.0,), 2: (0.6, 0.4), 3: (0.4, 0.3, 0.3)}  # of the steps, by how many sizes
_NOISE = 0.25  # standard deviation about grey


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


@lru_cache(maxsize=1)
def _vgg19(name: str, stylizer: Stylizer) -> LossNetwork:
    """Make a loss network of the paper's encoder, by the name of its weights."""
    return lossnet.of_encoder(stylizer.model.encoder).to(stylizer.device)


def network_of(stylizer: Stylizer) -> LossNetwork:
    """Return the loss network for what is chosen as network."""
    if stylizer.network == "vgg19":
        return _vgg19(stylizer.name, stylizer)
    return loss_network(str(stylizer.device))


def _noise(photo: Tensor) -> Tensor:
    """Return the same noise for every photo of a size: 1×3×H×W."""
    drawn = torch.randn(photo.shape, generator=torch.Generator().manual_seed(0))
    return (0.5 + _NOISE * drawn).clamp(0, 1).to(photo.device)


class _Optimisation:
    """An upright request on its way from size to size."""

    def __init__(self, stylizer: Stylizer, request: Request, watch: Watch) -> None:
        self._network, self._device = network_of(stylizer), stylizer.device
        self._request, self._watch = request, watch
        self._full = min(pictures.checked_size(request.content, request.size))
        self._from_noise = request.start == Start.NOISE

    def _begun(self, photo: Tensor, painted: Tensor, before: Tensor | None) -> Tensor:
        """Return what the steps at a size start from.

        `before` is what came out at the size before; from the photo what that has changed,
        so that no detail is lost.
        """
        if before is None:
            return torch.lerp(photo, _noise(photo), painted) if self._from_noise else photo
        size = (photo.shape[2], photo.shape[3])
        larger = F.interpolate(before, size, mode="bilinear", align_corners=False)
        return torch.lerp(photo, larger, painted) if self._from_noise else photo + painted * larger

    def run(self, plan: list[Stage]) -> Tensor:
        """Go through all sizes; return the picture, 1×3×H×W with padding."""
        steps = sum(stage.steps for stage in plan)
        work = sum(stage.steps * stage.side**2 for stage in plan)
        made, spent, before = 0, 0, None
        for stage in plan:

            def tell(step: int, stage: Stage = stage, made: int = made, spent: int = spent) -> None:
                done = (spent + step * stage.side**2) / work
                self._watch(stage_of(self._request.method, made + step + 1, steps), done)

            full = stage.side == self._full
            sized = self._request if full else replace(self._request, size=stage.side)
            measured = Losses(self._network, sized, self._device, self._watch, spent / work)
            photo = pixels.unit(padded(sized.at(sized.size).content)).to(self._device)
            begun = self._begun(photo, measured.painted, before)
            ground = torch.zeros_like(begun) if self._from_noise else begun
            image = descend(begun, ground, measured, stage.steps, tell)
            before = image if self._from_noise else image - photo
            made, spent = made + stage.steps, spent + stage.steps * stage.side**2
        return image


def gatys(stylizer: Stylizer, request: Request, watch: Watch, steps: int) -> Image.Image:
    """Optimise the photo, or noise, until it has its content and the styles' statistics."""
    upright = request.upright()
    if coverage.untouched(upright):
        return upright.finished(pictures.scaled(upright.content, upright.size))
    side = min(pictures.checked_size(upright.content, upright.size))
    image = _Optimisation(stylizer, upright, watch).run(stages(side, steps))
    watch("done", 1.0)
    return finished(upright, image)
