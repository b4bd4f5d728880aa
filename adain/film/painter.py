"""Paint the frames of a film by content statistics that are fixed for each shot.

By a frame's own statistics every blink and every blur would repaint it in other colours and
contrasts; by those of its shot the palette stays, and a lamp that goes out makes it darker. Grain
is the same in every frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from adain import pixels
from adain.catalog import DEFAULT_METHOD, Color, Transparency
from adain.coverage import Coverage
from adain.film.colours import Picture
from adain.mixing import Fixed, Mix, fixed, mix
from adain.request import Request, Style
from adain.stylizer import Stylizer, most_chroma

_SAMPLES = 8  # frames of a shot that are measured, at most
_SAMPLE_PIXELS = 6_000_000  # of all of them together, which are held at once


def samples(first: int, end: int, pixels: int) -> list[int]:
    """Return which frames of a shot are measured: evenly, from its first to its last."""
    most = max(2, min(_SAMPLES, _SAMPLE_PIXELS // pixels))
    return sorted({round(at) for at in np.linspace(first, end - 1, min(most, end - first))})


def check(request: Request) -> None:
    """Raise ValueError for what can be asked of a picture, and not of a film."""
    if request.method != DEFAULT_METHOD:
        raise ValueError(f"Films are painted by the method {DEFAULT_METHOD} alone.")
    if request.transparency == Transparency.KEEP:
        raise ValueError("A film has no transparency to keep.")


@dataclass(frozen=True)
class Shot:
    """What is kept of a shot: its content's statistics by level, and how colourful it is."""

    levels: list[Fixed]
    most: Tensor  # the chroma its frames may have: 1


@dataclass(frozen=True)
class _Prepared:
    """What is the same for every frame with the same weights."""

    request: Request
    mixes: list[Mix]
    coverage: Coverage


class Painter:
    """Paints frames of one size by a request; its content is any frame of the film.

    `until`: weights at the end of the film, towards which those of the request go evenly.
    Raises ValueError with a sentence for its reader.
    """

    def __init__(self, stylizer: Stylizer, request: Request, until: Sequence[float] = ()) -> None:
        check(request)
        upright = replace(request, size=0, strokes=0.0).upright()
        like = upright.content if request.color == Color.CONTENT else None
        self._stylizer = stylizer
        self._styles = [self._measured(one, request, like) for one in upright.styles]
        self._from = list(request.weights or [1.0] * len(request.styles))
        self._until = list(until) or self._from
        own = Color.STYLE if request.color == Color.CONTENT else request.color
        self._request = replace(upright, styles=self._styles, color=own, weights=self._from)
        replace(self._request, weights=self._until)  # is checked
        self._luminance = torch.tensor([request.color == Color.LUMINANCE])
        self._ready: tuple[tuple[float, ...], _Prepared] | None = None

    def _measured(self, style: Image.Image | Style, request: Request, like: object) -> Style:
        if isinstance(style, Style):
            return style
        content = like if isinstance(like, Image.Image) else None
        return self._stylizer.style(style, replace(request, strokes=1.0).style_side(style), content)

    def _weights(self, progress: float) -> tuple[float, ...]:
        """Return the weights at a place in the film, 0 to 1, each side's proportions mixed."""
        begin, end = sum(self._from), sum(self._until)
        pairs = zip(self._from, self._until, strict=True)
        return tuple(a / begin * (1 - progress) + b / end * progress for a, b in pairs)

    def _prepared(self, progress: float) -> _Prepared:
        weights = self._weights(progress)
        if self._ready is None or self._ready[0] != weights:
            request, model = replace(self._request, weights=weights), self._stylizer.model
            mixes = [mix(model, [request], [self._styles], level) for level in model.levels]
            width, height = request.content.size
            sides = pixels.padded(torch.zeros(1, 1, height, width), model.stride).shape[2:]
            coverage = Coverage([request], model.stride, *sides)
            self._ready = weights, _Prepared(request, mixes, coverage)
        return self._ready[1]

    def _images(self, frame: Picture) -> Tensor:
        """Return a frame as padded 1×3×H×W bytes."""
        image = torch.from_numpy(np.array(frame)).permute(2, 0, 1)[None]
        return pixels.padded(image, self._stylizer.model.stride)

    @torch.inference_mode()
    def shot(self, frames: Sequence[Picture], progress: Sequence[float]) -> Shot:
        """Measure some frames of a shot, each at its place in the film."""
        images = [self._images(frame) for frame in frames]
        prepared = [self._prepared(place) for place in progress]
        forwards = [self._stylizer.forward(one) for one in images]
        levels = fixed(forwards, [one.mixes for one in prepared])
        mosts = [
            most_chroma([one.request], [self._styles], image)
            for one, image in zip(prepared, images, strict=True)
        ]
        return Shot(levels, torch.cat(mosts).amax(0, keepdim=True))

    @torch.inference_mode()
    def paint(self, frame: Picture, shot: Shot, progress: float) -> Picture:
        """Paint a frame of a shot, at its place in the film from 0 to 1."""
        prepared, images = self._prepared(progress), self._images(frame)
        made = self._stylizer.passed(
            images,
            images,
            prepared.mixes,
            prepared.coverage,
            shot.most,
            self._luminance,
            fixed=shot.levels,
        )
        height, width = frame.shape[:2]
        return made[0, :, :height, :width].permute(1, 2, 0).contiguous().numpy()
