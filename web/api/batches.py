"""The API's batch resource: many photos in many styles as one submission.

Parses, calls `worker.visitors.admission` and `worker.jobs.batches`, answers. A batch's jobs are
jobs like any other; what can be done with one is in `web/api/api.py`.
"""

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from web.api import submission
from web.api.api import PREFIX, Owner
from web.api.openapi import Responses, problems
from web.http import archive, checking
from web.language import messages, texts
from web.language.problems import HTTPProblem
from web.language.texts import ENGLISH, Spoken
from web.security import address
from web.security.address import COSTLY
from web.security.body_limits import SMALL
from web.security.identity import come_back
from worker import jobs
from worker.jobs import Beside, Job, Status, batches, idempotency
from worker.jobs.batches import Batch, Source
from worker.options import recorded
from worker.settings import MIB, settings
from worker.storage import database
from worker.visitors import admission
from worker.visitors.rate_limits import Visitor

router = APIRouter(prefix=PREFIX, tags=["batches"])

FIELDS = ("content", "style", "options")

_FILES: dict[str, Any] = {
    "type": "array",
    "items": {"type": "string", "format": "binary"},
    "minItems": 1,
}
_DESCRIPTION: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["content", "style"],
                    "additionalProperties": False,
                    "properties": {
                        "content": _FILES | {"description": "Photos or films, the field repeated."},
                        "style": _FILES | {"description": "Style pictures, the field repeated."},
                        "options": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": "As for one job, without weights; they hold for all. "
                            "crops, in place of crop, and style_crops may have one for each "
                            "picture instead, [] of a whole one.",
                            "examples": ['{"alpha": 0.8, "size": 512}'],
                        },
                    },
                },
                "encoding": {"options": {"contentType": "application/json"}},
            }
        },
    },
    "parameters": [submission.KEY_DESCRIPTION],
}

_ID = "019abc6e-4b1f-7c52-9d0e-2f6a1c3b5d7e"
_CELL: Any = {
    "id": _ID,
    "photo": 0,
    "style": 1,
    "state": "running",
    "stage": "transfer",
    "progress": 0.5,
    "width": 768,
    "height": 512,
    "film": False,
    "error": None,
    "error_code": None,
}
_EXAMPLE: Any = {
    "id": "019abc6e-5c20-7f11-8a3d-4b7e2d9c6f10",
    "submitted": 1795489200.0,
    "elapsed": 3.4,
    "photos": ["harbour", "market"],
    "styles": ["woodcut", "night"],
    "options": {
        "alpha": 0.8, "weights": [], "color": "style", "size": 512, "network": "compact",
        "transfer": "covariance", "region": "all",
        "transparency": "flatten", "strokes": 1.0, "method": "adain", "effort": "more",
        "loss": "gram", "start": "photo",
    },
    "counts": {"queued": 2, "running": 1, "done": 1, "failed": 0, "cancelled": 0},
    "progress": 0.375,
    "position": 3,
    "estimate": 4.2,
    "cells": [_CELL],
    "come_back": None,
}  # fmt: skip


class CellView(BaseModel):
    """One picture of a batch: a job, with its row (photo) and column (style), counted from 0."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CELL]})

    id: str
    photo: int
    style: int
    state: Status
    stage: str
    progress: float  # in [0, 1]
    width: int
    height: int
    film: bool  # not a picture
    error: str | None  # in the visitor's language
    error_code: str | None


class BatchView(BaseModel):
    """A batch as its owner sees it; `progress` counts every picture the same.

    Jobs that were deleted are missing among `cells`.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    submitted: float
    elapsed: float  # seconds, until the last picture ended
    photos: list[str]
    styles: list[str]
    options: dict[str, Any]
    counts: dict[str, int]
    progress: float  # in [0, 1]
    position: int  # of the next of its jobs in line; 0: none waits
    estimate: float | None  # seconds until all of it is probably done
    cells: list[CellView]
    come_back: str | None = None  # how to see it again, to who sent it without cookie or key


