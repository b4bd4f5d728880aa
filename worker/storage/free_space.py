"""Free space: a reserve of the disk that visitors' pictures leave to the database.

Without it a full disk would stay full: deleting rows needs room too.
"""

from functools import lru_cache
from pathlib import Path

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from worker.settings import MIB, settings
from worker.storage import disk
from worker.storage.blobs import StorageFull

SMALL_DISK = 640 * MIB  # bytes of a disk of which no more than a tenth is reserved


@lru_cache
def _local(url: str) -> list[Path]:
    """Return the folder that an address means, none where it means none of this machine."""
    filesystem, root = url_to_fs(url)
    return [Path(root)] if isinstance(filesystem, LocalFileSystem) else []


def folders() -> list[Path]:
    """Return the data folder, and that of the pictures where it is a local one."""
    return [settings().data, *_local(settings().blobs_url)]


def reserved(total: int) -> int:
    """Return the bytes that are reserved of a disk of so many."""
    most = settings().min_free_bytes
    return most if total >= SMALL_DISK else min(most, total // 10)


def left_on(folder: Path) -> int:
    """Return the bytes of a folder's disk that may be taken before its reserve is touched."""
    total, free = disk.usage(folder)
    return free - reserved(total)


def left() -> int:
    """Return the bytes that visitors' pictures may still take of the disk."""
    return min(map(left_on, folders()))


def check(coming: int) -> None:
    """Raise `StorageFull` unless the reserve is left when so many bytes more are written."""
    if settings().min_free_bytes and left() < coming:
        raise StorageFull
