"""One entry: who may see it, and what its owner may do with it.

Private until published; a share link shows one entry to everyone who has it, until it is revoked.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    delete,
    func,
    literal,
    null,
    or_,
    select,
)

from worker.errors import Refused
from worker.gallery.model import (
    ALL,
    DONE,
    NOTED,
    PUBLIC,
    TAG,
    TAGS,
    TITLE,
    Entry,
    EntryNotFound,
    LinkRevoked,
    Report,
    Shown,
    find_one,
    folded,
    plain,
    upsert,
    valid_id,
)
from worker.jobs import Job
from worker.settings import settings
from worker.storage import database
from worker.storage.database import now

REPORT_DAYS = 365  # that a report is kept which was dealt with


def _title(given: str) -> str:
    title = plain(given)
    if len(title) > TITLE:
        raise Refused("entry.title_too_long", limit=TITLE, length=len(title))
    return title


def _tags(given: Sequence[str]) -> list[str]:
    tags = list(dict.fromkeys(filter(None, map(plain, given))))
    if len(tags) > TAGS or any(len(tag) > TAG for tag in tags):
        raise Refused("entry.tags", limit=TAGS, length=TAG)
    return tags


def own(job_id: str, owner: str) -> Shown:
    """Return an entry to its owner; raises `EntryNotFound`."""
    return find_one(ALL.where(Job.id == valid_id(job_id), Job.owner == owner))


def get(job_id: str, visitor: str) -> Shown:
    """Return an entry that is public or the visitor's own; raises `EntryNotFound`."""
    return find_one(ALL.where(Job.id == valid_id(job_id), or_(Job.owner == visitor, PUBLIC)))


def by_link(job_id: str, generation: int) -> Shown:
    """Return what a share link shows; raises `LinkRevoked`.

    A link is also void once its entry is deleted or taken down.
    """
    good = and_(Entry.shared.is_not(None), Entry.generation == generation, Entry.hidden.is_(None))
    try:
        return find_one(NOTED.where(Job.id == job_id, good))
    except EntryNotFound:
        raise LinkRevoked from None


def kept_until(shown: Shown) -> float | None:
    """Return when the sweep will delete an entry's job (epoch seconds); None: never.

    Favourites and those with a named or taught style are kept; published and shared ones are no
    exception.
    """
    days, finished = settings().retention_days, shown.job.finished
    kept = shown.entry.favourite or shown.entry.named_styles or shown.job.taught_key
    return finished + days * 86400 if days and finished and not kept else None


# ---------------------------------------------------------------- an owner's verbs


_NEW = {
    "title": "",
    "title_words": "",
    "tags": [],
    "tag_words": "",
    "favourite": False,
    "shows_photo": False,
    "lends_styles": False,
    "generation": 0,
}  # Entry's own defaults, as values


@database.retried
def _note(
    job_id: str,
    owner: str,
    values: dict[str, Any],
    then: dict[str, Any] | None = None,
    where: ColumnElement[bool] | None = None,
) -> Shown:
    """Write into the owner's entry, which is made if there is none; raises `EntryNotFound`.

    `then` is what is written, as expressions, if there is one already, and `where` when.
    """
    columns = {name: Entry.__table__.c[name] for name in _NEW | values}
    made = [
        value if isinstance(value, ColumnElement) else literal(value, columns[name].type)
        for name, value in (_NEW | values).items()
    ]
    job = select(Job.id, *made).where(Job.id == valid_id(job_id), Job.owner == owner, DONE)
    with database.transaction() as session:
        # locked first: else who deletes for age or room would not see what is noted meanwhile
        session.execute(select(Job.id).where(Job.id == valid_id(job_id)).with_for_update())
        insert = upsert(session, Entry).from_select(["job_id", *columns], job)
        written = insert.on_conflict_do_update(
            index_elements=["job_id"], set_=values | (then or {}), where=where
        )
        session.execute(written)
    return own(job_id, owner)


def change(
    job_id: str,
    owner: str,
    *,
    title: str | None = None,
    tags: Sequence[str] | None = None,
    **switches: bool | None,
) -> Shown:
    """Change what is given; raises `EntryNotFound`, or `Refused` with what is accepted.

    `switches`: favourite, shows_photo, lends_styles.
    """
    values: dict[str, Any] = {name: on for name, on in switches.items() if on is not None}
    if title is not None:
        values |= {"title": _title(title), "title_words": folded(title)}
    if tags is not None:
        values |= {"tags": _tags(tags), "tag_words": folded(" ".join(tags))}
    return _note(job_id, owner, values) if values else own(job_id, owner)


def name_styles(job_id: str, owner: str, names: dict[str, str]) -> Shown:
    """Name styles of a job, by their places, in place of those named before.

    Raises `EntryNotFound`.
    """
    return _note(job_id, owner, {"named_styles": names or null()})


def _if_not_hidden(shown: Shown) -> Shown:
    if shown.entry.hidden is not None:
        raise Refused("entry.taken_down")
    return shown


def publish(job_id: str, owner: str) -> Shown:
    """Let everybody see the entry; raises `EntryNotFound`, or `Refused` once it was taken down."""
    since = {"published": func.coalesce(Entry.published, now())}
    return _if_not_hidden(_note(job_id, owner, {"published": now()}, since, Entry.hidden.is_(None)))


def unpublish(job_id: str, owner: str) -> Shown:
    """Hide the entry from other visitors, but for its share link; raises `EntryNotFound`."""
    return _note(job_id, owner, {"published": null()})


def share(job_id: str, owner: str) -> Shown:
    """Give the entry a link (its generation says which), or keep the one it has.

    Raises `EntryNotFound`, or `Refused` once it was taken down.
    """
    since = {"shared": func.coalesce(Entry.shared, now())}
    return _if_not_hidden(_note(job_id, owner, {"shared": now()}, since, Entry.hidden.is_(None)))


def revoke(job_id: str, owner: str) -> Shown:
    """Void every link made so far; raises `EntryNotFound`."""
    return _note(job_id, owner, {"shared": null()}, {"generation": Entry.generation + 1})


# ---------------------------------------------------------------- the sweep's verb


@database.retried
def forget() -> None:
    """Delete what was noted of jobs that are no more, and reports dealt with long ago."""
    cleared = select(Entry.cleared).where(Entry.job_id == Report.job_id).scalar_subquery()
    old = and_(Report.made < now() - REPORT_DAYS * 86400, Report.made <= cleared)
    with database.transaction() as session:
        session.execute(delete(Report).where(old), execution_options={"synchronize_session": False})
        for table in (Entry, Report):
            session.execute(
                delete(table).where(table.job_id.not_in(select(Job.id))),
                execution_options={"synchronize_session": False},
            )
