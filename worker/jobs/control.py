"""Changing jobs from outside the worker: cancel, stop, queue again, delete old rows."""

import logging
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Update, and_, case, false, func, or_, select, update

from worker.errors import Refused
from worker.jobs import queue
from worker.jobs.model import ACTIVE, ENDED, Job, Status, change_one, delete_in, in_order
from worker.jobs.queries import check_id, find, get
from worker.storage import database, deletions
from worker.storage.database import now

log = logging.getLogger(__name__)
_NONE: ColumnElement[bool] = false()


def _cancel(*which: ColumnElement[bool]) -> Update:
    """Return a statement that cancels queued jobs at once and asks the workers of running ones."""
    waiting = Job.status == Status.QUEUED
    return (
        update(Job)
        .where(in_order(*which, Job.status.in_(ACTIVE)))
        .values(
            cancel_requested=True,
            status=case((waiting, Status.CANCELLED), else_=Job.status),
            finished=case((waiting, now()), else_=Job.finished),
        )
    )


def cancel(job_id: str, owner: str) -> Job:
    """Cancel a queued job at once, ask the worker of a running one to; ended jobs stay as they are.

    Raises `JobNotFound`.
    """
    check_id(job_id)
    return change_one(_cancel(Job.id == job_id, Job.owner == owner)) or get(job_id, owner)


@database.retried
def cancel_batch(batch_id: str, owner: str) -> None:
    """Cancel what has not ended of a batch, as `cancel` does."""
    with database.transaction() as session:
        session.execute(
            _cancel(Job.batch == batch_id, Job.owner == owner),
            execution_options={"synchronize_session": False},
        )


def stop(job_id: str) -> Job:
    """Cancel anybody's job as its owner would; raises `JobNotFound`."""
    check_id(job_id)
    return change_one(_cancel(Job.id == job_id)) or find(job_id)


@database.retried
def stop_all(*, owner: str | None = None, origin: str | None = None) -> int:
    """Cancel all jobs of an owner or from an origin; return how many changed."""
    which = Job.owner == owner if owner is not None else Job.origin == origin
    with database.transaction() as session:
        statement = _cancel(which).returning(Job.id)
        return len(
            session.scalars(statement, execution_options={"synchronize_session": False}).all()
        )


def requeue(job_id: str) -> Job:
    """Put a job that failed, was cancelled or is being worked on in line again, as if new.

    What an attempt says that still has it is void. Raises `JobNotFound`, and `Refused` for one
    that waits or is done.
    """
    check_id(job_id)
    again = Job.status.in_([Status.RUNNING, Status.FAILED, Status.CANCELLED])
    job = change_one(
        update(Job)
        .where(Job.id == job_id, again)
        .values(
            status=Status.QUEUED,
            released=Job.attempt,  # all its attempts are free again
            shape="",  # and it runs alone, since it may fail a whole group
            cancel_requested=False,
            lease_until=None,
            started=None,
            finished=None,
            error=None,
            error_code=None,
            error_params=None,
            stage="",
            progress=0.0,
        )
    )
    if job is None:
        raise Refused("job.requeue", state=find(job_id).status)
    log.info("job %s queued again by the admin", job_id)
    queue.announce([job_id], job.queue)
    return job


def _old(days: float, states: Sequence[Status]) -> ColumnElement[bool]:
    return and_(Job.status.in_(states), Job.finished < now() - days * 86400)


def count_old(ages: Mapping[float, Sequence[Status]], *, kept: ColumnElement[bool] = _NONE) -> int:
    """Return how many jobs, but for those kept, ended in such states so many days ago."""
    old = and_(or_(false(), *(_old(days, states) for days, states in ages.items())), ~kept)
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Job).where(old)) or 0


def count_ended() -> int:
    with database.reading() as session:
        ended = select(func.count()).select_from(Job).where(Job.status.in_(ENDED))
        return session.scalar(ended) or 0


@database.retried
def forget(
    days: float, states: Sequence[Status] = ENDED, *, kept: ColumnElement[bool] = _NONE
) -> list[str]:
    """Delete the rows of jobs, but for those kept, that ended so, so long ago; return their ids."""
    with database.transaction() as session:
        gone = delete_in(session, _old(days, states), ~kept)
        deletions.note(session, gone)
    return gone
