"""Parts of films that are being painted: rows that workers claim, lease and end, as they do jobs.

Who has a film's job writes them once its shots are found. Any worker may take one that is free;
an attempt that lost its part can store nothing under that part's name, and its row says so. They go
when the job ends. Loads no torch and no FFmpeg.
"""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    and_,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from worker.jobs import ACTIVE, LONGEST, Job, Paused, Status, is_held, queue, service_state
from worker.settings import settings
from worker.storage import blobs, database, processes
from worker.storage.database import Base, now

_QUIETLY = {"synchronize_session": False}


class Part(Base):
    """Some frames of a film, one after the other, that one worker paints."""

    __tablename__ = "parts"
    __table_args__ = (
        CheckConstraint("stored IS NULL OR lease_until IS NULL", "parts_stored_are_not_leased"),
    )

    job_id: Mapped[str] = mapped_column(primary_key=True)
    first: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # its first frame
    frames: Mapped[int]  # how many it has
    begin: Mapped[int] = mapped_column(BigInteger)  # when its first is shown, in `codecs.BASE`
    plan: Mapped[int]  # the job's attempt that found the shots, and wrote the rows
    attempt: Mapped[int] = mapped_column(default=0)  # only grows, as a job's
    lease_until: Mapped[float | None]
    worker: Mapped[str | None]
    painted: Mapped[int] = mapped_column(default=0)  # frames that are done
    # length and sha256 of what is stored
    stored: Mapped[list[int | str] | None] = mapped_column(JSON(none_as_null=True))

    @property
    def end(self) -> int:
        """The number of the first frame that comes after it."""
        return self.first + self.frames

    def key(self, ending: str, attempt: int = 0) -> str:
        """Return the key of what this attempt, or another, painted."""
        number = attempt or self.attempt
        return f"{self.job_id}/part-{self.first}-{self.plan}-{number}.{ending}"


def plan_key(job_id: str, plan: int) -> str:
    """Return the key of a film's cuts and of the statistics of its shots."""
    return f"{job_id}/plan-{plan}.safetensors"


_ENDINGS = ("mp4", "webm")  # of the names of films


def _ending(film: dict[str, Any] | None) -> str:
    """Return how the names of a film's parts end: as that of its clean film."""
    return str((film or {}).get("clean", "")).rpartition(".")[2]


# ---------------------------------------------------------------- conditions


def _is_wanted() -> ColumnElement[bool]:
    """True for a part of a film that is under way, and that its owner wants."""
    wanted = select(Job.id).where(
        Job.id == Part.job_id, Job.status.in_(ACTIVE), ~Job.cancel_requested
    )
    return wanted.correlate(Part).exists()


def _is_free() -> ColumnElement[bool]:
    """True for a part without a worker: its lease ran out, or is longer than any is."""
    longest = now() + LONGEST * settings().lease_seconds
    leased = Part.lease_until.between(now(), longest)
    return and_(Part.stored.is_(None), or_(Part.lease_until.is_(None), ~leased))


def _is_held(part: Part) -> ColumnElement[bool]:
    """True for the row as long as this attempt has it: the fence."""
    return and_(
        Part.job_id == part.job_id,
        Part.first == part.first,
        Part.plan == part.plan,
        Part.attempt == part.attempt,
        Part.lease_until.is_not(None),
    )


def _for_others() -> ColumnElement[bool]:
    """True for a part that a worker may take which has not the film's job.

    None that was lost over and over; the job's own worker paints that.
    """
    under_way = select(Job.id).where(
        Job.id == Part.job_id, Job.status == Status.RUNNING, ~Job.cancel_requested
    )
    return and_(
        _is_free(), Part.attempt < settings().max_attempts, under_way.correlate(Part).exists()
    )


# ---------------------------------------------------------------- write


