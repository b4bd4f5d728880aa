"""Photos × styles divided into batches that a studio takes."""

from collections.abc import Mapping, Sequence
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
    first_photo: int = 0  # places among all
    first_style: int = 0

    def options(self, given: Mapping[str, object]) -> dict[str, object]:
        """Return the options of all as they are for this part, which has its own crops."""
        own = dict(given)
        for name, first, some in (
            ("crops", self.first_photo, self.photos),
            ("style_crops", self.first_style, self.styles),
        ):
            crops = own.get(name)
            if isinstance(crops, Sequence) and len(crops) > 1:  # one is for all
                own[name] = crops[first : first + len(some)]
        return own


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
    parts, style = list[Part](), 0
    for some in _runs(styles, limits.pictures, limits.bytes // 2):
        left, photo = limits.bytes - sum(map(_size, some)), 0
        for few in _runs(photos, limits.pictures // len(some), left):
            parts.append(Part(few, some, photo, style))
            photo += len(few)
        style += len(some)
    return parts
