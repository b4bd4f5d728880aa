"""The power is cut: what was accepted, and what was seen to be done, is on the disk."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hard import ledger, power
from tests.hard.ledger import COUNT
from tests.parts import Setting, picture
from worker import jobs
from worker.jobs import Job, Status
from worker.maintenance import verify
from worker.storage import blobs, processes

Cut = Callable[[str, int], list[str]]  # run(what, lines): what it said before the power went


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled shim."""
    return power.shim(tmp_path_factory.mktemp("power"))


@pytest.fixture
def cut(studio: Path, library: Path, tmp_path: Path, setting: Setting) -> Cut:
    """Run something until it said so many lines, cut the power, go on with what is left.

    The database is as migrations leave it, its folder is on the disk.
    """
    live, disk, cuts = studio, tmp_path / "disk", 0

    def run(what: str, lines: int) -> list[str]:
        nonlocal cuts, live
        process = power.start(library, disk, what)
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(lines)]
        time.sleep(0.01 * (cuts % 7))  # at some place in what comes next
        process.kill()
        said += process.stdout.read().splitlines()[:-1]  # but for what may be half a line
        process.wait()
        cuts += 1
        after = tmp_path / f"after-{cuts}"
        power.restored(live, disk, after)
        live = after
        setting(data=after)
        return [word for line in said for word in line.split()]

    return run


def found(job_ids: list[str]) -> list[Job]:
    assert jobs.unknown(job_ids) == set()
    assert verify.problems() == []
    return [jobs.find(job_id) for job_id in job_ids]


def test_a_power_cut_takes_what_was_not_synced(cut: Cut) -> None:
    assert cut("careless", 1) == ["written"]
    assert list(blobs.files()) == []
    assert processes.alive("web") == []


@pytest.mark.parametrize("what", ["submit", "batches"])
def test_accepted_jobs_and_their_pictures_outlast_a_power_cut(cut: Cut, what: str) -> None:
    accepted = list[str]()
    for _ in range(COUNT):
        accepted += cut(what, 2)
        assert accepted
        found(accepted)
    kind = "jobs" if what == "submit" else what
    ledger.note(f"power cut while {kind} are accepted, SQLite", COUNT, found(accepted), COUNT)


def test_a_picture_that_was_seen_to_be_done_outlasts_a_power_cut(cut: Cut) -> None:
    photo, style = picture(96, 96, "JPEG"), picture(color="orange")
    seen = set[str]()
    for _ in range(COUNT):
        for _ in range(3):
            jobs.submit("ann", photo, [style], options={"size": 64})
        seen |= set(cut("work", 1))  # each process says all that is done
        assert {job.status for job in found(sorted(seen))} == {Status.DONE}
    ledger.note("power cut while pictures are made, SQLite", COUNT, found(sorted(seen)), COUNT)


def test_a_job_that_was_deleted_comes_back_from_no_power_cut_without_its_pictures(
    cut: Cut,
) -> None:
    assert cut("remove", 1) == ["removed"]
    assert verify.problems() == []
