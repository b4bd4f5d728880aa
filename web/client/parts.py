"""Photos × styles divided into batches that a studio takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

Picture = Path | bytes


@dataclass(frozen=True)
class Limits:
    """What one batch may have."""

    pictures: int = 60  # photos times styles
    bytes: int = 200 << 20  # of all its files


@dataclass(frozen=True)
class Part:
    """What is sent as one batch."""

    photos: Sequence[Picture]
    styles: Sequence[Picture]


def _size(picture: Picture) -> int:
    return picture.stat().st_size if isinstance(picture, Path) else len(picture)


def _runs(pictures: Sequence[Picture], most: int, size: int) -> list[list[Picture]]:
    """Divide pictures into runs, each as long as it may be; one alone is never too much."""
    runs: list[list[Picture]] = []
    for picture in pictures:
        last = runs[-1] if runs else []
        if last and len(last) < most and sum(map(_size, [*last, picture])) <= size:
            last.append(picture)
        else:
            runs.append([picture])
    return runs


def divided(photos: Sequence[Picture], styles: Sequence[Picture], limits: Limits) -> list[Part]:
    """Return parts that together have each photo in each style once."""
    parts = []
    for some in _runs(styles, limits.pictures, limits.bytes // 2):
        left = limits.bytes - sum(map(_size, some))
        parts += [Part(few, some) for few in _runs(photos, limits.pictures // len(some), left)]
    return parts
