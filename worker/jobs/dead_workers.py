"""What happens when a worker dies: its leases end unrenewed, and its jobs are queued again.

A worker that is killed reports nothing, but its heartbeat (`worker/runner/heartbeat.py`) no longer
renews the leases of its jobs. The sweep (`worker/maintenance/sweep.py`) calls `expire`, which
queues those jobs for another worker or, after `max_attempts`, ends them; a worker that is free
need not wait for it and claims them at once (`claims.py`). What a worker that was
only slow writes later is refused by the attempt's number (`lease.py`).
"""

import logging
from typing import Any

from sqlalchemy import ColumnElement, and_, case, literal, or_, select, update

from worker import errors
from worker.errors import Message
from worker.jobs import traces
from worker.jobs.model import Job, Status, in_order, is_expired, stuck
from worker.observability import metrics
from worker.settings import settings
from worker.storage import database
from worker.storage.database import now

log = logging.getLogger(__name__)

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
def let_go(which: ColumnElement[bool], returned: int = 0) -> list[Job]:
    """Take jobs from their workers: cancelled, failed or queued again; return them."""
    statement = update(Job).where(in_order(which)).values(**_unheld(returned)).returning(Job)
    with database.transaction() as session:
        found = list(session.scalars(statement, execution_options={"synchronize_session": False}))
    for job in found:
        _note_let_go(job)
    return found


def expire() -> int:
    """Queue or end the jobs whose lease has expired; return how many jobs changed."""
    return len(let_go(is_expired()))


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
    return sum(len(let_go(and_(Job.id.in_(some), stuck()))) for some in database.parts(found))
