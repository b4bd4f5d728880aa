import ast
import contextlib
import errno
import hashlib
import io
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from inspect import isfunction, signature
from pathlib import Path
from threading import Thread
from typing import IO

import pytest

from tests.parts import S3, Setting, pictured
from worker.storage import blobs
from worker.storage.blobs import BlobMissing, StorageFull

A, B, C = (f"019abc6e-4b1f-7c52-9d0e-2f6a1c3b5d7{letter}" for letter in "abc")  # ids of jobs


@pytest.fixture(params=["folder", "S3"])
def place(request: pytest.FixtureRequest, studio: Path, setting: Setting) -> None:
    """A place for pictures: a local folder, or S3, which knows no folders and no rename."""
    if request.param == "S3":
        request.getfixturevalue("s3")
        setting(blobs_url=f"s3://studio-{uuid.uuid4().hex}/blobs")


def test_a_stored_picture_can_be_read_and_replaced(place: None) -> None:
    assert not blobs.exists(f"{A}/content.png")
    blobs.put(f"{A}/content.png", b"one")
    blobs.put(f"{A}/content.png", b"two")
    assert blobs.get(f"{A}/content.png") == b"two"
    assert blobs.exists(f"{A}/content.png")
    assert not blobs.exists(A)


def test_getting_a_missing_picture_raises_blob_missing(place: None) -> None:
    with pytest.raises(BlobMissing, match=rf"{A}/content\.png"):
        blobs.get(f"{A}/content.png")


def test_a_job_goes_with_all_its_pictures(place: None) -> None:
    blobs.put(f"{A}/content.png", b"a")
    blobs.put(f"{A}/style-0.png", b"a")
    blobs.put(f"{B}/content.png", b"b")
    blobs.delete_job(A)
    blobs.delete_job(A)
    assert pictured() == {B}


def test_a_picture_is_listed_with_its_age_wherever_it_lies(place: None) -> None:
    blobs.put(f"{A}/content.png", b"a")
    [(key, changed)] = blobs.files()
    assert key == f"{A}/content.png"
    assert abs(changed - time.time()) < 60


def test_each_picture_is_listed_with_its_age(studio: Path) -> None:
    blobs.put(f"{A}/content.png", b"a")
    blobs.put(f"{A}/result-1.png", b"a")
    os.utime(studio / "blobs" / A / "content.png", (100, 100))
    listed = dict(blobs.files())
    assert listed.pop(f"{A}/content.png") == 100
    assert abs(listed.pop(f"{A}/result-1.png") - time.time()) < 60
    assert listed == {}


def _by_another_process(code: str) -> None:
    subprocess.run([sys.executable, "-c", f"from worker.storage import blobs; {code}"], check=True)


def test_what_another_process_stores_or_deletes_is_seen_at_once_after_a_listing(
    place: None,
) -> None:
    gone, new = f"{A}/content.png", f"{A}/result-1.png"
    blobs.put(gone, b"a")
    assert [key for key, _ in blobs.files()] == [gone]
    _by_another_process(f"blobs.put({new!r}, b'b'); blobs.delete([{gone!r}])")
    size, file = blobs.opened(new)
    with file:
        assert (size, file.read()) == (1, b"b")
    assert blobs.exists(new)
    assert not blobs.exists(gone)
    with pytest.raises(BlobMissing):
        blobs.opened(gone)


# ---------------------------------------------------------------- read


def test_an_opened_picture_is_read_as_any_file(place: None) -> None:
    data = os.urandom(3 * blobs.AHEAD + 5)
    blobs.put(f"{A}/content.png", data)
    size, file = blobs.opened(f"{A}/content.png")
    with file:
        assert size == len(data)
        assert file.read(7) == data[:7]
        assert file.seek(-9, os.SEEK_END) == size - 9
        assert (file.tell(), file.read(), file.read()) == (size - 9, data[-9:], b"")
        file.seek(0)
        assert file.read() == data
        file.seek(0)
        assert hashlib.file_digest(file, "sha256").digest() == hashlib.sha256(data).digest()  # type: ignore[arg-type]
    assert file.closed


