"""The API, /api/v1: jobs in, jobs and pictures out.

Parses, calls `worker.jobs`, answers. Knows what a job looks like from outside, and nothing of
how one is run.
"""

import json
import time
from typing import Annotated, Any

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel
from starlette.datastructures import FormData, UploadFile

from web.identity import owner_of
from worker import blobs, jobs
from worker.jobs import Job, Status
from worker.refused import Refused

PREFIX = "/api/v1"
FIELDS = ("content", "style", "mask", "options")
AT_ONCE = 2  # submissions being checked; a decoded picture takes up to 100 MB

router = APIRouter(prefix=PREFIX, tags=["jobs"])
_checking = anyio.CapacityLimiter(AT_ONCE)

Owner = Annotated[str, Depends(owner_of)]


class JobView(BaseModel):
    """A job as its owner sees it; times are epoch seconds, `elapsed` counts since submission."""

    id: str
    state: Status
    position: int  # 1 is next; 0: it does not wait
    estimate: float | None  # seconds until it is probably done
    stage: str
    progress: float  # in [0, 1]
    submitted: float
    started: float | None
    finished: float | None
    elapsed: float
    options: dict[str, Any]
    styles: int
    masks: int
    width: int  # of the result; of the photo until there is one
    height: int
    error: str | None
    timings: dict[str, float]
    network: str | None
    weights_sha256: str | None
    version: str | None
    worker: str | None
    device: str | None


class JobPage(BaseModel):
    """Some of an owner's jobs, newest first; `next` is the `before` of the page after."""

    jobs: list[JobView]
    next: str | None


def view(job: Job) -> JobView:
    """Return what its owner may see of a job."""
    active = job.status in {Status.QUEUED, Status.RUNNING}
    return JobView(
        id=job.id,
        state=Status(job.status),
        position=jobs.position(job) if active else 0,
        estimate=jobs.estimate(job) if active else None,
        stage=job.stage,
        progress=job.progress,
        submitted=job.submitted,
        started=job.started,
        finished=job.finished,
        elapsed=max(0.0, (job.finished or time.time()) - job.submitted),
        options=job.options,
        styles=len(job.style_keys),
        masks=len(job.mask_keys),
        width=job.width or job.content_width,
        height=job.height or job.content_height,
        error=job.error,
        timings=job.timings,
        network=job.network,
        weights_sha256=job.weights_sha256,
        version=job.version,
        worker=job.worker,
        device=job.device,
    )


# ---------------------------------------------------------------- submit


async def _pictures(form: FormData, field: str) -> list[bytes]:
    files = form.getlist(field)
    if any(not isinstance(file, UploadFile) for file in files):
        raise Refused(f"`{field}` must be a picture file, not text.")
    return [await file.read() for file in files if isinstance(file, UploadFile)]


async def _options(form: FormData) -> object:
    """Return the options as they came; what they mean is checked by `jobs.submit`."""
    given = form.get("options") or "{}"
    text = (await given.read()) if isinstance(given, UploadFile) else given
    try:
        return json.loads(text)
    except ValueError as error:
        raise Refused('`options` must be JSON such as {"alpha": 0.8, "size": 512}.') from error


def _check_type(request: Request) -> None:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise HTTPException(415, "A job is sent as multipart/form-data: content, style, options.")


def _check_fields(form: FormData) -> None:
    if unknown := sorted(set(form) - set(FIELDS)):
        raise Refused(f"There is no field `{unknown[0][:40]}`; there are {', '.join(FIELDS)}.")


_FILE = {"type": "string", "format": "binary"}
_MULTIPART = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["content", "style"],
                    "properties": {
                        "content": _FILE | {"description": "the photo: PNG, JPEG or WebP"},
                        "style": {
                            "type": "array",
                            "items": _FILE,
                            "description": "one to four pictures, the field repeated",
                        },
                        "mask": {
                            "type": "array",
                            "items": _FILE,
                            "description": "where each style acts: white, of the photo's size",
                        },
                        "options": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "example": '{"alpha": 0.8, "color": "content", "size": 512}',
                        },
                    },
                }
            }
        },
    }
}


