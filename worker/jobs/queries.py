"""Reading jobs: one or many, position, estimate, counts, and what was never claimed."""

import math
import time
from collections.abc import Mapping, Sequence

from sqlalchemy import Subquery, and_, func, literal, select, tuple_

from adain.catalog import DEFAULT_METHOD
from worker.jobs import queue, service_state
from worker.jobs.model import (
    ACTIVE,
    ORDER,
    Job,
    JobNotFound,
    Status,
    film_keys,
    is_claimable,
    is_waiting,
    step_of,
)
from worker.settings import settings
from worker.storage import database, processes
from worker.storage.database import now

LOOKED_AT = 200  # jobs of a network that are looked at for how long they took


def check_id(job_id: str) -> None:
    """Raise `JobNotFound` for what can be no id: PostgreSQL won't even look for some of it."""
    if "\0" in job_id:
        raise JobNotFound


def find(job_id: str) -> Job:
    """Return anybody's job, for who need not own it; raises `JobNotFound`."""
    check_id(job_id)
    with database.reading() as session:
        job = session.get(Job, job_id)
    if job is None:
        raise JobNotFound
    return job


def get(job_id: str, owner: str) -> Job:
    """Return the owner's job; raises `JobNotFound`, also for one in the bin."""
    job = find(job_id)
    if job.owner != owner or job.binned is not None:
        raise JobNotFound
    return job


def mine(owner: str, limit: int = 24, before: str | None = None) -> list[Job]:
    """Return the owner's jobs, newest first, those older than the job `before`."""
    own = Job.owner == owner, Job.binned.is_(None)
    statement = select(Job).where(*own).order_by(Job.id.desc()).limit(limit)
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
    earlier = select(func.count()).where(in_line, tuple_(*ORDER) < place)
    with database.reading() as session:
        return 1 + (session.scalar(earlier) or 0)


def line() -> Subquery:
    """Return id and place in its queue's line, 1 = next, of every job that waits."""
    place = func.row_number().over(partition_by=Job.queue, order_by=ORDER).label("place")
    return select(Job.id, place).where(is_waiting()).subquery()


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


def _method(job: Job) -> str:
    """Return what tells jobs that take long from others: the method, or what is taught."""
    return str(job.options.get("teach") or job.options.get("method", DEFAULT_METHOD))


def _mean_seconds(network: str | None, method: str) -> float | None:
    """Return what the network's latest jobs by a method took on average; None: none was measured.

    Looked for among its latest `LOOKED_AT`, since no index has the method.
    """
    latest = (
        select(
            ((Job.finished - Job.started) / Job.together).label("seconds"),
            func.coalesce(
                func.nullif(Job.options["teach"].as_string(), ""),
                Job.options["method"].as_string(),
                DEFAULT_METHOD,
            ).label("method"),
        )
        .where(Job.status == Status.DONE, Job.network == network, Job.finished >= Job.started)
        .order_by(Job.finished.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    recent = select(latest.c.seconds).where(latest.c.method == method).limit(20).subquery()
    with database.reading() as session:
        return session.scalar(select(func.avg(recent.c.seconds)))


def _left(job: Job) -> float:
    """Return the seconds that a job of steps still takes, as it went so far."""
    assert job.started is not None
    return max(0.0, time.time() - job.started) / job.progress * (1 - job.progress)


def estimates(
    some: Sequence[Job], places: Mapping[str, int] | None = None
) -> dict[str, float | None]:
    """Return the seconds until jobs are probably done by their ids, by the latest of each network.

    None when nothing was measured yet, jobs are paused, or there is nothing to wait for.
    `places` are their `positions`, where they are known. The number of looks does not grow with
    the jobs'.
    """
    active = [job for job in some if job.status in ACTIVE]
    found: dict[str, float | None] = dict.fromkeys(job.id for job in some)
    if not active or service_state.current() == service_state.State.PAUSED:
        return found
    places = positions(active) if places is None else places
    means = {kind: _mean_seconds(*kind) for kind in {(job.network, _method(job)) for job in active}}
    serving = [one.info.get("serves", queue.QUEUES) for one in processes.alive("worker")]
    able = {name: max(1, sum(name in each for each in serving)) for name in queue.QUEUES}
    for job in active:
        mean = means[job.network, _method(job)]
        if step_of(job.stage)[1] > 1 and job.started and job.progress:
            found[job.id] = _left(job)
        elif mean is None:
            continue
        elif job.status == Status.RUNNING:
            found[job.id] = float(mean) * job.together * (1 - job.progress)
        else:
            found[job.id] = float(mean) * math.ceil(places[job.id] / able.get(job.queue, 1))
    return found


def estimate(job: Job) -> float | None:
    return estimates([job])[job.id]


def counts() -> dict[Status, int]:
    """Return how many jobs are in each state."""
    with database.reading() as session:
        rows = session.execute(select(Job.status, func.count()).group_by(Job.status)).all()
    return dict.fromkeys(Status, 0) | {Status(status): count for status, count in rows}


@queue.counted
def waiting(name: str) -> int:
    """Return how many jobs wait in a queue."""
    with database.reading() as session:
        statement = select(func.count()).where(is_waiting(), Job.queue == name)
        return session.scalar(statement) or 0


def unanswered(name: str = queue.LIGHT, limit: int = 1000) -> list[str]:
    """Return a queue's jobs that waited `ring_after_seconds` and are unclaimed, next one first."""
    young = Job.submitted.between(now() - settings().ring_after_seconds, now())
    old = and_(Job.queue == name, ~young)  # one of the future is old: the clock was set back
    with database.reading() as session:
        statement = select(Job.id).where(is_claimable(), old).order_by(*ORDER).limit(limit)
        return list(session.scalars(statement))


def named(job_ids: Sequence[str]) -> dict[str, set[str]]:
    """Return, for those ids that have a row, the keys of the pictures that it names."""
    made = (Job.result_key, Job.thumbnail_key, Job.taught_key, Job.film_key)
    wanted = (Job.film, Job.content_key, Job.style_keys, Job.mask_keys, *made)
    with database.reading() as session:
        rows = session.execute(select(Job.id, *wanted).where(Job.id.in_(job_ids))).all()
    return {
        job_id: {key for key in (photo, *styles, *masks, *made) if key} | film_keys(job_id, film)
        for job_id, film, photo, styles, masks, *made in rows
    }


def active(job_ids: Sequence[str]) -> set[str]:
    """Return those ids whose job has not ended."""
    mine = select(Job.id).where(Job.id.in_(job_ids), Job.status.in_(ACTIVE))
    with database.reading() as session:
        return set(session.scalars(mine))


def unknown(job_ids: Sequence[str]) -> set[str]:
    """Return those ids that no row has."""
    with database.reading() as session:
        return set(job_ids) - set(session.scalars(select(Job.id).where(Job.id.in_(job_ids))))
