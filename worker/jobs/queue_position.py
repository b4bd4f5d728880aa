"""Queue position and progress of many jobs, and the lengths of the queues, in one read each.

Does not check who asks; the caller has.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import case, func, select

from worker import errors
from worker.errors import Message
from worker.jobs import Job, Status, line, queue, step_of, stuck
from worker.storage import database
from worker.storage.database import now


@dataclass(frozen=True)
class JobProgress:
    """What changes of a job while it is watched: state, position, stage, progress."""

    id: str
    state: Status
    position: int  # 1 is next; 0: it does not wait
    stage: str
    step: int  # of a method of steps, from 1; 0: none
    steps: int  # that it takes
    progress: float  # in [0, 1]
    failure: Message | str | None

    @property
    def ended(self) -> bool:
        """True in a final state: done, failed or cancelled."""
        return self.state not in {Status.QUEUED, Status.RUNNING}


def read(job_ids: Collection[str]) -> dict[str, JobProgress]:
    """Return the progress of jobs, by id; deleted ones are left out."""
    places = line()
    statement = (
        select(
            Job.id,
            Job.status,
            func.coalesce(places.c.place, 0),
            Job.stage,
            Job.progress,
            Job.error,
            Job.error_code,
            Job.error_params,
        )
        .outerjoin(places, places.c.id == Job.id)
        .where(Job.id.in_(job_ids))
    )
    with database.reading() as session:
        rows = session.execute(statement).all()
    return {
        job_id: JobProgress(
            job_id, Status(state), position, *step_of(stage), progress, errors.recorded(*error)
        )
        for job_id, state, position, stage, progress, *error in rows
    }


@dataclass(frozen=True)
class Line:
    """How many jobs of one queue are in one state, and how old the oldest is that waits."""

    queue: str
    state: Status
    jobs: int
    oldest: float | None  # seconds; None unless it waits
    stuck: int = 0  # queued jobs that no worker may claim


def lines() -> list[Line]:
    """Return the jobs by queue and state; both queues' waiting and running ones always."""
    age = case((Job.status == Status.QUEUED, func.max(now() - Job.submitted)))
    unclaimable = func.sum(case((stuck(), 1), else_=0))
    statement = select(Job.queue, Job.status, func.count(), age, unclaimable).group_by(
        Job.queue, Job.status
    )
    with database.reading() as session:
        rows = session.execute(statement).all()
    found = {(row[0], row[1]): Line(row[0], Status(row[1]), *row[2:]) for row in rows}
    for name in queue.QUEUES:
        found.setdefault((name, Status.QUEUED), Line(name, Status.QUEUED, 0, 0.0))
        found.setdefault((name, Status.RUNNING), Line(name, Status.RUNNING, 0, None))
    return list(found.values())
