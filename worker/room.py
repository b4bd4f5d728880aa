"""Room: how much is kept of one visitor and of all, and what goes when there is too much.

The oldest job that has ended goes first; those that their owner pinned (favourite, published
or shared) don't. Counted by the rows in the database, for the result that is still to come
included.
"""

import logging
from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, true
from sqlalchemy.orm import Session

from worker import blobs, ceilings, database, deletions, limits
from worker.blobs import StorageFull
from worker.gallery import Entry, Report
from worker.jobs import ACTIVE, Job, in_order
from worker.refused import Refused

log = logging.getLogger(__name__)

EVERYBODY = "everybody"
AT_ONCE = 500  # jobs deleted in one go


class QuotaFull(Refused):
    """A visitor keeps as much as one may, and pinned all of it."""

    def __init__(self) -> None:
        most = ceilings.of("visitor_bytes")[0] / 1e9
        super().__init__(
            f"You keep {most:.3g} GB, as much as one visitor may, and all of it is pinned or in "
            "line. Delete a picture, or take a favourite, published or shared mark away."
        )


def _of(owner: str | None) -> ColumnElement[bool]:
    return true() if owner is None else Job.owner == owner


@lru_cache(maxsize=256)
def _sums(owner: str | None) -> Select[int]:
    """Two sums, each in an index alone; 100,000 jobs take 13 ms in SQLite."""
    there = select(func.sum(Job.bytes)).where(_of(owner))
    coming = select(func.sum(Job.reserved)).where(_of(owner), Job.status.in_(ACTIVE))
    sums = [func.coalesce(one.scalar_subquery(), 0) for one in (there, coming)]
    return select(sums[0] + sums[1])


def _kept(session: Session, owner: str | None) -> int:
    return int(session.scalar(_sums(owner)) or 0)


def kept(owner: str | None = None) -> int:
    """Return the bytes kept of an owner, or of all."""
    with database.reading() as session:
        return _kept(session, owner)


def _pinned() -> ColumnElement[bool]:
    marked = or_(Entry.favourite, Entry.published.is_not(None), Entry.shared.is_not(None))
    return select(Entry.job_id).where(Entry.job_id == Job.id, marked).exists()


def _oldest(session: Session, owner: str | None, size: int) -> list[str] | None:
    """Return the oldest jobs that together take so much; None when there are not enough."""
    found: list[str] = []
    ended = Job.status.not_in(ACTIVE)  # not `in_(ENDED)`, so that the ids' own order is used
    free = select(Job.id, Job.bytes).where(_of(owner), ended, Job.bytes > 0, ~_pinned())
    while size > 0:
        after = Job.id > (found[-1] if found else "")
        rows = session.execute(free.where(after).order_by(Job.id).limit(AT_ONCE)).all()
        if not rows:
            return None
        for job_id, bytes_ in rows:
            if size > 0:
                found.append(job_id)
                size -= bytes_
    return found


def delete_rows(session: Session, job_ids: Sequence[str]) -> None:
    """Delete jobs and what is written about them.

    Jobs are locked before anything else is written, as by every other statement on many of them.
    """
    ordered = sorted(job_ids)
    for start in range(0, len(ordered), AT_ONCE):
        some = ordered[start : start + AT_ONCE]
        for statement in (
            delete(Job).where(in_order(Job.id.in_(some))),
            delete(Entry).where(Entry.job_id.in_(some)),
            delete(Report).where(Report.job_id.in_(some)),
        ):
            session.execute(statement, execution_options={"synchronize_session": False})
    deletions.note(session, job_ids)


def _free(session: Session, owner: str | None, most: int, needed: int) -> list[str] | None:
    """Delete the rows that must go so that so much more fits; None when it can't."""
    if not most:
        return []
    over = _kept(session, owner) + needed - most
    gone = _oldest(session, owner, over)
    delete_rows(session, gone or [])
    return gone


def _fits(owner: str, needed: int) -> bool:
    own, total = ceilings.of("visitor_bytes", "total_bytes")
    limited = ((owner, own), (None, total))
    return all(not most or kept(whose) + needed <= most for whose, most in limited)


def _make(session: Session, owner: str, needed: int) -> list[str]:
    """Delete the rows that must go, one session after the other; return their ids."""
    limits.lock(session, EVERYBODY)
    one, total = ceilings.of("visitor_bytes", "total_bytes")
    own = _free(session, owner, one, needed)
    if own is None:
        raise QuotaFull
    others = _free(session, None, total, needed)
    if others is None:
        raise StorageFull
    return [*own, *others]


@database.retried
def make(owner: str, needed: int) -> None:
    """Make room for a visitor's job; raises `QuotaFull` and `StorageFull`, deleting nothing."""
    if _fits(owner, needed):  # most often; and nobody waits for who only reads
        return
    with database.transaction() as session:
        gone = _make(session, owner, needed)
    delete_pictures(gone)


def settle(session: Session, owner: str) -> list[str]:
    """Make room for what two at once brought into the same room, a job just inserted included.

    Raises as `make`. The pictures of the jobs returned are to be deleted after the commit.
    """
    if not any(ceilings.of("visitor_bytes", "total_bytes")):
        return []
    return _make(session, owner, 0)


def delete_pictures(job_ids: Sequence[str]) -> None:
    """Delete the pictures of jobs whose rows had to go."""
    for job_id in job_ids:
        log.info("job %s deleted to make room", job_id)
    blobs.delete_jobs(job_ids)


@database.retried
def shrink() -> int:
    """Delete what is over the cap, should it have been lowered; return how many jobs went."""
    [total] = ceilings.of("total_bytes")
    with database.transaction() as session:
        limits.lock(session, EVERYBODY)
        gone = _free(session, None, total, 0) or []
    delete_pictures(gone)
    return len(gone)
