"""Turns: the fair order of queued jobs, by owner and by address.

A new owner costs nothing (a request without a cookie gets one), so jobs of owners younger than an
hour take turns by their address, as if of one owner: one a round. The new owners at one address, a
classroom for instance, take these turns one after the other.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from worker.credentials.identities import Person
from worker.jobs import ACTIVE, ENDED, Job, Status, in_order
from worker.storage import database
from worker.storage.database import now
from worker.visitors import rate_limits
from worker.visitors.rate_limits import Visitor

NEW = 3600.0  # seconds after an owner's first job until it has turns of its own


@dataclass(frozen=True)
class Waiting:
    """A job in line, or being made, of an owner that takes an address's turns."""

    id: str
    owner: str
    turn: int
    runs: bool


def _is_new(owner: str) -> ColumnElement[bool]:
    """Tell whether an owner sent no job over an hour ago; who signed in is no newcomer."""
    known = select(Person.owner).where(Person.owner == owner)
    old = select(Job.id).where(Job.owner == owner, Job.submitted < now() - NEW)
    return ~known.exists() & ~old.exists()


def shared(turns: Sequence[int], line: Iterable[Waiting]) -> dict[str, int]:
    """Return the turn of each waiting job, by its id, of these turns, first to last.

    First every owner's first job, then every owner's second; what runs counts as an owner's first.
    """
    before: Counter[str] = Counter()
    ranked: list[tuple[int, str]] = []
    for job in sorted(line, key=lambda job: (not job.runs, job.id)):
        if not job.runs:
            ranked.append((before[job.owner], job.id))
        before[job.owner] += 1
    return dict(zip((job_id for _, job_id in sorted(ranked)), turns, strict=True))


def _line(session: Session, origin: str) -> list[Waiting]:
    columns = select(Job.id, Job.owner, Job.turn, Job.status)
    mine = columns.where(Job.origin == origin, Job.by_address, Job.status.in_(ACTIVE))
    return [
        Waiting(job_id, owner, turn, status == Status.RUNNING)
        for job_id, owner, turn, status in session.execute(mine)
    ]


def _first(session: Session, others: ColumnElement[bool]) -> int:
    """Return the turn that is next, of those jobs."""
    return session.scalar(select(func.min(Job.turn)).where(Job.status.in_(ACTIVE), others)) or 0


def note(session: Session, visitor: Visitor, which: ColumnElement[bool]) -> None:
    """Record the origin of the jobs just inserted, and whose turns they take."""
    if visitor.origin:
        new = _is_new(visitor.owner)
        session.execute(
            update(Job).where(which).values(origin=visitor.origin, by_address=new),
            execution_options={"synchronize_session": False},
        )


def share(session: Session, visitor: Visitor, which: ColumnElement[bool]) -> None:
    """Give the jobs just inserted, which have their owner's turns, those of their address.

    Unless they keep their owner's, see `note`. To be called last of what takes locks.
    """
    came = set(session.scalars(select(Job.id).where(which, Job.by_address)))
    if not came:
        return
    rate_limits.lock(session, f"turns:{visitor.origin}")  # one after the other at an address
    line = _line(session, visitor.origin)
    earlier = [job for job in line if job.id not in came]
    turns = sorted(job.turn for job in earlier if not job.runs)
    next_one = max([_first(session, ~which), *(job.turn + 1 for job in earlier)])
    turns += range(next_one, next_one + len(came))
    wanted = shared(turns, line)
    for job in sorted(line, key=lambda job: job.id):
        if not job.runs and wanted[job.id] != job.turn:
            session.execute(
                update(Job)
                .where(Job.id == job.id, Job.status == Status.QUEUED)
                .values(turn=wanted[job.id]),
                execution_options={"synchronize_session": False},
            )


@database.retried
def forget_origins() -> None:
    """Delete the origins of jobs that have ended."""
    with database.transaction() as session:
        session.execute(
            update(Job)
            .where(in_order(Job.status.in_(ENDED), Job.origin.is_not(None)))
            .values(origin=None)
            .execution_options(synchronize_session=False)
        )
