"""Overview for the admin page: counts and ages in the queue, recent throughput, live workers."""

from dataclasses import dataclass

from sqlalchemy import case, func, select

from worker.jobs import ACTIVE, Job, Status
from worker.storage import database, processes
from worker.storage.database import now

SPANS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}  # seconds


@dataclass(frozen=True)
class Pace:
    """What ended within some time; `seconds` is the mean of one that was made."""

    done: int
    failed: int
    cancelled: int
    seconds: float | None


@dataclass(frozen=True)
class Worker:
    """A worker with a recent heartbeat, and the jobs it runs."""

    name: str
    seen: float  # epoch seconds
    device: str
    code: bool  # whether it runs machine code of its default network
    version: str
    jobs: list[str]


def _pace(seconds: float) -> Pace:
    made = case((Job.status == Status.DONE, Job.finished - Job.started))
    statement = (
        select(Job.status, func.count(), func.avg(made))
        .where(Job.status.not_in(ACTIVE), Job.finished > now() - seconds)
        .group_by(Job.status)
    )
    with database.reading() as session:
        found = {status: (count, mean) for status, count, mean in session.execute(statement)}
    ends = Status.DONE, Status.FAILED, Status.CANCELLED
    done, failed, cancelled = (found.get(end, (0, None)) for end in ends)
    return Pace(done[0], failed[0], cancelled[0], done[1] and float(done[1]))


def pace() -> dict[str, Pace]:
    """Return what ended within the last minute, hour and day."""
    return {name: _pace(seconds) for name, seconds in SPANS.items()}


def oldest() -> float | None:
    """Return the seconds that the oldest job in line has waited; None: none waits."""
    waiting = select(now() - func.min(Job.submitted)).where(Job.status == Status.QUEUED)
    with database.reading() as session:
        return session.scalar(waiting)


def workers() -> list[Worker]:
    """Return the workers with a recent heartbeat."""
    with database.reading() as session:
        rows = session.execute(select(Job.worker, Job.id).where(Job.status == Status.RUNNING)).all()
    return [
        Worker(
            one.name,
            one.seen,
            str(one.info.get("device", "")),
            bool(one.info.get("code")),
            str(one.info.get("version", "")),
            [job_id for name, job_id in rows if name == one.name],
        )
        for one in processes.alive("worker")
    ]


def listed(status: Status | None, limit: int, before: str | None = None) -> list[Job]:
    """Return everybody's jobs, newest first, those older than the job `before`."""
    statement = select(Job).order_by(Job.id.desc()).limit(limit)
    if status is not None:
        statement = statement.where(Job.status == status)
    if before is not None:
        statement = statement.where(Job.id < before)
    with database.reading() as session:
        return list(session.scalars(statement))
