"""What a living worker says of its jobs: renew the lease, finish, fail, release.

What becomes of the jobs of a dead one: `dead_workers.py`.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, case, literal, tuple_, update
from sqlalchemy.orm import InstrumentedAttribute

from worker import errors
from worker.errors import Message
from worker.images.film_records import OfJob
from worker.jobs import traces
from worker.jobs.dead_workers import let_go
from worker.jobs.model import Hold, Job, Status, change_one, in_order, is_held
from worker.observability import metrics
from worker.settings import settings
from worker.storage import database
from worker.storage.database import now

log = logging.getLogger(__name__)


@database.retried
def renew_all(held: Sequence[Job], stage: str, progress: float) -> dict[str, Hold]:
    """Prolong the leases of jobs made together, show how far they are, tell what each became."""
    attempts = [(job.id, job.attempt) for job in held]
    statement = (
        update(Job)
        .where(in_order(tuple_(Job.id, Job.attempt).in_(attempts), Job.status == Status.RUNNING))
        .values(lease_until=now() + settings().lease_seconds, stage=stage, progress=progress)
        .returning(Job.id, Job.cancel_requested)
    )
    with database.transaction() as session:
        rows = session.execute(statement, execution_options={"synchronize_session": False}).all()
    found = {job_id: Hold.CANCELLED if cancelled else Hold.HELD for job_id, cancelled in rows}
    return {job.id: Hold.LOST for job in held} | found


def renew(job: Job, stage: str, progress: float) -> Hold:
    return renew_all([job], stage, progress)[job.id]


def _unless_cancelled(name: str, value: object) -> ColumnElement[Any]:
    """Return what a column of a job becomes that is not to be cancelled; else it stays."""
    column: InstrumentedAttribute[Any] = getattr(Job, name)
    new = value if isinstance(value, ColumnElement) else literal(value, column.type)
    return case((Job.cancel_requested, column), else_=new)


def _end(job_id: str, attempt: int, status: Status, **values: object) -> Status | None:
    """End the job unless another attempt has it; a request to cancel wins, and nothing is noted."""
    ended = case((Job.cancel_requested, Status.CANCELLED), else_=status)
    noted = {name: _unless_cancelled(name, value) for name, value in values.items()}
    job = change_one(
        update(Job)
        .where(is_held(job_id, attempt))
        .values(status=ended, finished=now(), lease_until=None, **noted),
        durable=True,
    )
    if job:
        metrics.ENDED.labels(job.status).inc()
        traces.ended(job)
    log.info("job %s attempt %d %s", job_id, attempt, job.status if job else "came too late")
    return Status(job.status) if job else None


def finish(
    job_id: str,
    attempt: int,
    *,
    result_key: str,
    thumbnail_key: str,
    width: int,
    height: int,
    device: str,
    weights_sha256: str,
    version: str,
    timings: dict[str, float],
    together: int = 1,
    stored: int = 0,
    files: dict[str, Any] | None = None,
    taught_key: str | None = None,
    film_key: str | None = None,
) -> bool:
    """Record the result and its bytes; False when this attempt has the job no more.

    False too when it was cancelled. `files`: the fingerprints of all its pictures, by key.
    """
    return (
        _end(
            job_id,
            attempt,
            Status.DONE,
            result_key=result_key,
            thumbnail_key=thumbnail_key,
            taught_key=taught_key,
            film_key=film_key,
            width=width,
            height=height,
            device=device,
            weights_sha256=weights_sha256,
            version=version,
            timings=timings,
            together=together,
            bytes=Job.bytes + stored,
            stage="",
            progress=1.0,
            **({"files": files} if files is not None else {}),
        )
        == Status.DONE
    )


def cleaned(
    job_id: str, attempt: int, film: Mapping[str, Any], files: Mapping[str, Any], more: int
) -> Job | None:
    """Record the clean film of a job and so many more bytes; None when the attempt has it no more.

    `files`: the fingerprints of all its pictures, by key. Raises pydantic's ValidationError for
    what no back-up could be restored with.
    """
    OfJob.model_validate(film)
    return change_one(
        update(Job)
        .where(is_held(job_id, attempt))
        .values(film=dict(film), files=dict(files), bytes=Job.bytes + more)
    )


def fail(job_id: str, attempt: int, reason: Message) -> bool:
    """Record that there will be no result; False when this attempt has the job no more."""
    return _end(job_id, attempt, Status.FAILED, **errors.columns(reason)) == Status.FAILED


def stopped(job_id: str, attempt: int) -> bool:
    """Record that the work was stopped because its owner cancelled."""
    return _end(job_id, attempt, Status.CANCELLED) == Status.CANCELLED


def release(job_id: str, attempt: int, counts: bool = False) -> bool:
    """Give the job back unfinished; unless it counts, the attempt costs nothing.

    One that counted runs alone the next time; one that its owner cancelled, or whose attempts
    are used up, ends. False when this attempt has the job no more.
    """
    return bool(let_go(is_held(job_id, attempt), returned=0 if counts else 1))
