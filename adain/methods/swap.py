"""Style swap: every patch of the photo's features becomes the most similar patch of the style's.

Chen and Schmidt, "Fast Patch-based Style Transfer of Arbitrary Style", 2016. Similar is what
correlates most after instance normalisation of both; patches overlap and are averaged. The
network's decoder then paints them, with the style's statistics at its further levels.
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from adain import strokes
from adain.catalog import Color
from adain.files import pictures
from adain.methods import each_style, stage_of
from adain.mixing import Mix, Watch
from adain.request import Request
from adain.stylizer import Stylizer
from adain.training.losses import normalised

SIDE = 3  # cells of a patch
MOST_PATCHES = 1 << 14  # of a style that are looked at; of a larger one some are left out, evenly
MOST_AT_ONCE = 1 << 22  # correlations: 16 MiB
_OPAQUE = 0.5  # mean opacity from which on a cell counts


def _padded(features: Tensor) -> Tensor:
    """Give every cell neighbours: N×C×h×w → N×C×(h + 2)×(w + 2)."""
    return F.pad(features, (SIDE // 2,) * 4, mode="replicate")


def _patches(padded: Tensor) -> Tensor:
    """Return the patches of padded features, around each cell: P×9C."""
    return F.unfold(padded, SIDE)[0].T


def _counted(opaque: Tensor) -> Tensor:
    """Return the cells whose patch is opaque throughout, at most so many; all if none is: P."""
    least = -F.max_pool2d(-_padded(opaque), SIDE, stride=1)
    inside = (least >= _OPAQUE).flatten().nonzero()[:, 0]
    inside = torch.arange(least.numel(), device=opaque.device) if not len(inside) else inside
    return inside[:: math.ceil(len(inside) / MOST_PATCHES)]


class Patches:
    """The patches of a style's features 1×C×h×w."""

    def __init__(self, features: Tensor, opaque: Tensor) -> None:
        places = _counted(opaque)
        self._own = _patches(_padded(features))[places]
        self._directions = F.normalize(_patches(_padded(normalised(features)))[places], dim=1)

    def __len__(self) -> int:
        return len(self._own)

    def nearest(self, patches: Tensor) -> Tensor:
        """Return which patch correlates most with each of normalised features' P×9C: P."""
        return (patches @ self._directions.T).argmax(1)

    def taken(self, places: Tensor) -> Tensor:
        """Return patches of the style by their places: P×9C."""
        return self._own[places]


def rows_at_once(width: int, patches: int) -> int:
    """Return how many rows of so many cells are matched at a time."""
    return max(1, MOST_AT_ONCE // (width * patches))


def _chunks(height: int, width: int, patches: int) -> Iterator[tuple[int, int]]:
    """Cut rows into those that are matched at a time."""
    rows = rows_at_once(width, patches)
    for top in range(0, height, rows):
        yield top, min(height, top + rows)


def matches(features: Tensor, style: Patches) -> Iterator[Tensor]:
    """Yield which of the style's patches each cell of 1×C×h×w gets, some rows at a time: cells."""
    height, width = features.shape[2:]
    padded = _padded(normalised(features))
    for top, bottom in _chunks(height, width, len(style)):
        yield style.nearest(_patches(padded[:, :, top : bottom + SIDE - 1]))


def assembled(style: Patches, places: Tensor, height: int, width: int) -> Tensor:
    """Lay the style's patches over each other, mean where they overlap: 1×C×h×w."""
    size, pad = (height, width), SIDE // 2
    laid = F.fold(style.taken(places).T[None], size, SIDE, padding=pad)
    count = F.fold(torch.ones(1, SIDE**2, height * width).to(laid), size, SIDE, padding=pad)
    return laid / count


class _Swap:
    """The swaps of one request: `adain.stylizer.Replace`."""

    def __init__(self, stylizer: Stylizer, upright: Request, watch: Watch) -> None:
        like = upright.like() if upright.color == Color.CONTENT else None
        self._stride, self._method = stylizer.model.stride, upright.method
        self._styles, self._made = list[Patches](), 0
        for style in each_style(upright, watch):
            found = stylizer.features(style, upright.style_side(style), like)
            self._styles.append(Patches(*found))
        self._steps = self._count(upright)

    def _count(self, upright: Request) -> int:
        """Return how many pieces are matched in all: of each painting on the way, of each style."""
        width, height = pictures.checked_size(upright.content, upright.size)
        count = 0
        for step in strokes.steps(width, height, upright.strokes):
            size = pictures.checked_size(upright.content, step.side)
            columns, rows = (max(2, math.ceil(side / self._stride)) for side in size)
            count += sum(len(list(_chunks(rows, columns, len(one)))) for one in self._styles)
        return count

    def _swapped(self, features: Tensor, style: Patches, watch: Watch, since: float) -> Tensor:
        found, pieces = list[Tensor](), matches(features, style)
        height, width = features.shape[2:]
        count = len(list(_chunks(height, width, len(style))))
        for number in range(count):
            self._made += 1
            done = since + number / count / len(self._styles)
            watch(stage_of(self._method, self._made, self._steps), done)
            found.append(next(pieces))
        return assembled(style, torch.cat(found), height, width)

    def __call__(self, request: Request, mix: Mix, features: Tensor, watch: Watch) -> Tensor:
        """Swap all features of a painting, 1×C×h×w, by each style in proportion."""
        plain = features.float()
        made = plain
        for place, style in enumerate(self._styles):
            since = place / len(self._styles)
            share = mix.alpha.view(-1, 1, 1, 1) * mix.coverage[:, place : place + 1]
            made = made + share * (self._swapped(plain, style, watch, since) - plain)
        return made.to(features.dtype)


def swap(stylizer: Stylizer, request: Request, watch: Watch, steps: int) -> Image.Image:
    """Paint with the styles' own patches in place of their statistics at the deepest level."""
    replaced = _Swap(stylizer, request.upright(), watch)
    return stylizer.stylize([request.plain()], watch, replaced)[0]
