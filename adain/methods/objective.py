"""What an optimised picture is measured by: style losses by region, and the photo's content.

Features are those of a loss network at three sizes of the picture, so that strokes of several
widths are seen. Style losses are those of `adain.losses.names`, by name.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from adain import color, pixels
from adain.catalog import DEFAULT_LOSS, Color
from adain.files import pictures
from adain.losses.names import STYLE_LOSSES, StyleLoss
from adain.losses.statistics import recomputed
from adain.methods import each_style, unwatched
from adain.mixing import Watch
from adain.model.moments import statistics
from adain.request import Request
from adain.stylizer import style_pixels
from adain.training import losses, lossnet
from adain.training.lossnet import LossNetwork

_STYLE, _OUTSIDE = 100.0, 1.0  # weights of the losses
_DARK, _DARKER = 0.25, 4.0  # luminance below which a style is dark; weight that black adds
_LEAST = 1e-6  # mean weight below which a region counts for less than it is
_EVEN = 1e-4  # how far weights may be from 1 to be all alike
_SMALLER = 2  # times the picture is halved
_LEAST_SIDE = 16  # pixels of what is looked at
_MOST_SIDE = 1024  # pixels of a style's shorter side
_FAINT = 0.3  # of the mean deviation of a layer's channels: one that varies less isn't made louder

Content = Mapping[int, float]  # weights of the photo's content at layers of full size, from 0
DEEP: Content = {3: 1.0}  # relu4_1
SHAPES: Content = {2: 15.0, 3: 4.0}  # with relu3_1: eyes and outlines stay


@cache
def loss_network(device: str) -> LossNetwork:
    """Load the small loss network."""
    return lossnet.load().to(device)


@cache
def refining_network(device: str) -> LossNetwork:
    """Load the loss network near to VGG-19."""
    return lossnet.load(lossnet.LARGE).to(device)


def _features(network: LossNetwork, image: Tensor) -> list[Tensor]:
    """Return features of a picture and of it at half and quarter size, where strokes show broad."""
    found: list[Tensor] = network(image)
    for _ in range(_SMALLER):
        if min(image.shape[2:]) < 2 * _LEAST_SIDE:
            break
        image = losses.halved(image)
        found += network(image)
    return found


def _shapes(features: Tensor) -> Tensor:
    """Return 1×C×h×w features without the picture's contrast, faint channels kept faint."""
    measured = statistics(features)
    least = _FAINT * measured.std.mean()
    mean, std = measured.mean[..., None, None], measured.std.clamp_min(least)[..., None, None]
    return (features.float() - mean) / std


class Part:
    """What positions of a layer's features a weight ≥ 0 (1×1×H×W) counts."""

    def __init__(self, where: Tensor, features: Tensor) -> None:
        weight = F.adaptive_avg_pool2d(where, (features.shape[2], features.shape[3]))
        weight = weight / weight.mean().clamp_min(_LEAST)
        self._even = bool((weight - 1).abs().max() < _EVEN)
        self._root = weight.sqrt()  # so that products of channels count by the weight
        self._inside = (weight > weight.max() / 2).flatten()

    def gram(self, features: Tensor) -> Tensor:
        """Return features whose Gram matrix is that of the part, softly: the same shape."""
        return features if self._even else features * self._root

    def inside(self, features: Tensor) -> Tensor:
        """Return the features where the weight is more than half of its most: 1×C×positions×1."""
        return features if self._even else features.flatten(2)[:, :, self._inside, None]

    def of(self, loss: str, features: Tensor) -> Tensor:
        """Return what a loss is given of 1×C×h×w features."""
        return self.gram(features) if loss == DEFAULT_LOSS else self.inside(features)


@dataclass(frozen=True)
class _Region:
    """Where a style acts, and what is wanted there, a layer each."""

    parts: Sequence[Part]
    share: float  # of all that is painted
    wanted: Sequence[Tensor]


def padded(image: Image.Image) -> Tensor:
    """Return a picture's bytes, of sides that the loss network takes."""
    return pixels.padded(pixels.tensor(image), 1)


def _regions(request: Request) -> tuple[Tensor, Tensor]:
    """Return how much of each style each pixel gets, K×1×H×W, and alpha's part of all: 1×1×H×W."""
    size = padded(request.content).shape[2:]
    masks = request.scaled_masks(1)
    given = torch.ones(len(request.styles), 1, 1) if masks is None else pixels.unit(masks)[:, 0]
    given = request.coverage(given)[:, None].expand(-1, 1, *size)
    if request.opaque is not None:
        given = given * pixels.unit(padded(request.opaque.resize(request.content.size)))
    return given, given.sum(0, keepdim=True).clamp_max(1)


def painted(request: Request) -> Tensor:
    """Return how much of each pixel of an upright request at its size is painted: 1×1×H×W."""
    return _regions(request)[1]


