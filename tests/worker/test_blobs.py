import errno
import os
import time
import uuid
from pathlib import Path
from threading import Thread

import pytest

from tests.parts import Setting, pictured
from worker import blobs
from worker.blobs import BlobMissing, StorageFull


@pytest.fixture(params=["folder", "S3"])
def place(request: pytest.FixtureRequest, studio: Path, setting: Setting) -> None:
    """A place for pictures: a local folder, or S3, which knows no folders and no rename."""
    if request.param == "S3":
        request.getfixturevalue("s3")
        setting(blobs_url=f"s3://studio-{uuid.uuid4().hex}/blobs")


def test_what_was_put_is_there(place: None) -> None:
    assert not blobs.exists("a/content.png")
    blobs.put("a/content.png", b"one")
    blobs.put("a/content.png", b"two")
    assert blobs.get("a/content.png") == b"two"
    assert blobs.exists("a/content.png")
    assert not blobs.exists("a")


def test_what_was_not_put_is_missing(place: None) -> None:
    with pytest.raises(BlobMissing, match=r"a/content\.png"):
        blobs.get("a/content.png")


def test_a_job_goes_with_all_its_pictures(place: None) -> None:
    blobs.put("a/content.png", b"a")
    blobs.put("a/style-0.png", b"a")
    blobs.put("b/content.png", b"b")
    blobs.delete_job("a")
    blobs.delete_job("a")
    assert pictured() == {"b"}


def test_a_picture_is_listed_with_its_age_wherever_it_lies(place: None) -> None:
    blobs.put("a/content.png", b"a")
    [(key, changed)] = blobs.files()
    assert key == "a/content.png"
    assert abs(changed - time.time()) < 60


def test_each_picture_is_listed_with_its_age(studio: Path) -> None:
    blobs.put("a/content.png", b"a")
    blobs.put("a/result-1.png", b"a")
    os.utime(studio / "blobs" / "a" / "content.png", (100, 100))
    listed = dict(blobs.files())
    assert listed.pop("a/content.png") == 100
    assert abs(listed.pop("a/result-1.png") - time.time()) < 60
    assert listed == {}


def test_single_pictures_go_and_the_others_stay(place: None) -> None:
    for key in ("a/content.png", "a/result-1.png", "b/content.png"):
        blobs.put(key, b"a")
    blobs.delete(["a/result-1.png", "b/content.png", "b/content.png", "c/never-there.png"])
    assert {key for key, _ in blobs.files()} == {"a/content.png"}


def test_a_reader_never_sees_half_a_picture(studio: Path) -> None:
    large, larger = b"1" * 3_000_000, b"2" * 4_000_000
    blobs.put("a/content.png", large)

    def write() -> None:
        for _ in range(20):
            blobs.put("a/content.png", larger)

    writer = Thread(target=write)
    writer.start()
    while writer.is_alive():
        assert blobs.get("a/content.png") in (large, larger)
    writer.join()
    assert [path.name for path in (studio / "blobs" / "a").iterdir()] == ["content.png"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_and_leaves_nothing_half(
    studio: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as stream:
            stream.write(data[: len(data) // 2])
        raise OSError(code, os.strerror(code))

    blobs.put("a/content.png", b"before")
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageFull, match="The storage for pictures is full"):
        blobs.put("a/content.png", b"after")
    assert blobs.get("a/content.png") == b"before"
    assert len(list((studio / "blobs" / "a").iterdir())) == 1


def test_the_check_passes_and_leaves_nothing(place: None) -> None:
    blobs.check()
    assert pictured() == set()


def test_the_check_fails_where_nothing_can_be_written(studio: Path) -> None:
    blobs.check()
    (studio / "blobs").rmdir()
    (studio / "blobs").write_text("a file where the folder was")
    with pytest.raises(OSError, match="blobs"):
        blobs.check()