READS: dict[str, Callable[[IO[bytes]], object]] = {
    "read": lambda file: file.read(),
    "a piece": lambda file: [file.read(65536) for _ in range(100)],
    "lines": list,
    "a copy": lambda file: shutil.copyfileobj(file, io.BytesIO()),
    "a digest": lambda file: hashlib.file_digest(file, "sha256"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("way", READS)
def test_a_store_that_refuses_amid_a_read_is_away_however_it_is_read(store: S3, way: str) -> None:
    blobs.put(f"{A}/content.png", bytes(5 * blobs.AHEAD))
    _, file = blobs.opened(f"{A}/content.png")
    with file:
        file.read(1)
        store.refuse()
        with pytest.raises(blobs.StorageAway):
            READS[way](file)


def test_a_picture_that_is_deleted_amid_a_read_is_missing(store: S3) -> None:
    blobs.put(f"{A}/content.png", bytes(5 * blobs.AHEAD))
    _, file = blobs.opened(f"{A}/content.png")
    with file:
        file.read(1)
        blobs.delete([f"{A}/content.png"])
        with pytest.raises(BlobMissing, match=rf"{A}/content\.png"):
            file.read()


def test_a_file_of_a_folder_can_be_given_to_another_process_without_a_copy(studio: Path) -> None:
    blobs.put(f"{A}/film-1.mp4", b"a film")
    _, file = blobs.opened(f"{A}/film-1.mp4")
    with file:
        assert os.pread(file.fileno(), 10, 0) == b"a film"


def test_a_file_of_an_object_store_is_none_of_this_machine(store: S3) -> None:
    blobs.put(f"{A}/film-1.mp4", b"a film")
    _, file = blobs.opened(f"{A}/film-1.mp4")
    with file, pytest.raises(OSError, match="fileno"):
        file.fileno()


# ---------------------------------------------------------------- delete


def test_deleting_some_pictures_of_a_job_keeps_the_others(place: None) -> None:
    for key in (f"{A}/content.png", f"{A}/result-1.png", f"{B}/content.png"):
        blobs.put(key, b"a")
    blobs.delete(
        [f"{A}/result-1.png", f"{B}/content.png", f"{B}/content.png", f"{C}/never-there.png"]
    )
    assert {key for key, _ in blobs.files()} == {f"{A}/content.png"}


def test_a_reader_never_sees_half_a_picture(studio: Path) -> None:
    large, larger = b"1" * 3_000_000, b"2" * 4_000_000
    blobs.put(f"{A}/content.png", large)

    def write() -> None:
        for _ in range(20):
            blobs.put(f"{A}/content.png", larger)

    writer = Thread(target=write)
    writer.start()
    while writer.is_alive():
        assert blobs.get(f"{A}/content.png") in (large, larger)
    writer.join()
    assert [path.name for path in (studio / "blobs" / A).iterdir()] == ["content.png"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_reported_and_leaves_nothing_half(
    studio: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    blobs.put(f"{A}/content.png", b"before")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull, match="The storage for pictures is full"):
        blobs.put(f"{A}/content.png", b"after")
    assert blobs.get(f"{A}/content.png") == b"before"
    assert len(list((studio / "blobs" / A).iterdir())) == 1


def test_the_check_passes_and_leaves_nothing(place: None) -> None:
    blobs.check()
    assert pictured() == set()


def test_the_check_fails_where_nothing_can_be_written(studio: Path) -> None:
    blobs.check()
    (studio / "blobs").rmdir()
    (studio / "blobs").write_text("a file where the folder was")
    with pytest.raises(blobs.StorageAway):
        blobs.check()


STRANGE = (
    f"{A}/../secret.png",
    f"{A}/../../secret.png",
    "../secret.png",
    "../../../../../../etc/passwd",
    "/etc/passwd",
    "..",
    ".",
    "",
    A,
    f"{A}/",
    f"{A}/..",
    f"{A}/content.png/../../../secret.png",
    f"{A}/content.png\0",
    f"{A}/content.png\n",
    f"{A}\\content.png",
    f"{A}/content.svg",
    f"{A}/notes.txt",
    f"trash/1/{A}/content.png",
    "thesis/chapter.png",
    f"{A.upper()}/content.png",
    f"{A}/content.png?versionId=1",
    f"{A}/*.png",
    f"s3://other/{A}/content.png",
)


def _takes(function: Callable[..., object]) -> set[str]:
    """Return which of a function's parameters say where something is."""
    return set(signature(function).parameters) & {"key", "keys", "pictures", "job_id", "job_ids"}


VERBS = {
    name: function
    for name, function in vars(blobs).items()
    if isfunction(function) and function.__module__ == blobs.__name__ and _takes(function)
    if not name.startswith("_") and name != "is_own"
}


def _call(verb: Callable[..., object], key: str) -> object:
    """Call a function of `blobs` with a key in each parameter that says where something is."""
    given = {
        "key": key, "keys": [key], "pictures": {key: b"theirs"}, "job_id": key, "job_ids": [key],
        "data": b"theirs", "time": 1.0,
    }  # fmt: skip
    wanted = signature(verb).parameters.values()
    return verb(**{one.name: given[one.name] for one in wanted if one.default is one.empty})


@pytest.mark.parametrize("key", STRANGE)
def test_every_verb_takes_keys_of_our_own_shape_only(place: None, studio: Path, key: str) -> None:
    (studio / "secret.png").write_bytes(b"secret")
    blobs.put(f"{A}/content.png", b"mine")
    for name, verb in VERBS.items():
        if key == A and _takes(verb) & {"job_id", "job_ids"}:
            continue
        with contextlib.suppress(BlobMissing, blobs.StrangeKey):
            assert _call(verb, key) in (None, False), name
    with pytest.raises(blobs.StrangeKey):
        blobs.put_all({f"{B}/content.png": b"fine", key: b"theirs"})
    assert blobs.get(f"{A}/content.png") == b"mine"
    assert {key for key, _ in blobs.files()} == {f"{A}/content.png"}
    assert (studio / "secret.png").read_bytes() == b"secret"


def test_paths_are_made_where_keys_are_checked_and_nowhere_else() -> None:
    module = ast.parse(Path(blobs.__file__).read_text("utf-8"))
    makers = {
        function.name
        for function in module.body
        if isinstance(function, ast.FunctionDef)
        if any(isinstance(one, ast.Name) and one.id == "_place" for one in ast.walk(function))
    }
    assert makers == {"_filesystem", "_path", "_trash_path", "_folder"}
    assert {"get", "opened", "put", "put_all", "delete", "move_to_trash"} <= VERBS.keys()


def test_old_folders_are_deleted_but_not_what_a_link_leads_to(studio: Path) -> None:
    outside = studio / "outside"
    outside.mkdir()
    (outside / "content.png").touch()
    blobs.put(f"preview-{'a' * 32}/content.png", b"old")
    (studio / "blobs" / f"preview-{'b' * 32}").symlink_to(outside, target_is_directory=True)
    blobs.delete_old("preview-", time.time() + 60)
    assert (outside / "content.png").exists()
    assert not blobs.exists(f"preview-{'a' * 32}/content.png")


@pytest.mark.parametrize("folder", [key for key in STRANGE if key != A])
def test_job_id_that_leads_out_deletes_nothing(studio: Path, folder: str) -> None:
    blobs.put(f"{A}/content.png", b"mine")
    (studio / "other").mkdir()
    (studio / "other" / "file").touch()
    blobs.delete_job(folder)
    assert blobs.exists(f"{A}/content.png")
    assert (studio / "other" / "file").exists()
    assert (studio / "studio.sqlite3").exists()
