"""PostgreSQL: what changed between a statement's look and its lock is looked at again."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep

import pytest
import uuid_utils
from sqlalchemy import event, select, text, update

from tests import crew
from tests.parts import Setting
from tests.worker.jobs.test_transactions import locked, until_one_waits, write
from worker import jobs
from worker.gallery import entries, model
from worker.gallery.model import Entry
from worker.jobs import Job, Status
from worker.storage import database
from worker.storage.blobs import StorageFull
from worker.visitors import quota

COUNT = 4
KEY = 7
_LINE = re.compile(r"IN \(SELECT (anon_\d+)\.id \nFROM")  # where a claim has looked at the line
_WAIT = (
    rf"IN (SELECT \1.id || CASE WHEN pg_advisory_xact_lock({KEY}) IS NULL THEN '' ELSE '' END FROM"
)


def _waiting(_: object, __: object, statement: str, parameters: object, *___: object) -> object:
    return (_LINE.sub(_WAIT, statement) if "UPDATE jobs" in statement else statement), parameters


@contextmanager
def claims_wait() -> Iterator[None]:
    """Have claims wait between their look at the line and their locks, until the end."""
    engine = database.engine()
    with engine.connect() as holder:
        holder.execute(text(f"SELECT pg_advisory_lock({KEY})"))
        event.listen(engine, "before_cursor_execute", _waiting, retval=True)
        try:
            yield
        finally:
            event.remove(engine, "before_cursor_execute", _waiting)
            holder.execute(text(f"SELECT pg_advisory_unlock({KEY})"))


@pytest.mark.parametrize("joins", [False, True])
def test_a_job_cancelled_while_others_are_claimed_is_left_out(postgres: Path, joins: bool) -> None:
    made = {crew.submit(crew.SHORT).id for _ in range(COUNT)}
    cancelled = sorted(made)[2]
    first = jobs.claim_together("worker", 1) if joins else []

    def take() -> list[Job]:
        if first:
            return jobs.join("worker", first[0], COUNT)
        return jobs.claim_together("worker", COUNT)

    with ThreadPoolExecutor(1) as pool:
        with claims_wait():
            taken = pool.submit(take)
            until_one_waits()
            jobs.stop(cancelled)
        assert {job.id for job in [*first, *taken.result()]} == made - {cancelled}
    assert jobs.find(cancelled).status == Status.CANCELLED


# ---------------------------------------------------------------- deletions


def trim() -> None:
    quota.trim()


@database.retried
def enforce() -> None:
    with suppress(quota.QuotaFull, StorageFull), database.transaction() as session:
        quota.enforce(session, "ann")


def forget() -> None:
    jobs.forget(1.0, kept=model.kept())


@pytest.fixture
def job_id(postgres: Path, setting: Setting) -> str:
    """A job that is done and may go: for its age, and for its bytes."""
    setting(total_bytes=1, visitor_bytes=1, guaranteed_owners=0)
    made = str(uuid_utils.uuid7())
    write([made], {"status": Status.DONE, "finished": 1.0, "bytes": 100})
    return made


def is_there(job_id: str) -> bool:
    return not jobs.unknown([job_id])


@pytest.mark.parametrize("delete", [trim, enforce, forget])
def test_what_was_just_pinned_is_not_deleted(job_id: str, delete: Callable[[], None]) -> None:
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            session.execute(select(Job.id).where(Job.id == job_id).with_for_update())
            session.add(Entry(job_id=job_id, favourite=True, title="", tags=[]))
            session.flush()
            done = pool.submit(delete)
            until_one_waits()
        done.result()
    assert entries.own(job_id, "ann").entry.favourite


@pytest.mark.parametrize("delete", [trim, enforce])
def test_what_was_just_queued_again_is_not_deleted(job_id: str, delete: Callable[[], None]) -> None:
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            again = {"status": Status.QUEUED, "finished": None}
            session.execute(update(Job).where(Job.id == job_id).values(again))
            done = pool.submit(delete)
            until_one_waits()
        done.result()
    assert jobs.find(job_id).status == Status.QUEUED


@pytest.mark.parametrize("delete", [trim, enforce, forget])
def test_nothing_is_pinned_that_is_being_deleted(job_id: str, delete: Callable[[], None]) -> None:
    pinned = False

    def pin() -> None:
        nonlocal pinned
        with suppress(model.EntryNotFound):
            entries.change(job_id, "ann", favourite=True)
            pinned = True

    with ThreadPoolExecutor(2) as pool:
        with locked(job_id):
            done = [pool.submit(delete)]
            until_one_waits()
            done.append(pool.submit(pin))
            sleep(0.5)  # it waits too, or is through
        for one in done:
            one.result()
    assert is_there(job_id) == pinned
