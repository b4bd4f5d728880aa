"""Pictures of the shelf, under /shelf/: as they are, as a field shows them, and as thumbnails."""

import io
from functools import lru_cache

from fastapi import APIRouter, Response
from PIL import Image

from web.http import stored
from web.language.problems import HTTPProblem
from web.samples import shelf
from worker.images import images

SIDE = 144  # pixels of a square thumbnail: 72 on a dense screen
MEDIUM = {"photos": 640, "styles": 320}  # pixels of the longer side of what a field shows

router = APIRouter(prefix="/shelf", include_in_schema=False)


@lru_cache(maxsize=shelf.KEPT)
def _thumbnail(picture: bytes) -> bytes:
    with Image.open(io.BytesIO(picture), formats=images.OURS) as image:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = image.crop((left, top, left + side, top + side))
    out = io.BytesIO()
    square.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(out, "WEBP", quality=50, method=6)
    return out.getvalue()


@lru_cache(maxsize=shelf.KEPT)
def _medium(picture: bytes, kind: str) -> bytes:
    side = MEDIUM[kind]
    out = io.BytesIO()
    with Image.open(io.BytesIO(picture), formats=images.OURS) as image:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        image.save(out, "WEBP", quality=45, method=6)
    return out.getvalue()


def _found(kind: str, name: str) -> bytes:
    picture = shelf.data(kind, name)
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
