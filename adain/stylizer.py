"""Images in, images out: the network, its weights and its device in one usable object.

Knows no file of pictures, no job and no limit on sizes; a caller that serves strangers
sets those (`worker/jobs.py`).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import torch
from PIL import Image
from torch import Tensor

from adain import color as colors
from adain import pictures, pixels, weights
from adain.color import Color
from adain.model import Network, Statistics, adain, statistics
from adain.request import Request, Style

FOLDER = Path("data/weights")  # where weights of the user's own lie unless said otherwise

Watch = Callable[[str, float], None]  # stage name, fraction done; may raise to stop


def _unwatched(stage: str, fraction: float) -> None:
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

    def _encode(self, image: Tensor) -> Tensor:
        image = pixels.padded(image, self._model.stride).to(self.device, self.dtype)
        features: Tensor = self._model.encode(image)
        return features

    @torch.inference_mode()
    def style(self, image: Image.Image, size: int = 512, like: Image.Image | None = None) -> Style:
        """Measure a style picture once, to be kept and mixed at will.

        With `like` its colours are first matched to that picture's (`Color.CONTENT`).
        """
        style = pixels.tensor(pictures.scaled(pictures.rgb(image), size))
        if like is not None:
            content = pixels.tensor(pictures.scaled(pictures.rgb(like), size))
            style = colors.match_colors(style[0], content[0])[None]
        measured = statistics(self._encode(style))
        return Style(self._name, Statistics(measured.mean[0].cpu(), measured.std[0].cpu()))

    @torch.inference_mode()
    def stylize(self, requests: Sequence[Request], watch: Watch = _unwatched) -> list[Image.Image]:
        """Make the pictures, each of its content's size after scaling.

        Requests whose contents scale to one size run as one batch. `watch` hears of each
        stage: styles, content, picture, done.
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
        styles = [self._styles(request) for request in requests]
        watch("content", 0.3)
        contents = torch.cat(
            [pixels.tensor(pictures.scaled(request.content, request.size)) for request in requests]
        )
        features = self._encode(contents)
        features = self._transfer(features, styles, requests)
        watch("picture", 0.6)
        height, width = contents.shape[2:]
        results = self._model.decode(features)[:, :, :height, :width]
        images = [
            pixels.image(colors.keep_colors(result.float().cpu(), content))
            if request.color == Color.LUMINANCE
            else pixels.image(result)
            for result, content, request in zip(results, contents, requests, strict=True)
        ]
        watch("done", 1.0)
        return images

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

    def _transfer(
        self, features: Tensor, styles: Sequence[Statistics], requests: Sequence[Request]
    ) -> Tensor:
        """Bring the requests' styles, weights, masks and alphas to one shape and apply them.

        Requests with fewer styles than others are filled up with styles that cover nothing.
        """
        n, channels, h, w = features.shape
        k = max(len(request.styles) for request in requests)
        mean, std = torch.zeros(n, k, channels), torch.ones(n, k, channels)
        masked = any(request.masks for request in requests)
        cover = torch.zeros(n, k, *((h, w) if masked else (1, 1)))
        regions = torch.ones(n, k, h, w) if masked else None
        for place, (request, own) in enumerate(zip(requests, styles, strict=True)):
            count = len(request.styles)
            mean[place, :count], std[place, :count] = own
            region = request.regions(self._model.stride)  # 1×1 without masks
            cover[place, :count] = request.cover(region)
            if regions is not None:
                regions[place, :count] = region
        alpha = torch.tensor([request.alpha for request in requests], dtype=torch.float32)
        return adain(
            features,
            Statistics(mean.to(self.device), std.to(self.device)),
            cover.to(self.device),
            None if regions is None else regions.to(self.device),
            alpha.to(self.device),
        )
