"""The admin's API, /api/v1/admin, and the page that is drawn from it, /admin.

Parses, writes the audit log, calls `worker`, answers. The admin sees the rows of jobs, and of
pictures only those that visitors reported.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from web.api.api import PREFIX
from web.language import messages
from web.language.problems import HTTPProblem
from web.language.texts import Spoken
from web.operations import admin_session, health, review
from web.operations.admin_session import Admin
from worker import jobs
from worker.admin import audit, overview
from worker.gallery import bins, reports
from worker.jobs import Job, Status, service_state
from worker.jobs.service_state import State
from worker.settings import Settings, settings
from worker.storage import processes
from worker.visitors import accounts, blocks, limit_overrides, quota

PAGE = Path(__file__).parents[1] / "static" / "admin" / "admin.html"

api = APIRouter(prefix=f"{PREFIX}/admin", dependencies=[Depends(admin_session.exists)])
router = APIRouter(include_in_schema=False)


@router.get("/admin", dependencies=[Depends(admin_session.exists)])
def page() -> FileResponse:
    """Return the page; its script asks the API, which asks for the secret."""
    return FileResponse(PAGE, headers={"Cache-Control": "no-cache"})


# ---------------------------------------------------------------- in and out


class Secret(BaseModel):
    """The admin secret."""

    model_config = ConfigDict(extra="forbid")

    secret: str = Field(max_length=1000)


@api.post("/session", status_code=204)
def sign_in(given: Secret, request: Request, response: Response) -> None:
    """Trade the secret for a cookie of an hour."""
    origin = admin_session.check(given.secret, request)
    with audit.act("sign in", origin):
        admin_session.remember(request, response)


@api.delete("/session", status_code=204)
def sign_out(origin: Admin, request: Request, response: Response) -> None:
    """Take the cookie away."""
    with audit.act("sign out", origin):
        admin_session.forget(request, response)


# ---------------------------------------------------------------- how it stands


class Overview(BaseModel):
    """The queue, the workers, and what became of the jobs lately; times are epoch seconds."""

    state: State
    since: float
    jobs: dict[Status, int]
    oldest: float | None  # seconds that the first in line has waited
    pace: dict[str, Any]  # of the last minute, hour and day
    workers: list[Any]
    sweep: bool
    queue: dict[str, Any]
    kept: int  # bytes
    most: int
    reported: bool  # something waits in the review list


@api.get("/state")
def state(origin: Admin) -> Overview:
    """Return the state of the service, its queue, workers and storage."""
    now = service_state.read()
    return Overview(
        state=State(now.state),
        since=now.since,
        jobs=jobs.counts(),
        oldest=overview.oldest(),
        pace={name: asdict(pace) for name, pace in overview.pace().items()},
        workers=[asdict(worker) for worker in overview.workers()],
        sweep=bool(processes.alive("sweep")),
        queue=health.waiting(),
        kept=quota.kept(),
        most=limit_overrides.of("total_bytes")[0],
        reported=bool(reports.reported(1)),
    )


@api.post("/pause", status_code=204)
def pause(origin: Admin) -> None:
    """Let no job be begun; those that come wait."""
    with audit.act("pause", origin):
        service_state.change(State.PAUSED)


@api.post("/drain", status_code=204)
def drain(origin: Admin) -> None:
    """Let nothing new in; what is in line is made."""
    with audit.act("drain", origin):
        service_state.change(State.DRAINING)


@api.post("/resume", status_code=204)
def resume(origin: Admin) -> None:
    """Go on as usual."""
    with audit.act("resume", origin):
        service_state.change(State.OPEN)


# ---------------------------------------------------------------- jobs


class Row(BaseModel):
    """A job as the admin sees it: whose and how it goes, not what it shows."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    owner: str
    origin: str | None
    status: Status
    error: str | None  # in the admin's language
    error_code: str | None
    attempt: int
    worker: str | None
    network: str | None
    stage: str
    progress: float
    submitted: float
    started: float | None
    finished: float | None
    binned: float | None  # since when its owner has it in the bin


class Rows(BaseModel):
    """Some jobs, newest first; `next` is the `before` of the page after."""

    jobs: list[Row]
    next: str | None


Limit = Annotated[int, Query(ge=1, le=100)]
Before = Annotated[str | None, Query(pattern=r"^[0-9a-f-]{36}$")]


def _row(job: Job, language: str) -> Row:
    return Row.model_validate(job).model_copy(update=messages.fields(job.failure, language))


