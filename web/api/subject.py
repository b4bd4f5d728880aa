"""The API's subject resource: a mask of what stands out in a photo, to start regions from."""

from fastapi import APIRouter, Request, Response

from web.api import submission
from web.api.api import PREFIX
from web.api.openapi import Responses, problems
from web.http import checking
from web.security import address
from web.security.address import COSTLY
from worker.images import subject

router = APIRouter(prefix=PREFIX, tags=["regions"])

_MASK: Responses = {
    200: {
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The mask, 256 px on its shorter side, to be brought to the photo's size",
    }
}


@router.post(
    "/subject",
    response_class=Response,
    openapi_extra=submission.ONE_PICTURE,
    responses=_MASK | problems(400, 413, 415, 429),
    dependencies=COSTLY,
)
async def find(request: Request) -> Response:
    """Guess where the subject of a photo is: a small mask, white there, to start regions from."""
    async with submission.picture(request) as sent:
        found = await checking.run(address.visitor(request), subject.find, sent)
    return Response(found, media_type="image/png", headers={"Cache-Control": "no-store"})
