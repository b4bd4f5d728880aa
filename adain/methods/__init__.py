"""Methods: ways to make a picture with a network, `adain.catalog.METHODS` by name.

A method takes what a request holds, contents, styles and controls, and gives a picture. It tells
`watch` of each of its steps, which may raise to stop it there.
"""

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import Protocol

from PIL import Image

from adain import catalog
from adain.catalog import MOST_PIXELS
from adain.files import pictures
from adain.mixing import Watch
from adain.request import Request
from adain.stylizer import Stylizer


class Maker(Protocol):
    """A method: one picture of a request, of its content's size after scaling."""

    def __call__(self, stylizer: Stylizer, request: Request, watch: Watch) -> Image.Image: ...


def _unwatched(stage: str, fraction: float) -> None:
    pass


def stage_of(method: str, step: int, steps: int) -> str:
    """Return what is reported of a step: "refine 7/20"."""
    return f"{method} {step}/{steps}"


def check_size(request: Request, most: int = MOST_PIXELS) -> None:
    """Raise ValueError if a heavy method would make a picture of more pixels."""
    if not catalog.method(request.method).heavy:
        return
    width, height = pictures.checked_size(request.content, request.size)
    if width * height > most:
        raise ValueError(
            f"The picture would have {width} × {height} pixels; the method {request.method} makes "
            f"up to {most / 1e6:g} megapixels. Choose a smaller size."
        )


def _made(stylizer: Stylizer, request: Request, watch: Watch) -> Image.Image:
    """Make one picture by its request's method."""
    module, _, name = catalog.method(request.method).maker.partition(":")
    if not module:
        return stylizer.stylize([request], watch)[0]
    maker: Maker = getattr(import_module(module), name)
    return maker(stylizer, request, watch)


def _part(watch: Watch, place: int, count: int, stage: str, fraction: float) -> None:
    """Report one picture's progress as a part of several."""
    watch(stage, (place + fraction) / count)


def make(
    stylizer: Stylizer,
    requests: Sequence[Request],
    watch: Watch = _unwatched,
    most: int = MOST_PIXELS,
) -> list[Image.Image]:
    """Make pictures, each by its request's method: the network's own together, others in turn.

    Raises ValueError, before anything is made, for one that its method can't make so large.
    """
    for request in requests:
        check_size(request, most)
    if all(not catalog.method(request.method).maker for request in requests):
        return stylizer.stylize(requests, watch)
    count = len(requests)
    parts = [partial(_part, watch, place, count) for place in range(count)]
    return [_made(stylizer, one, part) for one, part in zip(requests, parts, strict=True)]
