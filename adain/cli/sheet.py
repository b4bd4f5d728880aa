"""Contact sheets: styles above, photos at the left, results where they meet."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageOps

from adain.files import pictures

GAP = 8
CELL, SMALLEST = 160, 32  # pixels of a square
WIDEST = 16_000  # pixels of a sheet, unless its squares would be too small
ROWS = 60  # of a sheet; more photos make more sheets


def square(image: Image.Image, side: int = CELL) -> Image.Image:
    """Return the middle of a picture as a square."""
    return ImageOps.fit(pictures.rgb(image), (side, side), Image.Resampling.LANCZOS)


def _halved(images: Sequence[Image.Image], side: int) -> Image.Image:
    """Return pictures beside each other in one square, a strip of each."""
    made = Image.new("RGB", (side, side), "white")
    for place, image in enumerate(images):
        left, right = side * place // len(images), side * (place + 1) // len(images)
        made.paste(square(image, side).crop((left, 0, right, side)), (left, 0))
    return made


def paths(first: Path, photos: int) -> list[Path]:
    """Return where the sheets of so many photos go."""
    count = -(-photos // ROWS)
    numbered = [first.with_stem(f"{first.stem}-{number}") for number in range(2, count + 1)]
    return [first, *numbered]


class Sheet:
    """One sheet, drawn row by row."""

    def __init__(self, columns: Sequence[Sequence[Image.Image]], rows: int) -> None:
        self.cell = max(SMALLEST, min(CELL, WIDEST // (len(columns) + 1) - GAP))
        step = self.cell + GAP
        size = step * (len(columns) + 1) + GAP, step * (rows + 1) + GAP
        self.image = Image.new("RGB", size, "white")
        self.rows = 0
        for column, styles in enumerate(columns, 1):
            self._put(_halved(styles, self.cell), column, 0)

    def _put(self, image: Image.Image, column: int, row: int) -> None:
        step = self.cell + GAP
        place = GAP + column * step, GAP + row * step
        self.image.paste(square(image, self.cell), place)

    def add(self, photo: Image.Image, results: Sequence[Image.Image | None]) -> None:
        """Add a photo and its results, None where there is none."""
        self.rows += 1
        for column, image in enumerate([photo, *results]):
            if image is not None:
                self._put(image, column, self.rows)