@router.post("/jobs", status_code=202, openapi_extra=_MULTIPART)
async def submit(request: Request, response: Response, owner: Owner) -> JobView:
    """Accept a job; its state is asked for at the `Location` of the answer."""
    _check_type(request)
    async with request.form(max_files=64, max_fields=16) as form:
        _check_fields(form)
        content = await _pictures(form, "content")
        styles, masks = await _pictures(form, "style"), await _pictures(form, "mask")
        options = await _options(form)
    if len(content) != 1:
        raise Refused(f"A job takes exactly one photo in `content`; {len(content)} were given.")
    job = await run_sync(jobs.submit, owner, content[0], styles, masks, options, limiter=_checking)
    response.headers["Location"] = f"{PREFIX}/jobs/{job.id}"
    return await run_sync(view, job)


# ---------------------------------------------------------------- look, fetch, cancel


@router.get("/jobs")
def mine(
    owner: Owner,
    limit: Annotated[int, Query(ge=1, le=100)] = 24,
    before: Annotated[str | None, Query(max_length=64)] = None,
) -> JobPage:
    """List your own jobs, newest first."""
    found = jobs.mine(owner, limit, before)
    return JobPage(
        jobs=[view(job) for job in found],
        next=found[-1].id if len(found) == limit else None,
    )


@router.get("/jobs/{job_id}")
def look(job_id: str, owner: Owner) -> JobView:
    """Tell how a job stands."""
    return view(jobs.get(job_id, owner))


@router.delete("/jobs/{job_id}")
def cancel(job_id: str, owner: Owner) -> JobView:
    """Cancel a job; one that has ended stays as it is, one being worked on stops shortly."""
    return view(jobs.cancel(job_id, owner))


_TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}


def _picture(key: str) -> Response:
    """Answer with a picture; it never changes, and is for its owner's eyes only."""
    return Response(
        blobs.get(key),
        media_type=_TYPES[key.rpartition(".")[2]],
        headers={"Cache-Control": "private, max-age=86400", "Vary": "Cookie"},
    )


_NOT_READY = {
    Status.QUEUED: "The picture is not ready: the job still waits in line.",
    Status.RUNNING: "The picture is not ready: the job is being worked on.",
    Status.CANCELLED: "There is no picture: the job was cancelled.",
}


def _ready(key: str | None, job: Job) -> str:
    if job.status == Status.DONE and key is not None:
        return key
    sentence = _NOT_READY.get(Status(job.status)) or f"There is no picture: {job.error}"
    raise HTTPException(409, sentence)


_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/*": {"schema": _FILE}}, "description": "the picture"}
}


@router.get("/jobs/{job_id}/result", response_class=Response, responses=_PICTURE)
def result(job_id: str, owner: Owner) -> Response:
    """Return the finished picture, a PNG; 409 while there is none."""
    job = jobs.get(job_id, owner)
    return _picture(_ready(job.result_key, job))


@router.get("/jobs/{job_id}/thumbnail", response_class=Response, responses=_PICTURE)
def thumbnail(job_id: str, owner: Owner) -> Response:
    """Return the finished picture small, a WebP; 409 while there is none."""
    job = jobs.get(job_id, owner)
    return _picture(_ready(job.thumbnail_key, job))


@router.get("/jobs/{job_id}/content", response_class=Response, responses=_PICTURE)
def content(job_id: str, owner: Owner) -> Response:
    """Return the photo the job was given, as it was kept."""
    return _picture(jobs.get(job_id, owner).content_key)


@router.get("/jobs/{job_id}/styles/{place}", response_class=Response, responses=_PICTURE)
def style(job_id: str, place: int, owner: Owner) -> Response:
    """Return a style picture the job was given; the first is 0."""
    keys = jobs.get(job_id, owner).style_keys
    if not 0 <= place < len(keys):
        raise HTTPException(404, f"This job has {len(keys)} style pictures, counted from 0.")
    return _picture(keys[place])


@router.api_route(
    "/{anything:path}",
    methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
    include_in_schema=False,
)
def nothing(anything: str) -> None:
    """Answer for an address that is none, lest the page does."""
    raise HTTPException(
        404, "There is nothing at this address of the API; see /api/v1/openapi.json."
    )
