"""Pictures kept as files: a folder a job, in a local folder or in S3.

Knows bytes and keys such as `JOB/content.jpg`, and no job. A durable picture is on the disk, its
name included, before `put` returns. Only files whose names have the shape that the studio gives
them are listed, moved or deleted; whatever else lies in the folder or bucket is left alone.
"""

import contextlib
import hashlib
import logging
import math
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from pathlib import Path
from typing import IO, Any

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from worker.settings import KIB, MIB, settings
from worker.storage import database, disk, reading
from worker.storage.failures import BlobDamaged as BlobDamaged
from worker.storage.failures import BlobMissing as BlobMissing
from worker.storage.failures import StorageAway as StorageAway
from worker.storage.failures import StorageFull as StorageFull
from worker.storage.failures import StrangeKey as StrangeKey
from worker.storage.failures import classified
from worker.storage.failures import full_disk as full_disk

log = logging.getLogger(__name__)

MARKER = "studio-marker.json"  # beside the folders; what it holds is `worker/storage/marker.py`'s
TOGETHER = 16 * MIB  # bytes that an object store is sent at once, or one picture
AHEAD = 512 * KIB  # bytes that an object store is asked for at once, while a file is sent
PIECE = 64 * KIB  # bytes that are copied or read at once
TRASH = "trash"  # TRASH/SECONDS/JOB/FILE: what was moved away, and when

_HEX = "[0-9a-f]"
_FOLDER = (
    f"({_HEX}{{8}}-{_HEX}{{4}}-7{_HEX}{{3}}-[89ab]{_HEX}{{3}}-{_HEX}{{12}}"  # a job's uuid7
    f"|preview-{_HEX}{{32}}|check-{_HEX}{{32}})"
)
_NAME = (
    r"((content|result|(style|mask|result|thumbnail|small-style)-[0-9]{1,9})\.(png|jpg|webp)"
    r"|(taught|plan)-[0-9]{1,9}\.safetensors|checkpoint\.pt|sample\.jpg|probe|source\.film"
    r"|((clean|film)-[0-9]{1,9}|part(-[0-9]{1,9}){1,3})\.(mp4|webm))"
)
_OURS = re.compile(rf"{_FOLDER}/({_NAME}|\.{_NAME}\.{_HEX}{{32}})")  # the latter: half written
_IN_TRASH = re.compile(rf"{TRASH}/([0-9]{{1,12}})/{_OURS.pattern}")
_IS_FOLDER = re.compile(_FOLDER)

_pool = ThreadPoolExecutor(8, "blobs")  # so that several files are synced at once


@cache
def _place() -> tuple[AbstractFileSystem, str]:
    """Return the file system and the folder in it that holds the jobs' folders.

    Only `_filesystem`, `_path`, `_trash_path` and `_folder` ask for it: a test holds that.
    """
    # a listing that is kept would hide what other processes store
    filesystem, root = url_to_fs(settings().blobs_url, use_listings_cache=False)
    if isinstance(filesystem, LocalFileSystem):
        disk.make_folder(Path(root))
    else:
        filesystem.mkdirs(root, exist_ok=True)
    return filesystem, root.rstrip("/")


def _filesystem() -> AbstractFileSystem:
    return _place()[0]


def is_own(key: str) -> bool:
    """Tell whether a key has the shape of those that the studio makes."""
    return _OURS.fullmatch(key) is not None


def _path(key: str) -> str:
    """Return where the file of a key is; raises `StrangeKey`, so that no key leads elsewhere."""
    if not (is_own(key) or key == MARKER):
        raise StrangeKey(key)
    return f"{_place()[1]}/{key}"


def _trash_path(key: str) -> str:
    """Return where a file in the trash is; raises `StrangeKey`."""
    if not _IN_TRASH.fullmatch(key):
        raise StrangeKey(key)
    return f"{_place()[1]}/{key}"


def _folder(name: str = "") -> str:
    """Return where a job's folder, the trash or, unnamed, all is; raises `StrangeKey`."""
    if not (name in {"", TRASH} or _IS_FOLDER.fullmatch(name)):
        raise StrangeKey(name)
    return f"{_place()[1]}/{name}".rstrip("/")


# ---------------------------------------------------------------- put


def _side_by_side(work: Callable[[Path], None], paths: Sequence[Path]) -> None:
    """Do something for each path at once; returns when all have ended, then raises what one did."""
    if len(paths) == 1:
        return work(paths[0])
    futures = [_pool.submit(work, path) for path in paths]
    wait(futures)
    for future in futures:
        future.result()


