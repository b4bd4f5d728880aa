"""Writes the sample that the page opens with, and the picture of its link previews.

.venv/bin/python -m tests.samples_drawing.painted
"""

from pathlib import Path

from PIL import Image, ImageOps

from adain.files import margins, pictures
from adain.request import Request
from adain.stylizer import Stylizer
from web.app import ASSETS
from web.page import samples
from web.samples import shelf

FILE = ASSETS / "sample" / "painted.webp"
CARD = ASSETS / "sample" / "card.jpg"
CARD_SIZE = 1200, 630  # the shape that most programs show
PHOTO, STYLE = "raccoon", "woodcut"  # as web/static/form/sample.js says
STRENGTH = 0.8  # with which the form begins
SIZE = 512


def _opened(kind: str, name: str) -> Image.Image:
    found: Path | None = shelf.file(kind, name)
    assert found is not None
    return pictures.rgb(Image.open(found))


def painted() -> Image.Image:
    """Return the sample as the form's first settings paint it, in the size that is shown."""
    style = margins.trimmed(_opened("styles", STYLE))
    asked = Request(_opened("photos", PHOTO), [style], alpha=STRENGTH, size=SIZE)
    [made] = Stylizer.load(device="cpu").stylize([asked])
    made.thumbnail((samples.MEDIUM["photos"],) * 2, Image.Resampling.LANCZOS)
    return made


def card(made: Image.Image) -> Image.Image:
    """Return the photo, and its right half painted."""
    before, after = (
        ImageOps.fit(one, CARD_SIZE, Image.Resampling.LANCZOS, centering=(0.5, 0.3))
        for one in (_opened("photos", PHOTO), made)
    )
    middle = CARD_SIZE[0] // 2
    before.paste(after.crop((middle, 0, *CARD_SIZE)), (middle, 0))
    before.paste("white", (middle - 2, 0, middle + 2, CARD_SIZE[1]))
    return before


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    made = painted()
    made.save(FILE, "WEBP", quality=37, method=6)
    card(made).save(CARD, quality=80)
