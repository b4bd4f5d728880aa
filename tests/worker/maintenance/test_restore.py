"""Restore: what is wrong with a file is found before anything of the studio is touched."""

import gzip
import hashlib
import io
import json
import os
import resource
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from sqlalchemy import MetaData, insert, text

from tests.parts import Setting, picture, pictured
from tests.rows import JOB
from tests.worker.maintenance.test_backup import everything, lived_in, submit
from worker import jobs
from worker.jobs import Job, Status
from worker.jobs.service_state import ServiceState
from worker.maintenance import backup, check_backup, restore
from worker.maintenance.backup import BackupError, Head
from worker.storage import blobs, database, processes

Members = dict[str, bytes]


def read(file: Path) -> Members:
    found = {}
    with tarfile.open(file) as tar:
        for member in tar:
            stream = tar.extractfile(member)
            assert stream is not None
            found[member.name] = stream.read()
    return found


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size = len(data)
    tar.addfile(about, io.BytesIO(data))


def write(file: Path, contents: Members, **head: object) -> Path:
    """Write a back-up whose head fits its contents, but for what is given."""
    said = json.loads(contents.pop(backup.HEAD)) | {
        "members": {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    }
    with tarfile.open(file, "w") as tar:
        for name, data in contents.items():
            add(tar, name, data)
        add(tar, backup.HEAD, json.dumps(said | head).encode())
    return file


def change_rows(members: Members, table: str, change: Callable[[dict[str, Any]], object]) -> None:
    name = f"{backup.ROWS}{table}.jsonl"
    found = list(map(json.loads, members[name].splitlines()))
    for row in found:
        change(row)
    members[name] = "".join(json.dumps(row) + "\n" for row in found).encode()


@pytest.fixture
def file(studio: Path, tmp_path: Path) -> Path:
    """A sound back-up of a studio that is still there."""
    lived_in()
    return backup.make(tmp_path / "sound.tar")[0]


def refused(file: Path, why: str) -> None:
    """Fail unless the file is refused for that reason and the studio stays as it was."""
    before = everything(set())
    with pytest.raises(BackupError, match=why), check_backup.checked(file):
        pass
    with pytest.raises(BackupError, match=why):
        restore.restore(file, replace=True)
    assert everything(set()) == before


# ---------------------------------------------------------------- hostile and damaged files

HOSTILE: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "key that leads out": (
        "strange key",
        lambda job: job.update(content_key=f"{job['id']}/../../cookie-secret"),
    ),
    "key that is absolute": ("strange key", lambda job: job.update(content_key="/etc/passwd")),
    "key of another job": ("strange key", lambda job: job.update(result_key=f"{JOB}/result-1.png")),
    "key in a list": ("strange key", lambda job: job["style_keys"].append("../../x")),
    "id that leads out": ("strange key", lambda job: job.update(id="..")),
    "keys that are none": (
        "style_keys is of another shape",
        lambda job: job.update(style_keys=[3]),
    ),
    "picture not there": (
        "is missing",
        lambda job: job.update(content_key=f"{job['id']}/result-99.png"),
    ),
    "number of 400 digits": ("64 bits", lambda job: job.update(submitted=10**400)),
    "number of 80 bits": ("64 bits", lambda job: job.update(priority=1 << 80)),
    "text for a number": ("wanted float", lambda job: job.update(submitted="now")),
    "number for a truth": ("wanted bool", lambda job: job.update(cancel_requested=1)),
    "options that are none": ("options is of another shape", lambda job: job.update(options=None)),
    "options that are a text": (
        "options is of another shape",
        lambda job: job.update(options="x"),
    ),
    "options nobody can choose": (
        "options is of another shape",
        lambda job: job["options"].update(alpha=7),
    ),
    "timings in a list": ("timings is of another shape", lambda job: job.update(timings=[1])),
    "time of no length": (
        "timings is of another shape",
        lambda job: job.update(timings={"a": float("nan")}),
    ),
    "no list of digests": (
        "style_digests is of another shape",
        lambda job: job.update(style_digests=None),
    ),
    "notices in a number": ("notices is of another shape", lambda job: job.update(notices=42)),
    "status nobody knows": ("status is of another shape", lambda job: job.update(status="lost")),
    "nothing where something must be": ("no owner", lambda job: job.update(owner=None)),
    "a column nobody knows": ("other columns", lambda job: job.update(extra=1)),
    "a column too few": ("other columns", lambda job: job.pop("owner")),
}


@pytest.mark.parametrize(("why", "change"), HOSTILE.values(), ids=HOSTILE)
def test_row_that_does_not_fit_is_refused(
    file: Path, tmp_path: Path, why: str, change: Callable[[dict[str, Any]], object]
) -> None:
    members = read(file)
    change_rows(members, "jobs", change)
    refused(write(tmp_path / "hostile.tar", members), why)


