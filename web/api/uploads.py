"""The API's upload resource: a picture or film for a form that is being filled in, one a request.

Parses, calls `worker.visitors.uploads`, answers. Only its sender can use an upload, and it is
deleted after some hours.
"""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from web.api import submission
from web.api.api import PREFIX, Owner
from web.api.openapi import Responses, problems
from web.http import checking, picture_cache, references, stored
from web.security import address
from web.security.same_origin import NOT_EMBEDDED
from worker.images import film_uploads, images
from worker.images.images import CleanImage
from worker.jobs.batches import Source
from worker.storage import free_space
from worker.visitors import rate_limits, uploads
from worker.visitors.rate_limits import Visitor

SHOWN = 768  # pixels of the shorter side of what is shown of a picture

router = APIRouter(prefix=PREFIX, tags=["uploads"])

_ID: Any = {
    "id": "5f0c6e4b1f7c529d0e2f6a1c3b5d7e00",
    "width": 6000,
    "height": 4000,
    "seconds": None,
    "moves": None,
}


class UploadView(BaseModel):
    """What was taken; in a field of the form it is called `upload:` and its id."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ID]})

    id: str
    width: int  # of the upright picture, in pixels
    height: int
    seconds: float | None  # of a film, at most; null: a picture
    moves: float | None  # seconds, at most, of an animated picture: a film with moving


def _keep(visitor: Visitor, sent: Source) -> UploadView:
    rate_limits.consume(visitor, rate_limits.pictures(), rate_limits.sent(sent.size))
    free_space.check(sent.size)
    with film_uploads.looked(sent) as film:  # what is sent is cleaned where it is used
        copy = images.small(film.poster() if film else sent, SHOWN)
    upload_id = uploads.keep(visitor.owner, sent)
    picture_cache.displayed.put(visitor.owner, references.upload(upload_id), copy)
    width, height = (film.width, film.height) if film else copy.original
    seconds, moves = (film.seconds, None) if film else (None, film_uploads.moves_for(sent))
    return UploadView(id=upload_id, width=width, height=height, seconds=seconds, moves=moves)


def _shown(visitor: Visitor, upload_id: str) -> bytes:
    """Return the copy that is shown of a visitor's upload; raises `UploadNotFound`."""
    name = references.upload(upload_id)
    _, file, _ = uploads.opened(upload_id, visitor.owner)  # whose it is comes first
    file.close()
    given = references.source(name, visitor.owner)

    def make() -> CleanImage:
        rate_limits.consume(visitor, rate_limits.pictures())
        return images.small(film_uploads.still(given), SHOWN)

    return picture_cache.displayed.get(visitor.owner, name, make).data


@router.post(
    "/uploads",
    status_code=201,
    openapi_extra=submission.ONE_PICTURE,
    responses=problems(400, 403, 413, 415, 429, 507),
)
async def add(request: Request) -> UploadView:
    """Take a picture or film for a form; only you see it, and it is deleted after some hours."""
    async with submission.picture(request) as sent:
        visitor = address.visitor(request)
        return await checking.run(visitor, _keep, visitor, sent)


_PICTURE: Responses = {
    200: {
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The picture.",
    }
}
_HEADERS = {"Cache-Control": "private, max-age=3600", "Vary": "Cookie"}


@router.get("/uploads/{upload_id}", response_class=Response, responses=_PICTURE | problems(404))
def picture(upload_id: str, owner: Owner) -> Response:
    """Return a picture of yours as you sent it."""
    return stored.sent(*uploads.opened(upload_id, owner), _HEADERS)


@router.get(
    "/uploads/{upload_id}/shown",
    response_class=Response,
    responses=_PICTURE | problems(403, 404, 422, 429),
    dependencies=NOT_EMBEDDED,
)
async def shown(upload_id: str, request: Request) -> Response:
    """Return a picture of yours, or a film's first frame, upright, in sRGB and small."""
    visitor = address.visitor(request)
    copy = await checking.run(visitor, _shown, visitor, upload_id)
    return stored.made(copy, "image/jpeg", _HEADERS)


@router.delete("/uploads/{upload_id}", status_code=204, responses=problems(404))
def remove(upload_id: str, owner: Owner) -> None:
    """Delete a picture of yours before its time."""
    uploads.remove(upload_id, owner)
    picture_cache.forget(owner)
