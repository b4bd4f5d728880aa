"""Refine: the network's result, then a few steps on the picture itself.

Losses are those of Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural
Networks", CVPR 2016, Gram matrices for style unless another loss is chosen, in a loss network near
to VGG-19; steps are L-BFGS's, coarse to fine. From the photo they would take hundreds (`gatys`);
from the network's result a few are enough.
"""

from dataclasses import replace
from functools import partial

from PIL import Image
from torch import Tensor

from adain import coverage, pixels
from adain.catalog import Color
from adain.methods.descent import finished
from adain.methods.objective import SHAPES, padded, refining_network
from adain.methods.sizes import Optimisation, scaled
from adain.mixing import Watch
from adain.request import Request
from adain.stylizer import Stylizer

FINEST = 500_000  # pixels of the finest size: bounds memory and time
_BEGUN = 0.1  # of the progress: the network's own part


def _begun(watch: Watch, stage: str, fraction: float) -> None:
    """Report the network's own part; its end is not the end."""
    if stage != "done":
        watch(stage, _BEGUN * fraction)


def _rest(watch: Watch, stage: str, fraction: float) -> None:
    """Report the steps, after the network's own part."""
    watch(stage, _BEGUN + (1 - _BEGUN) * fraction)


def refine(stylizer: Stylizer, request: Request, watch: Watch, steps: int) -> Image.Image:
    """Paint by the network, then refine what it painted; outside of masks it stays to the bit."""
    own = Color.STYLE if request.color == Color.LUMINANCE else request.color
    plain = replace(request.plain(), color=own)
    [first] = stylizer.stylize([plain], partial(_begun, watch))
    upright = request.upright()
    if coverage.untouched(upright):
        return first
    painted = pixels.unit(padded(first.convert("RGB"))).to(stylizer.device)

    def begun(photo: Tensor) -> Tensor:
        return scaled(painted, photo)

    network = refining_network(str(stylizer.device))
    rest = partial(_rest, watch)
    image = Optimisation(
        network, upright, stylizer.device, rest, begun, content=SHAPES, most=FINEST
    ).run(steps)
    watch("done", 1.0)
    return finished(upright, image)
