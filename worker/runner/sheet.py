"""Contact sheets: one small photo in each of several styles, as one picture.

Painted a group of pictures at a time, each about as long as a preview; in between it may stop, and
this process goes on with it later.
"""

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

from PIL import Image

from adain.files import pictures, samples
from adain.files.pictures import scaled_size
from adain.request import Request, Style
from adain.stylizer import Stylizer
from worker.images import images
from worker.runner import style_cache
from worker.runner.prepare import prepare_sheet
from worker.storage import blobs
from worker.storage.blobs import BlobMissing
from worker.visitors.previews import SIDE, Preview

AT_ONCE = 4  # pictures in one batch of tensors
AT_ONCE_PIXELS = AT_ONCE * SIDE * SIDE * 3 // 2  # a photo longer than 3 : 2 has fewer


@cache
def _sample(name: str) -> bytes:
    file = samples.file("styles", name)
    if file is None:
        raise BlobMissing(name)
    return file.read_bytes()


def _bytes(preview: Preview, name: str) -> bytes:
    """Return a style that came with the preview or with the program; raises `BlobMissing`."""
    own = preview.own_style(name)
    return blobs.get(own) if own else _sample(name)


def _picture(data: bytes) -> Image.Image:
    """Return a style as small as styles of previews are."""
    with Image.open(io.BytesIO(data), formats=images.OURS) as picture:
        scale = SIDE / min(picture.size)
        size = round(picture.width * scale), round(picture.height * scale)
        return pictures.rgb(picture).resize(size, Image.Resampling.LANCZOS)


def _style(stylizer: Stylizer, request: Request, data: bytes, *, match: bool) -> Style:
    """Measure a style, or return what was measured before."""
    if match:  # to this photo's colours: of no use for another
        style = _picture(data)
        return stylizer.style(style, request.style_side(style), request.like())
    digest = hashlib.sha256(data).hexdigest()
    key = style_cache.key(stylizer.name, digest, f"{SIDE} of a sample")
    found = style_cache.find(key, stylizer.name)
    return found or style_cache.measure(key, lambda: stylizer.style(_picture(data), SIDE))


def _below(pictures: Sequence[Image.Image]) -> Image.Image:
    """Return pictures of one size below each other."""
    width, height = pictures[0].size
    whole = Image.new("RGB", (width, height * len(pictures)))
    for place, picture in enumerate(pictures):
        whole.paste(picture, (0, place * height))
    return whole


def _at_once(request: Request) -> int:
    """Return how many pictures are painted in one batch."""
    width, height = scaled_size(*request.content.size, request.size)
    return max(1, min(AT_ONCE, AT_ONCE_PIXELS // (width * height)))


class SheetPainter:
    """The contact sheets of one process, which keeps the one that it stopped last."""

    def __init__(self) -> None:
        self.held = ""  # the id of that one
        self._painted: list[Image.Image] = []  # its pictures so far

    def _begin(self, preview: Preview) -> None:
        if preview.id != self.held:
            self.held, self._painted = preview.id, []

    def _end(self) -> Image.Image:
        whole = _below(self._painted)
        self.held, self._painted = "", []
        return whole

    def paint(
        self, preview: Preview, stylizer: Stylizer, stops: Callable[[], bool]
    ) -> Image.Image | None:
        """Return the photo of a contact sheet in each of its styles, below each other.

        None: `stops`, which is asked after each group of pictures but the last, said so.
        """
        self._begin(preview)
        request, match = prepare_sheet(preview)
        while left := preview.sheet[len(self._painted) :]:
            group = left[: _at_once(request)]
            styles = [
                _style(stylizer, request, _bytes(preview, name), match=match) for name in group
            ]
            self._painted += stylizer.stylize([replace(request, styles=[one]) for one in styles])
            if len(group) < len(left) and stops():
                return None
        return self._end()