def _write(file: Path, given: bytes | Path, durable: bool) -> None:
    """Write bytes, or what is in another file, piece by piece."""
    with file.open("wb") as stream:
        if isinstance(given, Path):
            with given.open("rb") as source:
                shutil.copyfileobj(source, stream, PIECE)
        else:
            stream.write(given)
        if durable:
            stream.flush()
            os.fsync(stream.fileno())


def _make_folder(folder: Path) -> bool:
    """Make a folder; tell whether it is new."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        return False
    return True


def _put_local(root: Path, files: Mapping[Path, bytes | Path], durable: bool) -> None:
    """Write aside, then rename: a reader never sees half a file, and failure leaves none."""
    folders = sorted({file.parent for file in files})
    new = [folder for folder in folders if _make_folder(folder)]
    asides = {file.with_name(f".{file.name}.{uuid.uuid4().hex}"): file for file in files}
    try:
        _side_by_side(lambda aside: _write(aside, files[asides[aside]], durable), [*asides])
        for aside, file in asides.items():
            aside.replace(file)
        if durable:
            _side_by_side(disk.sync, [*folders, root] if new else folders)
    finally:
        for aside in asides:
            aside.unlink(missing_ok=True)


def _groups(placed: Mapping[str, bytes | Path]) -> Iterator[dict[str, bytes]]:
    """Yield the pictures read, some at a time: all of them need not fit in memory."""
    group: dict[str, bytes] = {}
    for path, given in placed.items():
        data = given.read_bytes() if isinstance(given, Path) else given
        if group and sum(map(len, group.values())) + len(data) > TOGETHER:
            yield group
            group = {}
        group[path] = data
    if group:
        yield group


def _is_large(given: bytes | Path) -> bool:
    return isinstance(given, Path) and given.stat().st_size > TOGETHER


@classified()
def put_all(pictures: Mapping[str, bytes | Path], durable: bool = True) -> None:
    """Keep bytes, or what is in files, under their keys, replacing what was there.

    Raises `StorageFull`, `StorageAway`, `StrangeKey`. Files are written and synced side by side,
    each folder once. What can be made again need not be durable.
    """
    filesystem = _filesystem()
    placed = {_path(key): given for key, given in pictures.items()}
    if isinstance(filesystem, LocalFileSystem):
        _put_local(Path(_folder()), {Path(path): given for path, given in placed.items()}, durable)
    else:
        large = {path: one for path, one in placed.items() if _is_large(one)}
        for path, file in large.items():
            filesystem.put_file(str(file), path)  # piece by piece
        for group in _groups({path: placed[path] for path in placed.keys() - large.keys()}):
            filesystem.pipe(group)


def put(key: str, data: bytes, durable: bool = True) -> None:
    """Keep the bytes under the key, as `put_all` does."""
    put_all({key: data}, durable)


# ---------------------------------------------------------------- look


def fingerprint(data: bytes) -> list[Any]:
    """Return what is kept in a row to know a picture again: its length and its sha256."""
    return [len(data), hashlib.sha256(data).hexdigest()]


def fingerprint_of(file: Path) -> list[Any]:
    """Return the fingerprint of what is in a file."""
    with file.open("rb") as opened:
        return [file.stat().st_size, hashlib.file_digest(opened, "sha256").hexdigest()]


@classified()
def opened(key: str) -> tuple[int, IO[bytes]]:
    """Return the size in bytes and the file, to be read and closed.

    Raises `BlobMissing`, `StorageAway`; so does the file while it is read.
    """
    try:
        file: IO[bytes] = _filesystem().open(_path(key), "rb", block_size=AHEAD)
    except (FileNotFoundError, StrangeKey) as error:
        raise BlobMissing(key) from error
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size, reading.checked(key, file, PIECE)


@classified()
def get(key: str, expected: Sequence[Any] | None = None) -> bytes:
    """Return the bytes; raises `BlobMissing`, `StorageAway`.

    `expected` is their fingerprint, if known: raises `BlobDamaged` when they have another.
    """
    try:
        data: bytes = _filesystem().cat_file(_path(key))
    except (FileNotFoundError, StrangeKey) as error:
        raise BlobMissing(key) from error
    if expected is not None and fingerprint(data) != list(expected):
        raise BlobDamaged(key)
    return data


@classified()
def exists(key: str) -> bool:
    """Tell whether there is something under the key."""
    return (is_own(key) or key == MARKER) and bool(_filesystem().isfile(_path(key)))


@classified()
def _found(folder: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the key and description of every file below a folder, strangers' included."""
    found = _filesystem().find(_folder(folder), detail=True)
    return [(str(path).removeprefix(_folder()).strip("/"), info) for path, info in found.items()]


def files() -> Iterator[tuple[str, float]]:
    """Yield every key of our own shape, with the time it was written in epoch seconds."""
    for key, info in _found(""):
        if is_own(key):
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                # S3 lists it; to ask for each would be a request a picture
                changed = info.get("LastModified") or _filesystem().modified(_path(key))
                yield key, changed.timestamp()


