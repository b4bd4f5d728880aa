"""Pictures kept as files: a folder a job, in a local folder or in S3.

Knows bytes and keys such as `JOB/content.jpg`, and no job.
"""

import contextlib
import errno
import re
import uuid
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from worker.settings import settings

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_HEX = "[0-9a-f]"
_FOLDER = (
    f"({_HEX}{{8}}-{_HEX}{{4}}-7{_HEX}{{3}}-[89ab]{_HEX}{{3}}-{_HEX}{{12}}"  # a job's uuid7
    f"|preview-{_HEX}{{32}}|check-{_HEX}{{32}})"
)
_NAME = (
    r"((content|result|(style|mask|result|thumbnail|small-style)-[0-9]{1,9})\.(png|jpg|webp)|probe)"
)
_OURS = re.compile(rf"{_FOLDER}/({_NAME}|\.{_NAME}\.{_HEX}{{32}})")  # the latter: half written


class BlobMissing(Exception):
    """A picture that should be there and is not; the message is its key."""


class StorageFull(Exception):
    """There is no room for another picture."""


@cache
def _place() -> tuple[AbstractFileSystem, str]:
    """Return the file system and the folder in it that holds the jobs' folders."""
    filesystem, root = url_to_fs(settings().blobs_url)
    filesystem.mkdirs(root, exist_ok=True)
    return filesystem, root.rstrip("/")


def is_own(key: str) -> bool:
    """Tell whether a key has the shape of those that the studio makes."""
    return _OURS.fullmatch(key) is not None


def _put_local(file: Path, data: bytes) -> None:
    """Write aside, then rename: a reader never sees half a file, and failure leaves none."""
    aside = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        aside.write_bytes(data)
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)


def put(key: str, data: bytes) -> None:
    """Keep the bytes under the key, replacing what was there; raises `StorageFull`."""
    filesystem, root = _place()
    try:
        if isinstance(filesystem, LocalFileSystem):
            _put_local(Path(root, key), data)
        else:
            filesystem.pipe_file(f"{root}/{key}", data)
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull("The storage for pictures is full.") from error
        raise


def get(key: str) -> bytes:
    """Return the bytes; raises `BlobMissing`."""
    filesystem, root = _place()
    try:
        data: bytes = filesystem.cat_file(f"{root}/{key}")
    except FileNotFoundError as error:
        raise BlobMissing(key) from error
    return data


def exists(key: str) -> bool:
    """Tell whether there is something under the key."""
    filesystem, root = _place()
    return bool(filesystem.isfile(f"{root}/{key}"))


def delete_job(job_id: str) -> None:
    """Delete all of a job's pictures; none is fine."""
    filesystem, root = _place()
    filesystem.invalidate_cache()
    with contextlib.suppress(FileNotFoundError):
        filesystem.rm(f"{root}/{job_id}", recursive=True)


def delete(keys: Iterable[str]) -> None:
    """Delete single pictures; one that is gone already is fine."""
    filesystem, root = _place()
    for key in keys:
        with contextlib.suppress(FileNotFoundError):
            filesystem.rm_file(f"{root}/{key}")
        if isinstance(filesystem, LocalFileSystem):
            with contextlib.suppress(OSError):  # others are still in it
                Path(root, key).parent.rmdir()


def files() -> Iterator[tuple[str, float]]:
    """Yield every key there is, with the time it was written in epoch seconds."""
    filesystem, root = _place()
    filesystem.invalidate_cache()
    for path, told in filesystem.find(root, detail=True).items():
        with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
            # S3 tells it with the listing; to ask for each would be a request a picture
            changed = (told.get("LastModified") or filesystem.modified(path)).timestamp()
            yield str(path).removeprefix(root).strip("/"), changed


def check() -> None:
    """Raise `StorageFull` or OSError unless a picture can be written and read back."""
    folder = f"check-{uuid.uuid4().hex}"
    try:
        put(f"{folder}/probe", b"probe")
        if get(f"{folder}/probe") != b"probe":
            raise OSError("The storage gives back something else than was put there.")
    finally:
        delete_job(folder)
