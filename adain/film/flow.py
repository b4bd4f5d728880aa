"""Blend what was painted before into a frame, moved along with what the film shows.

Where the same place was seen in the frame before, its strokes stay; where something new appears,
or the flow can't be trusted, the frame's own are shown. Two layers of strokes mixed are softer than
one: what is shown is sharpened as far as that, what is carried on is not.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from adain.film.colours import Picture
from adain.film.limits import USUAL_STEADY

_TRUSTED = 20.0  # of 255: the moved frame and this one differ by less, or it shows something else
_SOFT = 1.5  # pixels, deviation of the edge between trusted and not
_SHARP = 0.8  # of the sharpness of what was painted, which a mixed frame gets back …
_MOST = 2.0  # … by so much more of what is finer than
_FINE = 1.5  # pixels, deviation
_SLOWLY = 0.25  # how far the sharpening goes in a frame towards what that frame would need

Field = NDArray[np.float32]  # H×W×2: from a pixel of this frame to where it was before
Grey = NDArray[np.uint8]


@lru_cache(4)
def _grid(height: int, width: int) -> tuple[Field, Field]:
    columns, rows = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    x, y = np.meshgrid(columns, rows)
    return x, y


def grey(pixels: Picture) -> Grey:
    """Return the luminance of H×W×3."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)


def moved(pixels: NDArray[np.uint8], field: Field, how: int = cv2.INTER_LINEAR) -> Picture:
    """Return the frame before as it is seen now."""
    x, y = _grid(*field.shape[:2])
    back = cv2.remap(
        pixels, x + field[..., 0], y + field[..., 1], how, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(back, np.uint8)


def sharpness(pixels: Picture) -> float:
    """Return the deviation of the Laplacian of a picture's luminance."""
    return float(cv2.Laplacian(grey(pixels), cv2.CV_32F).std())


class Steady:
    """Keeps so much of what was painted before, 0 to `STEADIEST`, from frame to frame of a shot."""

    def __init__(self, share: float = USUAL_STEADY) -> None:
        self._share = share
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._before: tuple[Picture, Grey, Picture] | None = None  # frame, its luminance, painted
        self._gain = 0.0  # of what is fine, beside what is there

    def _trust(self, frame: Picture, before: Picture, field: Field) -> Field:
        apart = np.abs(moved(before, field).astype(np.int16) - frame).mean(-1)
        trusted = (apart < _TRUSTED).astype(np.float32) * self._share
        return np.asarray(cv2.GaussianBlur(trusted, (0, 0), _SOFT), np.float32)[..., None]

    def _sharpened(self, mixed: Picture, painted: Picture, share: Field) -> Picture:
        """Return a mixed frame as sharp, nearly, as what was painted, where it is mixed."""
        needed = _SHARP * sharpness(painted) / max(sharpness(mixed), 1e-3) - 1
        self._gain += _SLOWLY * (min(max(needed, 0.0), _MOST) - self._gain)
        fine = mixed.astype(np.float32) - cv2.GaussianBlur(mixed, (0, 0), _FINE)
        shown = mixed + self._gain * share / self._share * fine
        return np.asarray(np.rint(np.clip(shown, 0, 255)), np.uint8)

    def next(self, frame: Picture, painted: Picture, cut: bool) -> Picture:
        """Return a painted frame, steadied by the one before unless a shot begins."""
        if not self._share:
            return painted
        luminance, made, shown = grey(frame), painted, painted
        if self._before is not None and not cut:
            before, before_grey, before_painted = self._before
            field = np.asarray(
                self._flow.calc(
                    luminance, before_grey, np.zeros((*luminance.shape, 2), np.float32)
                ),
                np.float32,
            )
            share = self._trust(frame, before, field)
            back = moved(before_painted, field, cv2.INTER_CUBIC).astype(np.float32)
            mixed = share * back + (1 - share) * painted
            made = np.asarray(np.rint(mixed), np.uint8)
            shown = self._sharpened(made, painted, share)
        else:
            self._gain = 0.0
        self._before = frame, luminance, made
        return shown
