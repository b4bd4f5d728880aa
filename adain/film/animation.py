"""Short films as animated GIF and WebP, without sound: WebP read by Pillow, both written by it."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from adain.film import source
from adain.film.colours import Picture
from adain.film.limits import FilmError, Limits
from adain.film.pace import Pace

SECONDS = 6.0  # at most
RATE = 25.0  # frames a second, at most
_SHORTEST, _USUAL = (
    10,
    100,
)  # milliseconds: what is said to be shown for less is shown for the usual
_TICK = {".gif": 10, ".webp": 1}  # milliseconds that times are counted in


def check(seconds: float) -> None:
    """Raise `FilmError` for a film that is too long for an animation."""
    if seconds > SECONDS + 0.5:
        raise FilmError(
            "film.animation_too_long",
            f"This film lasts {seconds:.0f} seconds; a GIF or WebP holds up to "
            f"{SECONDS:g}: choose MP4 or WebM.",
            seconds=round(seconds),
            limit=round(SECONDS),
        )


def _durations(times: list[Fraction], tick: int) -> list[int]:
    """Return how long each frame is shown, in milliseconds, so that the sum does not drift."""
    at = [round(time * 1000 / tick) * tick for time in times]
    return [max(tick, end - begin) for begin, end in pairwise(at)]


def write(
    frames: Iterator[tuple[Picture, Fraction]], seconds: float, rate: float, into: Path
) -> None:
    """Write frames that last so long by a file's ending; raises `FilmError` if that is too long."""
    check(seconds)
    pace, images, times = Pace(rate, RATE), list[Image.Image](), list[Fraction]()
    for pixels, time in frames:
        if pace.keeps(time):
            images.append(Image.fromarray(pixels))
            times.append(time)
    ending = into.suffix.lower()
    shown = _durations([*times, Fraction(seconds)], _TICK[ending])
    how = {"save_all": True, "append_images": images[1:], "duration": shown, "loop": 0}
    if ending == ".webp":
        images[0].save(into, "WEBP", **how, quality=85, method=2)
    else:
        images[0].save(into, "GIF", **how)


# ---------------------------------------------------------------- read


def _count(image: Image.Image) -> int:
    return int(getattr(image, "n_frames", 1))


def _opened(file: IO[bytes], limits: Limits) -> Image.Image:
    try:
        image = Image.open(file, formats=("WEBP",))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        source.refuse_damaged()
    limits.check_size(*image.size)
    if _count(image) < 2:
        raise FilmError("film.still", "This film has one frame only: it is a picture.")
    limits.check_frames(_count(image))
    return image


def _flat(image: Image.Image, size: tuple[int, int]) -> Picture:
    seen = image.convert("RGBA")
    white = Image.new("RGBA", seen.size, "white")
    flat = Image.alpha_composite(white, seen).convert("RGB")
    if flat.size != size:
        flat = flat.resize(size, Image.Resampling.BOX)
    return np.array(flat, np.uint8)


def webp_frames(
    file: IO[bytes], size: tuple[int, int], limits: Limits
) -> Iterator[tuple[Picture, Fraction, Fraction]]:
    """Yield each frame, its time and how long it is shown, in seconds; raises `FilmError`."""
    image, time = _opened(file, limits), Fraction(0)
    for number in range(_count(image)):
        try:
            image.seek(number)
            image.load()
        except (OSError, ValueError, EOFError):
            source.refuse_damaged()
        shown = int(image.info.get("duration", 0))
        seconds = Fraction(shown if shown > _SHORTEST else _USUAL, 1000)
        yield _flat(image, size), time, seconds
        time += seconds


def webp_first(file: IO[bytes], limits: Limits) -> tuple[Picture, float, float]:
    """Return the first frame, frames a second by its time, and 0 for the seconds not known."""
    image = _opened(file, limits)
    pixels, _, shown = next(webp_frames(file, image.size, limits))
    return pixels, float(1 / shown), 0.0
