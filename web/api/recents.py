"""The API's resource of a visitor's recent styles: the list, and a thumbnail of each."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from web.api.api import PREFIX, Owner
from web.api.openapi import Responses, problems
from web.http import stored
from web.language.problems import HTTPProblem
from web.samples import shelf
from web.security import address
from web.security.address import COSTLY
from web.security.public_path import under
from worker import jobs
from worker.gallery import recent_styles
from worker.visitors import rate_limits

router = APIRouter(prefix=PREFIX, tags=["styles"])

_ID = "019abc6e-4b1f-7c52-9d0e-2f6a1c3b5d7e"
_EXAMPLE: Any = {
    "job": _ID,
    "place": 0,
    "digest": "5f0c" * 16,
    "picture": f"{PREFIX}/jobs/{_ID}/styles/0",
    "thumbnail": f"{PREFIX}/jobs/{_ID}/styles/0/thumbnail",
}


class StyleView(BaseModel):
    """A style picture that you used, by the latest job that has it; and where it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    job: str
    place: int
    digest: str
    picture: str
    thumbnail: str


def view(recent: recent_styles.Recent) -> StyleView:
    """Return what its owner sees of a recent style."""
    picture = under(f"{PREFIX}/jobs/{recent.job_id}/styles/{recent.place}")
    return StyleView(
        job=recent.job_id,
        place=recent.place,
        digest=recent.digest,
        picture=picture,
        thumbnail=f"{picture}/thumbnail",
    )


@router.get("/styles")
def mine(owner: Owner) -> list[StyleView]:
    """List your recent styles, latest first, each once; those on the page's shelf are left out."""
    return [view(one) for one in recent_styles.recent(owner, without=shelf.by_digest())]


_SMALL: Responses = {
    200: {
        "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The picture.",
    }
}


@router.get(
    "/jobs/{job_id}/styles/{place}/thumbnail",
    response_class=Response,
    responses=_SMALL | problems(404, 410, 429),
    dependencies=COSTLY,
)
def thumbnail(job_id: str, place: int, request: Request, owner: Owner) -> Response:
    """Return a style picture of your job small, a JPEG; the first is 0."""
    job = jobs.get(job_id, owner)
    if not 0 <= place < len(job.style_keys):
        raise HTTPProblem(404, "job.style_place", count=len(job.style_keys))
    headers = {"Cache-Control": "private, max-age=86400", "Vary": "Cookie"}
    with rate_limits.paying(address.visitor(request)):
        key = recent_styles.small(job, place)
    return stored.answer(key, headers)
