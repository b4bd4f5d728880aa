"""Where a film cuts from one shot to the next, by how its colours jump."""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from adain.film.colours import Picture

LOOKED_AT = 64, 36  # pixels, width and height, of frames that are compared
_BINS = 8  # of each colour
_JUMP = 0.15  # share of the pixels that change their bin, at least
_STANDS_OUT = 4.0  # times the median of the frames around it
_AROUND = 6  # frames on each side

Histogram = NDArray[np.float32]


def histogram(small: Picture) -> Histogram:
    """Return the shares of colours in a small frame."""
    bins = cv2.calcHist([small], [0, 1, 2], None, [_BINS] * 3, [0, 256] * 3)
    return np.asarray(bins.ravel() / bins.sum(), np.float32)


def changes(smalls: Iterable[Picture]) -> list[float]:
    """Return, for each frame, the share of its pixels whose colour the frame before had not."""
    found: list[float] = []
    before: Histogram | None = None
    for small in smalls:
        now = histogram(small)
        found.append(0.0 if before is None else float(np.abs(now - before).sum() / 2))
        before = now
    return found


def cuts(changed: Sequence[float]) -> list[int]:
    """Return the first frame of each shot; 0 is one."""
    first = [0] if changed else []
    for at in range(1, len(changed)):
        around = [*changed[max(1, at - _AROUND) : at], *changed[at + 1 : at + 1 + _AROUND]]
        usual = float(np.median(around)) if around else 0.0
        if changed[at] > _JUMP and changed[at] > _STANDS_OUT * usual:
            first.append(at)
    return first
