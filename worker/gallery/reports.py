"""Reports on public entries: what visitors report, and what the admin decides."""

from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    func,
    literal,
    null,
    select,
    update,
)

from worker.gallery.model import (
    DONE,
    NOTED,
    PUBLIC,
    Entry,
    EntryNotFound,
    Report,
    Shown,
    find_one,
    plain,
    shown,
    upsert,
    valid_id,
)
from worker.jobs import Job
from worker.settings import settings
from worker.storage import database
from worker.storage.database import now

REASON = 500  # characters


def unseen() -> ColumnElement[bool]:
    """True for reports of an entry that the admin has not dealt with."""
    return and_(Report.job_id == Entry.job_id, Report.made > func.coalesce(Entry.cleared, 0.0))


@database.retried
def report(job_id: str, visitor: str, reason: str = "") -> None:
    """Note that a visitor wants a public entry down; enough visitors take it down at once.

    One visitor counts once. Raises `EntryNotFound` unless the entry is public.
    """
    reported = (
        select(Entry.job_id, literal(visitor), literal(plain(reason)[:REASON]), now())
        .join(Job, Job.id == Entry.job_id)
        .where(Entry.job_id == valid_id(job_id), PUBLIC, DONE)
        .with_for_update(of=Entry)  # in PostgreSQL one after the other, so that each is counted
    )
    count = select(func.count()).select_from(Report).where(unseen()).scalar_subquery()
    with database.transaction() as session:
        if session.execute(reported).one_or_none() is None:
            raise EntryNotFound
        columns = ["job_id", "visitor", "reason", "made"]
        session.execute(
            upsert(session, Report).from_select(columns, reported).on_conflict_do_nothing()
        )
        session.execute(
            update(Entry)
            .where(Entry.job_id == valid_id(job_id), count >= settings().reports_to_hide)
            .values(hidden=now()),
            execution_options={"synchronize_session": False},
        )


@dataclass(frozen=True)
class Reported:
    """An entry in the admin's review list, and the reports on it, first to last."""

    shown: Shown
    reports: list[Report]


def _reported() -> Select[Job, Entry]:
    return NOTED.where(select(Report).where(unseen()).exists())


def under_review(job_id: str) -> Shown:
    """Return an entry with unresolved reports; raises `EntryNotFound`."""
    return find_one(_reported().where(Job.id == valid_id(job_id)))


def reported(limit: int = 24, after: str = "") -> list[Reported]:
    """List the entries with unresolved reports, by id, those after the id `after`."""
    statement = _reported().where(Job.id > after).order_by(Job.id).limit(limit)
    with database.reading() as session:
        found = [shown(*row) for row in session.execute(statement)]
        ids = [shown.job.id for shown in found]
        said = session.scalars(
            select(Report).join(Entry, unseen()).where(Report.job_id.in_(ids)).order_by(Report.made)
        ).all()
    return [Reported(one, [word for word in said if word.job_id == one.job.id]) for one in found]


@database.retried
def judge(job_id: str, *, stays: bool) -> None:
    """Deal with the reports made so far: the entry stays (again), or is down for good.

    Raises `EntryNotFound`.
    """
    down = null() if stays else func.coalesce(Entry.hidden, now())
    with database.transaction() as session:
        changed = session.execute(
            update(Entry).where(Entry.job_id == valid_id(job_id)).values(cleared=now(), hidden=down)
        )
    if not changed.rowcount:  # type: ignore[attr-defined]
        raise EntryNotFound