OTHERS: dict[str, tuple[str, dict[str, object]]] = {
    "tags in a number": ("entries", {"tags": 5}),
    "tags that are no texts": ("entries", {"tags": [5]}),
    "names in a list": ("entries", {"named_styles": ["a"]}),
    "state nobody knows": ("gate", {"state": "ajar"}),
}


@pytest.mark.parametrize(("table", "values"), OTHERS.values(), ids=OTHERS)
def test_row_of_another_table_that_does_not_fit_is_refused(
    file: Path, tmp_path: Path, table: str, values: dict[str, object]
) -> None:
    members = read(file)
    change_rows(members, table, lambda row: row.update(values))
    refused(write(tmp_path / "hostile.tar", members), "is of another shape")


@pytest.mark.parametrize("count", [0, 2])
def test_backup_without_exactly_one_service_state_is_refused(
    file: Path, tmp_path: Path, count: int
) -> None:
    members = read(file)
    table = ServiceState.__tablename__
    members[f"{backup.ROWS}{table}.jsonl"] *= count
    rows = json.loads(members[backup.HEAD])["rows"] | {table: count}
    refused(write(tmp_path / "hostile.tar", members, rows=rows), f"{count} rows of {table}")


@pytest.mark.parametrize("secret", [b"", b" \n", b"\xff\xfe"])
def test_backup_with_a_secret_that_signs_nothing_is_refused(
    file: Path, tmp_path: Path, secret: bytes
) -> None:
    members = read(file) | {backup.SECRET: secret}
    refused(write(tmp_path / "hostile.tar", members), "no text, or an empty one")


def test_what_is_no_regular_file_is_refused_without_waiting_for_it(
    file: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for source in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        refused(source, "This is no file")


@pytest.mark.parametrize(
    "name",
    [
        "pictures/../../outside",
        "pictures/a/../../outside",
        "pictures//etc/outside",
        f"pictures/{JOB}/content.sh",
        "pictures/../cookie-secret",
        "rows/nothing.jsonl",
        "/etc/outside",
        "anything",
    ],
)
def test_member_with_a_strange_name_is_refused(file: Path, tmp_path: Path, name: str) -> None:
    refused(write(tmp_path / "hostile.tar", read(file) | {name: b"x"}), "strange name")


def test_table_that_does_not_exist_is_refused(file: Path, tmp_path: Path) -> None:
    members = read(file) | {"rows/sqlite_master.jsonl": b""}
    rows = json.loads(members[backup.HEAD])["rows"] | {"sqlite_master": 0}
    refused(write(tmp_path / "hostile.tar", members, rows=rows), "there is no such table")


def test_other_number_of_rows_than_the_head_names_is_refused(file: Path, tmp_path: Path) -> None:
    members = read(file)
    rows = json.loads(members[backup.HEAD])["rows"] | {"jobs": 1}
    refused(write(tmp_path / "hostile.tar", members, rows=rows), "its head names 1")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE])
def test_member_that_is_no_plain_file_is_refused(file: Path, kind: bytes) -> None:
    with tarfile.open(file, "a") as tar:
        about = tarfile.TarInfo(f"pictures/{JOB}/content.png")
        about.type, about.linkname = kind, "/etc/passwd"
        tar.addfile(about)
    refused(file, "no plain file")


def test_member_that_is_there_twice_is_refused(file: Path) -> None:
    with tarfile.open(file, "a") as tar:
        add(tar, backup.HEAD, b"{}")
    refused(file, "twice")


def test_every_damaged_member_is_found_by_its_digest(file: Path, tmp_path: Path) -> None:
    members = read(file)
    head = Head.model_validate_json(members[backup.HEAD])
    for name in sorted(filter(members.get, head.members))[::5]:
        damaged = members | {name: members[name][:-1] + bytes([members[name][-1] ^ 1])}
        made = write(tmp_path / "damaged.tar", damaged, members=head.members)
        refused(made, "damaged: its sha256 is another")


def test_member_that_is_missing_is_found(file: Path, tmp_path: Path) -> None:
    members = read(file)
    head = Head.model_validate_json(members[backup.HEAD])
    first = next(name for name in members if name.startswith(backup.PICTURES))
    without = {name: data for name, data in members.items() if name != first}
    refused(write(tmp_path / "less.tar", without, members=head.members), "its head names")


