"""Accepted jobs are made once, whichever process dies meanwhile: real processes, killed."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.crew import (
    ENDLESS,
    LONG,
    SHORT,
    SWEEP,
    Crew,
    being_made,
    ended,
    now,
    results,
    runs,
    submit,
    until,
)
from tests.parts import Setting, Valkey
from worker import jobs
from worker.jobs import Status, queue
from worker.runner.heartbeat import RESTART
from worker.storage import blobs, processes


@pytest.fixture
def crew(studio: Path, own_valkey: Valkey, setting: Setting) -> Iterator[Crew]:
    """A studio with a queue server and a sweep of its own, and leases short enough to wait for."""
    own_valkey.start()
    setting(
        redis_url=own_valkey.url,
        heartbeat_seconds=0.5,
        lease_seconds=5,
        sweep_seconds=0.2,
        ring_after_seconds=0.5,
    )
    hired = Crew()
    hired.start(SWEEP)
    until(lambda: bool(processes.alive("sweep")))
    yield hired
    hired.end()


def test_a_worker_killed_mid_job_costs_an_attempt_and_not_the_job(crew: Crew, studio: Path) -> None:
    worker = crew.worker()
    job = submit(LONG)
    until(lambda: being_made(job))
    children = worker.children(recursive=True)
    worker.kill()
    until(lambda: not any(map(runs, children)))  # none stays behind
    crew.worker()
    until(lambda: ended(job))
    assert (now(job).status, now(job).attempt, now(job).error) == (Status.DONE, 2, None)
    assert results(job, studio) == ["result-2.png"]


def test_a_workers_child_killed_mid_job_is_replaced(crew: Crew, studio: Path) -> None:
    worker = crew.worker()
    job = submit(LONG)
    until(lambda: being_made(job))
    [pid] = [int(process.name.split(":")[1]) for process in processes.alive("worker")]
    psutil.Process(pid).kill()
    until(lambda: ended(job))
    assert (now(job).status, now(job).attempt) == (Status.DONE, 2)
    assert results(job, studio) == ["result-2.png"]
    assert worker.is_running()


def test_a_worker_asked_to_stop_finishes_its_job_and_takes_no_other(
    crew: Crew, studio: Path
) -> None:
    worker = crew.worker()
    job, next_job = submit(LONG), submit(SHORT)
    until(lambda: being_made(job))
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert (now(job).status, now(job).attempt) == (Status.DONE, 1)
    assert now(next_job).status == Status.QUEUED
    assert processes.alive("worker") == []


def test_a_worker_stopped_at_once_gives_its_job_back(crew: Crew, studio: Path) -> None:
    worker = crew.worker()
    job = submit(LONG)
    until(lambda: being_made(job))
    worker.send_signal(signal.SIGQUIT)
    worker.wait(60)
    assert (now(job).status, now(job).released) == (Status.QUEUED, 1)
    assert results(job, studio) == []


def test_jobs_are_made_although_the_queue_server_stops_and_starts(
    crew: Crew, own_valkey: Valkey, studio: Path
) -> None:
    crew.worker()
    own_valkey.stop()
    while_away = [submit(SHORT) for _ in range(3)]
    assert all(now(job).status == Status.QUEUED for job in while_away)
    own_valkey.start()
    until(lambda: all(map(ended, while_away)))

    mid_job = submit(LONG)
    until(lambda: being_made(mid_job))
    behind = [submit(SHORT) for _ in range(3)]
    own_valkey.stop()  # with their messages
    time.sleep(1)
    own_valkey.start()
    until(lambda: all(map(ended, [mid_job, *behind])))

    for job in [*while_away, mid_job, *behind]:
        assert (now(job).status, now(job).attempt) == (Status.DONE, 1)
        assert results(job, studio) == ["result-1.png"]


def test_a_worker_that_receives_nothing_restarts(crew: Crew) -> None:
    worker = crew.worker()
    before = {process.name for process in processes.alive("worker")}
    worker.send_signal(RESTART)  # as its child does, see worker/runner/heartbeat.py
    until(lambda: bool({process.name for process in processes.alive("worker")} - before))
    job = submit(SHORT)
    until(lambda: ended(job))
    assert runs(worker)
    assert now(job).status == Status.DONE


def test_one_job_announced_five_times_is_made_once(crew: Crew, studio: Path) -> None:
    crew.worker()
    job = submit(SHORT)
    for _ in range(5):
        assert queue.send(job.id)
    until(lambda: ended(job) and queue.depth() == 0)
    last = submit(SHORT)
    until(lambda: ended(last))  # every message before it was answered
    assert (now(job).status, now(job).attempt) == (Status.DONE, 1)
    assert results(job, studio) == ["result-1.png"]
    assert blobs.exists(now(job).result_key or "")


def test_a_cancelled_job_stops_and_one_too_long_fails(crew: Crew, setting: Setting) -> None:
    setting(job_time_limit=4)
    crew.worker()
    unwanted, endless, good = submit(ENDLESS), submit(ENDLESS), submit(SHORT)
    until(lambda: now(unwanted).status == Status.RUNNING)
    jobs.cancel(unwanted.id, "ann")
    until(lambda: ended(good) and ended(endless))
    assert now(unwanted).status == Status.CANCELLED
    assert now(endless).error == ("The job was stopped after 4 seconds. Please try a smaller size.")
    assert now(good).status == Status.DONE
