"""`python -m tests.bench.strokes`: whether a picture looks the same at every size, as a table.

Correlation of the fine luminance of results of 256, 512 and 1,024 px with that of the untouched
photo, of the result of 512 px and of a preview, all looked at with a side of 256 px. Mean over a
square photo in five sample styles, with usual strokes (1) and with those of the network (0). Prints
figures and judges none.
"""

from functools import partial
from statistics import mean

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from adain.files import cropping, pictures, samples
from adain.request import Request
from adain.stylizer import Stylizer

SIZES = (256, 512, 1024)
SEEN = 256  # pixels of the shorter side at which results are looked at; also that of a preview
FINE = 4  # pixels: what is finer than a box of this radius
PHOTO, STYLES = "raccoon", ("mosaic", "night", "ink", "fjord")

Fine = NDArray[np.float64]


def fine(image: Image.Image) -> Fine:
    """Return luminance finer than `FINE` of a picture as it is looked at, as one row."""
    grey = pictures.scaled(pictures.rgb(image), SEEN).convert("L")
    soft = grey.filter(ImageFilter.BoxBlur(FINE))
    return (np.asarray(grey, np.float64) - np.asarray(soft, np.float64)).ravel()


def alike(one: Fine, other: Fine) -> float:
    """Return the correlation of two pictures' detail."""
    return float(np.corrcoef(one, other)[0, 1])


def _sample(kind: str, name: str) -> Image.Image:
    file = samples.file(kind, name)
    assert file
    return pictures.rgb(Image.open(file))


def measure(
    stylizer: Stylizer, photo: Image.Image, style: Image.Image, strokes: float
) -> dict[int, tuple[float, float, float]]:
    """Return by size how much of the photo, of 512 px and of the preview a result has."""
    preview_photo = pictures.scaled(photo, SEEN)
    paint = partial(Request, styles=[style], strokes=strokes)
    made = {size: fine(stylizer.stylize([paint(photo, size=size)])[0]) for size in SIZES}
    preview = fine(stylizer.stylize([paint(preview_photo, size=SEEN)])[0])
    kept = fine(photo)
    return {
        size: (alike(one, kept), alike(one, made[512]), alike(one, preview))
        for size, one in made.items()
    }


def main() -> None:
    """Print the table as Markdown."""
    stylizer, whole = Stylizer.load(), _sample("photos", PHOTO)
    photo = cropping.cropped(whole, cropping.square(*whole.size))  # so that sizes are exact
    print(
        "| strokes | size | as the photo | as at 512 px | as the preview |\n|---|---|---|---|---|"
    )
    for strokes in (1.0, 0.0):
        found = [measure(stylizer, photo, _sample("styles", name), strokes) for name in STYLES]
        for size in SIZES:
            means = [mean(one[size][which] for one in found) for which in range(3)]
            line = " | ".join(f"{one:.2f}" for one in means)
            print(f"| {strokes:g} | {size} | {line} |", flush=True)


if __name__ == "__main__":
    main()
