"""Methods: ways to make a picture with a network, `adain.catalog.METHODS` by name.

A method takes what a request holds, contents, styles and controls, and gives a picture. It tells
`watch` of each of its steps, which may raise to stop it there. A further one is a file with a
function (`Maker`) and an entry in the catalogue; `tests/test_methods.py` says what lacks.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from PIL import Image

from adain import catalog
from adain.catalog import MOST_PIXELS, MOST_STEPS
from adain.files import pictures
from adain.request import Request

if TYPE_CHECKING:  # so that the command line has requests checked without torch
    from adain.mixing import Watch
    from adain.stylizer import Stylizer


@dataclass(frozen=True)
class Limits:
    """What a method may take at most."""

    # of a heavy method's picture; a larger one is refused, and a style is scaled down to them
    pixels: int = MOST_PIXELS
    steps: int = MOST_STEPS  # of a method of steps; more are not made


class Maker(Protocol):
    """A method: one picture of a request, of its content's size after scaling.

    `steps` is how many it may make; 0 where there is no effort to choose.
    """

    def __call__(
        self, stylizer: "Stylizer", request: Request, watch: "Watch", steps: int
    ) -> Image.Image: ...


def unwatched(stage: str, fraction: float) -> None:
    pass


def stage_of(method: str, step: int, steps: int) -> str:
    """Return what is reported of a step: "refine 7/20"."""
    return f"{method} {step}/{steps}"


def check_size(request: Request, most: int = MOST_PIXELS) -> None:
    """Raise ValueError if a heavy method would make a picture of more pixels."""
    if not catalog.method(request.method).heavy:
        return
    width, height = pictures.checked_size(request.content, request.size)
    if math.prod(pictures.work(width, height)) > most:
        raise ValueError(
            f"The picture would have {width} × {height} pixels; the method {request.method} makes "
            f"up to {most / 1e6:g} megapixels. Choose a smaller size."
        )


def steps_of(request: Request, most: int = MOST_STEPS) -> int:
    """Return how many steps a request's method makes; 0: it is none of steps."""
    return min(catalog.method(request.method).steps.get(request.effort, 0), most)


def maker_of(method: str) -> Maker | None:
    """Return what makes a method's pictures; None: the network alone."""
    module, _, name = catalog.method(method).maker.partition(":")
    return getattr(import_module(module), name) if module else None


def each_style(request: Request, watch: "Watch", done: float = 0.0) -> Iterator[Image.Image]:
    """Yield the styles of a request to be measured; `watch` hears of each before."""
    for place, style in enumerate(request.styles):
        assert isinstance(style, Image.Image)  # the request would not be one
        watch(stage_of("styles", place + 1, len(request.styles)), done)
        yield style


def _within(request: Request, most: int) -> Request:
    """Return a request whose styles have so many pixels at most: methods measure them untiled.

    Neither as they are nor enlarged to the request's size.
    """
    styles = [
        pictures.within(pictures.cut_out(style), most) if isinstance(style, Image.Image) else style
        for style in request.styles
    ]
    return replace(request, styles=styles, style_pixels=most)


def _made(stylizer: "Stylizer", request: Request, watch: "Watch", limits: Limits) -> Image.Image:
    """Make one picture by its request's method."""
    if maker := maker_of(request.method):
        request = _within(request, limits.pixels)
        return maker(stylizer, request, watch, steps_of(request, limits.steps))
    return stylizer.stylize([request], watch)[0]


def _part(watch: "Watch", place: int, count: int, stage: str, fraction: float) -> None:
    """Report one picture's progress as a part of several."""
    watch(stage, (place + fraction) / count)


def make(
    stylizer: "Stylizer",
    requests: Sequence[Request],
    watch: "Watch" = unwatched,
    limits: Limits = Limits(),
) -> list[Image.Image]:
    """Make pictures, each by its request's method: the network's own together, others in turn.

    Raises ValueError, before anything is made, for one that its method can't make so large.
    """
    for request in requests:
        check_size(request, limits.pixels)
    if all(not catalog.method(request.method).maker for request in requests):
        return stylizer.stylize(requests, watch)
    count = len(requests)
    parts = [partial(_part, watch, place, count) for place in range(count)]
    each = zip(requests, parts, strict=True)
    return [_made(stylizer, one, part, limits) for one, part in each]
