"""`Stylizer`'s place in the command line where no torch is needed: the engine paints what is usual.

Importing torch takes longer than painting a picture. What the engine does not do is left to a
`Stylizer`, which is loaded when the first such picture comes.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from PIL import Image

from adain import weights
from adain.aot.trusted_folders import CodeUnusable
from adain.catalog import DEFAULT_METHOD, Color, Transfer, Transparency
from adain.files import pictures
from adain.live import library, packed
from adain.live.native import Engine, Pixels, Wanted
from adain.request import USUAL, Request, Style

if TYPE_CHECKING:
    from adain.stylizer import Stylizer

_SIDE = 1024  # pixels of the longer side above which a picture takes tiles (adain/tiles.py)
_NONE = 1.02  # a ratio of sides under which strokes need no further painting (adain/strokes.py)


def usual(request: Request) -> bool:
    """Tell whether a request with any photo is one that the engine can do."""
    return (
        request.method == DEFAULT_METHOD
        and request.transfer == Transfer.COVARIANCE
        and request.color == Color.STYLE
        and request.transparency == Transparency.FLATTEN
        and request.alpha > 0
        and not request.masks
    )


def at_once(side: int, strokes: float) -> bool:
    """Tell whether a picture with this shorter side is painted once, at its own size."""
    broad = USUAL / strokes if strokes else side
    return broad <= side <= broad * _NONE


class WithoutTorch:
    """Paints one request at a time, without torch as long as it can."""

    def __init__(
        self, network: str, sha256: str, engine: Engine, full: "Callable[[], Stylizer]"
    ) -> None:
        self.network = network
        self.sha256 = sha256
        self._engine = engine
        self._full = full
        self._stylizer: Stylizer | None = None
        self._kept: dict[tuple[int, int], tuple[Image.Image, list[Wanted], float]] = {}
        self._styles: dict[tuple[int, int], tuple[Image.Image, Style]] = {}

    @classmethod
    def load(
        cls, network: str, folder: Path, code: Path, full: "Callable[[], Stylizer]"
    ) -> Self | None:
        """Return it where there is an engine for a network in `code`.

        `full` loads a stylizer of the same network. Raises `weights.WeightsError`.
        """
        if not packed.described(network):
            return None
        try:
            file = library.find(code)
        except CodeUnusable:
            return None  # the stylizer says why
        if file is None:
            return None
        found = weights.find(network, folder)
        metadata, tensors = packed.read(found.files[-1])
        plan = packed.plan(network)
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        try:
            engine = Engine(file, plan, tensors, packed.grain(plan, metadata), threads)
        except (OSError, AttributeError):
            return None  # the stylizer removes it, and says so
        return cls(network, found.sha256, engine, full)

    def style(self, image: Image.Image, size: int) -> Image.Image:
        """Return a style picture as it is: it is measured once, when it is painted with."""
        return image

    def stylize(self, requests: Sequence[Request]) -> list[Image.Image]:
        """Make pictures as `Stylizer.stylize` does, one by one."""
        return [self._made(request) for request in requests]

    def _made(self, request: Request) -> Image.Image:
        upright = request.upright()
        sides = pictures.checked_size(upright.content, upright.size)
        alone = usual(upright) and max(sides) <= _SIDE and at_once(min(sides), upright.strokes)
        looks = self._measured(request, upright) if alone else None
        return self._by_torch(request) if looks is None else self._painted(upright, looks)

    def _measured(
        self, request: Request, upright: Request
    ) -> list[tuple[list[Wanted], float]] | None:
        """Return what each style wants and its chroma; None: one of them needs a stylizer."""
        looks = []
        for given, style in zip(request.styles, upright.styles, strict=True):
            if isinstance(given, Style) or isinstance(style, Style):
                return None
            key = (id(given), upright.style_side(style))
            if key not in self._kept:
                seen = pictures.scaled(style, key[1])
                if seen.mode != "RGB" or max(seen.size) > _SIDE:
                    return None
                pixels = np.asarray(seen)
                wanted = self._engine.wanted(self._engine.measure(pixels))
                self._kept[key] = (given, wanted, self._engine.chroma(pixels))
            looks.append(self._kept[key][1:])
        return looks

    def _painted(
        self, upright: Request, looks: Sequence[tuple[list[Wanted], float]]
    ) -> Image.Image:
        photo: Pixels = np.asarray(pictures.scaled(upright.content, upright.size))
        shares = np.asarray(upright.weights or [1.0] * len(looks), np.float64)
        chroma = (shares / shares.max() * [one[1] for one in looks]).tolist()
        most = self._engine.most_chroma(photo, chroma)
        own = (shares / shares.sum()).astype(np.float32).tolist()
        made = self._engine.paint(photo, [one[0] for one in looks], own, upright.alpha, most)
        return Image.fromarray(made)

    def _by_torch(self, request: Request) -> Image.Image:
        """Have a stylizer make a picture; it measures each style once."""
        if self._stylizer is None:
            self._stylizer = self._full()
        measured = request.color != Color.CONTENT and request.method == DEFAULT_METHOD
        styles = [self._known(one, request) if measured else one for one in request.styles]
        return self._stylizer.stylize([replace(request, styles=styles)])[0]

    def _known(self, style: Image.Image | Style, request: Request) -> Style:
        if isinstance(style, Style):
            return style
        assert self._stylizer is not None
        key = (id(style), request.style_side(style))
        if key not in self._styles:
            self._styles[key] = (style, self._stylizer.style(style, key[1]))
        return self._styles[key][1]
