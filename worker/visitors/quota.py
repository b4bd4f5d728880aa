"""Storage quotas, of one visitor and of all, and which jobs are deleted beyond them.

Beyond an owner's own limit, that owner's oldest ended job goes. Beyond the limit of all, the
oldest ended job of the owner who keeps most, within the rules of `worker/visitors/fairness.py`.

Jobs that their owner pinned (favourite, published, shared, with a named style or one that they
taught) stay, unless they are in the bin. Counted by the rows in the database, including what is
reserved for results still to come.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import ColumnElement, bindparam, case, delete, func, or_, select
from sqlalchemy.orm import Session

from worker.errors import Refused, rounded
from worker.gallery.model import Entry, Report
from worker.jobs import ACTIVE, Job, delete_in
from worker.storage import blobs, database, deletions
from worker.storage.blobs import StorageFull
from worker.visitors import fairness, limit_overrides, rate_limits
from worker.visitors.fairness import Asks

log = logging.getLogger(__name__)

EVERYBODY = "everybody"


class QuotaFull(Refused):
    """A visitor keeps as much as one may, and pinned all of it."""

    def __init__(self) -> None:
        most = limit_overrides.of("visitor_bytes")[0]
        super().__init__("quota.full", gigabytes=rounded(most / 1e9))


def _sum(*whose: ColumnElement[bool]) -> ColumnElement[int]:
    """Return the bytes kept of some jobs and reserved for them, each sum in an index alone.

    100,000 jobs take 13 ms in SQLite.
    """
    there = select(func.sum(Job.bytes)).where(*whose)
    coming = select(func.sum(Job.reserved)).where(*whose, Job.status.in_(ACTIVE))
    sums = [func.coalesce(one.scalar_subquery(), 0) for one in (there, coming)]
    return sums[0] + sums[1]


_OF_ALL = select(_sum())
_OF_OWNER = select(_sum(Job.owner == bindparam("owner")))
_OF_BOTH = select(_sum(Job.owner == bindparam("owner")), _sum())


def _kept(session: Session, owner: str | None) -> int:
    statement = _OF_ALL if owner is None else _OF_OWNER
    return int(session.scalar(statement, {"owner": owner}) or 0)


def _over(session: Session, owner: str, needed: int) -> tuple[int, int]:
    """Return the bytes that must go so that so much more fits: an owner's, and anybody's."""
    limits = limit_overrides.of("visitor_bytes", "total_bytes")  # 0: none
    statement = _OF_BOTH if limits[1] else _OF_OWNER  # all jobs are summed for a limit alone
    kept = session.execute(statement, {"owner": owner}).one()
    over = [one + needed - most if most else 0 for one, most in zip(kept, limits, strict=False)]
    return over[0], over[1] if limits[1] else 0


def kept(owner: str | None = None) -> int:
    """Return the bytes kept of an owner, or of all."""
    with database.reading() as session:
        return _kept(session, owner)


def _pinned() -> ColumnElement[bool]:
    since = Entry.published, Entry.shared, Entry.named_styles
    marked = or_(Entry.favourite, *(column.is_not(None) for column in since))
    noted = select(Entry.job_id).where(Entry.job_id == Job.id, marked).exists()
    return or_(noted, Job.taught_key.is_not(None))


def _may_go() -> tuple[ColumnElement[bool], ...]:
    ended = Job.status.not_in(ACTIVE)  # not `in_(ENDED)`, so that the ids' own order is used
    return ended, Job.bytes > 0, or_(Job.binned.is_not(None), ~_pinned())


def _ended(session: Session, owner: str) -> Iterator[tuple[str, int]]:
    """Yield id and bytes of an owner's jobs that may go, the oldest first."""
    free = select(Job.id, Job.bytes).where(Job.owner == owner, *_may_go())
    some, last = free.order_by(Job.id).limit(database.AT_ONCE), ""
    while rows := session.execute(some.where(Job.id > last)).all():
        yield from ((job_id, size) for job_id, size in rows)
        last = rows[-1][0]


def delete_rows(session: Session, job_ids: Sequence[str], *which: ColumnElement[bool]) -> list[str]:
    """Delete those of some jobs, and what is written about them; return their ids.

    Jobs are locked before anything else is written, as by every other statement on many of them.
    """
    gone: list[str] = []
    for some in database.parts(sorted(job_ids)):
        went = delete_in(session, Job.id.in_(some), *which)
        for table in Entry, Report:
            session.execute(
                delete(table).where(table.job_id.in_(went)),
                execution_options={"synchronize_session": False},
            )
        gone += went
    deletions.note(session, gone)
    return gone