@database.retried
def write(job: Job, begins: Sequence[tuple[int, int]], frames: int) -> set[str]:
    """Write the rows of a film of so many frames, in place of others; return the others' files.

    `begins`: of each part its first frame, and when that is shown. Raises `Paused` if this attempt
    has the job no more.
    """
    ends = [first for first, _ in begins[1:]] + [frames]
    with database.transaction() as session:
        held = select(Job.id).where(is_held(job.id, job.attempt)).with_for_update()
        if session.scalar(held) is None:
            raise Paused
        gone = delete(Part).where(Part.job_id == job.id).returning(Part)
        former = session.scalars(gone, execution_options=_QUIETLY).all()
        session.expunge_all()  # new rows may have the same keys
        for (first, begin), end in zip(begins, ends, strict=True):
            row = {"first": first, "frames": end - first, "begin": begin}
            session.add(Part(job_id=job.id, plan=job.attempt, **row))
    return {key for part in former for key in _keys(part, _ending(job.film))}


def of(job_id: str) -> list[Part]:
    """Return the parts of a film, in order."""
    with database.reading() as session:
        mine = select(Part).where(Part.job_id == job_id).order_by(Part.first)
        return list(session.scalars(mine))


def free(job_id: str) -> list[Part]:
    """Return those without a worker, in order."""
    with database.reading() as session:
        mine = select(Part).where(Part.job_id == job_id, _is_free()).order_by(Part.first)
        return list(session.scalars(mine))


def free_for_others(job_id: str) -> list[Part]:
    """Return those that a worker may take which has not the film's job, in order."""
    with database.reading() as session:
        mine = select(Part).where(Part.job_id == job_id, _for_others()).order_by(Part.first)
        return list(session.scalars(mine))


