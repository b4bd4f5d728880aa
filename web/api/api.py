"""The API's job resource, /api/v1/jobs: submit, list, look at, cancel, delete, fetch pictures.

Parses, calls `worker.jobs`, answers.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Body, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from web.api import submission
from web.api.openapi import JOB_EXAMPLE, Responses, methods, problems
from web.http import checking, stored
from web.language import messages, texts
from web.language.problems import HTTPProblem
from web.language.texts import ENGLISH, Spoken
from web.security import address
from web.security.identity import come_back, owner_of
from worker import jobs
from worker.errors import Message
from worker.films import parts
from worker.jobs import ACTIVE, Job, Status, service_state
from worker.options import recorded
from worker.settings import settings
from worker.storage import blobs, database, processes
from worker.visitors import admission

PREFIX = "/api/v1"

router = APIRouter(prefix=PREFIX, tags=["jobs"])

Owner = Annotated[str, Depends(owner_of)]


_OF_FILM = ("frames", "rate", "sound")  # once it was read


class FilmView(BaseModel):
    """What is known of a job's film; null: not yet."""

    seconds: float  # at most, until it was read
    frames: int | None  # that are painted
    rate: float | None  # of them a second
    sound: bool | None


class JobView(BaseModel):
    """A job as its owner sees it; times are epoch seconds, `elapsed` counts since submission."""

    model_config = ConfigDict(json_schema_extra={"examples": [JOB_EXAMPLE]})

    id: str
    state: Status
    position: int  # 1 is next; 0: it does not wait
    estimate: float | None  # seconds until it is probably done
    stage: str
    step: int  # of a method of steps, from 1; 0: none
    steps: int  # that it takes
    progress: float  # in [0, 1]
    submitted: float
    started: float | None
    finished: float | None
    elapsed: float
    studio: service_state.State | None  # paused: none is begun; null: it waits for nothing
    options: dict[str, Any]
    styles: int
    masks: int
    film: FilmView | None  # null: a picture
    batch: str | None  # the id of the batch it came with
    parent: str | None  # the id of your job that it was made from, which may be deleted
    width: int  # of the result; of the photo until there is one
    height: int
    original_width: int | None  # of the photo as it was sent, which masks refer to
    original_height: int | None  # null of jobs of earlier versions
    notices: list[str]  # what was done to its pictures, in the visitor's language
    error: str | None  # in the visitor's language
    error_code: str | None
    timings: dict[str, float]
    network: str | None
    weights_sha256: str | None
    version: str | None
    worker: str | None
    device: str | None
    come_back: str | None = None  # how to see it again, to who sent it without cookie or key


