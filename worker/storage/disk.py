"""The disk: what a file takes of it, what is free, folders synced to it, folders held by a process.

Folders are synced so that the names of new files survive a power cut, as their bytes do.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

LOCK = "lock"  # the file in a folder by which a process holds it
BLOCK = 4096  # bytes; a file takes a whole number of these, and so does a folder


def counted(*sizes: int) -> int:
    """Return the bytes that files of these sizes take, with a folder of their own."""
    return BLOCK + sum(map(rounded_up, sizes))


def rounded_up(size: int) -> int:
    """Return the bytes that a file of this size takes."""
    return -(-size // BLOCK) * BLOCK


def _existing(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.exists())


def usage(folder: Path) -> tuple[int, int]:
    """Return the bytes of the disk that a folder is or will be on: all, and those free for us."""
    about = shutil.disk_usage(_existing(folder.absolute()))
    return about.total, about.free


def sync(path: Path) -> None:
    """Have the bytes of a file, or the names in a folder, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, so that a power cut leaves them."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        sync(one.parent)


def hold(folder: Path) -> IO[bytes] | None:
    """Lock a folder for as long as the file is open; None if another process holds it."""
    lock = (folder / LOCK).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


@contextmanager
def making(folder: Path) -> Iterator[None]:
    """Keep others from deleting inside a folder: one just made in it is not yet held."""
    with (folder / LOCK).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


@contextmanager
def deleting(folder: Path) -> Iterator[bool]:
    """Keep others from making or deleting inside a folder; False, at once, if one does.

    That one may be frozen.
    """
    with (folder / LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
