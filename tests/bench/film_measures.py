"""How steady a painted film is: measures against the film's own movement."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from adain.film.colours import Picture
from adain.film.flow import grey, moved, sharpness

_BLOCK = 16  # pixels a side, over which luminance is averaged for flicker

Field = NDArray[np.float32]
Seen = NDArray[np.bool_]


@dataclass(frozen=True)
class Movement:
    """From a frame to the one before: where each pixel was, and whether it was seen there."""

    field: Field
    seen: Seen


def _flow(now: Picture, before: Picture) -> Field:
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.asarray(
        dis.calc(grey(now), grey(before), np.zeros((*now.shape[:2], 2), np.float32)), np.float32
    )


def movement(before: Picture, now: Picture) -> Movement:
    """Measure the movement between two frames, with a check forward and back."""
    field, forward = _flow(now, before), _flow(before, now)
    height, width = field.shape[:2]
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    at_x, at_y = (x + field[..., 0]).astype(np.float32), (y + field[..., 1]).astype(np.float32)
    back = cv2.remap(forward, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    apart = np.square(field + back).sum(-1)
    length = np.square(field).sum(-1) + np.square(back).sum(-1)
    inside = (at_x >= 0) & (at_x <= width - 1) & (at_y >= 0) & (at_y <= height - 1)
    return Movement(field, (apart < 0.01 * length + 0.5) & inside)


def warping_error(before: Picture, now: Picture, by: Movement) -> float:
    """Root mean square difference of 255 from the frame before, moved, where it was seen."""
    off = now.astype(np.float32) - moved(before, by.field)
    return float(np.sqrt(np.square(off[by.seen]).mean()))


def block_flicker(before: Picture, now: Picture, by: Movement) -> float:
    """Mean change of luminance of blocks, of 255, against the frame before, moved."""
    off = grey(now).astype(np.float32) - grey(moved(before, by.field))
    off = np.where(by.seen, off, 0)
    size = off.shape[1] // _BLOCK, off.shape[0] // _BLOCK
    return float(np.abs(cv2.resize(off, size, interpolation=cv2.INTER_AREA)).mean())


@dataclass(frozen=True)
class Score:
    """Means over a film but for its cuts."""

    warping: float
    flicker: float
    sharpness: float


def score(frames: list[Picture], movements: list[Movement | None]) -> Score:
    """Measure a film by the movements of the film it was made of; None: a cut."""
    pairs = [
        (one, other, by)
        for (one, other), by in zip(pairwise(frames), movements, strict=True)
        if by is not None
    ]
    return Score(
        float(np.mean([warping_error(*pair) for pair in pairs])),
        float(np.mean([block_flicker(*pair) for pair in pairs])),
        float(np.mean([sharpness(frame) for frame in frames])),
    )
