"""Refine: the network's result, then a few steps on the picture itself.

Losses are those of Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural
Networks", CVPR 2016, Gram matrices for style, in the loss network that ships; steps are L-BFGS's.
From the photo they would take hundreds; from the network's result twenty are enough.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from adain import catalog, color, coverage, pixels
from adain.catalog import Color
from adain.files import pictures
from adain.losses import statistics
from adain.losses.statistics import relative
from adain.methods import stage_of
from adain.mixing import Watch
from adain.request import Request, Style
from adain.stylizer import Stylizer, style_pixels
from adain.training import losses, lossnet
from adain.training.lossnet import LossNetwork

_STYLE, _CONTENT, _OUTSIDE, _ROUGH = 100.0, 1.0, 1.0, 500.0  # weights of the losses
_LEAST = 1e-6  # mean weight below which a region counts for less than it is
_SMALLER = 2  # times the picture is halved
_LEAST_SIDE = 16  # pixels of what is looked at
_DEEPEST = 3  # of the layers at full size: relu4_1
_MOST_SIDE = 1024  # pixels of a style's shorter side
_BEGUN = 0.1  # of the progress: the network's own part


@cache
def loss_network(device: str) -> LossNetwork:
    return lossnet.load().to(device)


def _features(network: LossNetwork, image: Tensor) -> list[Tensor]:
    """Return features of a picture and of it at half and quarter size, where strokes show broad."""
    found: list[Tensor] = network(image)
    for _ in range(_SMALLER):
        if min(image.shape[2:]) < 2 * _LEAST_SIDE:
            break
        image = losses.halved(image)
        found += network(image)
    return found


def gram(features: Tensor, where: Tensor) -> Tensor:
    """Gram matrix over the positions that a weight ≥ 0 (1×1×H×W) counts: 1×C×C.

    1×C×h×w features; zeros where nothing counts.
    """
    height, width = features.shape[2:]
    weight = F.adaptive_avg_pool2d(where, (height, width))
    return statistics.gram(features * (weight / weight.mean().clamp_min(_LEAST)).sqrt())


@dataclass(frozen=True)
class _Region:
    """Where a style acts, and what is wanted there."""

    where: Tensor  # 1×1×H×W in [0, 1]
    share: float  # of all that is painted
    wanted: Sequence[Tensor]  # a Gram matrix a layer


def _padded(image: Image.Image) -> Tensor:
    """Return a picture's bytes, of sides that the loss network takes."""
    return pixels.padded(pixels.tensor(image), 1)


def _regions(request: Request) -> tuple[Tensor, Tensor]:
    """Return how much of each style each pixel gets, K×1×H×W, and alpha's part of all: 1×1×H×W."""
    size = _padded(request.content).shape[2:]
    masks = request.scaled_masks(1)
    given = torch.ones(len(request.styles), 1, 1) if masks is None else pixels.unit(masks)[:, 0]
    given = request.coverage(given)[:, None].expand(-1, 1, *size)
    if request.opaque is not None:
        given = given * pixels.unit(_padded(request.opaque.resize(request.content.size)))
    return given, given.sum(0, keepdim=True).clamp_max(1)


def _style_grams(
    network: LossNetwork, request: Request, device: torch.device
) -> list[list[Tensor]]:
    """Measure each style of an upright request: Gram matrices, a layer each."""
    side = request.strokes * min(pictures.checked_size(request.content, request.size))
    like = request.like() if request.color == Color.CONTENT else None
    found = []
    for style in request.styles:
        assert not isinstance(style, Style)  # the request would not be one
        wanted = min(_MOST_SIDE, round(side) or request.size or min(style.size), *style.size)
        seen, opaque = style_pixels(style, wanted, like)
        opaque = torch.ones(1, 1, *seen.shape[2:]) if opaque is None else pixels.unit(opaque)
        where = pixels.padded(opaque, 1)
        features = _features(network, pixels.unit(pixels.padded(seen, 1)).to(device))
        found.append([gram(x, where.to(device)) for x in features])
    return found


