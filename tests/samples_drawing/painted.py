"""Writes the sample that the page opens with: a shelf photo, painted by the shipped network.

.venv/bin/python -m tests.samples_drawing.painted
"""

from pathlib import Path

from PIL import Image

from adain.files import margins, pictures
from adain.stylizer import Request, Stylizer
from web.app import ASSETS
from web.samples import shelf

FILE = ASSETS / "sample" / "painted.webp"
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
    made.thumbnail((shelf.MEDIUM["photos"],) * 2, Image.Resampling.LANCZOS)
    return made


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    painted().save(FILE, "WEBP", quality=60, method=6)
