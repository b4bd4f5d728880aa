"""The spool: temporary files of the requests that this web process is handling.

Each process has a locked folder in DATA/spool. Files there are unnamed or deleted when their
request ends; those of a killed process are deleted by the next one that starts. Other files in
DATA/spool are left alone.
"""

import os
import re
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import IO

from starlette.formparsers import MultiPartParser

from worker.settings import KIB, settings
from worker.storage import disk

IN_MEMORY = 64 * KIB  # bytes of a file in a form that are kept in memory before it is a file

_NAME = re.compile("[0-9]+-[0-9a-f]{32}")  # of a process's folder: its id, and any


def folder() -> Path:
    """Return the folder with all processes' folders."""
    return settings().data / "spool"


def _is_own(place: Path) -> bool:
    """Tell whether a folder is one that `_make` made, and no link."""
    lock = place / disk.LOCK
    named = _NAME.fullmatch(place.name) is not None
    return named and not place.is_symlink() and lock.is_file() and not lock.is_symlink()


def _tidy() -> None:
    """Delete the folders of processes that are no more, unless another process does."""
    with disk.deleting(folder()) as alone:
        for place in filter(_is_own, folder().iterdir() if alone else ()):
            if (lock := disk.hold(place)) is not None:
                with lock:
                    shutil.rmtree(place)


def _make() -> tuple[Path, IO[bytes]]:
    place = folder() / f"{os.getpid()}-{uuid.uuid4().hex}"
    place.mkdir(mode=0o700)
    lock = disk.hold(place)
    assert lock is not None
    return place, lock


def install() -> IO[bytes]:
    """Let this process keep its temporary files in a folder of its own; returns what holds it.

    Call it once a process, before any temporary file is made.
    """
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    _tidy()
    with disk.making(folder()):
        place, lock = _make()
    tempfile.tempdir = str(place)
    MultiPartParser.spool_max_size = IN_MEMORY
    return lock
