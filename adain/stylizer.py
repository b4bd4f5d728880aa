"""Images in, images out: the network, its weights and its device in one usable object.

Knows no file of pictures, no job and no limit on sizes; a caller that serves strangers
sets those (`worker/jobs/__init__.py`).
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

import torch
from PIL import Image
from torch import Tensor

from adain import color as colors
from adain import coverage, devices, pixels, strokes, weights
from adain.aot import runtime as aot_runtime
from adain.aot.runtime import Compiled
from adain.aot.trusted_folders import CodeUnusable
from adain.catalog import DEFAULT_NETWORK, Color, Transfer
from adain.coverage import Coverage
from adain.files import opacity, pictures
from adain.live.backend import Native
from adain.mixing import Fixed, Mix, Watch, mix, restyle, restyle_by
from adain.model.moments import Moments
from adain.model.network import Network
from adain.request import Request, Style
from adain.tiled_forward import TiledForward
from adain.tiles import Tile, tiled

log = logging.getLogger(__name__)

_OPAQUE = 127  # above it a pixel's colour counts

FOLDER = weights.FOLDER


# a request scaled to a painting's size, how its styles mix at level 0, and all features there →
# the features changed, in place of a transfer
Replace = Callable[[Request, Mix, Tensor, Watch], Tensor]


def _unwatched(stage: str, fraction: float) -> None:
    pass


def _seen(image: Image.Image, size: int) -> tuple[Tensor, Tensor | None]:
    """Return a picture's 1×3×H×W bytes at a size, and how opaque it is, 1×1×H×W, if not all is."""
    seen = pictures.scaled(pictures.cut_out(image), size)
    if seen.mode == "RGB":
        return pixels.tensor(seen), None
    return pixels.tensor(opacity.filled(seen)), pixels.tensor(seen.getchannel("A"))


def _opaque_pixels(image: Tensor, opaque: Tensor | None) -> Tensor:
    """Return those pixels of 1×3×H×W bytes that are opaque, or all, in [0, 1]: 3×…."""
    if opaque is None or not (opaque > _OPAQUE).any():
        return pixels.unit(image[0])
    return pixels.unit(image[0][:, opaque[0, 0] > _OPAQUE])


def style_pixels(
    image: Image.Image, size: int, like: Image.Image | None = None
) -> tuple[Tensor, Tensor | None]:
    """Return a style's 1×3×H×W bytes at a size, and how opaque it is, 1×1×H×W, if not all is.

    With `like` its colours are first matched to that picture's (`Color.CONTENT`).
    """
    style, opaque = _seen(image, size)
    if like is not None:
        own, wanted = _opaque_pixels(style, opaque), _opaque_pixels(*_seen(like, size))
        matched = colors.match_colors(pixels.unit(style[0]), wanted, own)
        style = pixels.as_bytes(matched)[None]
    return style, opaque


def _picture(forward: TiledForward, tile: Tile, most: Tensor) -> Tensor:
    """Return the picture in a tile of a forward pass, with so much chroma at most (N)."""
    return colors.limit_chroma(forward.picture(tile).float().cpu(), most)


def most_chroma(
    requests: Sequence[Request], styles: Sequence[Sequence[Style]], contents: Tensor
) -> Tensor:
    """Return what chroma each result may have, by that of its photo and its styles: N."""
    found = []
    for request, own, content in zip(requests, styles, contents, strict=True):
        shares = request.weights or [1.0] * len(own)
        parts = [share / max(shares) * one.chroma for share, one in zip(shares, own, strict=True)]
        found.append(colors.most_chroma(max(*parts, colors.chroma(content[None]))))
    return torch.tensor(found)


def _reduced(request: Request, larger: Image.Image, painted: Image.Image) -> Image.Image:
    """Bring what was painted of a larger copy of a photo to the size asked for."""
    asked = replace(request, content=pictures.scaled(request.content, request.size), size=0)
    made = strokes.reduced(asked, larger, painted)
    if request.color == Color.LUMINANCE:
        return pixels.image(_in_colors_of(pixels.tensor(asked.content), made)[0])
    return pixels.image(pixels.as_bytes(made)[0])


