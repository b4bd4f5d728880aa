"""No row waits for ever: what becomes of a job without a worker; what the constraints refuse."""

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from tests.parts import Setting, picture
from web.operations import metrics as shown
from worker import jobs
from worker.jobs import Job, Status
from worker.maintenance import leader, sweep
from worker.storage import database

WORN_OUT = "The job was started several times and never came to an end. Please try another."
BEFORE = "0014"  # the last revision without the constraints


def submit(owner: str = "ann") -> Job:
    return jobs.submit(owner, picture(), [picture(20, 20)])


def claimed() -> Job:
    job = jobs.claim("worker-1")
    assert job is not None
    return job


def now(job: Job) -> Job:
    return jobs.find(job.id)


def write(job: Job, **values: object) -> None:
    """Write into a job's row what no verb of this revision writes."""
    with database.transaction() as session:
        session.execute(update(Job).where(Job.id == job.id).values(**values))


# ---------------------------------------------------------------- three ways in


@pytest.mark.parametrize("counts", [False, True])
def test_a_cancelled_job_that_is_given_back_is_cancelled(either: Path, counts: bool) -> None:
    submit()
    job = claimed()
    jobs.cancel(job.id, "ann")
    assert jobs.release(job.id, job.attempt, counts)
    assert now(job).status == Status.CANCELLED
    assert now(job).finished is not None


def test_a_job_given_back_after_its_last_attempt_fails(either: Path, setting: Setting) -> None:
    setting(max_attempts=1)
    submit()
    job = claimed()
    assert jobs.release(job.id, job.attempt, counts=True)
    assert (now(job).status, now(job).error) == (Status.FAILED, WORN_OUT)
    assert now(job).finished is not None


def test_jobs_that_wait_with_used_up_attempts_fail_at_the_next_sweep(
    either: Path, setting: Setting
) -> None:
    submit()
    job = claimed()
    assert jobs.release(job.id, job.attempt, counts=True)
    assert now(job).status == Status.QUEUED
    setting(max_attempts=1)  # fewer than when it was given back
    assert sweep.Sweep().once()
    assert (now(job).status, now(job).error) == (Status.FAILED, WORN_OUT)


def test_what_an_older_worker_leaves_stuck_is_counted_and_ended_by_the_sweep(either: Path) -> None:
    submit()
    job = claimed()
    jobs.cancel(job.id, "ann")
    write(job, status=Status.QUEUED, lease_until=None, released=1)  # as ef70aa7 gives back
    assert jobs.claim("worker-2") is None
    assert 'studio_stuck_jobs{queue="light"} 1.0' in shown.text().decode()
    assert sweep.Sweep().once()
    assert now(job).status == Status.CANCELLED
    assert 'studio_stuck_jobs{queue="light"} 0.0' in shown.text().decode()


# ---------------------------------------------------------------- a clock that jumped back


def test_a_lease_longer_than_any_is_shortened(either: Path) -> None:
    submit()
    job = claimed()
    write(job, lease_until=Job.lease_until + 86400)
    jobs.repair()
    assert (now(job).lease_until or 0) < database.time() + 200
    assert now(job).status == Status.RUNNING


def test_a_job_submitted_in_the_future_is_announced_again(either: Path) -> None:
    job = submit()
    write(job, submitted=Job.submitted + 3600)
    assert jobs.unanswered() == [job.id]


def test_a_leader_whose_lease_is_longer_than_any_leads_no_more(either: Path) -> None:
    assert leader.take(sweep.ROLE, "before the jump", 3600)
    assert leader.take(sweep.ROLE, "after the jump", 15)


# ---------------------------------------------------------------- constraints


WRONG: list[dict[str, object]] = [
    {"finished": 1.0},
    {"status": Status.DONE},
    {"lease_until": 1.0},
    {"status": Status.RUNNING},
    {"released": 1},
    {"released": -1},
]


@pytest.mark.parametrize("values", WRONG, ids=str)
def test_the_table_refuses_a_row_that_contradicts_itself(
    either: Path, values: dict[str, object]
) -> None:
    job = submit()
    with pytest.raises(DBAPIError, match="jobs_"):
        write(job, **values)
    assert now(job).status == Status.QUEUED


def downgrade(revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    command.downgrade(config, revision)


def test_the_migration_repairs_rows_that_contradict_themselves(either: Path) -> None:
    made = [submit(f"owner-{place}") for place, _ in enumerate(WRONG)]
    cancelled = submit("another")
    downgrade(BEFORE)
    for job, values in zip(made, WRONG, strict=True):
        write(job, **values)
    write(cancelled, cancel_requested=True)
    database.migrate()
    jobs.expire()
    jobs.repair()
    found = [now(job) for job in made]
    queued, done = Status.QUEUED, Status.DONE
    assert [job.status for job in found] == [queued, done, queued, queued, queued, queued]
    assert [job.finished is not None for job in found] == [False, True, *[False] * 4]
    assert all(job.lease_until is None for job in found)
    assert all(0 <= job.released <= job.attempt for job in found)
    assert now(cancelled).status == Status.CANCELLED


PREVIOUS: dict[str, dict[str, object]] = {
    "claim": {
        "status": Status.RUNNING, "attempt": Job.attempt + 1, "lease_until": database.now() + 12,
        "started": database.now(),
    },
    "cancel while it runs": {"cancel_requested": True},
    "release": {
        "status": Status.QUEUED, "lease_until": None, "released": Job.released + 1,
    },
    "claim again": {
        "status": Status.RUNNING, "attempt": Job.attempt + 1, "lease_until": database.now() + 12,
    },
    "end": {
        "status": Status.DONE, "finished": database.now(), "lease_until": None,
    },
    "requeue": {
        "status": Status.QUEUED, "released": Job.attempt, "cancel_requested": False,
        "lease_until": None, "started": None, "finished": None,
    },
    "cancel while it waits": {
        "cancel_requested": True, "status": Status.CANCELLED, "finished": database.now(),
    },
}  # fmt: skip


def test_every_transition_of_the_previous_revision_is_accepted(either: Path) -> None:
    job = submit()
    for values in PREVIOUS.values():
        write(job, **values)
    assert now(job).status == Status.CANCELLED
