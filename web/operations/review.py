"""The admin's review list: entries that visitors reported, and the judgement on them.

The admin sees of an entry what visitors saw of it: the picture or film, the photo where its owner
shows it, the styles where they are lent; and of no entry that was not reported.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from web.api.api import PREFIX
from web.api.gallery import offers
from web.api.gallery.views import EntryView, view
from web.http import stored
from web.operations import admin_session
from web.operations.admin_session import Admin
from worker.admin import audit
from worker.gallery import reports
from worker.gallery.model import EntryNotFound

router = APIRouter(prefix=f"{PREFIX}/admin/reports", dependencies=[Depends(admin_session.exists)])
_UNKEPT = {"Cache-Control": "no-store"}


class Word(BaseModel):
    """What a visitor said of an entry."""

    reason: str
    made: float


class Reported(BaseModel):
    """An entry that waits for the admin's judgement."""

    entry: EntryView
    owner: str
    hidden: bool  # taken down by the reports already
    reports: list[Word]


@router.get("")
def list_reports(
    origin: Admin,
    limit: Annotated[int, Query(ge=1, le=100)] = 24,
    after: Annotated[str, Query(max_length=40)] = "",
) -> list[Reported]:
    """List the entries with reports that were not dealt with, oldest first."""
    return [
        Reported(
            entry=view(one.shown, "", f"{PREFIX}/admin/reports/{one.shown.job.id}"),
            owner=one.shown.job.owner,
            hidden=one.shown.entry.hidden is not None,
            reports=[Word(reason=word.reason, made=word.made) for word in one.reports],
        )
        for one in reports.reported(limit, after)
    ]


def _answer(key: str | None) -> Response:
    if key is None:
        raise EntryNotFound
    return stored.answer(key, _UNKEPT)


@router.get("/{job_id}/film")
def film(job_id: str, request: Request, origin: Admin) -> Response:
    """Return a reported entry's film, or a part of it; 404 where it is a picture."""
    key = reports.under_review(job_id).job.film_key
    if key is None:
        raise EntryNotFound
    return stored.film(request, key, _UNKEPT)


@router.get("/{job_id}/content")
def content(job_id: str, origin: Admin) -> Response:
    """Return a reported entry's photo, where its owner shows it to visitors."""
    return _answer(offers.photo(reports.under_review(job_id), ""))


@router.get("/{job_id}/styles/{place}")
def style(job_id: str, place: int, origin: Admin) -> Response:
    """Return a style picture of a reported entry, where its owner lends it; the first is 0."""
    return _answer(offers.style(reports.under_review(job_id), place, ""))


@router.get("/{job_id}/{size}")
def picture(job_id: str, size: str, origin: Admin) -> Response:
    """Return a reported entry's picture or its thumbnail; 404 for one that was not reported."""
    job = reports.under_review(job_id).job
    return _answer({"picture": job.result_key, "thumbnail": job.thumbnail_key}.get(size))


@router.post("/{job_id}/stay", status_code=204)
def let_stay(job_id: str, origin: Admin) -> None:
    """Let an entry be public, again if the reports had taken it down."""
    with audit.act("let stay", origin, job_id):
        reports.judge(job_id, stays=True)


@router.post("/{job_id}/down", status_code=204)
def take_down(job_id: str, origin: Admin) -> None:
    """Take an entry down for good; its owner still sees it."""
    with audit.act("take down", origin, job_id):
        reports.judge(job_id, stays=False)
