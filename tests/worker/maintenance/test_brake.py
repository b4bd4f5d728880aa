"""Deletion by age waits where a clock jumped, or where too much would go at once."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from tests.parts import Setting, picture, pictured
from web import app
from worker import jobs
from worker.jobs import Job, idempotency
from worker.maintenance import adoption, brake, sweep
from worker.storage import database, marker, processes
from worker.storage.marker import Marker
from worker.visitors import uploads

HOUR, DAY = 3600.0, 86400.0
LOCAL = ("127.0.0.1", 50000)


@pytest.fixture(autouse=True)
def new_process(setting: Setting) -> Iterator[None]:
    """Forget what this process saw of the clock; jobs are kept for 30 days however they ended."""
    setting(retention_failed_days=0)
    brake._last = None
    yield
    brake._last = None


def ended(count: int) -> list[str]:
    """Return the ids of so many jobs that have ended."""
    made = [jobs.submit("ann", picture(), [picture()]).id for _ in range(count)]
    for job_id in made:
        jobs.cancel(job_id, "ann")
    return made


def move_clock(seconds: float) -> None:
    """Let everything have been written so much earlier, as when the clock is set ahead."""
    with database.transaction() as session:
        finished = Job.finished - seconds
        session.execute(update(Job).values(submitted=Job.submitted - seconds, finished=finished))
        session.execute(update(Marker).values(clock_read=Marker.clock_read - seconds))
    if brake._last:
        brake._last = (marker.clock()[0] or 0.0, brake._last[1])


def run(seconds: float, step: float = HOUR) -> list[str]:
    """Let so much time pass while the studio runs and tidies; return the last warnings."""
    warnings: list[str] = []
    while seconds > 0:
        move_clock(step)
        if brake._last:
            brake._last = (brake._last[0], brake._last[1] - step)
        warnings, seconds = sweep.tidy(), seconds - step
    return warnings


def test_a_clock_that_jumps_ahead_and_back_deletes_nothing(either: Path) -> None:
    made = ended(3)  # few, and all of them
    sweep.tidy()
    run(2 * HOUR)
    move_clock(32 * DAY)
    [warning] = sweep.tidy()
    assert "The clock moved by 768 hours" in warning
    assert "adain-studio adopt" in warning
    move_clock(-32 * DAY)
    assert sweep.tidy() == []
    assert pictured() == set(made)
    assert marker.clock()[1:] == (0.0, 0.0)


def test_many_jobs_past_their_age_at_once_wait_for_a_day(either: Path) -> None:
    ended(brake.FEW + 1)
    sweep.tidy()
    assert run(29.5 * DAY, 29.5 * DAY) == []
    young = set(ended(2))
    [warning] = run(DAY, DAY)
    assert warning.startswith("6 of 8 jobs")
    assert len(run(20 * HOUR)) == 1
    assert len(pictured()) == 8
    assert run(5 * HOUR) == []
    assert pictured() == young


def test_few_old_jobs_are_deleted_without_a_delay(studio: Path) -> None:
    ended(2)
    sweep.tidy()
    assert run(29 * DAY, 29 * DAY) == []
    assert len(pictured()) == 2
    assert run(2 * DAY, 2 * DAY) == []
    assert pictured() == set()


def test_a_studio_that_was_off_for_a_month_tidies_after_a_day(studio: Path) -> None:
    ended(3)
    sweep.tidy()
    brake._last = None
    move_clock(31 * DAY)
    assert len(sweep.tidy()) == 1
    run(DAY / 2)
    brake._last = None  # it was off for a night
    move_clock(DAY / 2)
    assert len(sweep.tidy()) == 1
    run(DAY)
    assert pictured() == set()


def test_adopt_lets_held_deletions_go_on(studio: Path) -> None:
    ended(8)
    sweep.tidy()
    move_clock(32 * DAY)
    assert len(sweep.tidy()) == 1
    adoption.adopt(orphans=False)
    assert sweep.tidy() == []
    assert pictured() == set()


def test_keys_and_other_old_rows_wait_too(studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    for parts in (sweep.AGED, sweep.PICTURES, sweep.ROWS):
        for name in parts:
            monkeypatch.setitem(parts, name, partial(ran.append, name))
    sweep.tidy()
    ran.clear()
    move_clock(400 * DAY)
    assert sweep.tidy() == []  # no job would go, so there is nothing to say
    assert set(ran) == set(sweep.ROWS)


def submit(beside: jobs.Beside) -> jobs.Job:
    return jobs.submit("ann", picture(), [picture()], beside=beside)


def test_a_clock_that_jumps_ahead_deletes_no_idempotency_key_and_no_picture_in_a_form(
    either: Path,
) -> None:
    uploads.keep("ann", picture())
    job_id, _ = idempotency.once("ann", "key", "digest", submit)
    sweep.tidy()
    with database.transaction() as session:  # all rows were written a day and more before
        session.execute(update(idempotency.IdempotencyKey).values(made=1.0))
        session.execute(update(uploads.Upload).values(created=1.0))
    move_clock(400 * DAY)
    sweep.tidy()
    uploads.keep("bob", picture())
    with database.reading() as session:
        assert len(session.scalars(select(idempotency.IdempotencyKey)).all()) == 1
        assert len(session.scalars(select(uploads.Upload)).all()) == 2
    assert len(list(uploads.folder().iterdir())) == 2
    run(DAY)
    with database.reading() as session:
        assert session.scalars(select(idempotency.IdempotencyKey)).all() == []
        assert session.scalars(select(uploads.Upload.owner)).all() == ["bob"]
    assert jobs.find(job_id)


def test_the_health_check_warns_and_stays_well(queued_studio: Path) -> None:
    processes.touch("a worker", "worker", {"networks": {"compact": "0"}})
    ended(8)
    sweep.tidy()
    move_clock(32 * DAY)
    one = sweep.Sweep()
    one.once()
    one.once()
    with TestClient(app.without_page(), client=LOCAL) as client:
        answer = client.get("/healthz")
    assert answer.status_code == 200, answer.text
    [warning] = answer.json()["sweep"]["warnings"]
    assert "The clock moved" in warning
