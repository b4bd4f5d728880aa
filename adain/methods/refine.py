"""Refine: the network's result, then a few steps on the picture itself.

Losses are those of Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural
Networks", CVPR 2016, Gram matrices for style unless another loss is chosen, in the loss network
that ships; steps are L-BFGS's. From the photo they would take hundreds (`gatys`); from the
network's result twenty are enough.
"""

from dataclasses import replace
from functools import partial

from PIL import Image

from adain import coverage, pixels
from adain.catalog import Color
from adain.methods import stage_of
from adain.methods.descent import descend, finished
from adain.methods.objective import Losses, loss_network, padded
from adain.mixing import Watch
from adain.request import Request
from adain.stylizer import Stylizer

_BEGUN = 0.1  # of the progress: the network's own part


def _begun(watch: Watch, stage: str, fraction: float) -> None:
    """Report the network's own part; its end is not the end."""
    if stage != "done":
        watch(stage, _BEGUN * fraction)


def refine(stylizer: Stylizer, request: Request, watch: Watch, steps: int) -> Image.Image:
    """Paint by the network, then refine what it painted; outside of masks it stays to the bit."""
    own = Color.STYLE if request.color == Color.LUMINANCE else request.color
    plain = replace(request.plain(), color=own)
    [first] = stylizer.stylize([plain], partial(_begun, watch))
    upright = request.upright()
    if coverage.untouched(upright):
        return first
    network = loss_network(str(stylizer.device))
    measured = Losses(network, upright, stylizer.device, watch, _BEGUN)
    begun = pixels.unit(padded(first.convert("RGB"))).to(stylizer.device)

    def tell(step: int) -> None:
        stage = stage_of(request.method, step + 1, steps)
        watch(stage, _BEGUN + (1 - _BEGUN) * step / steps)

    image = descend(begun, begun, measured, steps, tell)
    watch("done", 1.0)
    return finished(upright, image)
