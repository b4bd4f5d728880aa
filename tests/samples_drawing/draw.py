"""Draw the style pictures: `python -m tests.samples_drawing.draw [FOLDER] [NAME …]`.

Each is a composition of our own in the manner of a technique, the same every time.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from numpy.random import Generator, default_rng
from PIL import Image

from tests.samples_drawing import oils, papers, pieces, prints
from tests.samples_drawing.paint import Array, to_image
from web.samples import shelf

STYLES = shelf.FOLDER / "styles"
PICTURES: dict[str, Callable[[Generator], Array]] = {
    "night": oils.night,
    "fjord": oils.fjord,
    "mosaic": pieces.mosaic,
    "linocut": prints.linocut,
    "poster": prints.poster,
    "delft": prints.delft,
    "pencil": prints.pencil,
    "woodcut": papers.woodcut,
    "watercolour": papers.watercolour,
    "ink": papers.ink,
}


def draw(name: str) -> Image.Image:
    """Draw one picture; each has a seed of its own, so that a new one changes no other."""
    return to_image(PICTURES[name](default_rng(list(name.encode()))))


def main(folder: Path, names: list[str]) -> None:
    """Draw the named pictures, or all, as JPEG files in a folder."""
    for name in names or PICTURES:
        draw(name).save(folder / f"{name}.jpg", quality=78, optimize=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Path(given[0]) if given else STYLES, given[1:])
