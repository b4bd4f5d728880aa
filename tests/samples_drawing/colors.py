"""Writes the small pictures that show what the ways to keep colours do, one each.

.venv/bin/python -m tests.samples_drawing.colors
"""

from pathlib import Path

from PIL import Image, ImageOps

from adain.catalog import Color
from adain.files import margins, pictures
from adain.request import Request
from adain.stylizer import Stylizer
from web.app import ASSETS
from web.samples import shelf

PHOTO, STYLE = "cat", "night"
SIDES = 144, 96  # twice as many pixels as it is shown with
SIZE = 256


def file(color: Color) -> Path:
    """Return where the picture of a way to keep colours lies."""
    return ASSETS / "sample" / f"color-{color}.webp"


def _opened(kind: str, name: str) -> Image.Image:
    found: Path | None = shelf.file(kind, name)
    assert found is not None
    return pictures.rgb(Image.open(found))


def drawn() -> dict[Color, Image.Image]:
    """Return the same photo in the same style, in each of the ways to keep colours."""
    photo, style = _opened("photos", PHOTO), margins.trimmed(_opened("styles", STYLE))
    asked = [Request(photo, [style], color=color, size=SIZE) for color in Color]
    network = Stylizer.load(device="cpu")
    made = [network.stylize([one])[0] for one in asked]
    return {
        color: ImageOps.fit(one, SIDES, Image.Resampling.LANCZOS)
        for color, one in zip(Color, made, strict=True)
    }


if __name__ == "__main__":
    for color, made in drawn().items():
        made.save(file(color), "WEBP", quality=60, method=6)
