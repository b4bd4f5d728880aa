"""Tiles of a large picture, so that memory stays bounded and the result stays exact.

A tile is computed with as much real context around it as its network reaches, and the
context is thrown away; reflection happens at the true edges only. Statistics are taken over
the whole, so tiled and untiled results are equal to rounding.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from torch import Tensor

SIDE = 1024  # pixels; with a reach of 40 a sixth of the work is context


@dataclass(frozen=True)
class Tile:
    """A rectangle in pixels, its corners on multiples of the network's stride."""

    top: int
    left: int
    bottom: int
    right: int

    def grown(self, reach: int, height: int, width: int) -> Self:
        """Return the tile with `reach` pixels around it, within the picture."""
        return type(self)(
            max(0, self.top - reach),
            max(0, self.left - reach),
            min(height, self.bottom + reach),
            min(width, self.right + reach),
        )

    def inside(self, other: Self) -> Self:
        """Return where this tile lies in another that holds it."""
        top, left = other.top, other.left
        return type(self)(self.top - top, self.left - left, self.bottom - top, self.right - left)

    def of(self, tensor: Tensor, scale: int = 1) -> Tensor:
        """Return the tile's view of N×C×H×W, or of a map at 1/`scale`."""
        rows = slice(self.top // scale, self.bottom // scale)
        return tensor[:, :, rows, self.left // scale : self.right // scale]


def tiled(height: int, width: int) -> bool:
    """Tell whether a picture takes more than one tile."""
    return max(height, width) > SIDE


def _edges(length: int, stride: int) -> list[int]:
    """Cut a length into equal steps of at most `SIDE`, on multiples of `stride`."""
    count = math.ceil(length / SIDE)
    return [length * n // count // stride * stride for n in range(count)] + [length]


def tiles(height: int, width: int, stride: int) -> Iterator[Tile]:
    """Cover a picture whose sides are multiples of `stride`, row by row."""
    rows, columns = _edges(height, stride), _edges(width, stride)
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            yield Tile(top, left, bottom, right)
