"""The API's upload resource: a picture for a form that is being filled in, one a request.

Parses, calls `worker.visitors.uploads`, answers. Only its sender can use an upload, and it is
deleted after some hours.
"""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from web.api import submission
from web.api.api import PREFIX, Owner
from web.api.openapi import Responses, problems
from web.http import checking, stored
from web.security import address
from worker.images import images
from worker.jobs.batches import Source
from worker.visitors import rate_limits, uploads
from worker.visitors.rate_limits import Visitor

router = APIRouter(prefix=PREFIX, tags=["uploads"])

_ID: Any = {"id": "5f0c6e4b1f7c529d0e2f6a1c3b5d7e00"}


class UploadView(BaseModel):
    """A picture that was taken; in a field of the form it is called `upload:` and its id."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ID]})

    id: str


def _keep(visitor: Visitor, sent: Source) -> str:
    rate_limits.consume(visitor, rate_limits.pictures(), rate_limits.sent(sent.size))
    data = sent.read()
    if uploads.is_shown(data):
        images.measured(data)  # whether it is a picture; it is cleaned where it is used
    else:  # what not every browser draws
        data = images.clean(data).data
    return uploads.keep(visitor.owner, data)


@router.post(
    "/uploads",
    status_code=201,
    openapi_extra=submission.ONE_PICTURE,
    responses=problems(400, 403, 413, 415, 429, 507),
)
async def add(request: Request) -> UploadView:
    """Take a picture for a form; only you see it, and it is deleted after some hours."""
    async with submission.picture(request) as sent:
        visitor = address.visitor(request)
        upload_id = await checking.run(visitor, _keep, visitor, sent)
    return UploadView(id=upload_id)


_PICTURE: Responses = {
    200: {
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The picture.",
    }
}


@router.get("/uploads/{upload_id}", response_class=Response, responses=_PICTURE | problems(404))
def picture(upload_id: str, owner: Owner) -> Response:
    """Return a picture of yours: PNG, JPEG and WebP as you sent it, other kinds as PNG or JPEG."""
    headers = {"Cache-Control": "private, max-age=3600", "Vary": "Cookie"}
    return stored.sent(*uploads.opened(upload_id, owner), headers)


@router.delete("/uploads/{upload_id}", status_code=204, responses=problems(404))
def remove(upload_id: str, owner: Owner) -> None:
    """Delete a picture of yours before its time."""
    uploads.remove(upload_id, owner)