@pytest.mark.parametrize("head", [{"format": 3}, {"revision": "9999"}])
def test_backup_of_a_newer_studio_is_refused(
    file: Path, tmp_path: Path, head: dict[str, object]
) -> None:
    made = write(tmp_path / "newer.tar", read(file), **head)
    refused(made, "restore it with that version or a newer one")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_file_that_is_cut_off_is_refused(file: Path, share: float) -> None:
    whole = file.read_bytes().rstrip(b"\0")  # a tar file ends in nothing but zeros
    file.write_bytes(whole[: int(len(whole) * share)])
    refused(file, "no back-up of a studio, or not all of one|its sha256|head names|lacks")


@pytest.mark.parametrize("head", [b"", b"[]", b"3", b"{}", b'{"format": "x"}', b"\xff"])
def test_a_backup_with_an_invalid_head_is_refused(file: Path, tmp_path: Path, head: bytes) -> None:
    with tarfile.open(tmp_path / "none.tar", "w") as tar:
        add(tar, backup.HEAD, head)
    refused(tmp_path / "none.tar", "no back-up of a studio")


def _sparse(size: int) -> bytes:
    """Return a header that says: a file of so many bytes, none of which is here."""
    header = bytearray(512)
    for at, text_ in (
        (0, b"studio.json"), (100, b"0000644"), (124, b"%011o" % 0), (136, b"%011o" % 0),
        (148, b" " * 8), (156, b"S"), (257, b"ustar  "), (386, b"%011o" % 0), (398, b"%011o" % 0),
        (483, b"%011o" % size),
    ):  # fmt: skip
        header[at : at + len(text_)] = text_
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(1024)


def _long_name(kind: bytes, size: int) -> bytes:
    """Return a member whose name, or what else is said of it, has so many bytes."""
    about = tarfile.TarInfo("././@LongLink")
    about.type, about.size = kind, size
    return about.tobuf() + b"a" * size + bytes(1024)


def _archive(members: Members, mode: Literal["w", "w:gz", "w:bz2", "w:xz"] = "w") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as tar:
        for name, data in members.items():
            add(tar, name, data)
    return made.getvalue()


GREEDY: dict[str, Callable[[], bytes]] = {
    "head of 8 GiB that takes 1.5 kB": lambda: _sparse((8 << 30) - 1),
    "head that is packed": lambda: _archive({backup.HEAD: b" " * (64 << 20)}, "w:gz"),
    "head that is packed by bzip2": lambda: _archive({backup.HEAD: b" " * (64 << 20)}, "w:bz2"),
    "head that is packed by xz": lambda: _archive({backup.HEAD: b" " * (64 << 20)}, "w:xz"),
    "head that is too large": lambda: _archive({backup.HEAD: b" " * (20 << 20)}),
    "head that is nested": lambda: _archive({backup.HEAD: b"[" * 100_000}),
    "secret that is too large": lambda: _archive({backup.SECRET: bytes(100_000)}),
    "long name": lambda: _long_name(tarfile.GNUTYPE_LONGNAME, 32 << 20),
    "long link": lambda: _long_name(tarfile.GNUTYPE_LONGLINK, 32 << 20),
    "long header": lambda: _long_name(tarfile.XHDTYPE, 32 << 20),
    "long header for all": lambda: _long_name(tarfile.XGLTYPE, 32 << 20),
    "long header behind a member": lambda: (
        _archive({backup.SECRET: b"s"})[:1024] + _long_name(tarfile.XHDTYPE, 32 << 20)
    ),
}


@pytest.mark.parametrize("made", GREEDY.values(), ids=GREEDY)
def test_file_that_would_fill_the_memory_is_refused_before_it_is_read(
    studio: Path, tmp_path: Path, made: Callable[[], bytes]
) -> None:
    file = tmp_path / "greedy.tar"
    file.write_bytes(made())
    tracemalloc.start()
    try:
        with pytest.raises(BackupError), check_backup.checked(file):
            pass
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_packed_backup_is_refused_in_a_sentence(file: Path) -> None:
    file.write_bytes(gzip.compress(file.read_bytes()))
    refused(file, "must be unpacked first")


def test_large_rows_are_loaded_a_few_at_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    monkeypatch.setattr(restore, "HELD", 1500)  # a row or two
    with check_backup.checked(file) as back_up:
        counts += [len(some) for some in restore._some_rows(back_up, "jobs")]
    assert sum(counts) == back_up.counts["jobs"]
    assert len(counts) > 1


# ---------------------------------------------------------------- while it is loaded


def test_rows_that_the_database_refuses_leave_the_studio_as_it_was(
    either: Path, tmp_path: Path
) -> None:
    lived_in()
    members = read(backup.make(tmp_path / "sound.tar")[0])
    name = f"{backup.ROWS}entries.jsonl"
    members[name] *= 2  # the same primary key twice
    rows = json.loads(members[backup.HEAD])["rows"] | {"entries": 2}
    made = write(tmp_path / "twice.tar", members, rows=rows)
    before = everything(set())
    with pytest.raises(BackupError, match="The rows can't be loaded"):
        restore.restore(made, replace=True)
    assert everything(set()) == before
    assert submit("dan").status == Status.QUEUED


