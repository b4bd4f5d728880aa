"""Forward pass of a picture through a network, level by level, whole or in tiles, equal either way.

At each level features are measured over the whole picture before they are changed. Features of a
level are kept for that if they are small; else they are computed again from the last kept ones,
tile by tile, so that memory stays bounded however large the picture is.
"""

from collections.abc import Callable
from copy import copy
from typing import Self

import torch
from torch import Tensor

from adain import pixels
from adain.model.moments import FEWEST_CELLS, MomentAccumulator, Moments
from adain.model.network import Network
from adain.tiles import Tile, tiles

KEPT = 640 << 20  # bytes of one level's features; 8,192 × 8,192 px of `compact` have 512 MiB at 1/8
_PICTURE = -1  # the level below the encoder

Transfer = Callable[[Tensor, Tile], Tensor]  # features of a tile → the same, in another style
Report = Callable[[float], None]  # fraction of a pass; may raise to stop


def _no_report(fraction: float) -> None:
    pass


class TiledForward:
    """A batch on its way: N×3×H×W bytes or floats in [0, 1], padded to the network's stride."""

    def __init__(self, model: Network, images: Tensor) -> None:
        self._model = model
        self._device, self._dtype = model.device, model.dtype
        self.images = images
        self.height, self.width = images.shape[2:]
        self._kept, self._level = images, _PICTURE
        self._transfers: dict[int, Transfer] = {}  # by level

    def untouched(self) -> Self:
        """Return a copy at the same level without any transfer."""
        other = copy(self)
        other._transfers = {}
        return other

    @property
    def kept(self) -> Tensor:
        """All features of the level that was measured last, unless those are too many to keep."""
        return self._kept

    def transfer(self, level: int, transfer: Transfer) -> None:
        """Have features of a level changed on their way to the next."""
        self._transfers[level] = transfer

    def tiles(self) -> list[Tile]:
        """Return the tiles that cover the picture, row by row."""
        return list(tiles(self.height, self.width, self._model.stride))

    def picture(self, tile: Tile) -> Tensor:
        """Return what comes out in a tile: N×3×h×w, about [0, 1]."""
        return self._at(len(self._model.levels), tile)

    def measure(
        self,
        level: int,
        full: bool,
        regions: Tensor | None = None,
        report: Report = _no_report,
    ) -> Moments:
        """Go to a level and measure the features there, whole or inside N×K×h×w regions.

        `full`: with covariances.
        """
        accumulator, cut, stride = MomentAccumulator(full), self.tiles(), self._model.strides[level]
        keep = self._bytes(level) <= KEPT
        whole = self._empty(level) if keep and len(cut) > 1 else None
        for tile in cut:
            report(tile.top / self.height)
            features = self._at(level, tile)
            accumulator.add(features, None if regions is None else tile.of(regions, stride))
            if whole is not None:
                tile.of(whole, stride).copy_(features)
        if keep:
            self._kept, self._level = features if whole is None else whole, level
        return accumulator.moments(FEWEST_CELLS * (self._model.stride / stride) ** 2)

    def _stride(self, level: int) -> int:
        """Pixels a cell; 1 before the encoder and after the last level."""
        return self._model.strides[level] if level in self._model.levels else 1

    def _cells(self, level: int) -> tuple[int, int, int, int]:
        """Shape of a level's features."""
        stride = self._stride(level)
        channels = self._model.channels[level]
        return len(self._kept), channels, self.height // stride, self.width // stride

    def _bytes(self, level: int) -> int:
        n, channels, height, width = self._cells(level)
        return n * channels * height * width * self._dtype.itemsize

    def _empty(self, level: int) -> Tensor:
        """Return memory for all features of a level, not filled."""
        cells, layout = self._cells(level), torch.channels_last
        return torch.empty(cells, device=self._device, dtype=self._dtype, memory_format=layout)

    def _reach(self, level: int) -> int:
        """Pixels around a tile that its features at a level depend on, from the kept level."""
        model = self._model
        reach = model.encoder_reach if self._level == _PICTURE else 0
        return reach + (model.decoder_reach if level > max(self._level, 0) else 0)

    def _at(self, level: int, tile: Tile) -> Tensor:
        """Return a level's features in a tile, made from those of the kept level."""
        around = tile.grown(self._reach(level), self.height, self.width)
        x = around.of(self._kept, self._stride(self._level))
        if self._level == _PICTURE:
            x = pixels.unit(self._model.folded(pixels.sent(x, self._device)))
            x = self._model.enter(x.to(self._dtype))

        def change(passed: int, features: Tensor) -> Tensor:
            transfer = self._transfers.get(passed)
            return features if transfer is None else transfer(features, around)

        x = self._model.run(x, change, max(self._level, 0), level)
        if level not in self._model.levels:
            x = self._model.unfolded(x)
        return tile.inside(around).of(x, self._stride(level))
