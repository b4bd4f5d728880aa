"""The settings that a downloaded picture carries."""

from fastapi import APIRouter, Request

from web.api import submission
from web.api.api import PREFIX
from web.api.openapi import problems
from web.http import checking
from web.security import address
from web.security.address import COSTLY
from worker.gallery import embedded_settings

router = APIRouter(prefix=PREFIX, tags=["gallery"])


@router.post(
    "/settings",
    dependencies=COSTLY,
    openapi_extra=submission.ONE_PICTURE,
    responses=problems(400, 403, 413, 415, 429),
)
async def settings(request: Request) -> embedded_settings.Embedded:
    """Return the settings that a downloaded picture carries; 422 when it carries none."""
    async with submission.picture(request) as sent:
        return await checking.run(address.visitor(request), embedded_settings.read, sent)
