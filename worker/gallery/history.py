"""The history of a picture: the pictures it was made from, and those made from it.

A job's `parent` names the job it was made from, of the same owner, which may be deleted by now or
be in the bin.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from worker.gallery import entries
from worker.gallery.model import ALL, Entry, Shown, shown
from worker.jobs import Job, Status
from worker.storage import database

ANCESTORS, CHILDREN = 12, 24  # at most, of one answer
STEPS = 100  # jobs looked at on the way back, those without a picture included


@dataclass(frozen=True)
class History:
    """What a picture was made from and what was made from it, each the oldest first.

    An ancestor that is None is deleted. `earlier`: there are more ancestors; `later`: more
    children.
    """

    ancestors: list[Shown | None]
    children: list[Shown]
    earlier: bool
    later: bool


def _parent(session: Session, job: Job) -> Job | None:
    own = select(Job).where(Job.id == job.parent, Job.owner == job.owner)
    return session.scalar(own)


def _line(session: Session, job: Job) -> list[Job | None]:
    """Return the jobs that lead to one, the nearest first; None for one that is deleted.

    Jobs without a picture are left out: they failed, were cancelled, or are not done.
    """
    found: list[Job | None] = []
    seen = {job.id}  # no job leads to itself, whatever a row says
    for _ in range(STEPS):
        if job.parent is None or job.parent in seen or len(found) > ANCESTORS:
            break
        seen.add(job.parent)
        parent = _parent(session, job)
        if parent is None or parent.binned is not None:
            found.append(None)
        elif parent.status == Status.DONE:
            found.append(parent)
        if parent is None:
            break
        job = parent
    return found


def _with_entry(session: Session, job: Job | None) -> Shown | None:
    return shown(job, session.get(Entry, job.id)) if job else None


def _children(session: Session, job: Job) -> list[Shown]:
    own = ALL.where(Job.parent == job.id, Job.owner == job.owner).order_by(Job.id)
    return [shown(*row) for row in session.execute(own.limit(CHILDREN + 1))]


def of(job_id: str, owner: str) -> History:
    """Return the history of a picture of the owner's; raises `EntryNotFound`."""
    job = entries.own(job_id, owner).job
    with database.reading() as session:
        line = _line(session, job)
        children = _children(session, job)
        ancestors = [_with_entry(session, one) for one in line[:ANCESTORS]]
    return History(
        ancestors=ancestors[::-1],
        children=children[:CHILDREN],
        earlier=len(line) > ANCESTORS,
        later=len(children) > CHILDREN,
    )