class BatchLimits(BaseModel):
    """What one batch may have; who has more sends several."""

    pictures: int  # photos times styles
    bytes: int  # of all its files


class BatchPage(BaseModel):
    """Some of an owner's batches, newest first; `next` is the `before` of the page after."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "batches": [_EXAMPLE],
                    "next": _EXAMPLE["id"],
                    "limits": {"pictures": 60, "bytes": 209715200},
                }
            ]
        }
    )

    batches: list[BatchView]
    next: str | None
    limits: BatchLimits


# ---------------------------------------------------------------- views


def _cell(job: Job, columns: int, language: str) -> CellView:
    row, column = divmod(job.cell or 0, columns)
    return CellView(
        id=job.id,
        photo=row,
        style=column,
        state=Status(job.status),
        stage=jobs.step_of(job.stage)[0],
        progress=job.progress,
        width=job.width or job.content_width,
        height=job.height or job.content_height,
        film=job.film is not None,
        **messages.fields(job.failure, language),
    )


def _waiting(found: Sequence[Job]) -> list[Job]:
    """Return the next of a batch's jobs in line, if any."""
    return [job for job in found if job.status == Status.QUEUED][:1]


def _open(found: Sequence[Job]) -> list[Job]:
    return [job for job in found if job.status in jobs.ACTIVE]


def _view(
    batch: Batch,
    found: Sequence[Job],
    language: str,
    places: Mapping[str, int],
    estimates: Mapping[str, float | None],
) -> BatchView:
    """Return a batch by its jobs; places and estimates of some of them are by their ids."""
    open_ones = _open(found)
    ended = max((job.finished or batch.submitted for job in found), default=batch.submitted)
    counts = Counter(job.status for job in found)
    shares = [job.progress if job in open_ones else 1.0 for job in found]
    return BatchView(
        id=batch.id,
        submitted=batch.submitted,
        elapsed=(database.time() if open_ones else ended) - batch.submitted,
        photos=batch.photos,
        styles=batch.styles,
        options=recorded(batch.options),
        counts={status: counts[status] for status in Status},
        progress=sum(shares) / len(shares) if shares else 1.0,
        position=sum(places[job.id] for job in _waiting(found)),
        estimate=estimates[open_ones[-1].id] if open_ones else None,
        cells=[_cell(job, len(batch.styles), language) for job in found],
    )


def views(some: Sequence[Batch], language: str = ENGLISH) -> list[BatchView]:
    """Return what their owner may see of batches; the looks do not grow with them."""
    cells = batches.cells_of(some)
    next_ones = [job for found in cells.values() for job in _waiting(found)]
    last_ones = [job for found in cells.values() for job in _open(found)[-1:]]
    places, estimates = jobs.positions(next_ones), jobs.estimates(last_ones)
    return [_view(batch, cells[batch.id], language, places, estimates) for batch in some]


def view(batch: Batch, language: str = ENGLISH) -> BatchView:
    """Return what its owner may see of a batch."""
    return views([batch], language)[0]


# ---------------------------------------------------------------- submit


def _sha256(source: Source) -> bytes:
    digest = hashlib.sha256()
    with source.opened() as file:  # a film is not held in memory
        while piece := file.read(MIB):
            digest.update(piece)
    return digest.digest()


def _digest(photos: list[Source], styles: list[Source], options: object) -> str:
    """Return a fingerprint: the same for the same pictures and options, and never a job's."""
    parts = [idempotency.digest(*map(_sha256, some)).encode() for some in (photos, styles)]
    return idempotency.digest(b"batch", *parts, json.dumps(options, sort_keys=True).encode())


