"""What the database's clock wrote while it was ahead: it delays no one once it is right again."""

from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.parts import Setting, picture
from worker import jobs
from worker.storage import database, processes
from worker.storage.database import now
from worker.storage.processes import Process
from worker.visitors import rate_limits
from worker.visitors.rate_limits import Allowance, TooMany, Visitor
from worker.webhooks import deliveries
from worker.webhooks.deliveries import Delivery

AHEAD = 20 * 3600.0  # seconds
ANN = Visitor("ann", "here")


def spent(times: int, *costs: rate_limits.Cost) -> int:
    """Return how many times of so many it could be spent."""
    for done in range(times):
        try:
            rate_limits.check(ANN, *costs)
            rate_limits.consume(ANN, *costs)
        except TooMany:
            return done
    return times


def ahead(seconds: float = AHEAD) -> None:
    """Have everything spent by a clock that was ahead."""
    with database.transaction() as session:
        for one in session.scalars(select(Allowance)):
            one.until += seconds


def test_a_limit_spent_while_the_clock_was_ahead_is_whole(either: Path, setting: Setting) -> None:
    setting(visitor_submissions=3)
    assert spent(5, rate_limits.submissions()) == 3
    ahead()
    assert spent(5, rate_limits.submissions()) == 3
    with pytest.raises(TooMany) as refused:
        rate_limits.consume(ANN, rate_limits.submissions())
    assert refused.value.retry_after <= rate_limits.MINUTE


def test_the_administrator_may_try_again_at_once(either: Path) -> None:
    for _ in range(rate_limits.ATTEMPTS):
        assert not rate_limits.guess("here", lambda: False)
    with pytest.raises(TooMany):
        rate_limits.guess("here", lambda: True)
    ahead()
    assert rate_limits.guess("here", lambda: True)


def test_what_is_charged_afterwards_comes_back_within_two_windows(
    either: Path, setting: Setting
) -> None:
    setting(visitor_decoding=10)
    for _ in range(5):
        rate_limits.charge(ANN, rate_limits.decoding(1000))
    with pytest.raises(TooMany) as refused:
        rate_limits.check(ANN, rate_limits.pictures())
    assert rate_limits.DECODING / 2 < refused.value.retry_after <= 2 * rate_limits.DECODING


def test_a_row_from_a_clock_ahead_is_deleted(either: Path) -> None:
    rate_limits.consume(ANN, rate_limits.submissions())
    rate_limits.forget()
    ahead(30 * rate_limits.DAY)
    rate_limits.forget()
    with database.reading() as session:
        assert session.scalars(select(Allowance)).all() == []


def test_a_webhook_that_was_written_ahead_is_due(either: Path, setting: Setting) -> None:
    setting(webhooks_loopback=True)
    deliveries.make_secret("ann")
    promise = deliveries.promise("ann", "http://127.0.0.1:1/")
    job = jobs.submit("ann", picture(), [picture()], beside=promise)
    jobs.cancel(job.id, "ann")
    with database.transaction() as session:
        session.execute(update(Delivery).values(due=now() + AHEAD, busy_until=now() + AHEAD))
    claimed = deliveries.claim()
    assert claimed is not None
    assert deliveries.claim() is None  # it is being sent


def test_a_process_that_was_seen_ahead_is_not_alive(either: Path) -> None:
    processes.touch("right", "worker", {})
    processes.touch("ahead", "worker", {})
    with database.transaction() as session:
        late = update(Process).where(Process.name == "ahead").values(seen=now() + 2 * 86400)
        session.execute(late)
    assert [one.name for one in processes.alive("worker")] == ["right"]
    assert list(processes.counted("worker")) == ["right"]
    processes.forget()
    with database.reading() as session:
        assert session.scalars(select(Process.name)).all() == ["right"]