def choose(some: Sequence[Part], after: int | None) -> Part:
    """Return which of those that are free a worker takes that painted up to a frame just now.

    The one that follows, which needs no frames before it painted again; else one amid the most
    that follow each other, so that both who paint there go on without such frames.
    """
    runs: list[list[Part]] = []
    for part in some:
        if part.first == after:
            return part
        if runs and runs[-1][-1].end == part.first:
            runs[-1].append(part)
        else:
            runs.append([part])
    longest = max(runs, key=len)
    return longest[len(longest) // 2]


@database.retried
def claim(part: Part, worker: str) -> Part | None:
    """Take a part that was free; None: another was quicker."""
    taking = (
        update(Part)
        .where(Part.job_id == part.job_id, Part.first == part.first, Part.plan == part.plan)
        .where(_is_free(), _is_wanted())
        .values(
            attempt=Part.attempt + 1,
            lease_until=now() + settings().lease_seconds,
            worker=worker,
            painted=0,
        )
        .returning(Part)
    )
    with database.transaction() as session:
        return session.scalars(taking, execution_options=_QUIETLY).one_or_none()


@database.retried
def _change(part: Part, **values: object) -> bool:
    changing = update(Part).where(_is_held(part), _is_wanted()).values(**values)
    with database.transaction() as session:
        return bool(session.execute(changing, execution_options=_QUIETLY).rowcount)  # type: ignore[attr-defined]


def renew(part: Part, painted: int) -> bool:
    """Prolong the lease, and say how many frames are painted; False: it is another's, or done."""
    return _change(part, lease_until=now() + settings().lease_seconds, painted=painted)


def finish(part: Part, fingerprint: Sequence[int | str]) -> bool:
    """Record what is stored under the part's key; False: it is another's, or not wanted."""
    return _change(part, lease_until=None, stored=list(fingerprint), painted=Part.frames)


def release(part: Part) -> None:
    """Give a part back unfinished."""
    _change(part, lease_until=None, painted=0)


@database.retried
def split(part: Part, frames: int, begin: int) -> bool:
    """Let a part have so many frames alone; the rest, shown from a time on, is one more.

    False: it is another's.
    """
    with database.transaction() as session:
        session.execute(select(Job.id).where(Job.id == part.job_id).with_for_update())  # as `write`
        shorter = update(Part).where(_is_held(part)).values(frames=frames)
        if not session.execute(shorter, execution_options=_QUIETLY).rowcount:  # type: ignore[attr-defined]
            return False
        rest = {"first": part.first + frames, "frames": part.frames - frames, "begin": begin}
        session.add(Part(job_id=part.job_id, plan=part.plan, **rest))
    part.frames = frames
    return True


@database.retried
def lose(part: Part) -> None:
    """Have a part painted again whose file is gone or damaged."""
    same = and_(Part.job_id == part.job_id, Part.first == part.first, Part.plan == part.plan)
    with database.transaction() as session:
        session.execute(
            update(Part)
            .where(same, Part.attempt == part.attempt)
            .values(stored=None, lease_until=None, painted=0),
            execution_options=_QUIETLY,
        )


# ---------------------------------------------------------------- read


def painted(job_id: str) -> int:
    """Return how many frames of a film are painted, by all who paint it."""
    with database.reading() as session:
        frames = select(func.coalesce(func.sum(Part.painted), 0)).where(Part.job_id == job_id)
        return int(session.scalar(frames) or 0)


def beginning(job: Job) -> str | None:
    """Return the key of the part that a film begins with, once that is painted."""
    with database.reading() as session:
        first = session.get(Part, (job.id, 0))
    return first.key(_ending(job.film)) if first and first.stored else None


def shared(but: Iterable[str] = ()) -> str | None:
    """Return the film that a worker may paint a part of, the first in line; None: there is none.

    `but`: others than these.
    """
    mine = settings().serving
    parts = (
        select(Job.id)
        .join(Part, Part.job_id == Job.id)
        .where(_for_others(), Job.queue.in_(mine), Job.id.not_in(list(but)))
        .where(service_state.begins())
        .order_by(Job.priority, Job.turn, Job.id)
        .limit(1)
    )
    with database.reading() as session:
        return session.scalar(parts)


@queue.counted
def waiting(name: str) -> int:
    """Return how many parts wait in a queue for a message: as many as workers could take."""
    parts = select(func.count()).select_from(Part).join(Job, Job.id == Part.job_id)
    with database.reading() as session:
        free = session.scalar(parts.where(_for_others(), Job.queue == name)) or 0
    if not free:
        return 0
    able = sum(name in one.info.get("serves", queue.QUEUES) for one in processes.alive("worker"))
    return min(free, max(0, able - 1))


def unanswered(name: str) -> list[str]:
    """Return an id for each message that is missing in a queue if it is empty."""
    return [str(uuid.uuid4()) for _ in range(waiting(name))]


def announce(job: Job) -> None:
    """Send a message for each other worker that could take a part of a film."""
    if missing := unanswered(job.queue):
        queue.announce(missing, job.queue)


# ---------------------------------------------------------------- forget


def _keys(part: Part, ending: str) -> set[str]:
    """Return the keys of all attempts at a part, and of its film's plan."""
    return {part.key(ending, each) for each in range(1, part.attempt + 1)} | {
        plan_key(part.job_id, part.plan)
    }


def named(job_ids: Iterable[str]) -> dict[str, set[str]]:
    """Return the keys of parts and plans of those films that are under way, by job."""
    rows = (
        select(Part, Job.film)
        .join(Job, Job.id == Part.job_id)
        .where(Part.job_id.in_(list(job_ids)), Job.status.in_(ACTIVE))
    )
    found: dict[str, set[str]] = {}
    with database.reading() as session:
        for part, film in session.execute(rows):
            names = {plan_key(part.job_id, part.plan)} | (
                {part.key(_ending(film))} if part.attempt else set()
            )
            found.setdefault(part.job_id, set()).update(names)
    return found


def _is_over() -> ColumnElement[bool]:
    active = select(Job.id).where(Job.id == Part.job_id, Job.status.in_(ACTIVE))
    return ~active.correlate(Part).exists()


@database.retried
def drop(job: Job) -> set[str]:
    """Delete the rows of a film's parts unless it is under way; return the keys of their files."""
    gone = delete(Part).where(Part.job_id == job.id, _is_over()).returning(Part)
    with database.transaction() as session:
        rows = session.scalars(gone, execution_options=_QUIETLY).all()
    return {key for part in rows for key in _keys(part, _ending(job.film))}


@database.retried
def _forgotten() -> set[str]:
    gone = delete(Part).where(_is_over()).returning(Part)
    with database.transaction() as session:
        rows = session.scalars(gone, execution_options=_QUIETLY).all()
    return {key for part in rows for ending in _ENDINGS for key in _keys(part, ending)}


def forget() -> None:
    """Delete the parts of films that are not under way, and their files."""
    blobs.delete(sorted(_forgotten()))
