"""The gallery: finished jobs, what their owners noted of them, and who may see which.

An entry is a job that is done, joined with the row of what its owner added to it, which is made
when there is something to add. Private until published; a share link shows one entry to
everyone who has it, until it is revoked. Knows no cookie, no link and no web.
"""

import math
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import (
    JSON,
    ColumnElement,
    Index,
    Select,
    String,
    and_,
    cast,
    delete,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from worker.errors import Refused
from worker.jobs import Job, JobNotFound, Status, in_order
from worker.options import LARGEST
from worker.settings import settings
from worker.storage import blobs, database, deletions
from worker.storage.database import Base, now

TITLE, TAGS, TAG, REASON = 120, 12, 40, 500  # characters, tags, characters, characters
REPORT_DAYS = 365  # that a report is kept which was dealt with
MOST = 100  # entries of one page or one deletion
FURTHEST = 1_000_000  # the highest number a page may have


class Entry(Base):
    """What the owner, and the admin after reports, noted of a result."""

    __tablename__ = "entries"
    __table_args__ = (Index("entries_published", "published", "job_id"),)

    job_id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(default="")
    title_words: Mapped[str] = mapped_column(default="")  # as `_folded`, to search in
    tags: Mapped[list[str]] = mapped_column(JSON, default=list)
    tag_words: Mapped[str] = mapped_column(default="")
    favourite: Mapped[bool] = mapped_column(default=False)
    published: Mapped[float | None]  # since when it is public
    hidden: Mapped[float | None]  # since when it is taken down
    cleared: Mapped[float | None]  # the admin has seen the reports made before
    shared: Mapped[float | None]  # since when it has a share link
    generation: Mapped[int] = mapped_column(default=0)  # of the link; earlier ones are void


class Report(Base):
    """A visitor's word that a public entry should not be public."""

    __tablename__ = "reports"

    job_id: Mapped[str] = mapped_column(primary_key=True)
    visitor: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    made: Mapped[float] = mapped_column(default=now())


class EntryNotFound(JobNotFound):
    """No such entry, or one that this visitor may not see; which is no visitor's business."""

    def __init__(self) -> None:
        Exception.__init__(self, "There is no picture with this id in the gallery.")


class LinkRevoked(Exception):
    """A share link that was good once."""

    def __init__(self) -> None:
        super().__init__(
            "This link shows nothing any more: it was taken back, or its picture is deleted."
        )


class Order(StrEnum):
    """Which end of a list comes first."""

    NEWEST = "newest"
    OLDEST = "oldest"


class Wanted(BaseModel):
    """Which entries to list; all that is given must hold. Times are epoch seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(default="", max_length=200, description="words in the title or the tags")
    since: float | None = Field(
        default=None, allow_inf_nan=False, description="finished then or later"
    )
    until: float | None = Field(
        default=None, allow_inf_nan=False, description="finished before then"
    )
    style: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="sha256 of a style picture as it is kept",
    )
    network: Literal["compact", "vgg19"] | None = None
    color: Literal["style", "content", "luminance"] | None = None
    size: Annotated[int, Field(ge=0, le=LARGEST)] | None = None
    favourite: bool | None = Field(default=None, description="in your own gallery only")
    order: Order = Order.NEWEST
    limit: int = Field(default=24, ge=1, le=MOST)
    cursor: str | None = Field(default=None, max_length=80, description="`next` of the page before")
    page: int | None = Field(
        default=None,
        ge=1,
        le=FURTHEST,
        description="a page by its number, in place of `cursor`; the answer then has `total`",
    )


@dataclass(frozen=True)
class Shown:
    """A job that is done, and what its owner noted of it."""

    job: Job
    entry: Entry


@dataclass(frozen=True)
class Page:
    """Some entries, and the cursor of the page after; None: this was the last.

    `total` is how many there are on all pages, given where a page was asked for by its number.
    """

    entries: list[Shown]
    next: str | None
    total: int | None = None


# ---------------------------------------------------------------- conditions

_DONE = Job.status == Status.DONE
_PUBLIC = and_(Entry.published.is_not(None), Entry.hidden.is_(None))
_BOTH = select(Job, Entry)
_NOTED = _BOTH.join(Entry, Entry.job_id == Job.id)  # only what is done is ever noted of
_ALL = _BOTH.outerjoin(Entry, Entry.job_id == Job.id).where(_DONE)


def _shown(job: Job, entry: Entry | None) -> Shown:
    """Pair a job with its owner's notes, none so far included."""
    return Shown(job, entry or Entry(job_id=job.id, title="", tags=[], favourite=False))


def _one(statement: Select[Job, Entry]) -> Shown:
    """Return the entry found; raises `EntryNotFound`."""
    with database.reading() as session:
        row = session.execute(statement).one_or_none()
    if row is None:
        raise EntryNotFound
    return _shown(*row)


def _id(job_id: str) -> str:
    """Return the id if it can be one, "" otherwise; whatever is asked for gets to no database."""
    try:
        return str(uuid.UUID(job_id))
    except ValueError:
        return ""


# ---------------------------------------------------------------- text


_JOINERS = "\u200c\u200d"  # invisible, but parts of words in Persian and Hindi, and of emoji


def plain(text: str) -> str:
    """Drop what can't be read, and every space but single ones between words."""
    spaced = "".join(one if one.isprintable() or one in _JOINERS else " " for one in text)
    return " ".join(unicodedata.normalize("NFC", spaced).split())


def _folded(text: str) -> str:
    """Return the text as it is searched: letters without case or width."""
    return plain(unicodedata.normalize("NFKC", text).casefold())


def _title(given: str) -> str:
    title = plain(given)
    if len(title) > TITLE:
        raise Refused(f"A title has at most {TITLE} characters; this one has {len(title)}.")
    return title


def _tags(given: Sequence[str]) -> list[str]:
    tags = list(dict.fromkeys(filter(None, map(plain, given))))
    if len(tags) > TAGS or any(len(tag) > TAG for tag in tags):
        raise Refused(f"An entry has at most {TAGS} tags of at most {TAG} characters each.")
    return tags


# ---------------------------------------------------------------- lists


def _has_words(text: str) -> list[ColumnElement[bool]]:
    said = func.coalesce(Entry.title_words + " " + Entry.tag_words, "")
    return [said.contains(word, autoescape=True) for word in _folded(text).split()]


def _filters(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return what must hold of an entry, but for whose it is."""
    found = _has_words(wanted.text)
    if wanted.since is not None:
        found.append(Job.finished >= wanted.since)
    if wanted.until is not None:
        found.append(Job.finished < wanted.until)
    if wanted.style is not None:  # digests are all of one length: none is part of another
        found.append(cast(Job.style_digests, String).contains(wanted.style))
    if wanted.network is not None:
        found.append(Job.network == wanted.network)
    if wanted.color is not None:
        found.append(Job.options["color"].as_string() == wanted.color)
    if wanted.size is not None:
        found.append(Job.options["size"].as_integer() == wanted.size)
    if wanted.favourite is not None:
        found.append(func.coalesce(Entry.favourite, False) == wanted.favourite)
    return found


def _page(
    statement: Select[Job, Entry],
    place: tuple[InstrumentedAttribute[Any], ...],
    after: tuple[Any, ...] | None,
    wanted: Wanted,
) -> tuple[list[Shown], int | None]:
    """Return the page's entries and, if there is one, the first of the page after; and the total.

    `place` are the columns that order, `after` their values in the last entry before.
    """
    newest = wanted.order == Order.NEWEST
    statement = statement.where(*_filters(wanted))
    count = statement.with_only_columns(func.count(), maintain_column_froms=True)
    if after is not None:
        here, last = tuple_(*place), tuple_(*map(literal, after))
        statement = statement.where(here < last if newest else here > last)
    ordered = [column.desc() if newest else column.asc() for column in place]
    skipped = ((wanted.page or 1) - 1) * wanted.limit
    statement = statement.order_by(*ordered).limit(wanted.limit + 1).offset(skipped)
    with database.reading() as session:
        found = [_shown(job, entry) for job, entry in session.execute(statement)]
        return found, None if wanted.page is None else session.scalar(count)


def _check_place(wanted: Wanted) -> None:
    if wanted.cursor is not None and wanted.page is not None:
        raise Refused("A list goes on by `cursor` or is opened at a `page`, not both.")


def _bad_cursor() -> Refused:
    return Refused("`cursor` must be `next` of the page before.")


def mine(owner: str, wanted: Wanted | None = None) -> Page:
    """List the owner's entries by the time they were submitted; raises `Refused`."""
    wanted = wanted or Wanted()
    after = None if wanted.cursor is None else (_id(wanted.cursor),)
    if after == ("",):
        raise _bad_cursor()
    _check_place(wanted)
    found, total = _page(_ALL.where(Job.owner == owner), (Job.id,), after, wanted)
    here = found[: wanted.limit]
    return Page(here, here[-1].job.id if len(found) > wanted.limit else None, total)


def _published_before(cursor: str) -> tuple[float, str]:
    published, _, job_id = cursor.partition("_")
    try:
        place = float.fromhex(published), _id(job_id)
    except (ValueError, OverflowError):
        raise _bad_cursor() from None
    if not place[1] or not math.isfinite(place[0]):
        raise _bad_cursor()
    return place


def public(wanted: Wanted | None = None) -> Page:
    """List everybody's published entries by the time of that; raises `Refused`."""
    wanted = wanted or Wanted()
    if wanted.favourite is not None:
        raise Refused("Only your own gallery can be asked for your favourites.")
    after = None if wanted.cursor is None else _published_before(wanted.cursor)
    _check_place(wanted)
    found, total = _page(_NOTED.where(_PUBLIC), (Entry.published, Entry.job_id), after, wanted)
    here = found[: wanted.limit]
    if len(found) <= wanted.limit:
        return Page(here, None, total)
    last = here[-1].entry
    return Page(here, f"{(last.published or 0.0).hex()}_{last.job_id}", total)


# ---------------------------------------------------------------- one entry


def own(job_id: str, owner: str) -> Shown:
    """Return an entry to its owner; raises `EntryNotFound`."""
    return _one(_ALL.where(Job.id == _id(job_id), Job.owner == owner))


def get(job_id: str, visitor: str) -> Shown:
    """Return an entry that is public or the visitor's own; raises `EntryNotFound`."""
    return _one(_ALL.where(Job.id == _id(job_id), or_(Job.owner == visitor, _PUBLIC)))


def by_link(job_id: str, generation: int) -> Shown:
    """Return what a share link shows; raises `LinkRevoked`.

    A link is also void once its entry is deleted or taken down.
    """
    good = and_(Entry.shared.is_not(None), Entry.generation == generation, Entry.hidden.is_(None))
    try:
        return _one(_NOTED.where(Job.id == job_id, good))
    except EntryNotFound:
        raise LinkRevoked from None


def kept_until(job: Job) -> float | None:
    """Return when the sweep will delete the job (epoch seconds); None: never.

    Favourite, published and shared entries are no exception.
    """
    days = settings().retention_days
    return job.finished + days * 86400 if days and job.finished else None


# ---------------------------------------------------------------- an owner's verbs


def _insert(session: Session, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that can also say ON CONFLICT."""
    sqlite_here = session.get_bind().dialect.name == "sqlite"
    return sqlite.insert(table) if sqlite_here else postgresql.insert(table)


_NEW = {
    "title": "",
    "title_words": "",
    "tags": [],
    "tag_words": "",
    "favourite": False,
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
    job = select(Job.id, *made).where(Job.id == _id(job_id), Job.owner == owner, _DONE)
    with database.transaction() as session:
        insert = _insert(session, Entry).from_select(["job_id", *columns], job)
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
    favourite: bool | None = None,
) -> Shown:
    """Change what is given; raises `EntryNotFound`, or `Refused` with what is accepted."""
    values: dict[str, Any] = {}
    if title is not None:
        values |= {"title": _title(title), "title_words": _folded(title)}
    if tags is not None:
        values |= {"tags": _tags(tags), "tag_words": _folded(" ".join(tags))}
    if favourite is not None:
        values |= {"favourite": favourite}
    return _note(job_id, owner, values) if values else own(job_id, owner)


def _if_not_hidden(shown: Shown) -> Shown:
    if shown.entry.hidden is not None:
        raise Refused("This picture was taken down after reports; it can't be shown to others.")
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


@database.retried
def remove(owner: str, job_ids: Sequence[str]) -> list[str]:
    """Delete those of the owner's jobs that have ended, rows and pictures; return their ids.

    Finished, failed and cancelled ones alike; others' and unknown ids change nothing.
    """
    ended = Job.status.in_([Status.DONE, Status.FAILED, Status.CANCELLED])
    with database.transaction() as session:
        gone = list(
            session.scalars(
                delete(Job)
                .where(in_order(Job.id.in_(list(map(_id, job_ids))), Job.owner == owner, ended))
                .returning(Job.id),
                execution_options={"synchronize_session": False},
            )
        )
        session.execute(delete(Entry).where(Entry.job_id.in_(gone)))
        session.execute(delete(Report).where(Report.job_id.in_(gone)))
        deletions.note(session, gone)
    blobs.delete_jobs(gone)
    return gone


# ---------------------------------------------------------------- reports


def _unseen() -> ColumnElement[bool]:
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
        .where(Entry.job_id == _id(job_id), _PUBLIC, _DONE)
        .with_for_update(of=Entry)  # in PostgreSQL one after the other, so that each is counted
    )
    count = select(func.count()).select_from(Report).where(_unseen()).scalar_subquery()
    with database.transaction() as session:
        if session.execute(reported).one_or_none() is None:
            raise EntryNotFound
        columns = ["job_id", "visitor", "reason", "made"]
        session.execute(
            _insert(session, Report).from_select(columns, reported).on_conflict_do_nothing()
        )
        session.execute(
            update(Entry)
            .where(Entry.job_id == _id(job_id), count >= settings().reports_to_hide)
            .values(hidden=now()),
            execution_options={"synchronize_session": False},
        )


@dataclass(frozen=True)
class Reported:
    """An entry in the admin's review list, and the reports on it, first to last."""

    shown: Shown
    reports: list[Report]


def _reported() -> Select[Job, Entry]:
    return _NOTED.where(select(Report).where(_unseen()).exists())


def under_review(job_id: str) -> Shown:
    """Return an entry with unresolved reports; raises `EntryNotFound`."""
    return _one(_reported().where(Job.id == _id(job_id)))


def reported(limit: int = 24, after: str = "") -> list[Reported]:
    """List the entries with unresolved reports, by id, those after the id `after`."""
    statement = _reported().where(Job.id > after).order_by(Job.id).limit(limit)
    with database.reading() as session:
        found = [_shown(*row) for row in session.execute(statement)]
        ids = [shown.job.id for shown in found]
        said = session.scalars(
            select(Report)
            .join(Entry, _unseen())
            .where(Report.job_id.in_(ids))
            .order_by(Report.made)
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
            update(Entry).where(Entry.job_id == _id(job_id)).values(cleared=now(), hidden=down)
        )
    if not changed.rowcount:  # type: ignore[attr-defined]
        raise EntryNotFound


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
