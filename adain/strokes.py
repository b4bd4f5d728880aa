"""Strokes as broad as wanted, whatever a picture's size: coarse to fine.

A network paints strokes of some pixels. So a picture is painted first at the size at which they are
as broad as they shall be; that is enlarged, mixed with the photo and painted again, up to the
picture's own size. A picture smaller than that is painted larger and reduced.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from adain import coverage, pixels
from adain.files import pictures
from adain.model.transfer import restored
from adain.request import USUAL, Request
from adain.tiles import Tile

_LARGER = 2 << 20  # pixels up to which a picture may be painted larger than it shall be
_NONE = 1.02  # a ratio of sides under which there is nothing to enlarge
_LOOKED_AT = 512  # pixels of the shorter side that is looked at for flat places, at most
_WINDOWS = 24  # a shorter side
_FLAT = 0.06  # deviation of luminance in a window that halves, about, how flat it is


class Step(NamedTuple):
    """One painting on the way."""

    side: int  # pixels of the shorter side
    share: float  # how much of the step before it starts from, at most; the rest is the photo


def steps(width: int, height: int, strokes: float) -> list[Step]:
    """Return the steps to a picture, smallest first; `strokes` as `Request` has it."""
    side, broad = min(width, height), USUAL / strokes if strokes else math.inf
    if not strokes or side <= broad * _NONE:
        larger = side * math.sqrt(_LARGER / (width * height))
        larger = min(larger, larger**2 / pictures.NARROWEST)  # by what a strip takes to paint
        return [Step(max(side, round(min(broad, larger))) if strokes else side, 0.0)]
    sides = [float(side)]
    while sides[-1] > broad * _NONE:
        sides.append(max(broad, sides[-1] / 2))
    pairs = pairwise(reversed(sides))
    return [Step(round(sides[-1]), 0.0), *(Step(round(b), math.log2(b / a)) for a, b in pairs)]


def parts(plan: list[Step]) -> Iterator[tuple[Step, float, float]]:
    """Yield each step with where it begins and ends in the whole of the work, 0 to 1."""
    work = [step.side**2 for step in plan]
    done = 0
    for step, own in zip(plan, work, strict=True):
        yield step, done / sum(work), (done := done + own) / sum(work)


def _mean(values: Tensor, window: int) -> Tensor:
    """Average 1×1×h×w over windows."""
    return F.avg_pool2d(F.pad(values, (window // 2,) * 4, mode="reflect"), window, 1)


def _flatness(photo: Image.Image) -> Tensor:
    """Return 1 where a picture has no detail, towards 0 where it has much: h×w."""
    grey = pixels.unit(pixels.tensor(photo.convert("L")))
    window = min(photo.size) // _WINDOWS // 2 * 2 + 1
    variance = _mean(grey.square(), window) - _mean(grey, window).square()
    return _mean((-variance.clamp_min(0) / _FLAT**2).exp(), window)[0, 0]


def _weight(request: Request, share: float) -> Image.Image:
    """Return how much of what was painted before a step starts from: L, small.

    Up to the usual size most on flat places, where strokes shall be seen, and little on details,
    whose edges shall be clean; beyond it much everywhere, so that the look stays.
    """
    small = pictures.scaled(request.content, min(_LOOKED_AT, *request.content.size))
    beyond = min(max(math.log2(min(request.content.size) / USUAL), 0.0), 1.0)
    least, most = 0.25 + 0.5 * beyond, 0.8 + 0.2 * beyond
    weight = share * request.alpha * (least + (most - least) * _flatness(small))
    masks = replace(request, content=small).scaled_masks(1)
    if masks is not None:
        masks = pixels.unit(masks[:, 0, : small.height, : small.width])
        weight = weight * request.coverage(masks).sum(0)
    return Image.fromarray(pixels.as_bytes(weight).numpy())


def started(request: Request, before: Image.Image, share: float) -> Image.Image:
    """Return what a step paints: the request's content, with what the step before painted."""
    photo = request.content
    enlarged = before.resize(photo.size, Image.Resampling.BICUBIC)
    weight = _weight(request, share).resize(photo.size, Image.Resampling.BILINEAR)
    return Image.composite(enlarged, photo, weight)


def reduced(request: Request, larger: Image.Image, painted: Image.Image) -> Tensor:
    """Return what was painted of a larger copy of the content in the content's size.

    1×3×H×W, not clamped. What enlarging and reducing loses of the photo is given back as what
    the network loses is.
    """
    size, (width, height) = request.content.size, request.content.size
    made, photo = (
        pixels.unit(pixels.tensor(one.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)))
        for one in (painted, larger)
    )
    strength = coverage.Coverage([request], 1, height, width).strength(Tile(0, 0, height, width))
    return restored(made, photo, pixels.unit(pixels.tensor(request.content)), strength)
