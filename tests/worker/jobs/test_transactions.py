"""Transactions lock in one order, so that none deadlock; one that does is retried."""

import ast
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier

import pytest
import uuid_utils
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import DBAPIError

import worker
from worker import jobs
from worker.gallery import bins
from worker.jobs import Job, Status
from worker.maintenance import sweep
from worker.storage import database
from worker.storage.database import now
from worker.visitors import accounts, quota, turns

COUNT = 12  # jobs


QUEUED: dict[str, object] = {"status": Status.QUEUED}
RUNNING: dict[str, object] = {"status": Status.RUNNING, "attempt": 1, "lease_until": now() + 60}
SILENT = RUNNING | {"lease_until": 0.0}
LEASED_TOO_LONG = RUNNING | {"lease_until": now() + 1e6}
STUCK = QUEUED | {"cancel_requested": True}
ENDED: dict[str, object] = {"status": Status.CANCELLED, "finished": 1.0}


@pytest.fixture
def ids(postgres: Path) -> list[str]:
    """The ids of an owner's jobs, see `write`."""
    return sorted(str(uuid_utils.uuid7()) for _ in range(COUNT))


def write(ids: list[str], values: dict[str, object]) -> None:
    """Have these jobs and no others, in the table in the reverse order of their ids."""
    same = {
        "owner": "ann", "batch": "batch", "origin": "address", "options": {}, "content_key": "",
        "style_keys": [], "mask_keys": [], "content_width": 1, "content_height": 1,
    }  # fmt: skip
    with database.transaction() as session:
        session.execute(text("TRUNCATE jobs"))
        for job_id in reversed(ids):
            session.execute(insert(Job).values(id=job_id, **same, **values))


# ---------------------------------------------------------------- verbs of many rows


def every_job() -> list[Job]:
    with database.reading() as session:
        return list(session.scalars(select(Job)))


def remove_all() -> None:
    bins.remove("ann", [job.id for job in every_job()])


@database.retried
def delete_rows() -> None:
    with database.transaction() as session:
        quota.delete_rows(session, [job.id for job in every_job()])


@dataclass(frozen=True)
class Verb:
    """A verb that changes many rows, and the state of those that it changes."""

    state: dict[str, object]
    run: Callable[[], object]


VERBS = {
    "claim_together": Verb(QUEUED, lambda: jobs.claim_together("worker-1", COUNT)),
    "cancel_batch": Verb(QUEUED, lambda: jobs.cancel_batch("batch", "ann")),
    "stop_all": Verb(RUNNING, lambda: jobs.stop_all(owner="ann")),
    "renew_all": Verb(RUNNING, lambda: jobs.renew_all(every_job(), "content", 0.5)),
    "expire": Verb(SILENT, jobs.expire),
    "repair": Verb(STUCK, jobs.repair),
    "shorten": Verb(LEASED_TOO_LONG, jobs.repair),
    "forget": Verb(ENDED, lambda: jobs.forget(1.0)),
    "forget_origins": Verb(ENDED, turns.forget_origins),
    "delete_rows": Verb(ENDED, delete_rows),
    "gallery_remove": Verb(ENDED, remove_all),
    "accounts_remove": Verb(QUEUED, lambda: accounts.remove("ann")),
    "sign_in": Verb(QUEUED, lambda: accounts.sign_in("issuer", "ann", "Ann", "ann", "ann-2")),
}
NEVER_WAITS = {"claim_together"}  # it skips what is locked


# ---------------------------------------------------------------- the order of locks


@contextmanager
def locked(job_id: str) -> Iterator[Connection]:
    """Hold the lock of one row meanwhile."""
    with database.engine().connect() as connection, connection.begin():
        connection.execute(text("SELECT 1 FROM jobs WHERE id = :id FOR UPDATE"), {"id": job_id})
        yield connection


def until_one_waits() -> None:
    waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    end = time.monotonic() + 60
    while True:
        with database.engine().connect() as connection:
            if connection.scalar(waits):
                return
        assert time.monotonic() < end, "nobody ever waited"
        time.sleep(0.01)


def free() -> set[str]:
    """Return the jobs that no transaction has locked."""
    with database.engine().connect() as connection:
        rows = connection.execute(text("SELECT id FROM jobs FOR UPDATE SKIP LOCKED"))
        return {row[0] for row in rows}


@pytest.mark.parametrize("name", sorted(VERBS.keys() - NEVER_WAITS))
def test_a_verb_of_many_rows_locks_them_in_the_order_of_their_ids(
    ids: list[str], name: str
) -> None:
    write(ids, VERBS[name].state)
    middle = COUNT // 2
    with ThreadPoolExecutor(1) as pool:
        with locked(ids[middle]):
            done = pool.submit(VERBS[name].run)
            until_one_waits()
            unlocked = free()
        done.result()
    assert unlocked == set(ids[middle + 1 :])


def deadlocks() -> int:
    """Return how many deadlocks PostgreSQL has counted in this database."""
    with database.engine().connect() as connection:
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        counted = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(connection.scalar(counted) or 0)


def at_once(*verbs: Verb) -> None:
    start = Barrier(len(verbs))

    def run(verb: Verb) -> None:
        start.wait(60)
        verb.run()

    with ThreadPoolExecutor(len(verbs)) as pool:
        list(pool.map(run, verbs))


@pytest.mark.parametrize("name", sorted(VERBS))
def test_two_verbs_of_many_rows_at_once_never_deadlock(ids: list[str], name: str) -> None:
    before, one = deadlocks(), VERBS[name]
    for other in VERBS.values():
        for state in (one.state, other.state):
            write(ids, state)
            at_once(one, other)
    assert deadlocks() == before


# ---------------------------------------------------------------- and if, again


def test_a_transaction_that_lost_a_deadlock_is_done_again(ids: list[str]) -> None:
    first, second = ids[:2]
    write(ids, QUEUED)
    tries = []

    @database.retried
    def both(one: str, other: str) -> None:
        tries.append(one)
        with database.transaction() as session:
            session.execute(update(Job).where(Job.id == one).values(priority=Job.priority + 1))
            if len(tries) <= 2:
                meeting.wait(60)
            session.execute(update(Job).where(Job.id == other).values(priority=Job.priority + 1))

    meeting = Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(both, (first, second), (second, first)))
    assert len(tries) >= 3  # one lost, or under load each once
    assert [jobs.find(job_id).priority for job_id in (first, second)] == [2, 2]


def test_what_fails_for_another_reason_is_not_done_again(postgres: Path) -> None:
    tries = []

    @database.retried
    def wrong() -> None:
        tries.append(1)
        with database.transaction() as session:
            session.execute(text("SELECT 1 / 0"))

    with pytest.raises(DBAPIError):
        wrong()
    assert tries == [1]


def opens_a_transaction(node: ast.AST) -> bool:
    return isinstance(node, ast.With) and any(
        ast.unparse(item.context_expr).startswith("database.transaction(") for item in node.items
    )


def test_every_function_that_opens_a_transaction_is_retried() -> None:
    folder = Path(worker.__path__[0])
    found, missing = 0, []
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and any(map(opens_a_transaction, ast.walk(node))):
                found += 1
                if "database.retried" not in map(ast.unparse, node.decorator_list):
                    missing.append(f"{path.name}: {node.name}")
    assert found
    assert missing == []


def test_the_sweep_changes_many_rows_by_the_verbs_above_only() -> None:
    source = Path(sweep.__file__).read_text()
    assert "update(" not in source
    assert "delete(" not in source.replace("blobs.delete(", "")