def _accept(
    visitor: Visitor, photos: list[Source], styles: list[Source], options: object, key: str
) -> tuple[Batch, bool]:
    """Return the batch, and whether it is new; raises as `admission.submit_batch` does."""

    def submit(beside: Beside) -> Batch:
        return admission.submit_batch(visitor, photos, styles, options, beside)

    if not key:
        return submit(lambda session, batch_id: None), True
    asked = _digest(photos, styles, options)
    batch_id, new = idempotency.once(visitor.owner, key, asked, submit)
    try:
        return batches.get(batch_id, visitor.owner), new
    except batches.BatchNotFound:
        raise HTTPProblem(409, "idempotency.batch_deleted") from None


@asynccontextmanager
async def _form(request: Request) -> AsyncIterator[FormData]:
    """Yield a batch's form; raises `BatchTooLarge` where it has more files than any batch."""
    most = settings().max_batch + 2  # photos and styles, and options as a file
    try:
        form = await request.form(max_files=most, max_fields=4, max_part_size=SMALL)
    except HTTPException as error:
        if "number of files" in str(error.detail):
            raise admission.BatchTooLarge from error
        raise
    try:
        yield form
    finally:
        await form.close()


_AGAIN: Responses = {200: {"model": BatchView, "description": "This batch was accepted before."}}


@router.post(
    "/batches",
    status_code=202,
    openapi_extra=_DESCRIPTION,
    responses=_AGAIN | problems(400, 409, 413, 415, 429, 507),
)
async def submit(request: Request, response: Response) -> BatchView:
    """Accept many photos in many styles, each photo in each style: all of it, or none."""
    if not submission.is_form(request):
        raise HTTPProblem(415, "batch.form")
    key, visitor = submission.key_of(request), address.visitor(request)
    async with _form(request) as form:
        submission.check_fields(form, FIELDS)
        photos, styles = (submission.sources(form, field) for field in FIELDS[:2])
        options = await submission.options(form)
        asked = (visitor, photos, styles, options, key)
        batch, new = await checking.run_batch(visitor, _accept, *asked)
    response.status_code = 202 if new else 200
    response.headers["Location"] = f"{PREFIX}/batches/{batch.id}"
    language = texts.language_of(request)
    shown = await run_sync(view, batch, language)
    return shown.model_copy(update={"come_back": come_back(request, language)})


# ---------------------------------------------------------------- look, fetch, cancel


_BEFORE = "`next` of the page before; the newest batches without it"


@router.get("/batches")
def mine(
    owner: Owner,
    language: Spoken,
    limit: Annotated[int, Query(ge=1, le=24)] = 6,
    before: Annotated[str | None, Query(pattern=r"^[0-9a-f-]{36}$", description=_BEFORE)] = None,
) -> BatchPage:
    """List your own batches, newest first."""
    found = batches.mine(owner, limit + 1, before)
    page = found[:limit]
    return BatchPage(
        batches=views(page, language),
        next=page[-1].id if len(found) > limit else None,
        limits=BatchLimits(pictures=admission.most_in_batch(), bytes=settings().max_batch_bytes),
    )


@router.get("/batches/{batch_id}", responses=problems(404))
def look(batch_id: str, owner: Owner, language: Spoken) -> BatchView:
    """Tell how a batch stands, with all its pictures."""
    return view(batches.get(batch_id, owner), language)


@router.delete("/batches/{batch_id}", responses=problems(404))
def cancel(batch_id: str, owner: Owner, language: Spoken) -> BatchView:
    """Cancel what has not ended of a batch; what is done stays."""
    return view(batches.cancel(batch_id, owner), language)


@router.get(
    "/batches/{batch_id}/zip",
    response_class=Response,
    responses=archive.ZIP | problems(403, 404, 409, 429),
    dependencies=COSTLY,
)
def fetch(batch_id: str, owner: Owner) -> Response:
    """Return the pictures of a batch that are done as one zip; 409 while there is none."""
    batch = batches.get(batch_id, owner)
    if not any(job.status == Status.DONE for job in batches.cells(batch)):
        raise HTTPProblem(409, "batch.nothing_done")
    return archive.answer(batches.pictures(batch), f"adain-studio-{batch.id[-8:]}")
