"""Optimisation from the photo, or from noise, coarse to fine: no network paints, each step does.

Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016;
coarse to fine after Gatys et al., "Controlling Perceptual Factors in Neural Style Transfer", CVPR
2017. In the loss network that ships or, where the user's own VGG-19 is chosen as network, in that.
From the photo the small loss network does worse than `refine`: docs/paper.md has the figures.
"""

from functools import lru_cache

import torch
from PIL import Image
from torch import Tensor

from adain import coverage
from adain.catalog import Start
from adain.files import pictures
from adain.methods.descent import finished
from adain.methods.objective import loss_network
from adain.methods.sizes import Optimisation
from adain.mixing import Watch
from adain.request import Request
from adain.stylizer import Stylizer
from adain.training import lossnet
from adain.training.lossnet import LossNetwork

_NOISE = 0.25  # standard deviation about grey


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


def _photo(photo: Tensor) -> Tensor:
    return photo


def gatys(stylizer: Stylizer, request: Request, watch: Watch, steps: int) -> Image.Image:
    """Optimise the photo, or noise, until it has its content and the styles' statistics."""
    upright = request.upright()
    if coverage.untouched(upright):
        return upright.finished(pictures.scaled(upright.content, upright.size))
    network, noise = network_of(stylizer), request.start == Start.NOISE
    begun = _noise if noise else _photo
    image = Optimisation(network, upright, stylizer.device, watch, begun, fresh=noise).run(steps)
    watch("done", 1.0)
    return finished(upright, image)
