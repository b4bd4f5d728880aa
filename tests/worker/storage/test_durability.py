"""What was accepted or done is synced to the disk; tests/hard/test_power_cut.py cuts the power."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from tests.parts import picture
from worker import jobs
from worker.jobs import Job, Status
from worker.runner import pipeline
from worker.runner.worker import Worker
from worker.settings import settings
from worker.storage import database


class Synced:
    """Notes what is synced: files and folders by number, and commits of each engine."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.inodes: set[int] = set()
        self.commits: Counter[Engine] = Counter()
        sync = os.fsync

        def noted(handle: int) -> None:
            sync(handle)
            self.inodes.add(os.fstat(handle).st_ino)

        patch.setattr(os, "fsync", noted)
        for one in (database.engine(), database.durable_engine()):
            event.listen(one, "commit", lambda _, one=one: self.commits.update([one]))

    def has(self, path: Path) -> bool:
        """Tell whether a file or a folder's names were synced."""
        return path.stat().st_ino in self.inodes


def _submitted() -> Job:
    return jobs.submit("ann", picture(), [picture(20, 20)], options={"size": 64})


def _folder(job: Job) -> Path:
    return settings().data / "blobs" / job.id


def _files(job: Job) -> list[Path]:
    return [one for one in _folder(job).rglob("*") if one.is_file()]


def test_only_one_of_sqlites_engines_syncs_each_commit(studio: Path) -> None:
    found = []
    for one in (database.engine(), database.durable_engine()):
        with one.connect() as connection:
            found.append(connection.exec_driver_sql("PRAGMA synchronous").scalar())
    assert found == [1, 2]  # NORMAL, FULL


def test_an_accepted_job_is_synced_with_its_pictures_and_their_names(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _submitted()  # makes the folders that outlast a job
    synced = Synced(monkeypatch)
    job = _submitted()
    folder = _folder(job)
    assert len(_files(job)) == 2
    assert [one for one in (*_files(job), folder, folder.parent) if not synced.has(one)] == []
    assert synced.commits[database.durable_engine()] == 1


@pytest.fixture
def worker(queued_studio: Path) -> Iterator[Worker]:
    """Yield a worker in the test's own process."""
    made = Worker()
    made.heartbeat.start()
    yield made
    made.end()


def test_a_result_is_synced_before_its_job_is_done(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = _submitted()
    before = set(_files(job))
    synced = Synced(monkeypatch)
    pipeline.answer(worker)
    done = jobs.get(job.id, "ann")
    assert done.status == Status.DONE
    made = set(_files(job)) - before
    assert {one.name for one in made} == {"result-1.png", "thumbnail-1.jpg"}
    assert [one for one in (*made, _folder(job)) if not synced.has(one)] == []
    assert synced.commits[database.durable_engine()] == 1