@api.get("/jobs")
def list_jobs(
    origin: Admin,
    language: Spoken,
    status: Status | None = None,
    limit: Limit = 24,
    before: Before = None,
) -> Rows:
    """List everybody's jobs, those in one state if it is given."""
    found = overview.listed(status, limit + 1, before)
    here = [_row(job, language) for job in found[:limit]]
    return Rows(jobs=here, next=here[-1].id if len(found) > limit else None)


@api.post("/jobs/{job_id}/cancel")
def cancel(job_id: str, origin: Admin, language: Spoken) -> Row:
    """Cancel anybody's job."""
    with audit.act("cancel", origin, job_id):
        return _row(jobs.stop(job_id), language)


@api.post("/jobs/{job_id}/requeue")
def requeue(job_id: str, origin: Admin, language: Spoken) -> Row:
    """Put a job that failed, was cancelled or is stuck in line again."""
    with audit.act("requeue", origin, job_id):
        return _row(jobs.requeue(job_id), language)


@api.delete("/jobs/{job_id}", status_code=204)
def delete(job_id: str, origin: Admin) -> None:
    """Delete anybody's job for ever, past the bin: row, pictures, public entry and share links."""
    with audit.act("delete", origin, job_id):
        bins.remove_one(job_id)


@api.delete("/owners/{owner}/jobs")
def delete_all(owner: str, origin: Admin) -> dict[str, int]:
    """Delete all pictures of an owner for ever, the bin included; answers how many jobs went."""
    with audit.act("delete all", origin, f"owner:{owner}"):
        return {"deleted": accounts.remove(owner, keep_access=True)}


# ---------------------------------------------------------------- blocks


class Blocking(BaseModel):
    """Whom to block, as a job's row names them, and why; their jobs are cancelled."""

    model_config = ConfigDict(extra="forbid")

    who: str = Field(max_length=100)
    reason: str = Field(default="", max_length=blocks.REASON)


@api.get("/blocks")
def list_blocks(origin: Admin) -> list[dict[str, Any]]:
    """List who is blocked."""
    return [{"who": one.who, "since": one.since, "reason": one.reason} for one in blocks.listed()]


@api.post("/blocks")
def block(asked: Blocking, origin: Admin) -> dict[str, int]:
    """Block an owner or an origin; answers how many of their jobs were cancelled."""
    with audit.act("block", origin, asked.who, reason=asked.reason):
        blocks.put(asked.who, asked.reason)
        kind, _, name = asked.who.partition(":")
        return {"cancelled": jobs.stop_all(**{kind: name})}


@api.delete("/blocks/{who}", status_code=204)
def unblock(who: str, origin: Admin) -> None:
    """Remove a block."""
    with audit.act("unblock", origin, who):
        if not blocks.lift(who):
            raise HTTPProblem(404, "block.not_found")


# ---------------------------------------------------------------- limits


class Value(BaseModel):
    """A limit's new value; null: as the settings say."""

    model_config = ConfigDict(extra="forbid")

    value: StrictInt | None


@api.get("/limits")
def list_limits(origin: Admin) -> list[dict[str, Any]]:
    """List the limits: as they are set, and as the admin changed them."""
    changed = limit_overrides.changed()
    return [
        {
            "name": name,
            "description": Settings.model_fields[name].description,
            "set": getattr(settings(), name),
            "changed": changed.get(name),
        }
        for name in limit_overrides.NAMES
    ]


@api.put("/limits/{name}", status_code=204)
def set_limit(name: str, asked: Value, origin: Admin) -> None:
    """Change a limit at once, for all processes."""
    with audit.act("set limit", origin, name, value=asked.value):
        limit_overrides.put(name, asked.value)


# ---------------------------------------------------------------- the audit


@api.get("/audit")
def list_acts(origin: Admin, limit: Limit = 50, before: Before = None) -> dict[str, Any]:
    """List what the admin did, newest first; `next` is the `before` of the page after."""
    found = audit.written(limit + 1, before)
    here = [
        {
            "id": one.id,
            "made": one.made,
            "what": one.what,
            "about": one.about,
            "detail": one.detail,
            "origin": one.origin,
            "outcome": one.outcome,
        }
        for one in found[:limit]
    ]
    return {"acts": here, "next": here[-1]["id"] if len(found) > limit else None}


router.include_router(api)
router.include_router(review.router)
