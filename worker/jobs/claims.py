"""Claiming queued jobs for a worker, in order: priority, owner's turn, age."""

from enum import StrEnum
from functools import cache, lru_cache

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Select,
    Update,
    and_,
    case,
    func,
    select,
    true,
    union_all,
    update,
)

from worker.jobs import queue
from worker.jobs.model import (
    ENDED,
    ORDER,
    Job,
    Status,
    is_expired,
    is_joinable,
    is_waiting,
    is_wanted,
)
from worker.settings import settings
from worker.storage import database
from worker.storage.database import now


def _some(condition: ColumnElement[bool], count: int) -> Select[str, int, int]:
    """Select id, priority and turn of the first `count` such jobs in this worker's queues."""
    mine = settings().serving
    serves_all = set(mine) == set(queue.QUEUES)
    kind = true() if serves_all else Job.queue == mine[0]
    columns = select(Job.id, Job.priority, Job.turn)
    return columns.where(condition, is_wanted(), kind).order_by(*ORDER).limit(count)


class Which(StrEnum):
    """Which jobs a worker takes."""

    ANY = "any"
    QUICK = "quick"  # that take a second or less, as `model.is_joinable` has them
    SLOW = "slow"  # the other pictures, for which a film is interrupted


def _kind(which: Which) -> ColumnElement[bool]:
    match which:
        case Which.QUICK:
            return is_joinable()
        case Which.SLOW:
            lesson = func.coalesce(Job.options["teach"].as_string(), "") != ""
            return and_(~is_joinable(), Job.film.is_(None), ~lesson)
    return true()


def _begun(which: Which) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Those of a kind that wait, and those that silent workers have."""
    return and_(is_waiting(), _kind(which)), and_(is_expired(), _kind(which))


def _next(count: int, which: Which = Which.ANY) -> Select[str]:
    """The next so many in line: of those that wait and those that silent workers have.

    Apart and then together, since for "either" no index helps: with 100,000 jobs in line a claim
    took 190 ms so.
    """
    parts = [_some(condition, count).subquery() for condition in _begun(which)]
    both = union_all(*map(select, parts)).subquery()
    line = (both.c.priority, both.c.turn, both.c.id)
    return select(both.c.id).order_by(*line).limit(count)


def any_claimable(which: Which = Which.ANY) -> bool:
    """Tell whether `claim_together` would find a job for a worker of this kind."""
    with database.reading() as session:
        return session.scalar(_next(1, which)) is not None


def _first(which: Which) -> CTE:
    """The very next in line, locked; the row of the other part is let go with the transaction."""
    parts = [
        _some(condition, 1).add_columns(case((is_joinable(), Job.shape), else_="").label("shape"))
        for condition in _begun(which)
    ]
    # SKIP LOCKED is for PostgreSQL; in SQLite there is one writer anyway
    locked = [
        part.with_for_update(skip_locked=True).cte(name)
        for part, name in zip(parts, ("waiting", "silent"), strict=True)
    ]
    both = union_all(*map(select, locked)).subquery()
    line = (both.c.priority, both.c.turn, both.c.id)
    return select(both.c.id, both.c.shape).order_by(*line).limit(1).cte("first")


def _taking(worker: str, ids: Select[str] | CompoundSelect[str]) -> Update:
    """Give those jobs to the worker, in one statement."""
    return (
        update(Job)
        .where(Job.id.in_(ids))
        .values(
            status=Status.RUNNING,
            attempt=Job.attempt + 1,
            lease_until=now() + settings().lease_seconds,
            started=now(),
            worker=worker,
            stage="",
            progress=0.0,
        )
        .returning(Job)
    )


@database.retried
def _take(statement: Update) -> list[Job]:
    """Run a claiming statement; return its jobs in queue order."""
    with database.transaction() as session:
        taken = session.scalars(statement, execution_options={"synchronize_session": False}).all()
    return sorted(taken, key=lambda job: (job.priority, job.turn, job.id))


def _still() -> tuple[ColumnElement[bool], ...]:
    """True for jobs of the line still in it, where PostgreSQL looks again once it has the lock.

    Of conditions inside a subquery it does not. Not `is_waiting()`: no index shall be used for it.
    """
    return Job.status.not_in(ENDED), is_wanted()


@cache
def _claiming(worker: str, most: int, which: Which) -> Update:
    """Return a claim's statement: building it takes ten times as long as running it."""
    taken = _first(which)
    mates = (
        select(Job.id)
        .where(Job.id.in_(_next(most, which)), Job.id.not_in(select(taken.c.id)), is_joinable())
        .where(Job.shape == select(taken.c.shape).scalar_subquery(), *_still())
        .with_for_update(skip_locked=True)
        .cte("mates")
    )
    return _taking(worker, union_all(select(taken.c.id), select(mates.c.id)))


def claim_together(worker: str, most: int, which: Which = Which.ANY) -> list[Job]:
    """Take the next job in line, and of the `most` next ones those that can run with it.

    So no job is overtaken by more than that. Order: priority, owner's turn, age.
    """
    return _take(_claiming(worker, most, which))


def claim(worker: str) -> Job | None:
    """Take the next job in line; None: nothing to do."""
    return next(iter(claim_together(worker, 1)), None)


@lru_cache(maxsize=64)
def _joining(worker: str, shape: str, most: int) -> Update:
    same = and_(Job.shape == shape, is_joinable(), *_still())
    mates = select(Job.id).where(Job.id.in_(_next(most)), same).with_for_update(skip_locked=True)
    return _taking(worker, mates)


def join(worker: str, job: Job, most: int) -> list[Job]:
    """Take more that can run with a claimed job, of the `most` next ones in line."""
    if most < 1 or not job.shape or job.attempt - job.released > 1:
        return []
    return _take(_joining(worker, job.shape, most))