def _evict(session: Session, job_ids: Sequence[str]) -> list[str]:
    """Delete those of the chosen jobs that may still go."""
    return delete_rows(session, job_ids, *_may_go())


def _own(session: Session, owner: str, size: int) -> dict[str, int] | None:
    """Return the owner's oldest jobs that take so much, each with its bytes; None: too few."""
    found: dict[str, int] = {}
    ended = _ended(session, owner)
    while size > 0:
        job_id, bytes_ = next(ended, ("", 0))
        if not job_id:
            return None
        found[job_id] = bytes_
        size -= bytes_
    return found


# ---------------------------------------------------------------- who gives way


def _kept_by_owner(session: Session) -> dict[str, int]:
    """Return the bytes kept of each owner, by an index alone."""
    reserved = case((Job.status.in_(ACTIVE), Job.reserved), else_=0)
    rows = session.execute(select(Job.owner, func.sum(Job.bytes + reserved)).group_by(Job.owner))
    return {owner: int(size) for owner, size in rows}


def _fairly(
    session: Session, asks: Asks, size: int, own: Mapping[str, int] | None = None
) -> list[str] | None:
    """Return jobs that together take so much; None: there are not enough within the rules.

    `own` are jobs of the owner who asks, with their bytes, that go in any case.
    """
    kept, own = _kept_by_owner(session), own or {}
    if own:
        kept[asks.owner] -= sum(own.values())

    def free(owner: str) -> Iterator[tuple[str, int]]:
        return (one for one in _ended(session, owner) if one[0] not in own)

    return fairness.chosen(session, asks, kept, free, size)


def share() -> int:
    """Return the bytes that an owner keeps in any case."""
    return fairness.share(limit_overrides.of("total_bytes")[0])


def _going(session: Session, owner: str, needed: int) -> list[str]:
    """Return the jobs that give way to an owner's submission; deletes nothing.

    Raises `QuotaFull` and `StorageFull`.
    """
    over, over_all = _over(session, owner, needed)
    if max(over, over_all) <= 0:
        return []
    own = _own(session, owner, over)
    if own is None:
        raise QuotaFull
    over_all -= sum(own.values())
    if over_all <= 0:
        return list(own)
    [total] = limit_overrides.of("total_bytes")
    others = _fairly(session, fairness.of(session, owner, needed, total), over_all, own)
    if others is None:
        raise StorageFull
    return [*own, *others]


@database.retried
def check(owner: str, needed: int) -> None:
    """Raise `QuotaFull` or `StorageFull` unless room can be made for so many bytes of a visitor.

    Deletes nothing: what comes later may still refuse the job. See `enforce`.
    """
    with database.reading() as session:
        _going(session, owner, needed)


def enforce(session: Session, owner: str) -> list[str]:
    """Delete what gives way to a job, in the transaction that inserted it, one after the other.

    So a job that is refused deletes no picture. Raises `QuotaFull` and `StorageFull`: two
    may have come at once. Delete the pictures of the returned jobs after the commit.
    """
    if not any(limit_overrides.of("visitor_bytes", "total_bytes")):
        return []
    rate_limits.lock(session, EVERYBODY)
    gone: list[str] = []
    while going := _going(session, owner, 0):  # again where some were pinned meanwhile
        gone += _evict(session, going)
    return gone


def delete_pictures(job_ids: Sequence[str]) -> None:
    """Delete the pictures of jobs whose rows had to go."""
    for job_id in job_ids:
        log.info("job %s deleted to make room", job_id)
    blobs.delete_jobs(job_ids)


@database.retried
def trim() -> int:
    """Delete jobs over the cap, should it have been lowered; return how many went.

    The trash has what the jobs leave of the cap: what lies there the longest goes first.
    """
    [total] = limit_overrides.of("total_bytes")
    with database.transaction() as session:
        rate_limits.lock(session, EVERYBODY)
        over = _kept(session, None) - total if total else 0
        gone = _fairly(session, Asks(), over) or [] if over > 0 else []
        gone = _evict(session, gone)
    delete_pictures(gone)
    if total:
        blobs.shrink_trash(max(0, total - kept()))
    return len(gone)
