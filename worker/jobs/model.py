"""The jobs table: a row, its states, and the conditions that statements share.

A row is the truth about its job; the message in the queue only says that there is one. All
times are the database's, in epoch seconds.
"""

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Index,
    UpdateBase,
    and_,
    delete,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from worker import errors
from worker.errors import CodedError, Message
from worker.images.film_records import RecordedFilm
from worker.jobs import queue, service_state
from worker.options import Recorded
from worker.settings import settings
from worker.storage import database
from worker.storage.database import Base, now


class Status(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Hold(StrEnum):
    """What a worker learns about its job when it renews the lease."""

    HELD = "held"
    CANCELLED = "cancelled"  # the owner wants it no more
    LOST = "lost"  # another attempt has it, or it ended


class JobNotFound(CodedError):
    """No such job, or another visitor's; which of the two is no visitor's business."""

    def __init__(self) -> None:
        super().__init__("job.not_found")


class Job(Base):
    """One picture to make, and afterwards what made it."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("jobs_in_line", "status", "priority", "turn", "id"),
        Index("jobs_in_queue", "status", "queue", "priority", "turn", "id"),
        Index("jobs_of_owner", "owner", "id"),
        Index("jobs_finished", "status", "finished"),
        Index("jobs_kept", "owner", "status", "bytes", "reserved"),
        Index("jobs_of_batch", "batch", "cell"),
        Index("jobs_of_origin", "origin", "status"),
        Index(
            "jobs_of_parent",
            "parent",
            sqlite_where=text("parent IS NOT NULL"),
            postgresql_where=text("parent IS NOT NULL"),
        ),
        CheckConstraint(
            "(finished IS NOT NULL) = (status IN ('done', 'failed', 'cancelled'))",
            "jobs_finished_when_ended",
        ),
        CheckConstraint(
            "(lease_until IS NOT NULL) = (status = 'running')", "jobs_leased_while_running"
        ),
        CheckConstraint("released BETWEEN 0 AND attempt", "jobs_released_attempts"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # uuid7, so that ids sort by age
    owner: Mapped[str]
    status: Mapped[Annotated[str, AfterValidator(Status)]] = mapped_column(default=Status.QUEUED)
    options: Mapped[Recorded] = mapped_column(JSON)
    content_key: Mapped[str]
    style_keys: Mapped[list[str]] = mapped_column(JSON)
    mask_keys: Mapped[list[str]] = mapped_column(JSON)
    style_digests: Mapped[list[str]] = mapped_column(JSON, default=list)  # sha256, to find by
    content_width: Mapped[int]
    content_height: Mapped[int]
    # of the photo as it was sent, which masks refer to; jobs of earlier versions have none
    original_width: Mapped[int | None]
    original_height: Mapped[int | None]
    notices: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)  # what was done to pictures
    shape: Mapped[str] = mapped_column(default="")  # what may run together; "": alone
    origin: Mapped[str | None]  # the scrambled address it came from, until it has ended
    by_address: Mapped[bool] = mapped_column(default=False)  # takes its origin's turns
    batch: Mapped[str | None]  # the id of the batch it came with
    parent: Mapped[str | None]  # the id of the owner's job that it was made from
    cell: Mapped[int | None]  # its place in the batch's table, row by row
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)  # what its pictures take
    reserved: Mapped[int] = mapped_column(BigInteger, default=0)  # for the result, until it ends
    # its place in the line
    queue: Mapped[str] = mapped_column(default=queue.LIGHT)  # which kind of worker it waits for
    priority: Mapped[int] = mapped_column(default=0)  # lower first
    turn: Mapped[int] = mapped_column(default=0)  # an owner's second job waits for others' first
    submitted: Mapped[float] = mapped_column(default=now())
    started: Mapped[float | None]
    finished: Mapped[float | None]
    binned: Mapped[float | None]  # since when its owner has it in the bin, unread
    # who has it
    attempt: Mapped[int] = mapped_column(default=0)  # only grows: what an old attempt says is void
    released: Mapped[int] = mapped_column(default=0)  # attempts given back, which do not count
    lease_until: Mapped[float | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    worker: Mapped[str | None]
    device: Mapped[str | None]
    stage: Mapped[str] = mapped_column(default="")
    progress: Mapped[float] = mapped_column(default=0.0)  # in [0, 1]
    # what became of it
    error: Mapped[str | None]  # one calm sentence for the owner, in English
    error_code: Mapped[str | None]  # what it says as a message: rows of earlier versions have none
    error_params: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    timings: Mapped[dict[str, float]] = mapped_column(JSON, default=dict)  # seconds a stage
    together: Mapped[int] = mapped_column(default=1)  # jobs made at once with it
    network: Mapped[str | None]
    weights_sha256: Mapped[str | None]
    version: Mapped[str | None]
    result_key: Mapped[str | None]
    thumbnail_key: Mapped[str | None]
    taught_key: Mapped[str | None]  # the style that it taught
    film: Mapped[RecordedFilm | None] = mapped_column(JSON(none_as_null=True))
    film_key: Mapped[str | None]  # the painted film, whose first frame is the result
    width: Mapped[int | None]
    height: Mapped[int | None]
    # length and sha256 of its pictures, by key; jobs of earlier versions have none
    files: Mapped[dict[str, list[Any]] | None] = mapped_column(JSON)

    @property
    def failure(self) -> Message | str | None:
        """Why there is no picture; a sentence where an earlier version recorded it."""
        return errors.recorded(self.error, self.error_code, self.error_params)


class Paused(Exception):
    """The job goes back to the queue, and goes on where it was when its turn comes again."""


SOURCE = "source.film"  # of a film as it was sent, until the clean one is there
LONGEST = 1000  # seconds, however long a row says that a film is


def film_keys(job_id: str, film: Mapping[str, Any] | None) -> set[str]:
    """Return the key of the film that a job was given, as it was sent or clean, if there is one.

    `film` is what its row says, as `worker.images.film_records.OfJob`.
    """
    if not film:
        return set()
    return {film.get("clean") or f"{job_id}/{SOURCE}"}


def most_parts(film: Mapping[str, Any]) -> int:
    """Return how many parts a film may be painted in: three times as many as it has by itself."""
    seconds: float = film["seconds"]
    return math.ceil(1.5 * min(seconds, LONGEST)) + 4


Beside = Callable[[Session, str], None]  # writes rows beside a job's, given its id


Reserve = Callable[[int, int], None]  # reserves bytes and submissions beyond the first, or raises


ACTIVE = (Status.QUEUED, Status.RUNNING)


ENDED = (Status.DONE, Status.FAILED, Status.CANCELLED)


ORDER = (Job.priority, Job.turn, Job.id)


def step_of(stage: str) -> tuple[str, int, int]:
    """Return a stage's name, which step of a method it is, and of how many; 0 and 0: of none."""
    name, _, step = stage.partition(" ")
    place, _, steps = step.partition("/")
    return name, int(place or 0), int(steps or 0)


def is_expired() -> ColumnElement[bool]:
    """True for a running job whose worker let the lease run out."""
    return and_(Job.status == Status.RUNNING, Job.lease_until < now())


def _worn_out() -> ColumnElement[bool]:
    return Job.attempt - Job.released >= settings().max_attempts


def is_waiting() -> ColumnElement[bool]:
    return Job.status == Status.QUEUED


def is_wanted() -> ColumnElement[bool]:
    """True for a job that may be started: not cancelled, attempts left, service accepting."""
    return and_(~Job.cancel_requested, ~_worn_out(), service_state.begins())


def is_claimable() -> ColumnElement[bool]:
    """True for a job that a worker may take now."""
    return and_(or_(is_waiting(), is_expired()), is_wanted())


def is_joinable() -> ColumnElement[bool]:
    """True for what may run beside others: small, and never lost with a worker before.

    So what was lost together runs again one by one, and the one that kills its worker costs the
    others no second attempt.
    """
    return and_(Job.shape != "", Job.attempt == Job.released)


def stuck() -> ColumnElement[bool]:
    """True for a queued row that no worker may claim: `repair` ends it.

    No verb of this revision leaves one; an older worker does, and a lowered `max_attempts`.
    """
    return and_(is_waiting(), or_(Job.cancel_requested, _worn_out()))


def is_held(job_id: str, attempt: int) -> ColumnElement[bool]:
    """True for the row as long as this attempt has it: the fence."""
    return and_(Job.id == job_id, Job.attempt == attempt, Job.status == Status.RUNNING)


def in_order(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    """True for those jobs, for a statement that changes many.

    PostgreSQL locks them in the order of their ids then, so that no two such statements wait for
    each other.
    """
    ids = select(Job.id).where(*which).order_by(Job.id).with_for_update()
    return and_(Job.id.in_(ids), *which)


def delete_in(session: Session, *which: ColumnElement[bool]) -> list[str]:
    """Delete the rows of those jobs, locked in the order of their ids; return these.

    A second statement deletes what has been locked: it looks again, also at other tables' rows,
    which may have changed before the lock.
    """
    ids = select(Job.id).where(*which).order_by(Job.id).with_for_update()
    gone: list[str] = []
    for some in database.parts(session.scalars(ids)):
        statement = delete(Job).where(Job.id.in_(some), *which).returning(Job.id)
        gone += session.scalars(statement, execution_options={"synchronize_session": False})
    return gone


@database.retried
def change_one(statement: UpdateBase, durable: bool = False) -> Job | None:
    """Run one statement that changes at most one job, in a transaction of its own."""
    with database.transaction(durable) as session:
        return session.scalars(
            statement.returning(Job), execution_options={"synchronize_session": False}
        ).one_or_none()
