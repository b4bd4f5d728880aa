"""Frames of an animation: which of them is the picture."""

from collections.abc import Sequence
from typing import cast

from PIL import Image

from adain.files import opacity

_FRAMES, _FRAME_PIXELS = 30, 10_000_000  # looked at in search of one that is not blank
_BLANK = 4  # how far samples of a blank frame differ, which lossy kinds change


def _is_blank(image: Image.Image) -> bool:
    """Whether a frame is all of one colour, or all transparent."""
    alpha = opacity.of(image)
    if alpha and alpha.getextrema() == (0, 0):
        return True
    ends = image.convert("RGB").getextrema() if image.mode == "P" else image.getextrema()
    channels = ends if isinstance(ends[0], tuple) else (ends,)
    return all(high - low <= _BLANK for low, high in cast(Sequence[tuple[float, float]], channels))


def _to_frame(image: Image.Image, frame: int) -> bool:
    """Go to an animation's frame, unless it has none or one that makes the picture larger.

    Only the first frame's size was checked when the file was opened.
    """
    size = image.size
    try:
        image.seek(frame)  # `n_frames` would read the whole file
    except EOFError:
        return False
    if image.size == size:
        image.load()
        return True
    image._size = size  # which Pillow keeps when it goes back
    return False


def pass_blank(image: Image.Image) -> None:
    """Go to an animation's first frame that is not blank, if it comes soon."""
    most = min(_FRAMES, 1 + _FRAME_PIXELS // (image.width * image.height))
    frame = 1
    while _is_blank(image):
        if frame == most or not _to_frame(image, frame):
            image.seek(0)
            image.load()
            return
        frame += 1