class Losses:
    """What a picture is measured by."""

    def __init__(self, network: LossNetwork, request: Request, device: torch.device) -> None:
        sized = request.at(request.size)
        given, self.painted = (x.to(device) for x in _regions(sized))
        self._network = network
        with torch.no_grad():
            features = _features(network, pixels.unit(_padded(sized.content)).to(device))
            self._content = features[_DEEPEST]
            total, self._regions = float(given.sum().clamp_min(1)), []
            styles = _style_grams(network, request, device)
            for place, grams in enumerate(styles):
                where = given[place : place + 1]
                own = [gram(x, where) for x in features]
                pairs = zip(own, grams, strict=False)  # a small one has fewer sizes
                wanted = [torch.lerp(plain, style, request.alpha) for plain, style in pairs]
                self._regions.append(_Region(where, float(where.sum()) / total, wanted))

    def __call__(self, image: Tensor) -> Tensor:
        features = _features(self._network, image.clamp(0, 1))  # as it will be shown
        total = _CONTENT * losses.content(features[_DEEPEST], self._content).sum()
        total = total + _OUTSIDE * losses.outside(image).sum()
        for region in self._regions:
            each = zip(features, region.wanted, strict=False)
            apart = sum(relative(gram(x, region.where), wanted).sum() for x, wanted in each)
            total = total + _STYLE * region.share * apart
        return total


class _Best:
    """The best change of a picture so far: L-BFGS without line searches may go astray."""

    def __init__(self) -> None:
        self._loss, self.change = math.inf, torch.empty(0)

    def note(self, loss: Tensor, change: Tensor) -> None:
        if (found := float(loss.detach())) < self._loss:
            self._loss, self.change = found, change.detach().clone()


def _rough(change: Tensor) -> Tensor:
    """Mean squared difference of neighbours: without it a small loss network asks for specks."""
    across, down = change.diff(dim=3), change.diff(dim=2)
    return (across.square().sum() + down.square().sum()) / change.numel()


def _descend(image: Tensor, measured: Losses, steps: int, watch: Watch, method: str) -> Tensor:
    """Return the best picture of so many steps, changed only where it is painted."""
    change = torch.zeros(image.shape, device=image.device, requires_grad=True)
    optimiser = torch.optim.LBFGS([change], max_iter=1, history_size=steps)
    best = _Best()

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = measured(image + measured.painted * change) + _ROUGH * _rough(change)
        torch.autograd.backward(loss)
        best.note(loss, change)
        return loss

    for step in range(steps):
        watch(stage_of(method, step + 1, steps), _BEGUN + (1 - _BEGUN) * step / steps)
        optimiser.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        loss = measured(image + measured.painted * change) + _ROUGH * _rough(change)
        best.note(loss, change)
    return image + measured.painted * best.change


def _most_chroma(request: Request, photo: Tensor) -> Tensor:
    """Return what chroma the result may have, by its photo's and its styles': 1."""
    shares = request.weights or [1.0] * len(request.styles)
    found = [color.chroma(photo)]
    for share, style in zip(shares, request.styles, strict=True):
        assert not isinstance(style, Style)
        found.append(share / max(shares) * color.chroma(style_pixels(style, 0)[0]))
    return torch.tensor([color.most_chroma(max(found))])


def _begun(watch: Watch, stage: str, fraction: float) -> None:
    """Report the network's own part; its end is not the end."""
    if stage != "done":
        watch(stage, _BEGUN * fraction)


def refine(stylizer: Stylizer, request: Request, watch: Watch) -> Image.Image:
    """Paint by the network, then refine what it painted; outside of masks it stays to the bit."""
    own = Color.STYLE if request.color == Color.LUMINANCE else request.color
    plain = replace(request, method=catalog.DEFAULT_METHOD, color=own)
    [first] = stylizer.stylize([plain], partial(_begun, watch))
    upright = request.upright()
    if coverage.untouched(upright):
        return first
    steps = catalog.method(request.method).steps[request.effort]
    network = loss_network(str(stylizer.device))
    measured = Losses(network, upright, stylizer.device)
    begun = pixels.unit(_padded(first.convert("RGB"))).to(stylizer.device)
    image = _descend(begun, measured, steps, watch, request.method).cpu()
    image = image[:, :, : first.height, : first.width]
    photo = pixels.tensor(pictures.scaled(upright.content, upright.size))
    image = color.limit_chroma(image, _most_chroma(upright, photo))
    if request.color == Color.LUMINANCE:
        image = color.keep_colors(image, pixels.unit(photo))
    watch("done", 1.0)
    return upright.finished(pixels.image(pixels.as_bytes(image)[0]))