def test_storage_that_gets_full_leaves_the_studio_as_it_was(
    studio: Path, tmp_path: Path, setting: Setting
) -> None:
    jobs.submit("ann", picture(400, 400, "PNG", "RGB", "teal"), [picture()])
    job = jobs.mine("ann")[0]
    blobs.put(f"{job.id}/result-1.png", bytes(100_000))
    with database.engine().begin() as connection:
        connection.execute(text(f"UPDATE jobs SET result_key = '{job.id}/result-1.png'"))
    file, _ = backup.make(tmp_path)
    setting(data=tmp_path / "second")
    database.migrate()
    kept = submit("bob")
    before, limit = everything(set()), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (90_000, limit[1]))
    try:
        with pytest.raises(blobs.StorageFull):
            restore.restore(file, replace=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert everything(set()) == before
    assert pictured() == {kept.id}


def test_an_error_after_the_rows_came_takes_no_picture_of_theirs(
    studio: Path, tmp_path: Path, setting: Setting
) -> None:
    kept = submit()
    secret = studio / backup.SECRET
    secret.write_text("a" * 64)
    file, _ = backup.make(tmp_path)
    setting(data=tmp_path / "second")
    database.migrate()
    (tmp_path / "second" / backup.SECRET / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        restore.restore(file)
    assert pictured() == {kept.id}
    (tmp_path / "second" / backup.SECRET / "in the way").rmdir()
    (tmp_path / "second" / backup.SECRET).rmdir()
    restore.restore(file, replace=True)
    assert pictured() == {kept.id}


# ---------------------------------------------------------------- when it may


def test_studio_that_is_not_empty_is_replaced_only_when_asked_to(
    either: Path, tmp_path: Path
) -> None:
    kept = submit()
    file, _ = backup.make(tmp_path)
    other = submit("bob")
    with pytest.raises(BackupError, match="This studio is not empty"):
        restore.restore(file)
    assert pictured() == {kept.id, other.id}
    restore.restore(file, replace=True)
    assert pictured() == {kept.id}
    assert [job.id for job in jobs.mine("ann")] == [kept.id]
    assert jobs.mine("bob") == []


def test_files_of_others_in_the_storage_are_left(studio: Path, tmp_path: Path) -> None:
    file, _ = backup.make(tmp_path)
    (studio / "blobs" / "thesis").mkdir(parents=True)
    (studio / "blobs" / "thesis" / "chapter.tex").write_text("years of work")
    restore.restore(file, replace=True)
    assert (studio / "blobs" / "thesis" / "chapter.tex").read_text() == "years of work"


def test_running_studio_is_not_written_to(studio: Path, tmp_path: Path) -> None:
    file, _ = backup.make(tmp_path)
    processes.touch("somebody", "worker", {})
    with pytest.raises(BackupError, match="Stop all of it first"):
        restore.restore(file, replace=True)


def test_older_backup_is_brought_up_to_date(studio: Path, tmp_path: Path, setting: Setting) -> None:
    setting(data=tmp_path / "old")
    database.migrate("0001")
    found, key = MetaData(), f"{JOB}/content.png"
    with database.engine().begin() as connection:
        found.reflect(connection)
        old = {
            "id": JOB, "owner": "ann", "status": "done", "options": {}, "content_key": key,
            "style_keys": [], "mask_keys": [], "content_width": 1, "content_height": 1,
            "priority": 0, "turn": 0, "submitted": 1.0, "attempt": 1, "released": 0,
            "cancel_requested": False, "stage": "", "progress": 1.0, "timings": {},
            "finished": 2.0,
        }  # fmt: skip
        connection.execute(insert(found.tables["jobs"]), [old])
    blobs.put(key, picture())
    file, _ = backup.make(tmp_path)
    setting(data=tmp_path / "new")
    restore.restore(file)
    assert jobs.get(JOB, "ann").bytes == 0  # a column that came later
    assert blobs.get(key) == picture()


def test_null_columns_are_restored_as_null(either: Path, tmp_path: Path) -> None:
    job = submit()
    file, _ = backup.make(tmp_path)
    restore.restore(file, replace=True)
    nullable = [column.name for column in Job.__table__.columns if column.nullable]
    with database.engine().connect() as connection:
        for name in nullable:
            found = connection.scalar(
                text(f"SELECT {name} IS NULL FROM jobs WHERE id = :id"), {"id": job.id}
            )
            assert bool(found) == (getattr(job, name) is None)