def check() -> None:
    """Raise `StorageFull` or `StorageAway` unless a picture can be written and read back."""
    folder = f"check-{uuid.uuid4().hex}"
    try:
        put(f"{folder}/probe", b"probe", durable=False)
        if get(f"{folder}/probe") != b"probe":
            raise StorageAway("The storage gives back something else than was put there.")
    finally:
        delete_job(folder)


# ---------------------------------------------------------------- delete


def _remove_if_empty(folder: Path) -> None:
    """Remove a local folder if nothing is left in it."""
    with contextlib.suppress(OSError):
        folder.rmdir()


@classified()
def delete(keys: Iterable[str]) -> None:
    """Delete single pictures, once all that was committed outlasts a power cut.

    One that is gone already, or is none of ours, is left.
    """
    filesystem = _filesystem()
    database.sync()
    for path in map(_path, filter(is_own, keys)):
        with contextlib.suppress(FileNotFoundError):
            filesystem.rm_file(path)
        if isinstance(filesystem, LocalFileSystem):
            _remove_if_empty(Path(path).parent)


@classified()
def delete_job(job_id: str) -> None:
    """Delete all of a job's pictures; none is fine, and so is an id that can be no folder's."""
    if not _IS_FOLDER.fullmatch(job_id):
        return
    delete([key for key, _ in _found(job_id)])
    if isinstance(_filesystem(), LocalFileSystem):
        _remove_if_empty(Path(_folder(job_id)))  # which may have been empty


def delete_jobs(job_ids: Iterable[str]) -> None:
    """Delete the pictures of jobs whose rows are gone; what fails is left to the sweep."""
    for job_id in job_ids:
        try:
            delete_job(job_id)
        except Exception:  # whatever a storage raises; the others shall not wait for it
            log.exception("job %s is deleted; its pictures are left to the sweep", job_id)


def _last_changed(folder: str) -> float:
    """Return when something in a folder was written last; of an empty one infinity."""
    times = [_filesystem().modified(_path(key)) for key, _ in _found(folder) if is_own(key)]
    return max((changed.timestamp() for changed in times), default=math.inf)


def _is_link(folder: str) -> bool:
    """Tell whether a folder is a link, which may lead out of the storage."""
    return isinstance(_filesystem(), LocalFileSystem) and Path(_folder(folder)).is_symlink()


def delete_old(start: str, before: float) -> None:
    """Delete the folders with a name prefix in which nothing was written since a time.

    In epoch seconds. What fails is left to the next time.
    """
    filesystem = _filesystem()
    names = [str(path).rstrip("/").rpartition("/")[2] for path in filesystem.ls(_folder(), False)]
    for name in names:
        if name.startswith(start) and _IS_FOLDER.fullmatch(name) and not _is_link(name):
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                if _last_changed(name) < before:
                    delete_job(name)


def _move(path: str, target: str) -> None:
    filesystem = _filesystem()
    if isinstance(filesystem, LocalFileSystem):
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(path).rename(target)
        _remove_if_empty(Path(path).parent)
    else:
        filesystem.mv(path, target)


@classified()
def move_to_trash(keys: Iterable[str], time: float) -> None:
    """Move pictures to the trash, where they lie under the time given, in epoch seconds."""
    for key in filter(is_own, keys):
        with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
            _move(_path(key), _trash_path(f"{TRASH}/{time:.0f}/{key}"))


def _delete_from_trash(key: str) -> None:
    filesystem, path = _filesystem(), _trash_path(key)
    filesystem.rm_file(path)
    if isinstance(filesystem, LocalFileSystem):
        _remove_if_empty(Path(path).parent)
        _remove_if_empty(Path(path).parent.parent)


@classified()
def shrink_trash(most: int) -> int:
    """Delete what lies in the trash the longest until so many bytes are left; return how many."""
    found = sorted(
        (float(match[1]), key, disk.counted(int(info["size"])) + disk.BLOCK)  # and two folders
        for key, info in _found(TRASH)
        if (match := _IN_TRASH.fullmatch(key))
    )
    left = sum(size for _, _, size in found)
    for _, key, size in found:
        if left <= most:
            break
        with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
            _delete_from_trash(key)
        left -= size
    return left


@classified()
def empty_trash(before: float) -> int:
    """Delete what was moved to the trash before that time; return how many files can't be."""
    failed = 0
    for key, _ in _found(TRASH):
        match = _IN_TRASH.fullmatch(key)
        if match and float(match[1]) < before:
            try:
                _delete_from_trash(key)
            except OSError:
                failed += 1
                log.exception("%s can't be deleted", key)
    return failed
