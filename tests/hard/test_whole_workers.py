"""Celery workers as they are deployed, killed and told to stop."""

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.crew import (
    LONG,
    SHORT,
    SWEEP,
    WORKER,
    Crew,
    ended,
    now,
    runs,
    submit,
    until,
)
from tests.hard import ledger
from tests.parts import Setting, Valkey
from worker import processes
from worker.jobs import Job, Status

TIMES = 5
AT_ONCE = 2  # jobs at a time in one worker; each is a process that loads torch
PATIENT = 240.0  # seconds; the machine may be busy


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Valkey]:
    """A queue server of the test's own that keeps what it has."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    server = Valkey(folder, keeps=True)
    server.start()
    yield server
    server.stop()


def _hire(redis: Valkey, setting: Setting) -> Iterator[Crew]:
    """Set up a studio with short leases; start its sweep."""
    setting(
        redis_url=redis.url,
        heartbeat_seconds=0.5,
        lease_seconds=3,
        sweep_seconds=0.2,
        ring_after_seconds=0.3,
        worker_concurrency=AT_ONCE,
        max_attempts=100,
    )
    ledger.watch_ends()
    hired = Crew()
    hired.start(SWEEP)
    until(lambda: bool(processes.alive("sweep")), PATIENT)
    yield hired
    hired.end()


@pytest.fixture
def crew(studio: Path, redis: Valkey, setting: Setting) -> Iterator[Crew]:
    yield from _hire(redis, setting)


# ---------------------------------------------------------------- workers


def started(crew: Crew, setting: Setting, fault: str = "") -> psutil.Popen:
    """Start a worker and wait until all its processes are ready."""
    setting(fault=fault)
    before = {one.name for one in processes.alive("worker")}
    worker = crew.start(WORKER)
    setting(fault="")
    until(lambda: len(names() - before) >= AT_ONCE, PATIENT)
    return worker


def names() -> set[str]:
    return {one.name for one in processes.alive("worker")}


def family(worker: psutil.Popen) -> list[psutil.Process]:
    return [worker, *worker.children(recursive=True)]


def stop(worker: psutil.Popen) -> None:
    """Tell a worker to stop, and wait until it has ended what it had."""
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENT) == 0


def long_ones() -> list[Job]:
    """Return jobs of which each is being made."""
    made = [submit(LONG) for _ in range(AT_ONCE)]
    until(lambda: all(now(job).status != Status.QUEUED for job in made), PATIENT)
    return made


def all_end(accepted: list[Job]) -> list[Job]:
    until(lambda: all(map(ended, accepted)), PATIENT)
    return ledger.check({job.id for job in accepted})


def test_a_whole_worker_may_be_killed_and_may_be_told_to_stop(crew: Crew, setting: Setting) -> None:
    mortal = started(crew, setting, "kept")
    first = family(mortal)
    makers = [psutil.Process(int(name.split(":")[1])) for name in names()]
    assert all(one.nice() >= 5 for one in makers)  # they stand back behind the web
    accepted = [submit(SHORT) for _ in range(TIMES)]
    until(lambda: not any(map(runs, makers)), PATIENT)
    ledger.check_line()
    mortal.kill()
    until(lambda: not any(map(runs, first)), PATIENT)

    sound = started(crew, setting)
    found = all_end(accepted)
    assert all(job.status == Status.DONE for job in found)
    kills = 1 + AT_ONCE
    ledger.note("Celery worker and its processes killed", kills, found, kills)

    last = long_ones()
    stop(sound)
    if not all(map(ended, last)):  # starved of its processor, it lost a lease
        started(crew, setting)
    found = all_end([*accepted, *last])
    assert all(job.status == Status.DONE for job in found)
    ledger.note("Celery worker told to stop (SIGTERM) mid-job", AT_ONCE, found[-AT_ONCE:])
