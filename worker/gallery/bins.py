"""The bin: what an owner deleted, to be restored for some days; unread meanwhile.

What is in it counts in the quota, and goes by age as if it were not in it. Favourites do not go by
age.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, null, select, update
from sqlalchemy.orm import Session

from worker.gallery.model import Entry, EntryNotFound, Report, Shown, favourite, shown, valid_id
from worker.gallery.reports import unseen
from worker.jobs import ENDED, Job, Status, delete_in, in_order
from worker.storage import blobs, database, deletions
from worker.storage.database import now

DAYS = 30.0
MOST = 100  # listed


def _own(owner: str, job_ids: Sequence[str]) -> ColumnElement[bool]:
    """True for those of an owner's jobs that have ended; others' and unknown ids are none."""
    return and_(Job.id.in_(map(valid_id, job_ids)), Job.owner == owner, Job.status.in_(ENDED))


_UNREAD = {"synchronize_session": False}


def _mark(session: Session, which: ColumnElement[bool], since: ColumnElement[Any]) -> list[str]:
    statement = update(Job).where(in_order(which)).values(binned=since).returning(Job.id)
    return list(session.scalars(statement, execution_options=_UNREAD))


def _take_down_reported(session: Session, job_ids: Sequence[str]) -> None:
    """Take reported entries down, also unpublished ones, until the admin decides."""
    reported = select(Report).where(unseen()).exists()
    down = update(Entry).where(Entry.hidden.is_(None), reported)
    for some in database.parts(job_ids):
        session.execute(
            down.where(Entry.job_id.in_(some)).values(hidden=now()), execution_options=_UNREAD
        )


@database.retried
def put(owner: str, job_ids: Sequence[str]) -> list[str]:
    """Put those of the owner's jobs that have ended into the bin; return their ids.

    Public entries, share links and every other way to read them end with that.
    """
    with database.transaction() as session:
        return _mark(session, and_(_own(owner, job_ids), Job.binned.is_(None)), now())


@database.retried
def restore(owner: str, job_ids: Sequence[str]) -> list[str]:
    """Take jobs out of the owner's bin, as they were before; return their ids.

    One that was reported is taken down with that: the bin is no way past the admin.
    """
    with database.transaction() as session:
        back = _mark(session, and_(_own(owner, job_ids), Job.binned.is_not(None)), null())
        _take_down_reported(session, back)
    return back


@database.retried
def _delete(which: ColumnElement[bool]) -> list[str]:
    with database.transaction() as session:
        gone = delete_in(session, which)
        for table in (Entry, Report):
            for some in database.parts(gone):
                session.execute(delete(table).where(table.job_id.in_(some)))
        deletions.note(session, gone)
    blobs.delete_jobs(gone)
    return gone


def remove(owner: str, job_ids: Sequence[str]) -> list[str]:
    """Delete those of the owner's jobs that have ended, in the bin or not; return their ids.

    Finished, failed and cancelled ones alike, rows and pictures.
    """
    return _delete(_own(owner, job_ids))


def remove_one(job_id: str) -> None:
    """Delete anybody's job, in the bin or not, one being worked on included; for the admin.

    Public entry, share links and every other way to read it end with that. Raises `EntryNotFound`.
    """
    if not _delete(Job.id == valid_id(job_id)):
        raise EntryNotFound


def clear(owner: str) -> list[str]:
    """Delete what is in the owner's bin; return the ids."""
    return _delete(and_(Job.owner == owner, Job.binned.is_not(None)))


def forget() -> None:
    """Delete what was put into a bin too long ago, but for favourites."""
    _delete(and_(Job.binned < now() - DAYS * 86400, ~favourite()))


def listed(owner: str) -> list[Shown]:
    """Return the pictures in the owner's bin, those deleted last first."""
    both = select(Job, Entry).outerjoin(Entry, Entry.job_id == Job.id)
    own = Job.owner == owner, Job.binned.is_not(None), Job.status == Status.DONE
    latest = both.where(*own).order_by(Job.binned.desc()).limit(MOST)
    with database.reading() as session:
        return [shown(job, entry) for job, entry in session.execute(latest)]


def thumbnail(owner: str, job_id: str) -> str | None:
    """Return the key of a small picture in the owner's bin; None: there is none."""
    own = Job.owner == owner, Job.id == valid_id(job_id), Job.binned.is_not(None)
    with database.reading() as session:
        return session.scalar(select(Job.thumbnail_key).where(*own))
