"""Lay photos × styles → results on one sheet: `python -m tests.samples_drawing.sheet SHEET.jpg`.

The picture in the README. Asks `python -m adain` for each result, as a user would.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageOps

from web.samples import shelf

HERE = shelf.FOLDER
PHOTOS = ("astronaut", "raccoon", "coffee")
STYLES = ("night", "fjord", "woodcut", "discs", "meadow", "ink")
CELL, GAP = 160, 8


def repaint(photo: Path, style: Path, result: Path) -> None:
    """Run the shipped network from the command line."""
    command = [sys.executable, "-m", "adain", photo, style, "-o", result]
    subprocess.run(list(map(str, command)), check=True)


def sheet(folder: Path, repaint: Callable[[Path, Path, Path], None] = repaint) -> Image.Image:
    """Styles above, photos at the left, results where they meet; `folder` keeps the results."""
    step = CELL + GAP
    size = step * (len(STYLES) + 1) + GAP, step * (len(PHOTOS) + 1) + GAP
    page = Image.new("RGB", size, "white")

    def put(picture: Path, column: int, row: int) -> None:
        with Image.open(picture) as image:
            cell = ImageOps.fit(image.convert("RGB"), (CELL, CELL), Image.Resampling.LANCZOS)
        page.paste(cell, (GAP + column * step, GAP + row * step))

    for column, style in enumerate(STYLES, 1):
        put(HERE / f"styles/{style}.jpg", column, 0)
    for row, photo in enumerate(PHOTOS, 1):
        put(HERE / f"photos/{photo}.jpg", 0, row)
        for column, style in enumerate(STYLES, 1):
            result = folder / f"{photo}-{style}.png"
            repaint(HERE / f"photos/{photo}.jpg", HERE / f"styles/{style}.jpg", result)
            put(result, column, row)
    return page


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        sheet(Path(folder)).save(sys.argv[1], quality=75, optimize=True)