def _part(watch: Watch, since: float, until: float, stage: str, fraction: float) -> None:
    """Report the progress of one of several paintings as a part of the whole."""
    watch(stage if until == 1 else "content", since + (until - since) * fraction)


def _in_colors_of(photos: Tensor, painted: Tensor) -> Tensor:
    """Take only the luminance of what was painted, in [0, 1]; bytes."""
    return pixels.as_bytes(colors.keep_colors(painted, pixels.unit(photos)))


class Stylizer:
    """A network with weights on a device; not shared between threads.

    It runs in half precision on CUDA and on CPUs with matrix units for it, statistics and
    the transfer itself always in float32. Large pictures on a CPU, and everything when it shall be
    `exact`, are float32 throughout, so that tiled and whole results are equal.
    """

    def __init__(
        self,
        model: Network,
        network: str,
        sha256: str,
        device: torch.device,
        exact: bool = False,
        code: Path | None = None,
    ) -> None:
        self.network = network
        self.sha256 = sha256
        self.device = device
        quick = torch.float32 if exact else devices.quickest(device)
        large = quick if device.type == "cuda" else torch.float32
        self._large = model.to(device, large).to(memory_format=torch.channels_last)
        self.model = self._large if quick == large else deepcopy(self._large).to(quick)
        self._code = code
        self._compiled: Compiled | Native | None = None

    @classmethod
    def load(
        cls,
        network: str = DEFAULT_NETWORK,
        folder: Path = FOLDER,
        device: str = "auto",
        exact: bool = False,
        code: Path | None = None,
    ) -> Self:
        """Load a network by name; `device` is "auto", "cpu", "cuda" or "cuda:N".

        `code` is a folder in which `aot/compile.py` keeps machine code of networks; as soon as
        there is some of this one, it is used where it can be.

        Raises `weights.WeightsError` when there are no sound weights, ValueError for an unknown
        network or a device that is not there.
        """
        model, found = weights.load(network, folder)
        return cls(model, network, found.sha256, devices.of(device), exact, code)

    @property
    def dtype(self) -> torch.dtype:
        """Number format of what the network computes for pictures that are not tiled."""
        return self.model.dtype

    @property
    def name(self) -> str:
        """The network's name with its weights', as `Style.network` has it."""
        return f"{self.network} {self.sha256}"

    @property
    def has_code(self) -> bool:
        """Tell whether it has taken up machine code; any thread may ask."""
        return self._compiled is not None

    def _found(self, folder: Path) -> Compiled | Native | None:
        """Return what there is of code for this network; the engine is the quicker one."""
        engine = Native.load(self.model, self.network, folder)
        return engine or aot_runtime.load(self.model, self.name, folder)

    def _quickest(self, images: Tensor) -> Compiled | Native | None:
        """Return machine code that can take N×3×H×W, if there is some."""
        if self._code is None or tiled(*images.shape[2:]):
            return None
        if self._compiled is None:
            try:
                self._compiled = self._found(self._code)
            except CodeUnusable as error:
                log.warning("%s", error)
                self._code = None  # asked for no more
        return self._compiled

    @torch.inference_mode()
    def style(self, image: Image.Image, size: int = 512, like: Image.Image | None = None) -> Style:
        """Measure a style picture once, to be kept and mixed at will.

        With `like` its colours are first matched to that picture's (`Color.CONTENT`).
        """
        style, opaque = style_pixels(image, size, like)
        padded = pixels.padded(style, self.model.stride)
        if opaque is not None:
            opaque = pixels.padded(opaque, self.model.stride)
        return Style(self.name, tuple(self._measured(padded, opaque)), colors.chroma(style))

    @torch.inference_mode()
    def features(
        self, image: Image.Image, size: int = 512, like: Image.Image | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return a style's features at level 0, 1×C×h×w float32, and how opaque they are, 1×1×h×w.

        Everything else is as `style` has it.
        """
        style, opaque = style_pixels(image, size, like)
        forward = self.forward(pixels.padded(style, self.model.stride))
        forward.measure(0, full=False)
        found = forward.kept.float()
        if opaque is None:
            return found, torch.ones_like(found[:, :1])
        cells = self._cells(pixels.padded(opaque, self.model.stride), 0)
        assert cells is not None
        return found, cells

    def _measured(self, style: Tensor, opaque: Tensor | None) -> Iterator[Moments]:
        """Measure a padded 1×3×H×W at each level, where it is opaque: C."""
        code = self._quickest(style) if opaque is None else None
        if code:
            measured = code.measure(style)
        else:
            forward, full = self.forward(style), Transfer.COVARIANCE.full
            measured = [
                forward.measure(level, full(level), self._cells(opaque, level))
                for level in self.model.levels
            ]
        for one in measured:  # of one picture, and there of one region or none
            yield Moments(*(value.squeeze().cpu() for value in one))

    def _cells(self, opaque: Tensor | None, level: int) -> Tensor | None:
        """Average 1×1×H×W over the cells of a level."""
        if opaque is None:
            return None
        return pixels.cells(opaque, self.model.strides[level])[None].to(self.device)

    @torch.inference_mode()
    def stylize(
        self,
        requests: Sequence[Request],
        watch: Watch = _unwatched,
        replaced: Replace | None = None,
    ) -> list[Image.Image]:
        """Make the pictures, each of its content's size after scaling.

        Requests of one transfer whose contents scale to one size run as one batch, those painted
        in part (`coverage.partial`) apart from others; one above `tiles.SIDE` runs tile by tile.
        What asks for its photo is given it, without the network. `watch` hears of each stage
        (styles, content, picture, done) and tile. `replaced` is done at level 0 in place of the
        transfer; then the requests are one.
        """
        upright = [request.upright() for request in requests]
        groups: dict[tuple[Transfer, bool, bool, float, int, int], list[int]] = {}
        images: dict[int, Image.Image] = {}
        for place, request in enumerate(upright):
            if coverage.untouched(request):
                images[place] = pictures.scaled(request.content, request.size)
                continue
            width, height = pictures.checked_size(request.content, request.size)
            partly = (coverage.partial(request), request.opaque is not None)
            kind = (request.transfer, *partly, request.strokes, width, height)
            groups.setdefault(kind, []).append(place)
        for places in groups.values():
            made = self._batch([upright[p] for p in places], watch, replaced)
            images |= zip(places, made, strict=True)
        watch("done", 1.0)
        return [request.finished(images[place]) for place, request in enumerate(upright)]

    def _batch(
        self, requests: Sequence[Request], watch: Watch, replaced: Replace | None
    ) -> list[Image.Image]:
        """Make pictures of one size and strokes by one transfer, from upright requests."""
        watch("styles", 0.0)
        styles = [self._styles(request) for request in requests]
        width, height = pictures.checked_size(requests[0].content, requests[0].size)
        plan = strokes.steps(width, height, requests[0].strokes)
        made: list[Image.Image] = []
        for step, since, until in strokes.parts(plan):
            sized = [request.at(step.side) for request in requests]
            given = [request.content for request in sized]
            if made:
                before = zip(sized, made, strict=True)
                given = [strokes.started(*one, step.share) for one in before]
            progress = partial(_part, watch, since, until)
            results = self._painted(sized, given, styles, progress, replaced)
            made = [pixels.image(result) for result in results]
        if made[0].size == (width, height):
            return made
        each = zip(requests, sized, made, strict=True)
        return [_reduced(request, large.content, painted) for request, large, painted in each]

    def _painted(
        self,
        requests: Sequence[Request],
        given: Sequence[Image.Image],
        styles: Sequence[Sequence[Style]],
        watch: Watch,
        replaced: Replace | None,
    ) -> Tensor:
        """Make N×3×H×W bytes; whatever it took is free again before they become pictures.

        `given` is what the network paints: the contents, or what is to be painted over.
        """
        mixes = [mix(self.model, requests, styles, level) for level in self.model.levels]
        if replaced:
            mixes[0] = replace(mixes[0], whole=partial(replaced, requests[0], mixes[0]))
        contents = torch.cat([pixels.tensor(one) for one in given])
        first = all(one is request.content for one, request in zip(given, requests, strict=True))
        photos = contents if first else torch.cat([pixels.tensor(one.content) for one in requests])
        most = most_chroma(requests, styles, photos)
        height, width = contents.shape[2:]
        images = pixels.padded(contents, self.model.stride)
        photos = images if first else pixels.padded(photos, self.model.stride)
        luminance = torch.tensor([request.color == Color.LUMINANCE for request in requests])
        usual = mixes[-1].full == Transfer.COVARIANCE.full(len(mixes) - 1)  # what code can do
        usual = usual and mixes[0].regions is None and bool(most.isinf().all()) and not replaced
        usual = usual and (first or not any(map(coverage.partial, requests)))
        code = self._quickest(images) if usual else None
        if isinstance(code, Native) and luminance.any():
            code = None
        if code is None:
            covered = Coverage(requests, self.model.stride, *images.shape[2:])
            results = self.passed(images, photos, mixes, covered, most, luminance, watch)
        else:
            watch("picture", 0.2)
            wanted = [mix.styles for mix in mixes]
            asked = (images, mixes[0].coverage, mixes[0].alpha, wanted)
            if isinstance(code, Native):
                results = code.paint(*asked)
            else:
                results, raw = code.paint(*asked)
                painted = self.model.unfolded(raw[luminance]).float().cpu()
                results[luminance] = _in_colors_of(photos[luminance], painted)
        return results[:, :, :height, :width]

    def passed(
        self,
        images: Tensor,
        photos: Tensor,
        mixes: Sequence[Mix],
        covered: Coverage,
        most: Tensor,
        luminance: Tensor,
        watch: Watch = _unwatched,
        fixed: Sequence[Fixed] | None = None,
    ) -> Tensor:
        """Paint padded pictures tile by tile, some of them (N booleans) in luminance only.

        What is not painted goes back to the photos. `most` (N) is what chroma they may have.
        `fixed`: by these content statistics, not those of the pictures themselves.
        """
        forward = self.forward(images)
        if fixed is None:
            plain = restyle(forward, mixes, watch)
        else:
            plain = restyle_by(forward, mixes, fixed)
        results = torch.empty_like(images)
        for tile in forward.tiles():
            watch("picture", 0.8 + 0.2 * tile.top / forward.height)
            photo = tile.of(photos)
            ways = [partial(_picture, way, tile, most) for way in (forward, plain)]
            painted = covered.apply(tile, photo, *ways)
            made = pixels.as_bytes(painted)
            made[luminance] = _in_colors_of(photo[luminance], painted[luminance])
            tile.of(results).copy_(made)
        return results

    def forward(self, images: Tensor) -> TiledForward:
        """Send padded N×3×H×W through the network, in the precision that suits the size."""
        return TiledForward(self._large if tiled(*images.shape[2:]) else self.model, images)

    def _styles(self, request: Request) -> list[Style]:
        """Measure a request's K styles, or take them as they were measured."""
        like = request.like() if request.color == Color.CONTENT else None
        styles = [
            style
            if isinstance(style, Style)
            else self.style(style, request.style_side(style), like)
            for style in request.styles
        ]
        for style in styles:
            if style.network != self.name:
                raise ValueError(f"A style measured by {style.network} is no use to {self.name}.")
        return styles
