"""A worker's claim on its jobs: renew, finish, fail, release; and what happens on expiry."""

import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, literal, or_, select, tuple_, update

from worker import errors
from worker.errors import Message
from worker.jobs import traces
from worker.jobs.model import Hold, Job, Status, change_one, in_order, is_expired, is_held, stuck
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


def _end(job_id: str, attempt: int, status: Status, **values: object) -> Status | None:
    """End the job unless another attempt has it; a wish to cancel wins."""
    ended = case((Job.cancel_requested, Status.CANCELLED), else_=status)
    job = change_one(
        update(Job)
        .where(is_held(job_id, attempt))
        .values(status=ended, finished=now(), lease_until=None, **values),
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


def fail(job_id: str, attempt: int, reason: Message) -> bool:
    """Record that there will be no result; False when this attempt has the job no more."""
    return _end(job_id, attempt, Status.FAILED, **errors.columns(reason)) == Status.FAILED


def stopped(job_id: str, attempt: int) -> bool:
    """Record that the work was stopped because its owner cancelled."""
    return _end(job_id, attempt, Status.CANCELLED) == Status.CANCELLED


_WORN_OUT = errors.columns(Message("job.too_many_attempts"))


def _unheld(returned: int) -> dict[str, Any]:
    """Return the values of a job that no worker holds any more: cancelled, failed, or queued again.

    `returned`: attempts given back with it, which do not count.
    """
    worn_out = Job.attempt - Job.released - returned >= settings().max_attempts
    ended, failed = or_(Job.cancel_requested, worn_out), and_(~Job.cancel_requested, worn_out)
    return {
        "status": case(
            (Job.cancel_requested, Status.CANCELLED),
            (worn_out, Status.FAILED),
            else_=Status.QUEUED,
        ),
        **{
            name: case(
                (failed, literal(value, Job.__table__.c[name].type)), else_=getattr(Job, name)
            )
            for name, value in _WORN_OUT.items()
        },
        "finished": case((ended, now())),
        "lease_until": None,
        "released": Job.released + returned,
    }


def _note_let_go(job: Job) -> None:
    """Log and count what became of a job that its worker let go."""
    log.info("job %s attempt %d let go, now %s", job.id, job.attempt, job.status)
    if job.status == Status.QUEUED:
        return
    metrics.ENDED.labels(job.status).inc()
    if job.status == Status.FAILED:
        metrics.FAILED.labels("WornOut").inc()
    traces.ended(job)


@database.retried
def _let_go(which: ColumnElement[bool], returned: int = 0) -> list[Job]:
    """Take jobs from their workers: cancelled, failed or queued again; return them."""
    statement = update(Job).where(in_order(which)).values(**_unheld(returned)).returning(Job)
    with database.transaction() as session:
        found = list(session.scalars(statement, execution_options={"synchronize_session": False}))
    for job in found:
        _note_let_go(job)
    return found


def release(job_id: str, attempt: int, counts: bool = False) -> bool:
    """Give the job back unfinished; unless it counts, the attempt costs nothing.

    One that counted runs alone the next time; one that its owner cancelled, or whose attempts
    are used up, ends. False when this attempt has the job no more.
    """
    return bool(_let_go(is_held(job_id, attempt), returned=0 if counts else 1))


def expire() -> int:
    """Queue or end the jobs whose lease has expired; return how many jobs changed."""
    return len(_let_go(is_expired()))


LONGEST = 10  # leases; one that ends later than that was given by a clock that was set back since


@database.retried
def _shorten_leases() -> None:
    """Shorten leases that end later than any lease does."""
    longest = now() + LONGEST * settings().lease_seconds
    with database.transaction() as session:
        session.execute(
            update(Job)
            .where(in_order(Job.status == Status.RUNNING, Job.lease_until > longest))
            .values(lease_until=longest),
            execution_options={"synchronize_session": False},
        )


def repair() -> int:
    """End queued jobs that no worker may claim; shorten leases that are too long.

    Returns how many jobs ended. Looks before it writes, since it has to look at the whole line.
    """
    _shorten_leases()
    with database.reading() as session:
        found = session.scalars(select(Job.id).where(stuck())).all()
    if not found:
        return 0
    log.warning("%d jobs waited that no worker may claim", len(found))
    return len(_let_go(and_(Job.id.in_(found), stuck())))
