"""`python -m tests.samples_drawing.sheet`: draw the sheets of results in README and model card.

Photos × styles. Each result is made by `python -m adain`, with the shipped weights.
"""

import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageOps

from web.samples import shelf

HERE = shelf.FOLDER
IMAGES = HERE.parents[1] / "docs" / "images"
SHEETS: dict[str, tuple[Sequence[str], Sequence[str], Sequence[str]]] = {  # photos, styles, options
    "hero.jpg": (
        ("astronaut", "raccoon", "coffee"),
        ("night", "fjord", "woodcut", "linocut", "delft", "ink"),
        (),
    ),
    "compact.jpg": (
        ("astronaut", "cat", "coffee", "rocket"),
        ("mosaic", "night", "linocut", "poster", "watercolour", "fjord"),
        (),
    ),
    "refined.jpg": (
        ("astronaut", "cat", "rocket"),
        ("night", "mosaic", "watercolour", "fjord", "delft", "ink"),
        ("--method", "refine"),
    ),
}
CELL, GAP = 190, 8


def repaint(photo: Path, style: Path, result: Path, options: Sequence[str] = ()) -> None:
    """Run the shipped network from the command line."""
    command = [sys.executable, "-m", "adain", photo, style, "-o", result, *options]
    subprocess.run(list(map(str, command)), check=True)


def sheet(
    folder: Path,
    photos: Sequence[str],
    styles: Sequence[str],
    repaint: Callable[[Path, Path, Path], None] = repaint,
) -> Image.Image:
    """Styles above, photos at the left, results where they meet; `folder` keeps the results."""
    step = CELL + GAP
    size = step * (len(styles) + 1) + GAP, step * (len(photos) + 1) + GAP
    page = Image.new("RGB", size, "white")

    def put(picture: Path, column: int, row: int) -> None:
        with Image.open(picture) as image:
            cell = ImageOps.fit(image.convert("RGB"), (CELL, CELL), Image.Resampling.LANCZOS)
        page.paste(cell, (GAP + column * step, GAP + row * step))

    for column, style in enumerate(styles, 1):
        put(HERE / f"styles/{style}.jpg", column, 0)
    for row, photo in enumerate(photos, 1):
        put(HERE / f"photos/{photo}.jpg", 0, row)
        for column, style in enumerate(styles, 1):
            result = folder / f"{photo}-{style}.png"
            repaint(HERE / f"photos/{photo}.jpg", HERE / f"styles/{style}.jpg", result)
            put(result, column, row)
    return page


def main() -> None:
    """Write all sheets, or those that are named."""
    parser = ArgumentParser(description="Draw the sheets of results.")
    parser.add_argument("names", nargs="*", default=list(SHEETS), metavar="SHEET.jpg")
    parser.add_argument("--folder", type=Path, default=IMAGES, help="where they are written")
    args = parser.parse_args()
    for name in args.names:
        with TemporaryDirectory() as folder:
            photos, styles, options = SHEETS[name]
            drawn = sheet(Path(folder), photos, styles, partial(repaint, options=options))
        drawn.save(args.folder / name, quality=80, optimize=True)


if __name__ == "__main__":
    main()