class JobPage(BaseModel):
    """Some of an owner's jobs, newest first; `next` is the `before` of the page after."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"jobs": [JOB_EXAMPLE], "next": JOB_EXAMPLE["id"]}]}
    )

    jobs: list[JobView]
    next: str | None


def view(job: Job, language: str = ENGLISH) -> JobView:
    """Return what its owner may see of a job."""
    return views([job], language)[0]


def views(some: Sequence[Job], language: str = ENGLISH) -> list[JobView]:
    """Return what their owner may see of jobs, by as many looks at the database as for one."""
    active = [job for job in some if job.status in jobs.ACTIVE]
    with database.one_reading():
        places = jobs.positions(active)
        estimates = jobs.estimates(active, places)
        studio = service_state.current() if active else None
    return [
        _view(job, language, places.get(job.id, 0), estimates.get(job.id), studio) for job in some
    ]


def _film(film: Mapping[str, Any] | None) -> FilmView | None:
    if not film:
        return None
    known = {name: film[name] if film.get("clean") else None for name in _OF_FILM}
    return FilmView(seconds=film["seconds"], **known)


def _view(
    job: Job,
    language: str,
    position: int,
    estimate: float | None,
    studio: service_state.State | None,
) -> JobView:
    stage, step, steps = jobs.step_of(job.stage)
    return JobView(
        id=job.id,
        state=Status(job.status),
        position=position,
        estimate=estimate,
        stage=stage,
        step=step,
        steps=steps,
        progress=job.progress,
        submitted=job.submitted,
        started=job.started,
        finished=job.finished,
        elapsed=max(0.0, (job.finished or time.time()) - job.submitted),
        studio=studio if job.status in jobs.ACTIVE else None,
        options=recorded(job.options),
        styles=len(job.style_keys),
        masks=len(job.mask_keys),
        film=_film(job.film),
        batch=job.batch,
        parent=job.parent,
        width=job.width or job.content_width,
        height=job.height or job.content_height,
        original_width=job.original_width,
        original_height=job.original_height,
        notices=messages.listed(job.notices or [], language),
        **messages.fields(job.failure, language),
        timings=job.timings,
        network=job.network,
        weights_sha256=job.weights_sha256,
        version=job.version,
        worker=job.worker,
        device=job.device,
    )


# ---------------------------------------------------------------- submit


_AGAIN: Responses = {200: {"model": JobView, "description": "This job was accepted before."}}


@router.post(
    "/jobs",
    status_code=202,
    openapi_extra=submission.DESCRIPTION,
    responses=_AGAIN | problems(400, 403, 409, 413, 415, 429, 507),
)
async def submit(request: Request, response: Response) -> JobView:
    """Accept a job; its state is asked for at the `Location` of the answer."""
    visitor = address.visitor(request)
    async with submission.read(request) as asked:
        job, new = await checking.run(visitor, submission.accept, visitor, asked)
    response.status_code = 202 if new else 200
    response.headers["Location"] = f"{PREFIX}/jobs/{job.id}"
    language = texts.language_of(request)
    shown = await run_sync(view, job, language)
    return shown.model_copy(update={"come_back": come_back(request, language)})


Changes = Annotated[
    dict[str, Any],
    Body(
        description="Options that differ from the job's, as a new job has them.",
        examples=[{"alpha": 0.6}],
    ),
]


@router.post(
    "/jobs/{job_id}/again",
    status_code=202,
    responses=problems(400, 404, 410, 413, 429, 507),
)
async def again(
    job_id: str, request: Request, response: Response, changes: Changes | None = None
) -> JobView:
    """Accept a job of yours once more, the same pictures with other options or the same ones."""
    visitor = address.visitor(request)
    job = await checking.run(visitor, admission.again, visitor, job_id, changes or {})
    response.headers["Location"] = f"{PREFIX}/jobs/{job.id}"
    return await run_sync(view, job, texts.language_of(request))


class Networks(BaseModel):
    """The networks a job may choose now, and the one it gets when it chooses none."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"able": ["compact"], "default": "compact"}]}
    )

    able: list[str]
    default: str


@router.get("/networks")
def networks() -> Networks:
    """Tell which networks a worker has weights for."""
    return Networks(able=processes.networks(), default=settings().network)


# ---------------------------------------------------------------- look, fetch, cancel


_BEFORE = "`next` of the page before; the newest jobs without it"


@router.get("/jobs")
def mine(
    owner: Owner,
    language: Spoken,
    limit: Annotated[int, Query(ge=1, le=100)] = 24,
    before: Annotated[str | None, Query(pattern=r"^[0-9a-f-]{36}$", description=_BEFORE)] = None,
) -> JobPage:
    """List your own jobs, newest first."""
    found = jobs.mine(owner, limit + 1, before)
    page = found[:limit]
    return JobPage(jobs=views(page, language), next=page[-1].id if len(found) > limit else None)


@router.get("/jobs/{job_id}", responses=problems(404))
def look(job_id: str, owner: Owner, language: Spoken) -> JobView:
    """Tell how a job stands."""
    return view(jobs.get(job_id, owner), language)


@router.delete("/jobs/{job_id}", responses=problems(404))
def cancel(job_id: str, owner: Owner, language: Spoken) -> JobView:
    """Cancel a job; one that has ended stays as it is, one being worked on stops shortly."""
    return view(jobs.cancel(job_id, owner), language)


_KEPT = {"Cache-Control": "private, max-age=86400", "Vary": "Cookie"}


def _picture(key: str) -> Response:
    """Answer with a picture; it never changes, and is for its owner's eyes only."""
    return stored.answer(key, _KEPT)


