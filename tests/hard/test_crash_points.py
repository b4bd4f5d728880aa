"""Processes killed at every failpoint, many times, on both databases."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text, update

from adain.catalog import METHODS
from tests import walks
from tests.hard import ledger, mortal
from tests.hard.ledger import COUNT
from tests.parts import Setting, picture
from worker import jobs
from worker.jobs import Job, Status
from worker.storage import blobs, database
from worker.storage.database import now

PLACES = {
    "heard": "before claim",
    "claimed": "after claim",
    "styles": "mid-job, at the styles",
    "content": "mid-job, at the photo",
    "picture": "mid-job, at the picture",
    "save": "mid-job, before saving",
    "kept": "between result blob and row",
    "recorded": "after row",
}


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def kind(request: pytest.FixtureRequest, setting: Setting) -> str:
    """A studio on each database in turn, with leases short enough to wait for."""
    request.getfixturevalue("studio" if request.param == "SQLite" else "postgres")
    setting(lease_seconds=1, heartbeat_seconds=0.3, max_attempts=1000)
    ledger.watch_ends()
    return str(request.param)


def submit(owner: str = "ann", width: int = 96, size: int = 64, method: str = "adain") -> str:
    style, options = picture(color="orange"), {"size": size, "method": method}
    return jobs.submit(owner, picture(width, 96, "JPEG"), [style], options=options).id


def all_ended() -> bool:
    jobs.expire()
    jobs.repair()
    counts = jobs.counts()
    return counts[Status.QUEUED] == counts[Status.RUNNING] == 0


def all_ended_after_leases() -> bool:
    """Let the leases end of workers all of which have ended; tell whether all jobs have."""
    with database.transaction() as session:
        session.execute(update(Job).where(Job.status == Status.RUNNING).values(lease_until=0.0))
    return all_ended()


def finish(life: Callable[[], None] = mortal.work_long) -> None:
    """Let sound workers do what is left."""
    while not all_ended():
        mortal.run(life, 2)


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_worker_costs_no_job_and_no_job_its_single_end(kind: str, place: str) -> None:
    accepted = {submit() for _ in range(COUNT)}
    ledger.check_line()
    kills = mortal.run(mortal.work, COUNT, place)
    ledger.check_line()
    finish()
    found = ledger.check(accepted)
    assert all(job.status == Status.DONE for job in found)
    ledger.note(f"worker killed {PLACES[place]}, {kind}", kills, found, kills)


@pytest.mark.parametrize("method", [name for name, known in METHODS.items() if known.heavy])
def test_a_worker_killed_between_two_steps_costs_no_job_and_no_quick_one_beside_it(
    kind: str, method: str
) -> None:
    count = max(1, COUNT // 3)
    accepted = {submit(method=method) for _ in range(count)} | {submit("bob")}
    kills = mortal.run(mortal.work, count, method)
    finish()
    found = ledger.check(accepted)
    assert all(job.status == Status.DONE for job in found)
    assert max(job.attempt for job in found) > 1
    ledger.note(f"worker killed between two steps of {method}, {kind}", kills, found, kills)


def test_a_worker_killed_while_it_stores_one_picture_and_makes_another_loses_neither(
    kind: str,
) -> None:
    accepted, kills, both = set[str](), 0, 0
    for _ in range(COUNT):
        # Of two shapes, so never made at once; the first takes long enough to store.
        pair = submit(size=768), submit(width=128)
        accepted |= set(pair)
        kills += mortal.run(mortal.work, 1, "kept")
        finish()
        both += all(jobs.find(job_id).attempt > 1 for job_id in pair)
    found = ledger.check(accepted)
    assert all(job.status == Status.DONE for job in found)
    assert both, "no second job was ever under way"
    ledger.note(f"worker killed storing one, making another, {kind}", kills, found, kills)


def test_a_submission_killed_before_its_row_leaves_nothing(kind: str) -> None:
    kills = mortal.run(mortal.submit, COUNT, "stored")
    found = ledger.check(set())
    ledger.note(f"submission killed between pictures and row, {kind}", kills, found, kills)


def test_a_submission_killed_before_its_message_is_done_like_any_other(kind: str) -> None:
    kills = mortal.run(mortal.submit, COUNT, "committed")
    accepted = {job.id for job in ledger.rows()}
    assert len(accepted) == kills
    finish()
    found = ledger.check(accepted)
    assert all(job.status == Status.DONE for job in found)
    ledger.note(f"submission killed between commit and send, {kind}", kills, found, kills)


def test_a_sweep_killed_while_it_deletes_is_followed_by_one_that_ends_it(kind: str) -> None:
    for _ in range(COUNT):
        submit()
        finish()
        with database.transaction() as session:
            session.execute(update(Job).values(finished=now() - 31 * 86400))
        assert mortal.run(mortal.tidy, 1, "forgotten") == 1
        assert ledger.rows() == []
        assert list(blobs.files())
    with database.transaction() as session:
        session.execute(text("DELETE FROM ends"))
    ledger.note(
        f"sweep killed between rows and pictures, {kind}", COUNT, ledger.check(set()), COUNT
    )


@pytest.mark.parametrize("copies", [2, 5])
def test_a_message_that_comes_several_times_is_one_job(
    kind: str, setting: Setting, copies: int
) -> None:
    setting(lease_seconds=30)  # none runs out here, however long a process waits for its turn
    accepted = {submit() for _ in range(COUNT)}
    mortal.run(mortal.work, copies * COUNT)
    finish()
    found = ledger.check(accepted)
    assert {(job.status, job.attempt) for job in found} == {(Status.DONE, 1)}
    ledger.note(f"message delivered {copies} times, {kind}", COUNT, found)


def test_a_job_that_kills_its_workers_fails_and_harms_no_other(kind: str, setting: Setting) -> None:
    setting(max_attempts=5, lease_seconds=600)  # so that none but a kill costs an attempt
    kills, accepted = 0, set()
    for _ in range(-(-COUNT // 5)):
        bad, next_one = submit("bob"), submit("cat")
        accepted |= {bad, next_one}
        kills += mortal.run(mortal.work, 100, f"picture:{bad}", all_ended_after_leases)
        assert jobs.get(bad, "bob").error == (
            "The job was started several times and never came to an end. Please try another."
        )
        good = jobs.get(next_one, "cat")
        assert good.status == Status.DONE
        assert good.attempt <= 2  # it may have been in a group with the bad one, once
    found = ledger.check(accepted)
    assert sum(job.status == Status.FAILED for job in found) * 5 == kills
    ledger.note(f"job that kills its worker every time, {kind}", kills, found, kills)


def test_a_workers_clock_says_nothing_about_a_job(kind: str) -> None:
    with ledger.database_time():
        accepted, kills = set[str](), 0
        for life in (mortal.work_an_hour_ahead, mortal.work_an_hour_behind):
            accepted |= {submit() for _ in range(-(-COUNT // 2))}
            kills += mortal.run(life, -(-COUNT // 2), "kept")
            mortal.run(life, -(-COUNT // 2))
        finish(mortal.work_an_hour_ahead)
    found = ledger.check(accepted)
    assert all(job.status == Status.DONE for job in found)
    ledger.note(f"worker's clock wrong by an hour, and killed, {kind}", kills, found, kills)


FAILURES = {
    "database error in mid-statement": mortal.work_with_a_failing_statement,
    "database error after commit": mortal.work_with_a_lost_answer_to_commit,
    "slow database": mortal.work_on_a_slow_database,
}


@pytest.mark.parametrize("fault", FAILURES)
def test_a_database_that_fails_or_is_slow_loses_no_job_and_ends_none_twice(
    kind: str, fault: str
) -> None:
    accepted = {submit() for _ in range(COUNT)}
    mortal.run(FAILURES[fault], COUNT)
    ledger.check_line()
    finish()
    found = ledger.check(accepted)
    assert all(job.status == Status.DONE for job in found)
    ledger.note(f"{fault}, {kind}", COUNT, found)


def test_a_database_clock_that_jumps_loses_no_job_and_ends_none_twice(kind: str) -> None:
    accepted = {submit() for _ in range(COUNT)}
    clock = random.Random(COUNT)
    for _ in range(COUNT):
        process = mortal.start(mortal.work)
        process.join(clock.uniform(0, 1))
        walks.shift(clock.choice([-3600.0, -5.0, 5.0, 3600.0]))
        process.join()
        assert process.exitcode == 0
    finish()
    found = ledger.check(accepted)
    assert all(job.status == Status.DONE for job in found)
    ledger.note(f"database's clock jumps while a job is made, {kind}", COUNT, found)


def test_a_full_disk_fails_the_job_in_words_and_refuses_the_next(
    postgres: Path, setting: Setting
) -> None:
    ledger.watch_ends()
    accepted = {submit() for _ in range(COUNT)}
    mortal.run(mortal.work_on_a_full_disk, 2 * COUNT, enough=all_ended)
    mortal.run(mortal.submit_to_a_full_disk, COUNT)
    found = ledger.check(accepted)
    assert {job.error for job in found} == {
        "There is no room left to keep the result. Please try again later."
    }
    ledger.note("disk full, at the result and at the upload, PostgreSQL", 2 * COUNT, found)
    again = submit()
    finish()
    assert jobs.get(again, "ann").status == Status.DONE
