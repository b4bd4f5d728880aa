import os
import time
from pathlib import Path
from threading import Event, Thread

import pytest
import uuid_utils
from sqlalchemy import update

from tests.parts import Setting, Valkey, picture, pictured
from worker import jobs
from worker.films import workplaces
from worker.jobs import Job, Status, queue
from worker.maintenance import sweep
from worker.storage import blobs, database, disk, processes


def submit(owner: str = "ann") -> Job:
    return jobs.submit(owner, picture(), [picture()])


def let_time_pass(seconds: float) -> None:
    with database.transaction() as session:
        session.execute(
            update(Job).values(
                submitted=Job.submitted - seconds,
                lease_until=Job.lease_until - seconds,
                finished=Job.finished - seconds,
            )
        )


def age(folder: Path, seconds: float = 3700) -> None:
    """Let the files of a folder have been written so long ago."""
    for path in folder.iterdir():
        os.utime(path, (time.time() - seconds,) * 2)


def strangers(count: int) -> list[str]:
    """Store pictures of jobs that have no row; return their ids."""
    ids = [str(uuid_utils.uuid7()) for _ in range(count)]
    for job_id in ids:
        blobs.put(f"{job_id}/content.png", b"picture")
    return ids


def test_the_sweep_notifies_of_jobs_whose_message_was_never_sent(
    studio: Path, valkey: Valkey, setting: Setting
) -> None:
    setting(ring_after_seconds=600)
    for _ in range(3):
        submit()
    setting(redis_url=valkey.url)
    assert sweep.ring() == 0  # they may be on their way
    let_time_pass(601)
    assert sweep.ring() == 3
    assert sweep.ring() == 0
    assert queue.depth() == 3


def test_the_sweep_notifies_again_when_the_queue_lost_its_messages(
    queued_studio: Path, valkey: Valkey
) -> None:
    for _ in range(3):
        submit()
    let_time_pass(3)
    assert sweep.ring() == 0
    valkey.empty()
    assert sweep.ring() == 3


def test_a_queue_that_is_away_is_no_error(studio: Path) -> None:
    submit()
    let_time_pass(3)
    assert sweep.ring() == 0
    assert sweep.Sweep().once()


def test_a_silent_workers_job_is_announced_again(queued_studio: Path, valkey: Valkey) -> None:
    job = submit()
    jobs.claim("worker-1")
    valkey.empty()  # its message was answered
    let_time_pass(16)
    sweep.Sweep().once()
    assert jobs.get(job.id, "ann").status == Status.QUEUED
    assert queue.depth() == 1


def test_one_sweep_leads_and_another_takes_over(queued_studio: Path) -> None:
    one, two = sweep.Sweep(), sweep.Sweep()
    two.name += "-other"
    assert one.once()
    assert not two.once()
    assert len(processes.alive("sweep")) == 2
    one.end()
    assert two.once()
    assert [process.name for process in processes.alive("sweep")] == [two.name]


def test_what_is_past_its_retention_goes_with_its_pictures(
    queued_studio: Path, setting: Setting
) -> None:
    old = submit()
    jobs.cancel(old.id, "ann")
    let_time_pass(31 * 86400)
    young = submit()
    jobs.cancel(young.id, "ann")
    sweep.tidy()
    assert [job.id for job in jobs.mine("ann")] == [young.id]
    assert pictured() == {young.id}


def test_a_process_frozen_while_it_makes_a_folder_for_a_film_stops_no_sweep(
    queued_studio: Path,
) -> None:
    left = workplaces.folder() / ("0" * 32)
    left.mkdir(parents=True)
    (left / disk.LOCK).touch()  # a killed worker's
    with disk.making(workplaces.folder()):  # as the frozen one does
        one = Thread(target=sweep.Sweep().once, daemon=True)
        one.start()
        one.join(120)
        assert not one.is_alive()
        with workplaces.workplace() as place:  # another worker has one
            assert place.is_dir()
        assert left.is_dir()
    workplaces.tidy()
    assert not left.exists()


def test_without_a_retention_age_no_job_is_deleted(queued_studio: Path, setting: Setting) -> None:
    setting(retention_days=0)
    old = submit()
    jobs.cancel(old.id, "ann")
    let_time_pass(1000 * 86400)
    sweep.tidy()
    assert blobs.exists(old.content_key)


def test_pictures_without_a_row_go_after_an_hour_and_not_before(queued_studio: Path) -> None:
    sweep.tidy()
    known, (old, young) = submit(), strangers(2)
    for name in (old, known.id):
        age(queued_studio / "blobs" / name)
    sweep.tidy()
    assert pictured() == {young, known.id}


def test_pictures_of_a_lost_attempt_go_and_those_of_the_row_stay(queued_studio: Path) -> None:
    job = submit()
    lost, kept = f"{job.id}/result-1.png", f"{job.id}/result-2.png"
    jobs.claim("worker-1")
    let_time_pass(16)
    jobs.claim("worker-2")
    for key in (lost, kept):
        blobs.put(key, picture())
    assert jobs.finish(
        job.id,
        2,
        result_key=kept,
        thumbnail_key=kept,
        width=1,
        height=1,
        device="",
        weights_sha256="",
        version="",
        timings={},
    )
    before = {key for key, _ in blobs.files()}
    age(queued_studio / "blobs" / job.id)
    sweep.tidy()
    assert {key for key, _ in blobs.files()} == before - {lost}


def test_the_sweep_goes_on_after_errors_and_ends_when_stopped(
    queued_studio: Path, setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    setting(sweep_seconds=0.02)
    (queued_studio / "studio.sqlite3").rename(queued_studio / "away")
    stop = Event()
    running = Thread(target=sweep.run, args=[stop])
    running.start()
    while "a sweep failed" not in caplog.text:
        time.sleep(0.01)
    database.migrate()
    while not processes.alive("sweep"):
        time.sleep(0.01)
    stop.set()
    running.join(60)
    assert not running.is_alive()
    assert processes.alive("sweep") == []
