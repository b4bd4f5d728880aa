"""A worker whose storage of pictures refuses: no job is to blame, and none is ended for it."""

import uuid
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from fsspec import get_filesystem_class

from tests.adain.film import clips
from tests.parts import S3, Setting, picture
from worker import jobs
from worker.jobs import Job, Status
from worker.observability import failpoints
from worker.runner import pipeline
from worker.runner import worker as running
from worker.runner.worker import Worker
from worker.storage import blobs
from worker.visitors import admission
from worker.visitors.rate_limits import Visitor


@pytest.fixture
def worker(store: S3, queued_studio: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """A worker in the test's own process, which asks a storage that is away twice a message."""
    monkeypatch.setattr(running, "STORAGE_PAUSE", 0.01)
    monkeypatch.setattr("worker.jobs.queue.SHIFT", 0.1)
    worker = Worker()
    worker.heartbeat.start()
    yield worker
    worker.end()


def submit() -> Job:
    return jobs.submit("ann", picture(96, 64), [picture(70, 70)], options={"size": 64})


def states(submitted: list[Job]) -> set[tuple[Status, int]]:
    """Return the states of jobs, each with the attempts that count."""
    found = [jobs.get(job.id, "ann") for job in submitted]
    return {(Status(job.status), job.attempt - job.released) for job in found}


def test_jobs_wait_while_the_storage_refuses(worker: Worker, store: S3) -> None:
    submitted = [submit() for _ in range(8)]
    store.refuse()
    for _ in submitted:
        pipeline.answer(worker)
    assert states(submitted) == {(Status.QUEUED, 0)}
    assert sum(jobs.get(job.id, "ann").attempt for job in submitted) <= len(submitted)
    store.refuse(False)
    pipeline.answer(worker)
    assert worker.wait_for_storage(0)
    for _ in submitted:
        pipeline.answer(worker)
    assert states(submitted) == {(Status.DONE, 1)}


def test_jobs_whose_results_are_refused_wait(worker: Worker, store: S3) -> None:
    submitted = [submit()]
    make = failpoints.at
    with pytest.MonkeyPatch.context() as patch:

        def refused_at(name: str, job_id: str = "") -> None:
            if name == "save":
                store.refuse()
            make(name, job_id)

        patch.setattr(failpoints, "at", refused_at)
        pipeline.answer(worker)
    assert states(submitted) == {(Status.QUEUED, 0)}
    store.refuse(False)
    pipeline.answer(worker)
    assert states(submitted) == {(Status.DONE, 1)}


def test_a_job_whose_picture_alone_is_refused_is_ended_after_its_attempts(
    queued_studio: Path, setting: Setting
) -> None:
    setting(max_attempts=2)
    worker, bad, good = Worker(), submit(), submit()
    worker.heartbeat.start()
    [place] = (queued_studio / "blobs" / bad.id).glob("content.*")
    place.unlink()
    place.mkdir()  # which no user can open as a file
    for _ in range(4):
        pipeline.answer(worker)
    assert states([good]) <= {(Status.DONE, 1), (Status.DONE, 2)}
    assert states([bad]) == {(Status.FAILED, 2)}
    worker.end()


def test_an_s3_server_that_was_stopped_counts_as_unreachable(
    setting: Setting, studio: Path, own_s3: S3
) -> None:
    store, key = get_filesystem_class("s3"), f"preview-{uuid.uuid4().hex}/content.png"
    setting(blobs_url=f"s3://studio-{uuid.uuid4().hex}/blobs")
    store.clear_instance_cache()  # it keeps the address of a server
    blobs.put(key, b"kept")
    own_s3.stop()
    with pytest.raises(blobs.StorageAway):
        blobs.get(key)
    store.clear_instance_cache()


def _film(folder: Path) -> bytes:
    """A film of a second whose file is read in several requests."""
    film = clips.write(folder / "clip.mp4", clips.moving(6), Fraction(6)).read_bytes()
    empty = 4 * blobs.AHEAD
    return film + empty.to_bytes(4, "big") + b"free" + bytes(empty - 8)


def test_a_film_waits_wherever_the_storage_begins_to_refuse(
    worker: Worker, store: S3, tmp_path: Path
) -> None:
    style = picture(70, 70)
    jobs.submit("ann", picture(96, 64), [style], options={"size": 64})
    pipeline.answer(worker)  # which measures the style, so that it is not read again
    job = admission.submit(Visitor("ann"), _film(tmp_path), [style], options={"size": 64})
    refused = 0
    while "clean" not in (jobs.find(job.id).film or {}):
        store.refuse(after=refused)
        pipeline.answer(worker)
        store.refuse(False)
        assert states([job]) == {(Status.QUEUED, 0)}, f"after {refused} requests"
        assert worker.wait_for_storage(0)
        refused += 1
    assert refused >= 6  # two for the photo, at least three for the film, one for the clean film
    pipeline.answer(worker)
    assert states([job]) == {(Status.DONE, 1)}