_NOT_READY = {
    Status.QUEUED: Message("result.queued"),
    Status.RUNNING: Message("result.running"),
    Status.CANCELLED: Message("result.cancelled"),
}


def _ready(key: str | None, job: Job) -> str:
    if job.status == Status.DONE and key is not None:
        return key
    not_ready = _NOT_READY.get(Status(job.status))
    raise HTTPProblem.of(409, not_ready or Message("result.failed", why=job.failure or ""))


_FILE: Any = {"type": "string", "format": "binary"}
_FOUND: Responses = {
    200: {"content": {"image/*": {"schema": _FILE}}, "description": "The picture."}
}
_PICTURE = _FOUND | problems(404, 410)
_IN_PARTS: Responses = {
    200: {
        "content": {kind: {"schema": _FILE} for kind in ("image/*", "video/*")},
        "description": "The picture or film.",
    },
    206: {"content": {"video/*": {"schema": _FILE}}, "description": "The part asked for."},
}
FILM = _IN_PARTS | problems(416)


@router.get(
    "/jobs/{job_id}/result", response_class=Response, responses=FILM | problems(404, 409, 410)
)
def result(job_id: str, owner: Owner, request: Request) -> Response:
    """Return the finished picture, a PNG, or film, an MP4 or WebM; 409 while there is none."""
    job = jobs.get(job_id, owner)
    key = _ready(job.film_key or job.result_key, job)
    return stored.film(request, key, _KEPT) if job.film_key else _picture(key)


@router.get("/jobs/{job_id}/picture", response_class=Response, responses=_PICTURE | problems(409))
def picture(job_id: str, owner: Owner) -> Response:
    """Return the finished picture, of a film its first frame, a PNG; 409 while there is none."""
    job = jobs.get(job_id, owner)
    return _picture(_ready(job.result_key, job))


@router.get(
    "/jobs/{job_id}/beginning", response_class=Response, responses=FILM | problems(404, 410)
)
def beginning(job_id: str, owner: Owner, request: Request) -> Response:
    """Return a film's first two seconds or so, silent, while the rest is painted; else 404."""
    job = jobs.get(job_id, owner)
    key = parts.beginning(job) if job.status in ACTIVE else None
    if key is None:
        raise HTTPProblem(404, "film.no_beginning")
    try:
        return stored.film(request, key, {"Cache-Control": "private, no-store"})
    except blobs.BlobMissing as error:
        raise HTTPProblem(404, "film.no_beginning") from error


@router.get(
    "/jobs/{job_id}/unpainted", response_class=Response, responses=FILM | problems(404, 410)
)
def unpainted(job_id: str, owner: Owner, request: Request) -> Response:
    """Return the film a job was given as it is painted from: upright and as large; else 404."""
    clean = (jobs.get(job_id, owner).film or {}).get("clean")
    if not clean:
        raise HTTPProblem(404, "film.no_unpainted")
    return stored.film(request, clean, _KEPT)


@router.get("/jobs/{job_id}/thumbnail", response_class=Response, responses=_PICTURE | problems(409))
def thumbnail(job_id: str, owner: Owner) -> Response:
    """Return the finished picture small, a JPEG; 409 while there is none."""
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
        raise HTTPProblem(404, "job.style_place", count=len(keys))
    return _picture(keys[place])


@router.get("/jobs/{job_id}/masks/{place}", response_class=Response, responses=_PICTURE)
def mask(job_id: str, place: int, owner: Owner) -> Response:
    """Return a mask the job was given, of the size it was worked on at; the first is 0."""
    keys = jobs.get(job_id, owner).mask_keys
    if not 0 <= place < len(keys):
        raise HTTPProblem(404, "job.mask_place", count=len(keys))
    return _picture(keys[place])


@router.api_route(
    "/{anything:path}",
    methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"],
    include_in_schema=False,
)
def nothing(request: Request) -> None:
    """Raise 404 for an unknown address of the API and 405 for a wrong method."""
    if allowed := methods(request.app, request.url.path):
        headers = {"Allow": ", ".join(allowed)}
        raise HTTPProblem(405, "request.method", headers, methods=allowed)
    raise HTTPProblem(404, "request.address")
