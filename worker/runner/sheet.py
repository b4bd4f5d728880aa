"""Contact sheets: one small photo in each of several sample styles, as one picture."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

from PIL import Image

from adain.files import samples
from adain.request import Request, Style
from adain.stylizer import Stylizer
from worker.runner import style_cache
from worker.runner.prepare import prepare_sheet
from worker.visitors.previews import SIDE, Preview

AT_ONCE = 4  # pictures in one batch of tensors


@cache
def _digest(name: str) -> str:
    file = samples.file("styles", name)
    return hashlib.sha256(file.read_bytes()).hexdigest() if file else ""


def _picture(name: str) -> Image.Image:
    """Return a sample style as small as styles of previews are."""
    with Image.open(samples.FOLDER / "styles" / f"{name}.jpg") as picture:
        scale = SIDE / min(picture.size)
        size = round(picture.width * scale), round(picture.height * scale)
        return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _style(stylizer: Stylizer, request: Request, name: str, *, match: bool) -> Style:
    """Measure a sample style, or return what was measured before."""
    style = _picture(name)
    if match:  # to this photo's colours: of no use for another
        return stylizer.style(style, request.style_side(style), request.like())
    key = style_cache.key(stylizer.name, _digest(name), f"{SIDE} of a sample")
    found = style_cache.find(key, stylizer.name)
    return found or style_cache.measure(key, partial(stylizer.style, style, SIDE))


def _below(pictures: Sequence[Image.Image]) -> Image.Image:
    """Return pictures of one size below each other."""
    width, height = pictures[0].size
    whole = Image.new("RGB", (width, height * len(pictures)))
    for place, picture in enumerate(pictures):
        whole.paste(picture, (0, place * height))
    return whole


def made(preview: Preview, stylizer: Stylizer) -> Image.Image:
    """Return the photo of a contact sheet in each of its styles, below each other."""
    request, match = prepare_sheet(preview)
    each = [
        replace(request, styles=[_style(stylizer, request, name, match=match)])
        for name in preview.sheet
    ]
    pictures: list[Image.Image] = []
    for begin in range(0, len(each), AT_ONCE):
        pictures += stylizer.stylize(each[begin : begin + AT_ONCE])
    return _below(pictures)
