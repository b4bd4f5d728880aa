"""Turns: fair to owners, and to addresses, where a new owner costs nothing."""

from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.parts import Setting, picture
from worker import jobs
from worker.credentials import identities
from worker.jobs import Job, batches
from worker.storage import database
from worker.visitors import admission
from worker.visitors.rate_limits import Visitor
from worker.visitors.turns import Waiting, shared

HOUR = 3700.0


@pytest.fixture(autouse=True)
def unlimited(either: Path, setting: Setting) -> None:
    setting(visitor_submissions=0, address_submissions=0)


def submit(owner: str, origin: str) -> Job:
    return admission.submit(Visitor(owner, origin), picture(), [picture(20, 20)])


def line() -> list[str]:
    """Return the owners in the order of the line."""
    with database.reading() as session:
        waiting = list(session.scalars(select(Job).where(Job.status == "queued")))
    places = jobs.positions(waiting)
    return [job.owner for job in sorted(waiting, key=lambda job: places[job.id])]


def an_hour_passes() -> None:
    with database.transaction() as session:
        session.execute(update(Job).values(submitted=Job.submitted - HOUR))


def test_who_sends_no_cookie_does_not_pass_those_of_other_addresses() -> None:
    for number in range(6):
        submit(f"new-{number}", "one")
    submit("ann", "two")
    submit("ann", "two")
    assert line().index("ann") == 1
    assert line()[2:4] == ["new-1", "ann"]
    submit("new-6", "one")
    assert line()[-1] == "new-6"


def test_new_owners_at_one_address_share_its_turns() -> None:
    for _ in range(5):
        submit("first", "school")
    for number in range(4):
        submit(f"pupil-{number}", "school")
    pupils = [f"pupil-{number}" for number in range(4)]
    assert line() == ["first", *pupils, *["first"] * 4]
    submit("pupil-0", "school")
    submit("ann", "home")
    assert line() == ["first", "ann", *pupils, "first", "pupil-0", *["first"] * 3]


def test_a_new_owner_whose_job_runs_waits_for_others_at_its_address() -> None:
    for owner in ("first", "first", "pupil"):
        submit(owner, "school")
    assert jobs.claim("worker") is not None
    assert line() == ["pupil", "first"]


def test_an_owner_of_an_hour_has_turns_of_its_own() -> None:
    old = submit("old", "school")
    jobs.cancel(old.id, "old")
    an_hour_passes()
    for number in range(3):
        submit(f"pupil-{number}", "school")
    submit("old", "school")
    assert line()[:2] == ["pupil-0", "old"]


def test_who_signed_in_is_no_newcomer() -> None:
    with database.transaction() as session:
        identities.owner_of(session, "issuer", "subject", "Ann", "ann")
    for number in range(3):
        submit(f"new-{number}", "one")
    submit("ann", "one")
    assert line()[:2] == ["new-0", "ann"]


def test_a_batch_takes_the_turns_of_its_address_too() -> None:
    photos = [batches.Source(f"{number}.png", 1, picture) for number in range(3)]
    admission.submit_batch(Visitor("first", "school"), photos, photos[:1])
    submit("pupil", "school")
    submit("ann", "home")
    assert line() == ["first", "ann", "pupil", "first", "first"]


def test_every_waiting_job_gets_one_of_the_turns() -> None:
    waiting = [Waiting(f"{n}", f"owner-{n % 3}", 5 - n // 3, runs=n == 0) for n in range(9)]
    given = shared(range(10, 18), waiting)
    assert sorted(given.values()) == list(range(10, 18))
    assert "0" not in given
