"""Sample photos and style pictures, and the operator's own styles, by name.

`web/page/samples.py` answers with them; jobs are submitted with their names.
"""

import hashlib
from functools import cache, lru_cache

from adain.files import samples
from web.samples import collection
from worker.images import images
from worker.images.images import CleanImage
from worker.visitors.previews import SIDE as PREVIEW

FOLDER = samples.FOLDER
KEPT = 512  # pictures of each size
SHEET = 24  # styles of a page of the contact sheet

file = samples.file


def names(kind: str) -> tuple[str, ...]:
    """Return the names of the `photos` or `styles`: the operator's own first, then the best."""
    own = tuple(collection.works()) if kind == "styles" else ()
    return own + samples.names(kind)


def data(kind: str, name: str) -> bytes | None:
    """Return the picture of that name, if there is one; any string may be given."""
    if kind == "styles" and (work := collection.works().get(name)):
        return work.data
    sample = file(kind, name)
    return sample.read_bytes() if sample else None


@cache
def _samples_by_digest() -> dict[str, str]:
    found = {}
    for name in samples.names("styles"):
        picture = images.clean((FOLDER / "styles" / f"{name}.jpg").read_bytes())
        found[hashlib.sha256(picture.data).hexdigest()] = name
    return found


def by_digest() -> dict[str, str]:
    """Return the names of the styles, by their sha256 as jobs keep them."""
    own = {work.digest: name for name, work in collection.works().items()}
    return _samples_by_digest() | own


@lru_cache(maxsize=KEPT)
def _small(picture: bytes) -> CleanImage:
    return images.small(picture, PREVIEW)


def sheet(page: int = 0) -> tuple[list[str], dict[str, CleanImage]]:
    """Return the styles of a page of the contact sheet, and those that workers don't have.

    After the last page comes the first.
    """
    every = names("styles")
    first = page * SHEET % (-(-len(every) // SHEET) * SHEET)
    styles = [*every[first : first + SHEET]]
    own = collection.works()
    return styles, {name: _small(own[name].data) for name in styles if name in own}
