from collections.abc import Callable
from pathlib import Path

from sqlalchemy import event

from tests.parts import picture
from web.api import api
from worker import jobs
from worker.jobs import Status, queue_position
from worker.storage import database


def submit(owner: str) -> str:
    return jobs.submit(owner, picture(), [picture()]).id


def test_many_jobs_are_looked_at_at_once(either: Path) -> None:
    first, second, other = submit("ann"), submit("ann"), submit("bob")
    places = {
        job_id: job_progress.position
        for job_id, job_progress in queue_position.read([second, other]).items()
    }
    assert places == {second: 3, other: 2}
    job = jobs.claim("a worker")
    assert job is not None
    jobs.renew(job, "transfer", 0.5)
    jobs.cancel(other, "bob")
    found = queue_position.read([first, second, other, "no such job"])
    assert set(found) == {first, second, other}
    assert (found[first].state, found[first].stage) == (Status.RUNNING, "transfer")
    assert (found[first].position, found[first].progress) == (0, 0.5)
    assert found[second].position == 1
    assert [found[each].ended for each in (first, second, other)] == [False, False, True]


def test_a_place_is_what_the_job_itself_says(either: Path) -> None:
    ids = [submit(owner) for owner in ("ann", "ann", "ann", "bob", "cid", "bob")]
    found = queue_position.read(ids)
    owners = ("ann", "ann", "ann", "bob", "cid", "bob")
    for job_id, owner in zip(ids, owners, strict=True):
        assert found[job_id].position == jobs.position(jobs.get(job_id, owner))


def test_an_empty_request_asks_for_nothing(either: Path) -> None:
    assert queue_position.read([]) == {}


def looks(work: Callable[[], object]) -> int:
    """Return how many statements the database is asked meanwhile."""
    asked: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(database.engine(), "before_cursor_execute", note)
    work()
    event.remove(database.engine(), "before_cursor_execute", note)
    return len(asked)


def test_listing_many_waiting_jobs_asks_the_database_as_often_as_for_two(either: Path) -> None:
    ids = [submit(owner) for owner in ("ann", "bob") * 6]
    job = jobs.claim("a worker")
    assert job is not None
    done = {"result_key": "", "thumbnail_key": "", "width": 1, "height": 1, "device": ""}
    jobs.finish(job.id, 1, **done, weights_sha256="", version="", timings={})  # type: ignore[arg-type]
    found = [jobs.find(job_id) for job_id in ids]
    few, many = (looks(lambda some=some: api.views(some)) for some in (found[1:3], found[1:]))  # type: ignore[misc]
    assert few == many
    for reported in api.views(found):
        one = api.view(jobs.find(reported.id))
        assert (reported.position, reported.estimate, reported.studio) == (
            one.position,
            one.estimate,
            one.studio,
        )
