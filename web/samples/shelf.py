"""Sample photos and style pictures, and the operator's own styles, under /shelf/.

The page shows thumbnails and submits the full pictures by name.
"""

import hashlib
import io
from functools import cache, lru_cache

from fastapi import APIRouter, Response
from PIL import Image

from adain.files import samples
from web.http import stored
from web.language.problems import HTTPProblem
from web.samples import collection
from worker.images import images
from worker.images.images import CleanImage
from worker.visitors.previews import SIDE as PREVIEW

FOLDER = samples.FOLDER
SIDE = 144  # pixels of a square thumbnail: 72 on a dense screen
MEDIUM = {"photos": 640, "styles": 320}  # pixels of the longer side of what a field shows
KEPT = 512  # pictures of each size
SHEET = 24  # styles of a page of the contact sheet

router = APIRouter(prefix="/shelf", include_in_schema=False)

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


# ---------------------------------------------------------------- routes


@lru_cache(maxsize=KEPT)
def _thumbnail(picture: bytes) -> bytes:
    with Image.open(io.BytesIO(picture), formats=images.OURS) as image:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = image.crop((left, top, left + side, top + side))
    out = io.BytesIO()
    square.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(out, "WEBP", quality=50, method=6)
    return out.getvalue()


@lru_cache(maxsize=KEPT)
def _medium(picture: bytes, kind: str) -> bytes:
    side = MEDIUM[kind]
    out = io.BytesIO()
    with Image.open(io.BytesIO(picture), formats=images.OURS) as image:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        image.save(out, "WEBP", quality=45, method=6)
    return out.getvalue()


def _found(kind: str, name: str) -> bytes:
    picture = data(kind, name)
    if picture is None:
        raise HTTPProblem(404, "sample.not_found")
    return picture


def _answer(picture: bytes, media_type: str) -> Response:
    headers = {"Cache-Control": "public, max-age=86400"}
    return stored.sent(len(picture), io.BytesIO(picture), media_type, headers)


@router.get("/medium/{kind}/{name}.webp")
def medium(kind: str, name: str) -> Response:
    """Return a picture of the shelf as a field of the form shows it."""
    return _answer(_medium(_found(kind, name), kind), "image/webp")


@router.get("/{kind}/{name}.webp")
def thumbnail(kind: str, name: str) -> Response:
    """Return a picture of the shelf, small and square."""
    return _answer(_thumbnail(_found(kind, name)), "image/webp")


@router.get("/{kind}/{name}.jpg")
def whole(kind: str, name: str) -> Response:
    """Return a picture of the shelf as it is."""
    picture = _found(kind, name)
    is_jpeg = picture.startswith(b"\xff\xd8")
    return _answer(picture, "image/jpeg" if is_jpeg else "image/png")
