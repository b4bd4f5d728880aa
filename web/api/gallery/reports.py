"""Reports of visitors that an entry should not be public."""

import hashlib

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from web.api.api import PREFIX
from web.api.gallery.views import like
from web.api.openapi import problems
from web.security import address
from web.security.address import WELCOME
from worker.gallery import reports
from worker.gallery.reports import REASON

router = APIRouter(prefix=PREFIX, tags=["gallery"])


class Complaint(BaseModel):
    """Why an entry should not be public."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra=like({"reason": "This is a picture of me."})
    )

    reason: str = Field(default="", max_length=REASON)


def _reporter(request: Request, job_id: str) -> str:
    """Return a name for an address that is of no use beside reports of other entries."""
    return hashlib.sha256(f"{address.network(request)}:{job_id}".encode()).hexdigest()[:32]


@router.post(
    "/gallery/{job_id}/report",
    status_code=204,
    dependencies=WELCOME,
    responses=problems(400, 403, 404),
)
def report(job_id: str, request: Request, complaint: Complaint | None = None) -> None:
    """Report a public entry; the admin sees it, and enough visitors take it down at once.

    Visitors of one address count as one.
    """
    reports.report(job_id, _reporter(request, job_id), complaint.reason if complaint else "")
