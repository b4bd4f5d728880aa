"""Free space: a reserve of the disk that visitors' pictures leave to the database.

Without it a full disk would stay full: deleting rows needs room too.
"""

from pathlib import Path

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from worker.settings import MIB, settings
from worker.storage import disk
from worker.storage.blobs import StorageFull

SMALL_DISK = 640 * MIB  # bytes of a disk of which no more than a tenth is reserved


def folders() -> list[Path]:
    """Return the data folder, and that of the pictures where it is a local one."""
    filesystem, root = url_to_fs(settings().blobs_url)
    local = isinstance(filesystem, LocalFileSystem)
    return [settings().data, *([Path(root)] if local else [])]


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
