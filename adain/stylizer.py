"""Images in, images out: the network, its weights and its device in one usable object.

Knows no file of pictures, no job and no limit on sizes; a caller that serves strangers
sets those (`worker/jobs.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from PIL import Image
from torch import Tensor

from adain import color as colors
from adain import pictures, pixels, weights
from adain.color import Color
from adain.model import Network, Statistics, adain, region_statistics, statistics
from adain.request import Request, Style
from adain.tiles import tiles

FOLDER = Path("data/weights")  # where weights of the user's own lie unless said otherwise

Watch = Callable[[str, float], None]  # stage name, fraction done; may raise to stop


def _unwatched(stage: str, fraction: float) -> None:
    pass


def _unheard(fraction: float) -> None:
    pass


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"There is no device {name!r} here; use auto, cpu or cuda.") from error
    return device


@dataclass(frozen=True)
class _Mix:
    """What a batch does to its features, as `adain` takes it."""

    styles: Statistics  # N×K×C
    cover: Tensor  # N×K×1×1, or N×K×h×w with masks
    regions: Tensor | None  # N×K×h×w with masks
    alpha: Tensor  # N

    def measure(self, features: Tensor) -> Statistics:
        """Statistics of the content, region by region with masks."""
        if self.regions is not None:
            return region_statistics(features, self.regions)
        whole = statistics(features)
        return Statistics(whole.mean[:, None], whole.std[:, None])


class Stylizer:
    """A network with weights on a device; not shared between threads.

    On CUDA the network runs in half precision; statistics and AdaIN itself are float32
    everywhere.
    """

    def __init__(self, model: Network, network: str, sha256: str, device: torch.device) -> None:
        self.network = network
        self.sha256 = sha256
        self.device = device
        self.dtype = torch.float16 if device.type == "cuda" else torch.float32
        self._model = model.to(device, self.dtype).to(memory_format=torch.channels_last)

    @classmethod
    def load(cls, network: str = "compact", folder: Path = FOLDER, device: str = "auto") -> Self:
        """Load a network by name; `device` is "auto", "cpu", "cuda" or "cuda:N".

        Raises `weights.WeightsError` when there are no sound weights, ValueError for an unknown
        network or a device that is not there.
        """
        model, found = weights.load(network, folder)
        return cls(model, network, found.sha256, _device(device))

    @torch.inference_mode()
    def style(self, image: Image.Image, size: int = 512, like: Image.Image | None = None) -> Style:
        """Measure a style picture once, to be kept and mixed at will.

        With `like` its colours are first matched to that picture's (`Color.CONTENT`).
        """
        style = pixels.tensor(pictures.scaled(pictures.rgb(image), size))
        if like is not None:
            content = pixels.tensor(pictures.scaled(pictures.rgb(like), size))
            style = colors.match_colors(pixels.unit(style[0]), pixels.unit(content[0]))[None]
        measured = statistics(self._encode(pixels.padded(style, self._model.stride)))
        return Style(self._name, Statistics(measured.mean[0].cpu(), measured.std[0].cpu()))

    @torch.inference_mode()
    def stylize(self, requests: Sequence[Request], watch: Watch = _unwatched) -> list[Image.Image]:
        """Make the pictures, each of its content's size after scaling.

        Requests whose contents scale to one size run as one batch; a picture above
        `tiles.SIDE` runs tile by tile. `watch` hears of each stage (styles, content, picture,
        done) and tile.
        """
        upright = [request.upright() for request in requests]
        groups: dict[tuple[int, int], list[int]] = {}
        for place, request in enumerate(upright):
            size = pictures.scaled_size(*request.content.size, request.size)
            groups.setdefault(size, []).append(place)
        images: dict[int, Image.Image] = {}
        for places in groups.values():
            images |= zip(places, self._batch([upright[p] for p in places], watch), strict=True)
        return [images[place] for place in range(len(requests))]

    def _batch(self, requests: Sequence[Request], watch: Watch) -> list[Image.Image]:
        """Make pictures of one size, from upright requests."""
        watch("styles", 0.0)
        mix = self._mix(requests)
        contents = torch.cat(
            [pixels.tensor(pictures.scaled(request.content, request.size)) for request in requests]
        )
        height, width = contents.shape[2:]
        contents = pixels.padded(contents, self._model.stride)
        features = self._encode(contents, lambda done: watch("content", 0.2 + 0.4 * done))
        luminance = [request.color == Color.LUMINANCE for request in requests]
        results = self._paint(
            *(features, mix, contents, torch.tensor(luminance)),
            lambda done: watch("picture", 0.6 + 0.4 * done),
        )
        watch("done", 1.0)
        return [pixels.image(result) for result in results[:, :, :height, :width]]

    def _encode(self, images: Tensor, watch: Callable[[float], None] = _unheard) -> Tensor:
        """N×3×H×W bytes or floats, padded → N×C×h×w features, tile by tile."""
        n, _, height, width = images.shape
        stride, model = self._model.stride, self._model
        cells = (n, model.channels, height // stride, width // stride)
        features = torch.empty(
            cells, device=self.device, dtype=self.dtype, memory_format=torch.channels_last
        )
        for tile in tiles(height, width, stride):
            watch(tile.top / height)
            around = tile.grown(model.encoder_reach, height, width)
            seen = pixels.unit(around.of(images).to(self.device)).to(self.dtype)
            tile.of(features, stride).copy_(tile.inside(around).of(model.encode(seen), stride))
        return features

    def _paint(
        self,
        features: Tensor,
        mix: _Mix,
        contents: Tensor,
        luminance: Tensor,
        watch: Callable[[float], None],
    ) -> Tensor:
        """Transfer and decode tile by tile: N×C×h×w features → N×3×H×W bytes on the CPU."""
        (height, width), stride, model = contents.shape[2:], self._model.stride, self._model
        own = mix.measure(features)
        results = torch.empty_like(contents)
        for tile in tiles(height, width, stride):
            watch(tile.top / height)
            around = tile.grown(model.decoder_reach, height, width)
            cover = mix.cover if mix.regions is None else around.of(mix.cover, stride)
            mixed = adain(around.of(features, stride), mix.styles, cover, mix.alpha, own)
            painted = tile.inside(around).of(model.decode(mixed)).float().cpu()
            photo = pixels.unit(tile.of(contents)[luminance])
            painted[luminance] = colors.keep_colors(painted[luminance], photo)
            tile.of(results).copy_(pixels.as_bytes(painted))
        return results

    @property
    def _name(self) -> str:
        return f"{self.network} {self.sha256}"

    def _styles(self, request: Request) -> Statistics:
        """Statistics of a request's K styles: K×C."""
        like = request.content if request.color == Color.CONTENT else None
        styles = [
            style if isinstance(style, Style) else self.style(style, request.size, like)
            for style in request.styles
        ]
        for style in styles:
            if style.network != self._name:
                raise ValueError(f"A style measured by {style.network} is no use to {self._name}.")
        means, stds = zip(*(style.statistics for style in styles), strict=True)
        return Statistics(torch.stack(means), torch.stack(stds))

    def _mix(self, requests: Sequence[Request]) -> _Mix:
        """Bring the requests' styles, weights, masks and alphas to one shape.

        Requests with fewer styles than others are filled up with styles that cover nothing.
        """
        n, k = len(requests), max(len(request.styles) for request in requests)
        styles = [self._styles(request) for request in requests]
        regions = [request.regions(self._model.stride) for request in requests]
        masked = any(request.masks for request in requests)
        cells = max(region.shape[1:] for region in regions)  # 1×1 without masks
        mean, std = torch.zeros(n, k, self._model.channels), torch.ones(n, k, self._model.channels)
        cover, inside = torch.zeros(n, k, *cells), torch.ones(n, k, *cells)
        for place, (request, own, region) in enumerate(zip(requests, styles, regions, strict=True)):
            count = len(request.styles)
            mean[place, :count], std[place, :count] = own
            cover[place, :count] = request.cover(region)
            inside[place, :count] = region
        return _Mix(
            Statistics(mean.to(self.device), std.to(self.device)),
            cover.to(self.device),
            inside.to(self.device) if masked else None,
            torch.tensor([request.alpha for request in requests], device=self.device),
        )
