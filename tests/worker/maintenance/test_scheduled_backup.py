"""Scheduled back-ups: when one is made, by which process, what is kept, and what failure shows."""

import io
import logging
import os
import stat
import subprocess
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import update

from tests.parts import S3, Setting, picture
from worker import jobs
from worker.jobs import Job, Status
from worker.maintenance import backup, check_backup, leader, scheduled_backup, sweep
from worker.maintenance.backup import Head
from worker.maintenance.scheduled_backup import Schedule
from worker.observability import metrics
from worker.storage import blobs, database, processes


def put(file: Path) -> None:
    """Put a back-up without rows there."""
    head = Head(format=backup.FORMAT, version="1", made=0.0, revision="0001", rows={})
    data = head.model_dump_json().encode()
    with tarfile.open(file, "w") as tar:
        about = tarfile.TarInfo(backup.HEAD)
        about.size = len(data)
        tar.addfile(about, io.BytesIO(data))


def name_of(age: float, kind: str = "scheduled") -> str:
    """Return the name of a back-up that was made so many seconds ago."""
    return time.strftime(f"{kind}-%Y%m%d-%H%M%S.tar", time.gmtime(time.time() - age))


@pytest.fixture
def folder(studio: Path, setting: Setting, tmp_path: Path) -> Path:
    """The folder of a studio's scheduled back-ups, which is not there yet."""
    jobs.submit("ann", picture(), [picture()])
    setting(backup_dir=tmp_path / "back-ups")
    return tmp_path / "back-ups"


def finish(schedule: Schedule) -> None:
    """Let a schedule make what is due, and wait for it."""
    schedule._looked = -scheduled_backup.LOOK_SECONDS
    schedule.tick()
    if schedule._thread is not None:
        schedule._thread.join()
        schedule.tick()


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_the_leading_sweep_makes_a_sound_backup_for_its_user_alone(folder: Path) -> None:
    process = sweep.Sweep()
    assert process.once()
    process._backups._thread.join()  # type: ignore[union-attr]
    process.end()
    [file] = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with check_backup.checked(file) as back_up:
        assert back_up.counts["jobs"] == 1
        assert len(back_up.pictures()) == 2


def test_another_is_made_once_the_hours_are_over(folder: Path, setting: Setting) -> None:
    folder.mkdir()
    put(folder / name_of(5400))
    schedule = Schedule("one")
    finish(schedule)
    assert len(names(folder)) == 1
    setting(backup_every=1)
    finish(schedule)
    finish(schedule)
    assert len(names(folder)) == 2


def test_without_a_folder_none_is_made(studio: Path) -> None:
    schedule = Schedule("one")
    schedule.tick()
    assert schedule._thread is None


