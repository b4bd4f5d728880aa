"""Jobs: the table, and every way a job changes, each in one statement.

    queued → running → done | failed | cancelled

A row is the truth about its job; the message in the queue only says that there is one. All
times are the database's, in epoch seconds. Knows no network and no web.
"""

import contextlib
import logging
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import uuid_utils
from sqlalchemy import (
    CTE,
    JSON,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    CompoundSelect,
    Index,
    Select,
    Subquery,
    Update,
    UpdateBase,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from adain.files.pictures import scaled_size
from worker.images import images
from worker.images.images import CleanFile, CleanImage, Given, ImageRejected
from worker.jobs import gate, queue, traces
from worker.observability import faults, metrics
from worker.options import Options
from worker.refused import Refused as Refused
from worker.settings import KIB, settings
from worker.storage import blobs, database, deletions, processes
from worker.storage.database import Base, now

log = logging.getLogger(__name__)


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


class JobNotFound(Exception):
    """No such job, or another visitor's; which of the two is nobody's business."""

    def __init__(self) -> None:
        super().__init__("There is no job with this id among yours.")


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
    status: Mapped[str] = mapped_column(default=Status.QUEUED)
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    content_key: Mapped[str]
    style_keys: Mapped[list[str]] = mapped_column(JSON)
    mask_keys: Mapped[list[str]] = mapped_column(JSON)
    style_digests: Mapped[list[str]] = mapped_column(JSON, default=list)  # sha256, to find by
    content_width: Mapped[int]
    content_height: Mapped[int]
    shape: Mapped[str] = mapped_column(default="")  # what may run together; "": alone
    origin: Mapped[str | None]  # the scrambled address it came from, until it has ended
    by_address: Mapped[bool] = mapped_column(default=False)  # takes its origin's turns
    batch: Mapped[str | None]  # the id of the batch it came with
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
    error: Mapped[str | None]  # one calm sentence for the owner
    timings: Mapped[dict[str, float]] = mapped_column(JSON, default=dict)  # seconds a stage
    together: Mapped[int] = mapped_column(default=1)  # jobs made at once with it
    network: Mapped[str | None]
    weights_sha256: Mapped[str | None]
    version: Mapped[str | None]
    result_key: Mapped[str | None]
    thumbnail_key: Mapped[str | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    # length and sha256 of its pictures, by key; jobs of earlier versions have none
    files: Mapped[dict[str, Any] | None] = mapped_column(JSON)


Beside = Callable[[Session, str], None]  # writes rows beside a job's, given its id
Room = Callable[[int], None]  # makes room for so many bytes, or raises


# ---------------------------------------------------------------- conditions

ACTIVE = (Status.QUEUED, Status.RUNNING)
ENDED = (Status.DONE, Status.FAILED, Status.CANCELLED)
_LINE = (Job.priority, Job.turn, Job.id)
_SMALL = 1 << 20  # pixels; a larger picture fills the processor by itself


def _expired() -> ColumnElement[bool]:
    return and_(Job.status == Status.RUNNING, Job.lease_until < now())


def _worn_out() -> ColumnElement[bool]:
    return Job.attempt - Job.released >= settings().max_attempts


def _waits() -> ColumnElement[bool]:
    return Job.status == Status.QUEUED


def _wanted() -> ColumnElement[bool]:
    return and_(~Job.cancel_requested, ~_worn_out(), gate.begins())


def _claimable() -> ColumnElement[bool]:
    return and_(or_(_waits(), _expired()), _wanted())


def _joinable() -> ColumnElement[bool]:
    """True for what may run beside others: small, and never lost with a worker before.

    So what was lost together runs again one by one, and the one that kills its worker costs the
    others no second attempt.
    """
    return and_(Job.shape != "", Job.attempt == Job.released)


def stuck() -> ColumnElement[bool]:
    """True for a row that waits and that nobody may claim: `repair` ends it.

    No verb of this revision leaves one; an older worker does, and a lowered `max_attempts`.
    """
    return and_(_waits(), or_(Job.cancel_requested, _worn_out()))


def _held(job_id: str, attempt: int) -> ColumnElement[bool]:
    """True for the row as long as this attempt has it: the fence."""
    return and_(Job.id == job_id, Job.attempt == attempt, Job.status == Status.RUNNING)


def in_order(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    """True for those jobs, for a statement that changes many.

    PostgreSQL locks them in the order of their ids then, so that no two such statements wait for
    each other.
    """
    ids = select(Job.id).where(*which).order_by(Job.id).with_for_update()
    return and_(Job.id.in_(ids), *which)


@database.retried
def _change(statement: UpdateBase, durable: bool = False) -> Job | None:
    """Run one statement that changes at most one job, in a transaction of its own."""
    with database.transaction(durable) as session:
        return session.scalars(
            statement.returning(Job), execution_options={"synchronize_session": False}
        ).one_or_none()


# ---------------------------------------------------------------- submit


def _checked(what: str, clean: Callable[[], CleanFile]) -> CleanFile:
    """Let a rejection say which picture it means."""
    try:
        return clean()
    except ImageRejected as rejected:
        raise ImageRejected(f"{what}: {rejected}") from rejected


def check_scaled(what: str, image: CleanFile | CleanImage, size: int) -> None:
    """Raise `Refused` if the picture would be worked on larger than may be."""
    width, height = scaled_size(image.width, image.height, size)
    limit = settings().max_output_pixels
    if width * height > limit:
        raise Refused(
            f"{what} would be worked on at {width} × {height} pixels; at most {limit / 1e6:g} "
            "megapixels are possible. Choose a smaller size."
        )


def _cleaned_styles(
    looks: Sequence[Callable[[], CleanFile]], size: int
) -> Iterator[tuple[str, CleanFile]]:
    for place, look in enumerate(looks):
        what = f"Style picture {place + 1}"
        picture = _checked(what, look)
        check_scaled(what, picture, size)
        yield f"style-{place}", picture


def _cleaned(
    content: Given, styles: Sequence[Given], masks: Sequence[Given], size: int, folder: Path
) -> dict[str, CleanFile]:
    """Check every picture, one after another; return them by the name their blobs get.

    They lie in the folder: some kilobytes sent may become 75 MB each.
    """
    with images.looks(list(map(images.source, (content, *styles))), folder) as (look, *others):
        photo = _checked("The photo", look)
        check_scaled("The photo", photo, size)
        pictures = {"content": photo, **dict(_cleaned_styles(others, size))}
    wanted = photo.width, photo.height
    for place, mask in enumerate(map(images.source, masks)):
        file = folder / f"mask-{place}"
        clean = partial(images.clean_mask_file, mask, file, wanted)
        pictures[f"mask-{place}"] = _checked(f"Mask {place + 1}", clean)
    if (len(masks), len(styles)) == (1, 2):
        file, mask = folder / "mask-1", images.source(masks[0])
        pictures["mask-1"] = images.opposite_mask_file(mask, file, wanted)
    return pictures


def _keep(job_id: str, pictures: dict[str, CleanFile]) -> dict[str, str]:
    """Store the pictures; return their keys by name. All or, when the storage fails, none."""
    keys = {name: f"{job_id}/{name}.{picture.suffix}" for name, picture in pictures.items()}
    try:
        blobs.put_all({keys[name]: picture.file for name, picture in pictures.items()})
    except Exception:
        blobs.delete_jobs([job_id])
        raise
    return keys


def _size(pictures: dict[str, CleanFile]) -> int:
    return sum(picture.size for picture in pictures.values())


def reserved(width: int, height: int, size: int) -> int:
    """Return the bytes that a photo's result and thumbnail take at most."""
    width, height = scaled_size(width, height, size)
    return 3 * width * height + 128 * KIB


def placing(width: int, height: int, options: Options) -> dict[str, str]:
    """Return which jobs a photo of that size may run with, and which kind of worker it is for.

    Columns of its row: `shape` names network and size that it works at, "" if it runs alone.
    """
    width, height = scaled_size(width, height, options.size)
    pixels, limit = width * height, settings().heavy_pixels
    heavy = limit and (pixels >= limit or options.network == "vgg19")
    return {
        "shape": f"{options.network} {width}x{height}" if pixels <= _SMALL else "",
        "queue": queue.HEAVY if heavy else queue.LIGHT,
    }


@lru_cache(maxsize=256)
def next_turn(owner: str) -> ColumnElement[int]:
    """Behind the owner's own jobs, and level with the first of everybody else's."""
    other = aliased(Job)
    active = other.status.in_(ACTIVE)
    own = select(func.max(other.turn) + 1).where(active, other.owner == owner).scalar_subquery()
    first = select(func.min(other.turn)).where(active).scalar_subquery()
    after_own, with_first = func.coalesce(own, 0), func.coalesce(first, 0)
    return case((after_own > with_first, after_own), else_=with_first)


@database.retried
def _insert(
    job_id: str,
    owner: str,
    keys: dict[str, str],
    pictures: dict[str, CleanFile],
    options: Options,
    beside: Beside,
) -> Job:
    photo = pictures["content"]

    def named(start: str) -> list[str]:
        return [key for name, key in keys.items() if name.startswith(start)]

    with database.transaction(durable=True) as session:
        statement = insert(Job).values(
            id=job_id,
            owner=owner,
            options=options.model_dump(),
            content_key=keys["content"],
            style_keys=named("style-"),
            mask_keys=named("mask-"),
            style_digests=[
                picture.digest for name, picture in pictures.items() if name.startswith("style-")
            ],
            content_width=photo.width,
            content_height=photo.height,
            files={keys[name]: [one.size, one.digest] for name, one in pictures.items()},
            bytes=_size(pictures),
            reserved=reserved(photo.width, photo.height, options.size),
            network=options.network,
            turn=next_turn(owner),
            **placing(photo.width, photo.height, options),
        )
        job = session.scalars(statement.returning(Job)).one()
        beside(session, job.id)
    return job


def _accept(
    owner: str, pictures: dict[str, CleanFile], options: Options, beside: Beside, room: Room
) -> Job:
    """Store, insert and commit a job of checked pictures."""
    photo = pictures["content"]
    room(_size(pictures) + reserved(photo.width, photo.height, options.size))
    job_id = str(uuid_utils.uuid7())
    keys = _keep(job_id, pictures)
    faults.at("stored", job_id)  # pictures without a row
    try:
        return _insert(job_id, owner, keys, pictures, options, beside)
    except Exception:
        with contextlib.suppress(DBAPIError):
            if unknown([job_id]):  # else it was committed, and only the answer got lost
                blobs.delete_jobs([job_id])
        raise


def submit(
    owner: str,
    content: Given,
    styles: Sequence[Given],
    masks: Sequence[Given] = (),
    options: object = None,
    beside: Beside = lambda session, job_id: None,
    room: Room = lambda size: None,
) -> Job:
    """Accept a job: check, store, insert, commit, and only then ring.

    Knows no limits: what visitors send comes through `admission.submit`. `options` is what
    `Options` takes; `beside` may write in the job's own transaction; `room` is told the bytes
    before any is kept. Raises `Refused` with a sentence, `blobs.StorageFull`; whatever it
    raises, there is no job then. Without Redis the job waits for the sweep.
    """
    begun = time.time()
    chosen = Options.read(options or {}, len(styles), len(masks))
    # in the web process's folder: what a killed one leaves goes at the next start
    # (`web/http/spool.py`)
    with blobs.full_disk(), tempfile.TemporaryDirectory(prefix="studio-job-") as folder:
        pictures = _cleaned(content, styles, masks, chosen.size, Path(folder))
        job = _accept(owner, pictures, chosen, beside, room)
    log.info("job %s queued", job.id)
    faults.at("committed", job.id)  # a row without a bell
    queue.announce([job.id], job.queue)
    traces.submitted(job, begun)
    return job


# ---------------------------------------------------------------- a worker's verbs


def _some(condition: ColumnElement[bool], count: int) -> Select[str, int, int]:
    """The first so many in line of those, for a worker of this kind; an index has them in order."""
    mine = settings().serving
    serves_all = set(mine) == set(queue.QUEUES)
    kind = true() if serves_all else Job.queue == mine[0]
    columns = select(Job.id, Job.priority, Job.turn)
    return columns.where(condition, _wanted(), kind).order_by(*_LINE).limit(count)


def _next(count: int) -> Select[str]:
    """The next so many in line: of those that wait and those that silent workers have.

    Apart and then together, since for "either" no index helps: with 100,000 jobs in line a claim
    took 190 ms so.
    """
    parts = [_some(condition, count).subquery() for condition in (_waits(), _expired())]
    both = union_all(*map(select, parts)).subquery()
    line = (both.c.priority, both.c.turn, both.c.id)
    return select(both.c.id).order_by(*line).limit(count)


def _first() -> CTE:
    """The very next in line, locked; the row of the other part is let go with the transaction."""
    parts = [
        _some(condition, 1).add_columns(case((_joinable(), Job.shape), else_="").label("shape"))
        for condition in (_waits(), _expired())
    ]
    # SKIP LOCKED is for PostgreSQL; in SQLite there is one writer anyway
    locked = [
        part.with_for_update(skip_locked=True).cte(name)
        for part, name in zip(parts, ("waiting", "silent"), strict=True)
    ]
    both = union_all(*map(select, locked)).subquery()
    line = (both.c.priority, both.c.turn, both.c.id)
    return select(both.c.id, both.c.shape).order_by(*line).limit(1).cte("first")


def _taking(worker: str, ids: Select[str] | CompoundSelect[str]) -> Update:
    """Give those jobs to the worker, in one statement."""
    return (
        update(Job)
        .where(Job.id.in_(ids))
        .values(
            status=Status.RUNNING,
            attempt=Job.attempt + 1,
            lease_until=now() + settings().lease_seconds,
            started=now(),
            worker=worker,
            stage="",
            progress=0.0,
        )
        .returning(Job)
    )


@database.retried
def _take(statement: Update) -> list[Job]:
    """Run such a statement; return the jobs in line."""
    with database.transaction() as session:
        taken = session.scalars(statement, execution_options={"synchronize_session": False}).all()
    return sorted(taken, key=lambda job: (job.priority, job.turn, job.id))


@cache
def _claiming(worker: str, most: int) -> Update:
    """Return a claim's statement: building it takes ten times as long as running it."""
    taken = _first()
    mates = (
        select(Job.id)
        .where(Job.id.in_(_next(most)), Job.id.not_in(select(taken.c.id)), _joinable())
        .where(Job.shape == select(taken.c.shape).scalar_subquery())
        .with_for_update(skip_locked=True)
        .cte("mates")
    )
    return _taking(worker, union_all(select(taken.c.id), select(mates.c.id)))


def claim_together(worker: str, most: int) -> list[Job]:
    """Take the next job in line, and of the `most` next ones those that can run with it.

    So nobody is overtaken by more than that. Order: priority, owner's turn, age.
    """
    return _take(_claiming(worker, most))


def claim(worker: str) -> Job | None:
    """Take the next job in line; None: nothing to do."""
    return next(iter(claim_together(worker, 1)), None)


@lru_cache(maxsize=64)
def _joining(worker: str, shape: str, most: int) -> Update:
    same = and_(Job.shape == shape, _joinable())
    mates = select(Job.id).where(Job.id.in_(_next(most)), same).with_for_update(skip_locked=True)
    return _taking(worker, mates)


def join(worker: str, job: Job, most: int) -> list[Job]:
    """Take more that can run with a claimed job, of the `most` next ones in line."""
    if most < 1 or not job.shape or job.attempt - job.released > 1:
        return []
    return _take(_joining(worker, job.shape, most))


@database.retried
def renew_all(held: Sequence[Job], stage: str, progress: float) -> dict[str, Hold]:
    """Prolong the leases of jobs made together, show how far they are, tell what each became."""
    attempts = [(job.id, job.attempt) for job in held]
    statement = (
        update(Job)
        .where(in_order(tuple_(Job.id, Job.attempt).in_(attempts), Job.status == Status.RUNNING))
        .values(lease_until=now() + settings().lease_seconds, stage=stage, progress=progress)
        .returning(Job.id, Job.cancel_requested)
    )
    with database.transaction() as session:
        rows = session.execute(statement, execution_options={"synchronize_session": False}).all()
    found = {job_id: Hold.CANCELLED if cancelled else Hold.HELD for job_id, cancelled in rows}
    return {job.id: Hold.LOST for job in held} | found


def renew(job: Job, stage: str, progress: float) -> Hold:
    """Prolong the lease of one job."""
    return renew_all([job], stage, progress)[job.id]


def _end(job_id: str, attempt: int, status: Status, **values: object) -> Status | None:
    """End the job unless another attempt has it; a wish to cancel wins."""
    ended = case((Job.cancel_requested, Status.CANCELLED), else_=status)
    job = _change(
        update(Job)
        .where(_held(job_id, attempt))
        .values(status=ended, finished=now(), lease_until=None, **values),
        durable=True,
    )
    if job:
        metrics.ENDED.labels(job.status).inc()
        traces.ended(job)
    log.info("job %s attempt %d %s", job_id, attempt, job.status if job else "came too late")
    return Status(job.status) if job else None


def finish(
    job_id: str,
    attempt: int,
    *,
    result_key: str,
    thumbnail_key: str,
    width: int,
    height: int,
    device: str,
    weights_sha256: str,
    version: str,
    timings: dict[str, float],
    together: int = 1,
    stored: int = 0,
    files: dict[str, Any] | None = None,
) -> bool:
    """Record the result and its bytes; False when this attempt has the job no more.

    False too when it was cancelled. `files`: the fingerprints of all its pictures, by key.
    """
    return (
        _end(
            job_id,
            attempt,
            Status.DONE,
            result_key=result_key,
            thumbnail_key=thumbnail_key,
            width=width,
            height=height,
            device=device,
            weights_sha256=weights_sha256,
            version=version,
            timings=timings,
            together=together,
            bytes=Job.bytes + stored,
            stage="",
            progress=1.0,
            **({"files": files} if files is not None else {}),
        )
        == Status.DONE
    )


def fail(job_id: str, attempt: int, sentence: str) -> bool:
    """Record that there will be no result; False when this attempt has the job no more."""
    return _end(job_id, attempt, Status.FAILED, error=sentence) == Status.FAILED


def stopped(job_id: str, attempt: int) -> bool:
    """Record that the work was stopped because its owner cancelled."""
    return _end(job_id, attempt, Status.CANCELLED) == Status.CANCELLED


_WORN_OUT = "The job was started several times and never came to an end. Please try another."


def _unheld(returned: int) -> dict[str, Any]:
    """Return what a row becomes when nobody has it: cancelled, failed, or in line again.

    `returned`: attempts given back with it, which do not count.
    """
    worn_out = Job.attempt - Job.released - returned >= settings().max_attempts
    ended = or_(Job.cancel_requested, worn_out)
    return {
        "status": case(
            (Job.cancel_requested, Status.CANCELLED),
            (worn_out, Status.FAILED),
            else_=Status.QUEUED,
        ),
        "error": case((and_(~Job.cancel_requested, worn_out), _WORN_OUT), else_=Job.error),
        "finished": case((ended, now())),
        "lease_until": None,
        "released": Job.released + returned,
    }


def _note_let_go(job: Job) -> None:
    """Log and count what a job became that nobody has."""
    log.info("job %s attempt %d let go, now %s", job.id, job.attempt, job.status)
    if job.status == Status.QUEUED:
        return
    metrics.ENDED.labels(job.status).inc()
    if job.status == Status.FAILED:
        metrics.FAILED.labels("WornOut").inc()
    traces.ended(job)


@database.retried
def _let_go(which: ColumnElement[bool], returned: int = 0) -> list[Job]:
    """Let those rows become what they become when nobody has them; return them."""
    statement = update(Job).where(in_order(which)).values(**_unheld(returned)).returning(Job)
    with database.transaction() as session:
        found = list(session.scalars(statement, execution_options={"synchronize_session": False}))
    for job in found:
        _note_let_go(job)
    return found


def release(job_id: str, attempt: int, counts: bool = False) -> bool:
    """Give the job back unfinished; unless it counts, the attempt costs nothing.

    One that counted runs alone the next time; one that its owner cancelled, or whose attempts
    are used up, ends. False when this attempt has the job no more.
    """
    return bool(_let_go(_held(job_id, attempt), returned=0 if counts else 1))


# ---------------------------------------------------------------- an owner's verbs


def _check_id(job_id: str) -> None:
    """Raise `JobNotFound` for what can be no id: PostgreSQL won't even look for some of it."""
    if "\0" in job_id:
        raise JobNotFound


def find(job_id: str) -> Job:
    """Return anybody's job, for who need not own it; raises `JobNotFound`."""
    _check_id(job_id)
    with database.reading() as session:
        job = session.get(Job, job_id)
    if job is None:
        raise JobNotFound
    return job


def get(job_id: str, owner: str) -> Job:
    """Return the owner's job; raises `JobNotFound`."""
    job = find(job_id)
    if job.owner != owner:
        raise JobNotFound
    return job


def _cancel(*which: ColumnElement[bool]) -> Update:
    """Return what cancels at once where nobody works on it, and else asks the worker to."""
    waiting = Job.status == Status.QUEUED
    return (
        update(Job)
        .where(in_order(*which, Job.status.in_(ACTIVE)))
        .values(
            cancel_requested=True,
            status=case((waiting, Status.CANCELLED), else_=Job.status),
            finished=case((waiting, now()), else_=Job.finished),
        )
    )


def cancel(job_id: str, owner: str) -> Job:
    """Cancel at once if nobody works on it, else ask the worker to; an ended job stays as it is.

    Raises `JobNotFound`.
    """
    _check_id(job_id)
    return _change(_cancel(Job.id == job_id, Job.owner == owner)) or get(job_id, owner)


@database.retried
def cancel_batch(batch_id: str, owner: str) -> None:
    """Cancel what has not ended of a batch, as `cancel` does."""
    with database.transaction() as session:
        session.execute(
            _cancel(Job.batch == batch_id, Job.owner == owner),
            execution_options={"synchronize_session": False},
        )


def mine(owner: str, limit: int = 24, before: str | None = None) -> list[Job]:
    """Return the owner's jobs, newest first, those older than the job `before`."""
    statement = select(Job).where(Job.owner == owner).order_by(Job.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(Job.id < before)
    with database.reading() as session:
        return list(session.scalars(statement))


def position(job: Job) -> int:
    """Return the job's place in line, 1 = next; 0 when it does not wait."""
    if job.status != Status.QUEUED:
        return 0
    place = tuple_(literal(job.priority), literal(job.turn), literal(job.id))
    in_line = and_(Job.status == Status.QUEUED, Job.queue == job.queue)
    earlier = select(func.count()).where(in_line, tuple_(*_LINE) < place)
    with database.reading() as session:
        return 1 + (session.scalar(earlier) or 0)


def line() -> Subquery:
    """Return id and place in its queue's line, 1 = next, of every job that waits."""
    place = func.row_number().over(partition_by=Job.queue, order_by=_LINE).label("place")
    return select(Job.id, place).where(_waits()).subquery()


def positions(some: Sequence[Job]) -> dict[str, int]:
    """Return the places in line of jobs by their ids, 0 for who does not wait; all in one look."""
    waiting = [job for job in some if job.status == Status.QUEUED]
    if len(waiting) < 2:
        return {job.id: position(job) for job in some}
    places = line()
    statement = select(places.c.id, places.c.place).where(
        places.c.id.in_([job.id for job in waiting])
    )
    with database.reading() as session:
        found = {row[0]: row[1] for row in session.execute(statement)}
    return {job.id: found.get(job.id, 0) for job in some}


def _mean_seconds(network: str | None) -> float | None:
    """Return what the network's latest jobs took on average; None when none was measured yet."""
    recent = (
        select(((Job.finished - Job.started) / Job.together).label("seconds"))
        .where(Job.status == Status.DONE, Job.network == network, Job.finished >= Job.started)
        .order_by(Job.finished.desc())
        .limit(20)
        .subquery()
    )
    with database.reading() as session:
        return session.scalar(select(func.avg(recent.c.seconds)))


def estimates(
    some: Sequence[Job], places: Mapping[str, int] | None = None
) -> dict[str, float | None]:
    """Return the seconds until jobs are probably done by their ids, by the latest of each network.

    None when nothing was measured yet, nobody can say, or there is nothing to wait for.
    `places` are their `positions`, where they are known. The number of looks does not grow with
    the jobs'.
    """
    active = [job for job in some if job.status in ACTIVE]
    found: dict[str, float | None] = dict.fromkeys(job.id for job in some)
    if not active or gate.read().state == gate.State.PAUSED:
        return found
    places = positions(active) if places is None else places
    means = {network: _mean_seconds(network) for network in {job.network for job in active}}
    serving = [one.info.get("serves", queue.QUEUES) for one in processes.alive("worker")]
    able = {name: max(1, sum(name in each for each in serving)) for name in queue.QUEUES}
    for job in active:
        mean = means[job.network]
        if mean is None:
            continue
        if job.status == Status.RUNNING:
            found[job.id] = float(mean) * job.together * (1 - job.progress)
        else:
            found[job.id] = float(mean) * math.ceil(places[job.id] / able.get(job.queue, 1))
    return found


def estimate(job: Job) -> float | None:
    """Return `estimates` of one job."""
    return estimates([job])[job.id]


# ---------------------------------------------------------------- the keeper's verbs


def stop(job_id: str) -> Job:
    """Cancel anybody's job as its owner would; raises `JobNotFound`."""
    _check_id(job_id)
    return _change(_cancel(Job.id == job_id)) or find(job_id)


@database.retried
def stop_all(*, owner: str | None = None, origin: str | None = None) -> int:
    """Cancel all jobs of an owner or from an origin; return how many changed."""
    which = Job.owner == owner if owner is not None else Job.origin == origin
    with database.transaction() as session:
        statement = _cancel(which).returning(Job.id)
        return len(
            session.scalars(statement, execution_options={"synchronize_session": False}).all()
        )


def requeue(job_id: str) -> Job:
    """Put a job that failed, was cancelled or is being worked on in line again, as if new.

    What an attempt says that still has it is void. Raises `JobNotFound`, and `Refused` for one
    that waits or is done.
    """
    _check_id(job_id)
    again = Job.status.in_([Status.RUNNING, Status.FAILED, Status.CANCELLED])
    job = _change(
        update(Job)
        .where(Job.id == job_id, again)
        .values(
            status=Status.QUEUED,
            released=Job.attempt,  # all its attempts are free again
            shape="",  # and it runs alone, lest it take others along
            cancel_requested=False,
            lease_until=None,
            started=None,
            finished=None,
            error=None,
            stage="",
            progress=0.0,
        )
    )
    if job is None:
        raise Refused(f"The job is {find(job_id).status}; it needs no second try.")
    log.info("job %s queued again by the keeper", job_id)
    queue.announce([job_id], job.queue)
    return job


# ---------------------------------------------------------------- the sweep's verbs


def counts() -> dict[Status, int]:
    """Return how many jobs are in each state."""
    with database.reading() as session:
        rows = session.execute(select(Job.status, func.count()).group_by(Job.status)).all()
    return dict.fromkeys(Status, 0) | {Status(status): count for status, count in rows}


def expire() -> int:
    """Put back in line what silent workers had, or end it; return how many jobs changed."""
    return len(_let_go(_expired()))


LONGEST = 10  # leases; one that ends later than that was given by a clock that was set back since


@database.retried
def _shorten_leases() -> None:
    """Shorten leases that end later than any lease does."""
    longest = now() + LONGEST * settings().lease_seconds
    with database.transaction() as session:
        session.execute(
            update(Job)
            .where(in_order(Job.status == Status.RUNNING, Job.lease_until > longest))
            .values(lease_until=longest),
            execution_options={"synchronize_session": False},
        )


def repair() -> int:
    """End what waits and nobody may claim; shorten leases that are too long.

    Returns how many jobs ended. Looks before it writes, since it has to look at the whole line.
    """
    _shorten_leases()
    with database.reading() as session:
        found = session.scalars(select(Job.id).where(stuck())).all()
    if not found:
        return 0
    log.warning("%d jobs waited that nobody may claim", len(found))
    return len(_let_go(and_(Job.id.in_(found), stuck())))


@queue.counted
def waiting(name: str) -> int:
    """Return how many jobs wait in a queue."""
    with database.reading() as session:
        statement = select(func.count()).where(_waits(), Job.queue == name)
        return session.scalar(statement) or 0


def unanswered(name: str = queue.LIGHT, limit: int = 1000) -> list[str]:
    """Return a queue's jobs that nobody took though they wait for some seconds, next one first."""
    young = Job.submitted.between(now() - settings().ring_after_seconds, now())
    old = and_(Job.queue == name, ~young)  # one of the future is old: the clock was set back
    with database.reading() as session:
        statement = select(Job.id).where(_claimable(), old).order_by(*_LINE).limit(limit)
        return list(session.scalars(statement))


@database.retried
def forget(days: float, states: Sequence[Status] = ENDED) -> list[str]:
    """Delete the rows of jobs that ended so, and so long ago; return their ids."""
    ended = and_(Job.status.in_(states), Job.finished < now() - days * 86400)
    with database.transaction() as session:
        gone = session.scalars(
            delete(Job).where(in_order(ended)).returning(Job.id),
            execution_options={"synchronize_session": False},
        ).all()
        deletions.note(session, gone)
    return list(gone)


def named(job_ids: Sequence[str]) -> dict[str, set[str]]:
    """Return, for those ids that have a row, the keys of the pictures that it names."""
    wanted = (Job.content_key, Job.style_keys, Job.mask_keys, Job.result_key, Job.thumbnail_key)
    with database.reading() as session:
        rows = session.execute(select(Job.id, *wanted).where(Job.id.in_(job_ids))).all()
    return {
        job_id: {key for key in (photo, *styles, *masks, *made) if key}
        for job_id, photo, styles, masks, *made in rows
    }


def unknown(job_ids: Sequence[str]) -> set[str]:
    """Return those ids that no row has."""
    with database.reading() as session:
        return set(job_ids) - set(session.scalars(select(Job.id).where(Job.id.in_(job_ids))))
