"""What the sweep deletes of the stored pictures, and what it must leave."""

import ast
import shutil
import time
import uuid
from functools import partial
from pathlib import Path

import pytest
import uuid_utils
from fastapi.testclient import TestClient
from sqlalchemy import delete, update

import web
import worker
from tests.parts import Setting, picture, pictured, undeletable
from web import app
from worker import jobs
from worker.gallery import bins, recent_styles
from worker.images import images
from worker.jobs import Job, queue
from worker.maintenance import adoption, backup, brake, reclaim, restore, sweep
from worker.storage import blobs, database, deletions, marker, processes
from worker.storage.marker import Marker, State
from worker.visitors import preview_claims, previews
from worker.visitors.rate_limits import Visitor

DAY = 86400.0
LOCAL = ("127.0.0.1", 50000)  # an address that sees the details of health checks
PRODUCT = [path for part in (web, worker) for path in Path(part.__path__[0]).rglob("*.py")]


@pytest.fixture(params=["folder", "S3"])
def place(
    request: pytest.FixtureRequest,
    studio: Path,
    setting: Setting,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """A studio with each kind of storage in turn, where every picture is old enough to go."""
    if request.param == "S3":
        request.getfixturevalue("s3")
        setting(blobs_url=f"s3://studio-{uuid.uuid4().hex}/blobs")
    monkeypatch.setattr(reclaim, "ORPHAN_SECONDS", -3600.0)
    return str(request.param)


def submit(count: int = 1) -> list[Job]:
    return [jobs.submit("ann", picture(), [picture()]) for _ in range(count)]


def unnamed(count: int) -> list[str]:
    """Store pictures of jobs that have no row; return their ids."""
    ids = [str(uuid_utils.uuid7()) for _ in range(count)]
    for job_id in ids:
        blobs.put(f"{job_id}/content.png", b"picture")
    return ids


def trash() -> set[str]:
    """Return the folders in the trash."""
    return {key.split("/")[2] for key, _ in blobs._found(blobs.TRASH)}


def write(key: str, data: bytes = b"a stranger's") -> None:
    """Put a file into the folder or bucket as another program would."""
    filesystem, root = blobs._place()
    filesystem.makedirs(f"{root}/{key}".rpartition("/")[0], exist_ok=True)
    filesystem.pipe_file(f"{root}/{key}", data)


def everything() -> set[str]:
    return {key for key, _ in blobs._found("")}


def remove_marker() -> None:
    """Make the studio one of an earlier version, which had no marker."""
    filesystem, root = blobs._place()
    filesystem.rm_file(f"{root}/{marker.FILE}")
    with database.transaction() as session:
        session.execute(delete(Marker))


# ---------------------------------------------------------------- markers


def test_a_new_studio_is_marked_and_its_generation_rises_with_each_tidying(place: str) -> None:
    assert marker.state() == State.NEW
    assert sweep.tidy() == []
    first = marker._file()
    assert sweep.tidy() == []
    second = marker._file()
    assert first is not None
    assert second == (first[0], first[1] + 1)
    assert marker.state() == State.MATCH


def test_an_old_installation_whose_rows_name_its_folders_is_marked_by_itself(place: str) -> None:
    kept = submit(19)
    stray = unnamed(1)
    assert sweep.tidy() == []
    assert pictured() == {job.id for job in kept}
    assert trash() == set(stray)


def test_an_old_installation_with_many_unknown_folders_is_not_marked(place: str) -> None:
    kept = submit(18)
    stray = unnamed(1)
    [warning] = sweep.tidy()
    assert warning == (
        "The database names 18 of 19 folders of pictures. "
        "No picture is deleted until: adain-studio adopt"
    )
    assert marker.state() == State.NEW
    assert pictured() == {job.id for job in kept} | set(stray)


def test_a_new_database_beside_old_pictures_deletes_none(
    place: str, setting: Setting, studio: Path
) -> None:
    before = {job.id for job in submit(6)}
    sweep.tidy()
    setting(database_url=f"sqlite:///{studio}/new.sqlite3")
    database.migrate()
    [warning] = sweep.tidy()
    assert "don't belong together" in warning
    assert pictured() == before
    assert trash() == set()


def test_a_new_database_beside_pictures_of_an_earlier_version_deletes_none(
    place: str, setting: Setting, studio: Path
) -> None:
    before = {job.id for job in submit(6)}
    setting(database_url=f"sqlite:///{studio}/new.sqlite3")
    database.migrate()
    [warning] = sweep.tidy()
    assert "names 0 of 6" in warning
    assert pictured() == before


def test_a_database_of_last_week_deletes_nothing_of_this_week(
    place: str, setting: Setting, studio: Path
) -> None:
    submit()
    sweep.tidy()
    database.engine().dispose()
    for name in ("studio.sqlite3", "studio.sqlite3-wal"):
        if (studio / name).exists():
            shutil.copy(studio / name, studio / f"old-{name}")
    submit(3)
    sweep.tidy()
    everything_before = pictured()
    database.engine().dispose()
    setting(database_url=f"sqlite:///{studio}/old-studio.sqlite3")
    assert sum(jobs.counts().values()) == 1
    with database.transaction() as session:  # the one it knows is past its retention
        session.execute(update(Job).values(status="done", finished=1.0))
    [warning] = sweep.tidy()
    assert "don't belong together" in warning
    assert pictured() == everything_before
    assert sum(jobs.counts().values()) == 1


def test_pictures_that_are_away_are_a_mismatch(place: str) -> None:
    submit()
    sweep.tidy()
    filesystem, root = blobs._place()
    filesystem.rm(root, recursive=True)
    filesystem.mkdirs(root, exist_ok=True)
    assert marker.state() == State.MISMATCH


def test_a_marker_that_can_not_be_read_is_a_mismatch(place: str) -> None:
    sweep.tidy()
    write(marker.FILE, b"[]")
    assert marker.state() == State.MISMATCH


def test_a_crash_while_the_generation_rises_is_no_mismatch(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep.tidy()
    change, after = marker.change, [1, 2]

    def crash(**values: object) -> None:
        change(**values)
        after.pop()
        if not after:
            raise KeyboardInterrupt

    monkeypatch.setattr(marker, "change", crash)
    for steps in ([1], [1, 2]):
        after[:] = steps
        with pytest.raises(KeyboardInterrupt):
            marker.advance()
        assert marker.state() == State.MATCH


def test_adopting_joins_database_and_pictures(place: str, setting: Setting, studio: Path) -> None:
    submit(2)
    sweep.tidy()
    setting(database_url=f"sqlite:///{studio}/new.sqlite3")
    database.migrate()
    kept = submit(4)
    stray = pictured() - {job.id for job in kept}
    said = adoption.adopt(orphans=False)
    assert "names 4 of 6" in said
    assert sweep.tidy() == []
    assert trash() == stray


def test_restoring_a_back_up_writes_a_new_marker(studio: Path, tmp_path: Path) -> None:
    kept = {job.id for job in submit(2)}
    sweep.tidy()
    file, _ = backup.make(tmp_path / "back-up.tar")
    submit(2)
    sweep.tidy()
    before = marker._file()
    with database.transaction() as session:
        session.execute(delete(processes.Process))
    restore.restore(file, replace=True)
    assert marker.state() == State.MATCH
    assert marker._file() != before
    assert sweep.tidy() == []
    assert pictured() == kept


# ---------------------------------------------------------------- trash and brake


def test_unnamed_pictures_lie_in_the_trash_for_a_week(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brake, "uptime", time.time)
    sweep.tidy()
    [job], [stray] = submit(), unnamed(1)
    sweep.tidy()
    assert (pictured(), trash()) == ({job.id}, {stray})
    for days, left in ((6.9, {stray}), (7.1, set())):
        now = time.time() + days * DAY
        for clock in ((database, "time"), (brake, "uptime")):
            monkeypatch.setattr(*clock, lambda now=now: now)
        sweep.tidy()
        assert trash() == left
    assert pictured() == {job.id}


def test_what_is_kept_of_a_lesson_goes_once_its_job_has_ended(place: str) -> None:
    waits, cancelled, worn_out, running = every = submit(4)
    for job in every:
        for name in ("checkpoint.pt", "sample.jpg"):
            blobs.put(f"{job.id}/{name}", b"of a lesson")
    jobs.cancel(cancelled.id, "ann")
    with database.transaction() as session:
        wanted = {Job.status: "failed", Job.finished: database.now()}
        session.execute(update(Job).where(Job.id == worn_out.id).values(wanted))
    assert [jobs.claim("worker") for _ in range(2)] != [None, None]
    jobs.release(waits.id, 1, counts=False)
    assert sweep.tidy() == []
    left = {key.partition("/")[0] for key, _ in blobs.files() if "checkpoint" in key}
    assert left == {waits.id, running.id}
    assert {key.partition("/")[0] for key, _ in blobs.files() if "sample" in key} == left
    assert pictured() == {job.id for job in every}


def test_a_studio_of_ten_jobs_loses_no_folder_to_the_brake_and_none_to_the_sweep(
    place: str,
) -> None:
    sweep.tidy()
    kept = {job.id for job in submit(10)}
    few = set(unnamed(4))
    assert sweep.tidy() == []
    assert (pictured(), trash()) == (kept, few)
    many = set(unnamed(5))
    [warning] = sweep.tidy()
    assert warning.startswith("5 of 15 folders of pictures are named by no row")
    assert (pictured(), trash()) == (kept | many, few)


def test_the_operator_can_let_many_unnamed_folders_go_once(place: str) -> None:
    sweep.tidy()
    many = set(unnamed(6))
    assert "6" in sweep.tidy()[0]
    assert "adopt --orphans" in adoption.adopt(orphans=False)
    assert len(sweep.tidy()) == 1
    assert "go to the trash" in adoption.adopt(orphans=True)
    assert sweep.tidy() == []
    assert trash() == many
    unnamed(6)
    assert len(sweep.tidy()) == 1


def test_strangers_files_in_the_bucket_are_left_alone(place: str) -> None:
    submit()
    job_id = str(uuid_utils.uuid7())
    strangers = {
        "holiday.jpg",
        "photos/2019/content.jpg",
        "trash/notes.txt",
        "trash/1/photos/content.jpg",
        f"{job_id}/letter.pdf",
        f"{job_id}/deeper/content.png",
        f"other/{job_id}/content.png",
        f"{uuid.uuid4()}/content.png",  # another program's ids
    }
    for key in strangers:
        write(key)
    sweep.tidy()
    with database.transaction() as session:
        session.execute(update(Job).values(status="done", finished=1.0))
    blobs.delete_jobs([job_id, "..", ".", "", "photos", "trash"])
    assert sweep.tidy() == []
    assert everything() == strangers | {marker.FILE}


def test_a_folder_beside_a_row_keeps_what_the_row_names(place: str) -> None:
    sweep.tidy()
    [job] = submit()
    late = f"{job.id}/result-1.png"
    blobs.put(late, b"of a lost attempt")
    recent_styles.small(job, 0)
    before = everything() - {marker.FILE}
    sweep.tidy()
    assert {key for key, _ in blobs.files()} == before - {late}
    assert trash() == {job.id}


def test_a_preview_that_is_followed_for_hours_keeps_its_photo(place: str) -> None:
    sweep.tidy()
    photo = images.small(picture(600, 400), previews.SIDE)
    previews.ask(Visitor("ann"), photo, [photo])
    sweep.tidy()
    preview = preview_claims.claim()
    assert preview is not None
    assert blobs.exists(preview.content_key)
    assert all(map(blobs.exists, preview.style_keys))


# ---------------------------------------------------------------- what was deleted on purpose


def test_pictures_of_deleted_jobs_are_deleted_at_once_and_never_lie_in_the_trash(
    place: str,
) -> None:
    sweep.tidy()
    gone = submit(6)
    for job in gone:
        jobs.cancel(job.id, "ann")
    assert len(bins.remove("ann", [job.id for job in gone])) == 6
    for job in gone:  # as a worker or a second request might, a moment too late
        blobs.put(f"{job.id}/result-1.png", b"late")
    assert sweep.tidy() == []
    assert (pictured(), trash()) == (set(), set())


def test_deletions_are_forgotten_after_a_week(studio: Path) -> None:
    with database.transaction() as session:
        deletions.note(session, ["one", "two"])
        deletions.note(session, ["two"])
    with database.transaction() as session:
        session.execute(
            update(deletions.Deletion)
            .where(deletions.Deletion.folder == "one")
            .values(made=deletions.Deletion.made - 8 * DAY)
        )
    deletions.forget()
    assert deletions.noted(["one", "two"]) == {"two"}


def test_every_function_that_deletes_jobs_notes_it() -> None:
    deleting: dict[str, str] = {}
    for path in PRODUCT:
        for part in ast.walk(ast.parse(path.read_text())):
            if isinstance(part, ast.FunctionDef):
                text = ast.unparse(part).removeprefix("def delete_in(")
                if "delete(Job)" in text or "delete_in(" in text:
                    deleting[f"{path.name}: {part.name}"] = text
    del deleting["model.py: delete_in"]  # whose callers are here by its name
    assert len(deleting) > 2
    assert [name for name, text in deleting.items() if "deletions.note(" not in text] == []


def test_every_module_that_stores_pictures_is_one_whose_rows_are_asked() -> None:
    """A new one needs a part in `reclaim.named`, and a test above."""
    storing = {path.stem for path in PRODUCT if "blobs.put" in path.read_text()}
    jobs_own = {"submission", "batches", "pipeline", "worker", "recent_styles", "teaching"} | {
        "painting",
        "cleaning",
        "part_work",
    }
    assert storing == jobs_own | {"previews", "marker", "restore"}


# ---------------------------------------------------------------- each part by itself


def test_one_folder_that_can_not_be_tidied_keeps_no_other(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep.tidy()
    stuck, _, _ = submit(3)
    with database.transaction() as session:
        session.execute(update(Job).values(status="done", finished=1.0))
    with monkeypatch.context() as meanwhile:
        undeletable(meanwhile, stuck.id)
        for _ in range(2):
            [warning] = sweep.tidy()
            assert "can't be tidied" in warning
            assert pictured() == {stuck.id}
    assert sweep.tidy() == []
    assert pictured() == set()


def test_one_folder_in_the_trash_that_can_not_be_deleted_keeps_no_other(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = unnamed(2)
    for job_id in (stuck, other):
        blobs.move_to_trash([f"{job_id}/content.png"], 1.0)
    undeletable(monkeypatch, stuck)
    assert blobs.empty_trash(2.0) == 1
    assert trash() == {stuck}


@pytest.mark.parametrize("name", [*sweep.PICTURES, *sweep.AGED, *sweep.ROWS])
def test_a_part_of_the_tidying_that_fails_keeps_no_other(
    studio: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    done = list[str]()

    def fail() -> None:
        raise ZeroDivisionError

    for parts in (sweep.PICTURES, sweep.AGED, sweep.ROWS):
        for each in parts:
            part = fail if each == name else partial(done.append, each)
            monkeypatch.setitem(parts, each, part)
    [warning] = sweep.tidy()
    assert warning.startswith(f"Tidying failed ({name}): ZeroDivisionError")
    assert set(done) == {*sweep.PICTURES, *sweep.AGED, *sweep.ROWS} - {name}


def test_waiting_jobs_are_announced_whatever_the_expiry_meets(
    queued_studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [job] = submit()
    with database.transaction() as session:
        session.execute(update(Job).values(submitted=Job.submitted - 10))
    monkeypatch.setattr(jobs, "expire", lambda: 1 / 0)
    queue._redis().flushall()
    assert sweep.Sweep().once()
    assert queue.depth() == 1
    assert job.status == "queued"


# ---------------------------------------------------------------- what the operator sees


def test_a_warning_stands_in_the_health_check_which_stays_200(
    queued_studio: Path, caplog: pytest.LogCaptureFixture
) -> None:
    processes.touch("a worker", "worker", {"networks": {"compact": "0"}})
    unnamed(3)
    one = sweep.Sweep()
    one.once()
    one.once()
    with TestClient(app.without_page(), client=LOCAL) as client:
        answer = client.get("/healthz")
    assert answer.status_code == 200, answer.text
    [warning] = answer.json()["sweep"]["warnings"]
    assert warning.endswith("No picture is deleted until: adain-studio adopt")
    assert warning in caplog.text