def _styles(request: Request, watch: Watch, done: float) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield each style of an upright request in [0, 1] and how opaque it is, at its size."""
    side = request.strokes * min(pictures.checked_size(request.content, request.size))
    like = request.like() if request.color == Color.CONTENT else None
    for style in each_style(request, watch, done):
        wanted = min(_MOST_SIDE, round(side) or request.size or min(style.size), *style.size)
        seen, opaque = style_pixels(style, wanted, like)
        opaque = torch.ones(1, 1, *seen.shape[2:]) if opaque is None else pixels.unit(opaque)
        yield pixels.unit(pixels.padded(seen, 1)), pixels.padded(opaque, 1)


def content_weight(style: Tensor, opaque: Tensor) -> float:
    """Return by what content's weight is multiplied beside a 1×3×H×W style: more for a dark one.

    Of a nearly black painting relative losses ask for flat black; the photo's structure is
    otherwise lost.
    """
    seen = (color.luminance(style) * opaque).sum() / opaque.sum().clamp_min(1)
    return 1 + _DARKER * max(0.0, 1 - float(seen) / _DARK)


def _go_on() -> None:
    pass


class Losses:
    """What a picture is measured by, of an upright request.

    `watch` hears of each style before it is measured, when so much is `done`. `content` says how
    much the photo's content counts. `pause` is called within a measurement, and within the way
    back through it on a CPU, where a step takes long; it may raise.
    """

    def __init__(
        self,
        network: LossNetwork,
        request: Request,
        device: torch.device,
        watch: Watch = unwatched,
        done: float = 0.0,
        content: Content = DEEP,
    ) -> None:
        sized = request.at(request.size)
        given, self.painted = (x.to(device) for x in _regions(sized))
        self._network, self._loss = network, request.loss
        self._kind: StyleLoss = STYLE_LOSSES[request.loss]
        self._content_weight, self._regions = 0.0, list[_Region]()
        self._layers = content
        self.pause: Callable[[], None] = _go_on
        with torch.no_grad():
            features = _features(network, pixels.unit(padded(sized.content)).to(device))
            self._content = {layer: _shapes(features[layer]) for layer in content}
            shares = given.sum((1, 2, 3)) / given.sum().clamp_min(1)
            each = zip(_styles(request, watch, done), given[:, None], shares.tolist(), strict=True)
            for (style, opaque), where, share in each:
                self._content_weight += share * content_weight(style, opaque)
                if share:
                    its = self._targets(_features(network, style.to(device)), opaque.to(device))
                    self._regions.append(self._region(features, its, where, share, request.alpha))

    def _on_the_way_back(self, gradient: Tensor) -> None:
        self.pause()

    def _targets(self, features: Sequence[Tensor], where: Tensor) -> list[Tensor]:
        parts = [Part(where, x) for x in features]
        each = zip(parts, features, strict=True)
        return [self._kind.target(part.of(self._loss, x)) for part, x in each]

    def _region(
        self,
        features: Sequence[Tensor],
        style: Sequence[Tensor],
        where: Tensor,
        share: float,
        alpha: float,
    ) -> _Region:
        """Make a region; at alpha below 1 something between the photo and the style is wanted."""
        plain = self._targets(features, where) if alpha < 1 else style
        pairs = zip(plain, style, strict=False)  # a small one has fewer sizes
        wanted = [its if alpha == 1 else torch.lerp(own, its, alpha) for own, its in pairs]
        return _Region([Part(where, x) for x in features], share, wanted)

    def _apart(self, region: _Region, features: Sequence[Tensor]) -> Tensor:
        """Measure how far a picture is from a region's style, over all layers: 1.

        What a loss makes of features is made again on the way back, not remembered: as much memory
        is used whichever loss it is.
        """
        each = zip(region.parts, features, region.wanted, strict=False)
        found = [recomputed(partial(self._distance, part, w), x) for part, x, w in each]
        return torch.cat(found).sum()

    def _distance(self, part: Part, wanted: Tensor, features: Tensor) -> Tensor:
        return self._kind.distance(part.of(self._loss, features), wanted)

    def __call__(self, image: Tensor) -> Tensor:
        features = _features(self._network, image.clamp(0, 1))  # as it will be shown
        self.pause()
        if features[0].requires_grad and features[0].device.type == "cpu":
            for x in features:
                x.register_hook(self._on_the_way_back)  # type: ignore[no-untyped-call]
        total = image.new_zeros(())
        for layer, weight in self._layers.items():
            apart = (_shapes(features[layer]) - self._content[layer]).square().mean()
            total = total + self._content_weight * weight * apart
        total = total + _OUTSIDE * losses.outside(image).sum()
        for region in self._regions:
            total = total + _STYLE * region.share * self._apart(region, features)
        return total
