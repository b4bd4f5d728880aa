"""Entries of the gallery: their rows, the reports on them, and which entries there are.

An entry is a job that is done, joined with the row of what its owner added to it, which is made
when there is something to add. Knows no cookie, no link and no web.
"""

import unicodedata
import uuid
from dataclasses import dataclass

from sqlalchemy import (
    JSON,
    ColumnElement,
    Index,
    Select,
    and_,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from worker.errors import CodedError
from worker.jobs import Job, JobNotFound, Status
from worker.storage import database
from worker.storage.database import Base, now

TITLE, TAGS, TAG = 120, 12, 40  # characters, tags, characters
STYLE_NAME = 40  # characters


class Entry(Base):
    """What the owner, and the admin after reports, noted of a result."""

    __tablename__ = "entries"
    __table_args__ = (Index("entries_published", "published", "job_id"),)

    job_id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(default="")
    title_words: Mapped[str] = mapped_column(default="")  # as `folded`, to search in
    tags: Mapped[list[str]] = mapped_column(JSON, default=list)
    tag_words: Mapped[str] = mapped_column(default="")
    favourite: Mapped[bool] = mapped_column(default=False)
    shows_photo: Mapped[bool] = mapped_column(default=False)  # to visitors who see the entry
    lends_styles: Mapped[bool] = mapped_column(default=False)  # to visitors who see the entry
    # names of styles that stay on the owner's shelf, by their places in the job
    named_styles: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
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
        CodedError.__init__(self, "entry.not_found")


class LinkRevoked(CodedError):
    """A share link that was good once."""

    def __init__(self) -> None:
        super().__init__("link.revoked")


@dataclass(frozen=True)
class Shown:
    """A job that is done, and what its owner noted of it."""

    job: Job
    entry: Entry


# ---------------------------------------------------------------- conditions

DONE = and_(Job.status == Status.DONE, Job.binned.is_(None))
PUBLIC = and_(Entry.published.is_not(None), Entry.hidden.is_(None))
_BOTH = select(Job, Entry)
NOTED = _BOTH.join(Entry, Entry.job_id == Job.id).where(DONE)
ALL = _BOTH.outerjoin(Entry, Entry.job_id == Job.id).where(DONE)


def favourite() -> ColumnElement[bool]:
    """True for jobs that their owner made a favourite, in statements on jobs alone."""
    return select(Entry.job_id).where(Entry.job_id == Job.id, Entry.favourite).exists()


def kept() -> ColumnElement[bool]:
    """True for jobs that don't go by age: favourites, and those with a named or taught style."""
    named = select(Entry.job_id).where(Entry.job_id == Job.id, Entry.named_styles.is_not(None))
    return or_(favourite(), named.exists(), Job.taught_key.is_not(None))


def shown(job: Job, entry: Entry | None) -> Shown:
    """Pair a job with its owner's notes, none so far included."""
    if entry is None:
        entry = Entry(job_id=job.id, title="", tags=[], favourite=False)
        entry.shows_photo = entry.lends_styles = False
        entry.named_styles = None
    return Shown(job, entry)


def find_one(statement: Select[Job, Entry]) -> Shown:
    """Return the entry found; raises `EntryNotFound`."""
    with database.reading() as session:
        row = session.execute(statement).one_or_none()
    if row is None:
        raise EntryNotFound
    return shown(*row)


def valid_id(job_id: str) -> str:
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


def folded(text: str) -> str:
    """Return the text as it is searched: letters without case or width."""
    return plain(unicodedata.normalize("NFKC", text).casefold())


# ---------------------------------------------------------------- statements


def upsert(session: Session, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that can also say ON CONFLICT."""
    sqlite_here = session.get_bind().dialect.name == "sqlite"
    return sqlite.insert(table) if sqlite_here else postgresql.insert(table)
