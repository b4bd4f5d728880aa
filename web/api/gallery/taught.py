"""A visitor's taught styles: which there are, the file of one, and a picture while it is taught.

One is taught by a job with the option `teach`, and used by jobs with its id as `taught`.
"""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from web.api.api import PREFIX, Owner
from web.api.gallery.views import EXAMPLE_ID, like
from web.api.openapi import Responses, problems
from web.http import stored
from web.language.problems import HTTPProblem
from web.security.public_path import under
from worker import jobs
from worker.gallery import taught_styles
from worker.gallery.model import Shown
from worker.storage import blobs

router = APIRouter(prefix=PREFIX, tags=["styles"])

_EXAMPLE: Any = {
    "id": EXAMPLE_ID,
    "title": "Grandma's paintings",
    "kind": "feedforward",
    "network": "compact",
    "submitted": 1795489200.0,
    "paintings": [f"{PREFIX}/jobs/{EXAMPLE_ID}/styles/0"],
    "picture": f"{PREFIX}/jobs/{EXAMPLE_ID}/result",
    "file": f"{PREFIX}/jobs/{EXAMPLE_ID}/taught",
}
_HEADERS = {"Cache-Control": "private, no-store", "Vary": "Cookie"}


class TaughtView(BaseModel):
    """A style that you taught; its title is that of its picture in the gallery."""

    model_config = ConfigDict(json_schema_extra=like(_EXAMPLE))

    id: str  # for the option `taught`
    title: str
    kind: str
    network: str
    submitted: float
    paintings: list[str]  # addresses
    picture: str  # the photo of its job in that style
    file: str  # for `python -m adain`


def view(shown: Shown) -> TaughtView:
    """Return what its owner sees of a taught style."""
    job, address = shown.job, under(f"{PREFIX}/jobs/{shown.job.id}")
    return TaughtView(
        id=job.id,
        title=shown.entry.title,
        kind=job.options["teach"],
        network=job.options["network"],
        submitted=job.submitted,
        paintings=[f"{address}/styles/{place}" for place in range(len(job.style_keys))],
        picture=f"{address}/result",
        file=f"{address}/taught",
    )


@router.get("/taught")
def listed(owner: Owner) -> list[TaughtView]:
    """List the styles that you taught, the latest first."""
    return [view(shown) for shown in taught_styles.mine(owner)]


_FILE: Responses = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The file, safetensors.",
    }
}
_SAMPLE: Responses = {
    200: {
        "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The picture.",
    }
}


@router.get(
    "/jobs/{job_id}/taught", response_class=Response, responses=_FILE | problems(404, 409, 410)
)
def file(job_id: str, owner: Owner) -> Response:
    """Return the file of a style that your job taught; 409 where there is none."""
    key = jobs.get(job_id, owner).taught_key
    if key is None:
        raise HTTPProblem(409, "taught.none")
    named = {"Content-Disposition": f'attachment; filename="style-{job_id[-12:]}.safetensors"'}
    return stored.sent(*blobs.opened(key), "application/octet-stream", _HEADERS | named)


@router.get(
    "/jobs/{job_id}/sample", response_class=Response, responses=_SAMPLE | problems(404, 409)
)
def sample(job_id: str, owner: Owner) -> Response:
    """Return the photo of your job in the style as it is taught so far; 409 where there is none."""
    key = f"{jobs.get(job_id, owner).id}/{taught_styles.SAMPLE}"
    try:
        return stored.answer(key, _HEADERS)
    except blobs.BlobMissing:
        raise HTTPProblem(409, "taught.no_sample") from None
