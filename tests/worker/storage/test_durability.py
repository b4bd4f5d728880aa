"""What was accepted or done is synced to the disk; tests/hard/test_power_cut.py cuts the power."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy import Engine, event

from tests.adain.film import clips
from tests.parts import picture
from worker import jobs
from worker.credentials import api_keys
from worker.gallery import bins
from worker.jobs import Job, Status
from worker.runner import pipeline
from worker.runner.worker import Worker
from worker.settings import settings
from worker.storage import blobs, database
from worker.visitors import accounts, admission
from worker.visitors.rate_limits import Visitor
from worker.webhooks import deliveries


class Synced:
    """Notes what is synced: files and folders by number, and commits of each engine.

    `at_risk`: whether a power cut could undo a commit; `deleted`: files that went meanwhile, each
    with whether one could then.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.inodes: set[int] = set()
        self.commits: Counter[Engine] = Counter()
        self.at_risk = False
        self.deleted: dict[str, bool] = {}
        sync, delete = os.fsync, LocalFileSystem.rm_file
        wal = settings().data / "studio.sqlite3-wal"

        def noted(handle: int) -> None:
            sync(handle)
            self.inodes.add(os.fstat(handle).st_ino)
            if wal.exists():
                self.at_risk &= os.fstat(handle).st_ino != wal.stat().st_ino

        def gone(filesystem: LocalFileSystem, path: str) -> None:
            self.deleted[Path(path).name] = self.at_risk
            delete(filesystem, path)

        patch.setattr(os, "fsync", noted)
        patch.setattr(LocalFileSystem, "rm_file", gone)
        for one in (database.engine(), database.durable_engine()):
            event.listen(one, "commit", lambda _, one=one: self._committed(one))

    def _committed(self, by: Engine) -> None:
        self.commits.update([by])
        self.at_risk = by is database.engine()

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


def _cancelled() -> Job:
    return jobs.cancel(_submitted().id, "ann")


def _bin() -> None:
    bins.remove("ann", [_cancelled().id])


def _account() -> None:
    _submitted()
    accounts.remove("ann")


def _age() -> None:
    _cancelled()
    blobs.delete_jobs(jobs.forget(-1.0))


@pytest.mark.parametrize("delete", [_bin, _account, _age])
def test_no_power_cut_brings_back_rows_whose_pictures_are_deleted(
    studio: Path, monkeypatch: pytest.MonkeyPatch, delete: Callable[[], None]
) -> None:
    synced = Synced(monkeypatch)
    delete()
    assert set(synced.deleted) == {"content.png", "style-0.png"}
    assert not any(synced.deleted.values())


def test_a_film_as_sent_goes_once_its_clean_film_is_known_for_good(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    film = clips.write(tmp_path / "clip.mp4", clips.moving(6), Fraction(6)).read_bytes()
    job = admission.submit(Visitor("ann"), film, [picture(20, 20)], options={"size": 64})
    synced = Synced(monkeypatch)
    pipeline.answer(worker)
    assert jobs.get(job.id, "ann").status == Status.DONE
    assert "source.film" in synced.deleted
    assert not any(synced.deleted.values())


ENDS: dict[str, Callable[[str], object]] = {
    "revoke": lambda key: api_keys.revoke("ann", key),
    "a new secret": lambda _: deliveries.make_secret("ann"),
    "remove": lambda _: accounts.remove("ann"),
    "sign in": lambda _: accounts.sign_in("issuer", "ann", "Ann", "ann", "ann-2"),
}


@pytest.mark.parametrize("way", ENDS)
def test_no_power_cut_brings_back_what_opened_something(
    studio: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    key = api_keys.make("ann", "mine").key.id
    synced = Synced(monkeypatch)
    ENDS[way](key)
    assert synced.commits
    assert not synced.at_risk
