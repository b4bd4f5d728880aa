"""The history of a picture: the pictures it was made from, and those made from it.

A job's `parent` names the job it was made from, of the same owner, which may be deleted by now or
be in the bin.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Integer, Row, literal, select
from sqlalchemy.orm import Session

from worker.gallery import entries
from worker.gallery.model import ALL, Shown, shown
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


@dataclass(frozen=True)
class _Line:
    """The ids of the jobs that lead to one, the nearest first; None for one that is deleted."""

    ids: list[str | None]
    longer: bool  # whether there may be more


def _rows(session: Session, job: Job) -> Sequence[Row[str, str | None, str, float | None]]:
    """Return id, parent, status and bin of the jobs that lead to one, the nearest first."""
    own, depth = Job.owner == job.owner, literal(1, Integer).label("depth")
    nearest = select(Job.id, Job.parent, depth).where(Job.id == job.parent, own)
    line = nearest.cte("line", recursive=True)
    further = select(Job.id, Job.parent, line.c.depth + 1).join(line, Job.id == line.c.parent)
    line = line.union_all(further.where(own, line.c.depth < STEPS))
    found = select(Job.id, Job.parent, Job.status, Job.binned).join(line, Job.id == line.c.id)
    return session.execute(found.order_by(line.c.depth)).all()


def _line(session: Session, job: Job) -> _Line:
    """Return what leads to a job.

    Jobs without a picture are left out: they failed, were cancelled, or are not done.
    """
    found: list[str | None] = []
    seen, parent = {job.id}, job.parent  # no job leads to itself, whatever a row says
    rows = _rows(session, job)
    for row_id, before, status, binned in rows:
        if row_id in seen:
            return _Line(found, longer=False)
        seen.add(row_id)
        parent = before
        if binned is not None:
            found.append(None)
        elif status == Status.DONE:
            found.append(row_id)
    looked_at_all = len(rows) < STEPS
    if parent is not None and parent not in seen and looked_at_all:
        found.append(None)
    return _Line(found, longer=parent is not None and not looked_at_all)


def _with_entries(session: Session, ids: Sequence[str | None]) -> list[Shown | None]:
    """Return pictures with their entries by their jobs' ids; None for one that is deleted."""
    rows = session.execute(ALL.where(Job.id.in_([one for one in ids if one])))
    found = {row[0].id: shown(*row) for row in rows}
    return [found.get(one) if one else None for one in ids]


def _children(session: Session, job: Job) -> list[Shown]:
    own = ALL.where(Job.parent == job.id, Job.owner == job.owner).order_by(Job.id)
    return [shown(*row) for row in session.execute(own.limit(CHILDREN + 1))]


def of(job_id: str, owner: str) -> History:
    """Return the history of a picture of the owner's; raises `EntryNotFound`."""
    job = entries.own(job_id, owner).job
    with database.reading() as session:
        line = _line(session, job)
        children = _children(session, job)
        ancestors = _with_entries(session, line.ids[:ANCESTORS])
    return History(
        ancestors=ancestors[::-1],
        children=children[:CHILDREN],
        earlier=line.longer or len(line.ids) > ANCESTORS,
        later=len(children) > CHILDREN,
    )
