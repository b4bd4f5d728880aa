"""Steps of L-BFGS on a picture itself, and what makes a finished picture of it."""

import math
import time
from collections.abc import Callable
from functools import partial

import torch
from PIL import Image
from torch import Tensor

from adain import color, pixels
from adain.catalog import Color
from adain.files import pictures
from adain.methods.objective import Losses
from adain.request import Request, Style
from adain.stylizer import style_pixels

_ROUGH = 500.0  # weight of the roughness
_LONG = 0.1  # seconds after which a step under way is reported again
_HISTORY = 20  # steps that L-BFGS remembers, each of two pictures

Tell = Callable[
    [int], None
]  # of each step before and while it is made, from 0; may raise to stop there


class _Best:
    """The best change of a picture so far: L-BFGS without line searches may go astray."""

    def __init__(self) -> None:
        self._loss, self.change = math.inf, torch.empty(0)

    def note(self, loss: Tensor, change: Tensor) -> None:
        if (found := float(loss.detach())) < self._loss:
            self._loss, self.change = found, change.detach().clone()


def _rough(image: Tensor) -> Tensor:
    """Mean squared difference of neighbours: without it a small loss network asks for specks."""
    across, down = image.diff(dim=3), image.diff(dim=2)
    return (across.square().sum() + down.square().sum()) / image.numel()


def _again(tell: Tell, step: int, last: list[float]) -> None:
    """Tell of a step that is under way once more, if it takes long."""
    if time.monotonic() - last[0] > _LONG:
        tell(step)
        last[0] = time.monotonic()


def descend(image: Tensor, ground: Tensor, measured: Losses, steps: int, tell: Tell) -> Tensor:
    """Return the best picture of so many steps, changed only where it is painted: 1×3×H×W.

    It stays smooth beside `ground`.
    """
    change = torch.zeros(image.shape, device=image.device, requires_grad=True)
    optimiser = torch.optim.LBFGS([change], max_iter=1, history_size=min(steps, _HISTORY))
    best = _Best()

    def loss() -> Tensor:
        made = image + measured.painted * change
        return measured(made) + _ROUGH * _rough(made - ground)

    def closure() -> Tensor:
        optimiser.zero_grad()
        found = loss()
        torch.autograd.backward(found)
        best.note(found, change)
        return found

    for step in range(steps):
        tell(step)
        measured.pause = partial(_again, tell, step, [time.monotonic()])
        optimiser.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        best.note(loss(), change)
    return image + measured.painted * best.change


def _most_chroma(request: Request, photo: Tensor) -> Tensor:
    """Return what chroma the result may have, by its photo's and its styles': 1."""
    shares = request.weights or [1.0] * len(request.styles)
    found = [color.chroma(photo)]
    for share, style in zip(shares, request.styles, strict=True):
        assert not isinstance(style, Style)
        found.append(share / max(shares) * color.chroma(style_pixels(style, 0)[0]))
    return torch.tensor([color.most_chroma(max(found))])


def finished(request: Request, image: Tensor) -> Image.Image:
    """Make the picture of an upright request of what was optimised, 1×3×H×W with padding."""
    scaled = pictures.scaled(request.content, request.size)
    photo = pixels.tensor(scaled)
    image = image.cpu()[:, :, : scaled.height, : scaled.width]
    image = color.limit_chroma(image, _most_chroma(request, photo))
    if request.color == Color.LUMINANCE:
        image = color.keep_colors(image, pixels.unit(photo))
    return request.finished(pixels.image(pixels.as_bytes(image)[0]))
