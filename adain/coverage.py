"""Coverage: how much of each pixel is painted, alpha times the sum of its masks.

Where that is less than 1 the result is mixed with the photo in proportion (`transfer.restored`);
farther than `OUTSIDE` pixels from all that is covered it is the photo.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from adain import pixels
from adain.model.transfer import restored
from adain.request import Request
from adain.tiles import Tile

NEAR, OUTSIDE = 24, 32  # pixels from what is covered: the way to the photo begins, and ends

_ROUNDED = 1e-6  # how far from 1 a sum of shares may be by rounding alone

Picture = Callable[[], Tensor]  # N×3×h×w floats on the CPU


def partial(request: Request) -> bool:
    """Tell whether some of a request's picture may be painted less than fully."""
    return request.alpha < 1 or bool(request.masks)


def untouched(request: Request) -> bool:
    """Tell whether an upright request asks for its photo and nothing else."""
    blank = bool(request.masks) and all(mask.getextrema()[1] == 0 for mask in request.masks)
    return request.alpha == 0 or blank


def _apart(covered: Tensor) -> Tensor:
    """H×W booleans → squared distance in pixels to the nearest that is true, up to `OUTSIDE`²."""
    height, width = covered.shape
    place = torch.arange(width, dtype=torch.int32)
    far = place.new_tensor(-OUTSIDE)
    before = place - torch.where(covered, place, far).cummax(1).values
    after = place - torch.where(covered.flip(1), place, far).cummax(1).values
    row = torch.minimum(before, after.flip(1)).clamp_max(OUTSIDE).square()
    found = row.clone()
    for down in range(1, min(OUTSIDE, height)):
        found[down:] = torch.minimum(found[down:], row[:-down] + down**2)
        found[:-down] = torch.minimum(found[:-down], row[down:] + down**2)
    return found.clamp_max(OUTSIDE**2)


def _near(strength: Tensor) -> Tensor:
    """Return 1 near what is covered, 0 far from it, and a smooth way between: N×1×h×w."""
    if strength.all():
        return torch.ones_like(strength)
    apart = torch.stack([_apart(one > 0) for one in strength[:, 0]])[:, None]
    left = ((OUTSIDE - apart.sqrt()) / (OUTSIDE - NEAR)).clamp(0, 1)
    return left * left * (3 - 2 * left)


class Coverage:
    """That of a batch of upright requests, padded to a network's stride."""

    def __init__(self, requests: Sequence[Request], stride: int, height: int, width: int) -> None:
        self._requests = requests
        self._masks = [request.scaled_masks(stride) for request in requests]
        self._partial = any(map(partial, requests))
        self._height, self._width = height, width

    def strength(self, tile: Tile) -> Tensor:
        """Return alpha · coverage in a tile: N×1×h×w."""
        each = zip(self._requests, self._masks, strict=True)
        return torch.cat([self._of(request, masks, tile) for request, masks in each])

    def _of(self, request: Request, masks: Tensor | None, tile: Tile) -> Tensor:
        height, width = tile.bottom - tile.top, tile.right - tile.left
        if masks is None:
            return torch.full((1, 1, height, width), request.alpha)
        coverage = request.coverage(pixels.unit(tile.of(masks)[:, 0])).sum(0)
        coverage = torch.where(coverage > 1 - _ROUNDED, 1.0, coverage)
        return request.alpha * coverage[None, None]

    def apply(self, tile: Tile, photo: Tensor, painted: Picture, plain: Picture) -> Tensor:
        """Return what a tile shows, not clamped: N×3×h×w floats.

        `photo` is the tile's N×3×h×w bytes. `painted` is asked only where something is painted,
        `plain`, what the network makes of the photo with no style, only where not all is.
        """
        if not self._partial:
            return painted()
        around = tile.grown(OUTSIDE, self._height, self._width)
        inside, strength = tile.inside(around), self.strength(around)
        own, photo = inside.of(strength), pixels.unit(photo)
        if not strength.any():
            return photo
        if (own == 1).all():
            return painted()
        near = inside.of(_near(strength))
        return torch.lerp(photo, restored(painted(), plain(), photo, own), near)
