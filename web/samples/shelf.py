"""Sample photos and style pictures that come with the program, under /shelf/.

The page shows thumbnails and submits the full pictures by name.
"""

import hashlib
import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from PIL import Image

from adain.files import samples
from web.language.problems import HTTPProblem
from worker.images import images

FOLDER = samples.FOLDER
SIDE = 144  # pixels of a square thumbnail: 72 on a dense screen
MEDIUM = {"photos": 640, "styles": 320}  # pixels of the longer side of what a field shows

router = APIRouter(prefix="/shelf", include_in_schema=False)


names, file = samples.names, samples.file


@cache
def by_digest() -> dict[str, str]:
    """Return the names of the sample styles, by their sha256 as jobs keep them."""
    found = {}
    for name in names("styles"):
        picture = images.clean((FOLDER / "styles" / f"{name}.jpg").read_bytes())
        found[hashlib.sha256(picture.data).hexdigest()] = name
    return found


@cache
def _thumbnail(picture: Path) -> bytes:
    with Image.open(picture) as image:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = image.crop((left, top, left + side, top + side))
    out = io.BytesIO()
    square.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(out, "WEBP", quality=50, method=6)
    return out.getvalue()


def _sent(kind: str, name: str, made: Callable[[Path], bytes]) -> Response:
    picture = file(kind, name)
    if picture is None:
        raise HTTPProblem(404, "sample.not_found")
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(made(picture), media_type="image/webp", headers=headers)


@cache
def _medium(picture: Path) -> bytes:
    side = MEDIUM[picture.parent.name]
    out = io.BytesIO()
    with Image.open(picture) as image:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        image.save(out, "WEBP", quality=50, method=6)
    return out.getvalue()


@router.get("/medium/{kind}/{name}.webp")
def medium(kind: str, name: str) -> Response:
    """Return a sample picture as a field of the form shows it."""
    return _sent(kind, name, _medium)


@router.get("/{kind}/{name}.webp")
def thumbnail(kind: str, name: str) -> Response:
    """Return a sample picture, small and square."""
    return _sent(kind, name, _thumbnail)


@router.get("/{kind}/{name}.jpg")
def whole(kind: str, name: str) -> FileResponse:
    """Return a sample picture as it is."""
    picture = file(kind, name)
    if picture is None:
        raise HTTPProblem(404, "sample.not_found")
    return FileResponse(picture, headers={"Cache-Control": "public, max-age=86400"})