def test_of_many_processes_exactly_one_makes_it(
    either: Path, setting: Setting, tmp_path: Path
) -> None:
    setting(backup_dir=tmp_path)
    schedules = [Schedule(f"process {number}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(Schedule.tick, schedules))
    for one in schedules:
        one._thread.join()  # type: ignore[union-attr]
    assert sum(one._holds for one in schedules) == 1
    for one in schedules:
        finish(one)
    assert len(list(tmp_path.glob("scheduled-*"))) == 1


def test_the_lease_is_given_up_once_a_backup_is_made(folder: Path) -> None:
    finish(Schedule("one"))
    assert leader.take(scheduled_backup.ROLE, "another", 1)


def test_the_oldest_go_and_nothing_else_is_deleted(folder: Path, setting: Setting) -> None:
    setting(backup_keep=2)
    folder.mkdir()
    ahead = name_of(-86400 * 400)  # of a clock that was wrong
    second = name_of(90000)
    for name in (second, name_of(180000), ahead):
        put(folder / name)
    others = [name_of(900000, "studio"), "scheduled-1.tar", "notes.txt"]
    for name in others:
        (folder / name).touch()
    finish(Schedule("one"))
    left = set(names(folder))
    assert set(others) | {second} < left
    assert len(left - set(others)) == 2
    assert ahead not in left


def _no_backups(folder: Path) -> list[Path]:
    """Put what is named like a back-up, and is none, into a folder."""
    ages = range(60, 600, 90)  # so that no two have one name, whenever a second begins
    empty, link, inner, pipe, half, whole = (folder / name_of(age) for age in ages)
    empty.touch()
    link.symlink_to(folder / "nowhere")
    inner.mkdir()
    os.mkfifo(pipe)
    half.write_bytes(bytes(1024))
    put(folder / "elsewhere.tar")
    whole.symlink_to(folder / "elsewhere.tar")
    return [empty, link, inner, pipe, half, whole]


def test_what_is_only_named_like_a_backup_counts_as_none_and_stays(
    folder: Path, setting: Setting
) -> None:
    setting(backup_keep=1)
    folder.mkdir()
    put(folder / (old := name_of(90000)))
    odd = _no_backups(folder)
    assert scheduled_backup.is_due(folder)
    assert [file.name for _, file in scheduled_backup.made(folder)] == [old]
    schedule = Schedule("one")
    finish(schedule)
    assert schedule.warnings() == []
    assert old not in names(folder)
    assert {file.name for file in odd} < set(names(folder))
    assert len(list(scheduled_backup.made(folder))) == 1


def test_what_cannot_be_deleted_is_logged_and_the_next_is(
    folder: Path,
    setting: Setting,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    setting(backup_keep=1)
    folder.mkdir()
    kept, stuck, gone = (folder / name_of(90000 * age) for age in (1, 2, 3))
    for file in (kept, stuck, gone):
        put(file)
    (folder / (half := f".{name_of(90000)}.77")).mkdir()
    os.utime(folder / half, (time.time() - 7200,) * 2)
    unlink = Path.unlink

    def refuses(file: Path, missing_ok: bool = False) -> None:
        if file == stuck:
            raise PermissionError(1, "Operation not permitted")
        unlink(file, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuses)
    with caplog.at_level(logging.WARNING):
        scheduled_backup.delete_left_over(folder)
        scheduled_backup.rotate(folder)
    assert set(names(folder)) == {kept.name, stuck.name, half}
    assert [record.args[0] for record in caplog.records if record.args] == [folder / half, stuck]  # type: ignore[index]


def test_what_a_killed_process_left_is_deleted_once_nothing_writes_to_it(folder: Path) -> None:
    folder.mkdir()
    old, new = folder / f".{name_of(90000)}.77", folder / f".{name_of(60)}.78"
    for file in (old, new):
        file.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    finish(Schedule("one"))
    assert not old.exists()
    assert new.exists()


def test_a_backup_leaves_the_reserve_of_the_disk_and_says_so(
    folder: Path, setting: Setting
) -> None:
    folder.mkdir()
    put(folder / name_of(90000))
    setting(min_free_bytes=1 << 60)
    schedule = Schedule("one")
    finish(schedule)
    assert len(names(folder)) == 1  # and the old one stays
    assert "STUDIO_MIN_FREE_BYTES" in schedule.warnings()[0]


def test_a_backup_that_fails_is_seen_in_health_and_metrics_and_tried_again_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.touch()  # a file is in its place
    process = sweep.Sweep()
    process.once()
    process._backups._thread.join()  # type: ignore[union-attr]
    process.once()
    [process_row] = processes.alive("sweep")
    assert any("No scheduled back-up was made" in said for said in process_row.info["warnings"])
    assert 'studio_backups_total{outcome="failed"}' in metrics.exposition()
    process._backups._looked = -scheduled_backup.LOOK_SECONDS
    folder.unlink()
    finish(process._backups)
    assert not folder.exists()  # not yet
    monkeypatch.setattr(scheduled_backup, "RETRY_SECONDS", 0.0)
    finish(process._backups)
    assert process._backups.warnings() == []
    assert len(names(folder)) == 1
    process.end()


def test_a_backup_that_cannot_be_restored_is_not_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    put(folder / (old := name_of(90000)))
    monkeypatch.setattr(check_backup, "LONGEST", 1)  # every row is too long to be read
    schedule = Schedule("one")
    finish(schedule)
    assert names(folder) == [old]
    assert schedule.warnings()


def test_pictures_that_another_process_stored_in_s3_are_in_the_backup(
    store: S3, setting: Setting, tmp_path: Path
) -> None:
    setting(backup_dir=tmp_path / "back-ups")
    job = jobs.submit("ann", picture(), [picture()])
    assert len(list(blobs.files())) == 2
    result = f"{job.id}/result-1.png"
    code = f"from worker.storage import blobs; blobs.put({result!r}, b'made')"
    subprocess.run([sys.executable, "-c", code], check=True)
    with database.transaction() as session:
        session.execute(update(Job).values(status=Status.DONE, finished=1.0, result_key=result))
    schedule = Schedule("one")
    finish(schedule)
    [file] = (tmp_path / "back-ups").iterdir()
    with check_backup.checked(file) as back_up:
        assert back_up.head.missing == []
        assert len(back_up.pictures()) == 3
    assert schedule.warnings() == []


def test_a_backup_that_lacks_pictures_is_kept_and_says_so_until_one_is_whole(
    folder: Path, setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    [job] = jobs.mine("ann", 9)
    lost = blobs.get(job.content_key)
    blobs.delete([job.content_key])
    process = sweep.Sweep()
    process.once()
    process._backups._thread.join()  # type: ignore[union-attr]
    process.once()
    assert len(names(folder)) == 1
    [process_row] = processes.alive("sweep")
    assert any("1 picture" in said and "verify" in said for said in process_row.info["warnings"])
    assert job.content_key in caplog.text
    blobs.put(job.content_key, lost)
    (folder / names(folder)[0]).unlink()
    finish(process._backups)
    assert process._backups.warnings() == []
    process.end()


def test_a_folder_that_does_not_answer_holds_nothing_up_and_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Event()
    monkeypatch.setattr(scheduled_backup, "is_due", lambda _: answers.wait(30) and False)
    monkeypatch.setattr(scheduled_backup, "HANGS_SECONDS", 0.0)
    process = sweep.Sweep()
    assert process.once()
    assert process.once()
    [process_row] = processes.alive("sweep")
    assert any("under way for hours" in said for said in process_row.info["warnings"])
    answers.set()
    process.end()


def test_a_sweep_that_ends_gives_up_what_it_makes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = Schedule("one")
    read = blobs.get

    def slow(key: str) -> bytes:
        schedule._stop.wait(30)
        return read(key)

    monkeypatch.setattr(blobs, "get", slow)
    schedule.tick()
    schedule.end()
    assert names(folder) == []
    assert schedule.warnings() == []
    assert leader.take(scheduled_backup.ROLE, "another", 1)
