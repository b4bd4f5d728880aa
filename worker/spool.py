"""The spool: folders in the data folder for what a process works on and nobody keeps.

A folder is locked while its process lives, so that the next start can delete what was left by
one that was killed, and nothing else.
"""

import contextlib
import fcntl
import logging
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from worker.settings import settings

log = logging.getLogger(__name__)

LOCK = ".lock"
_OURS = re.compile("work-[0-9a-f]{32}")


def root() -> Path:
    """Return the folder of all of them, which exists then; only its owner can look into it."""
    place = settings().data / "spool"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Yield a new folder, which is deleted afterwards."""
    name = f"work-{uuid.uuid4().hex}"
    new, place = root() / f".{name}", root() / name
    new.mkdir(mode=0o700)
    with (new / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        new.rename(place)  # under its name it is always locked
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)  # the next start tries again


def _is_left(place: Path) -> bool:
    """Tell whether the process of a folder is gone."""
    try:
        with (place / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:  # half deleted, now or when its process was killed
        pass
    return True


def tidy() -> None:
    """Delete the folders that killed processes left; for the start of one."""
    for place in root().iterdir():
        if _OURS.fullmatch(place.name) and _is_left(place):
            log.info("%s was left by a process that was killed", place)
            shutil.rmtree(place, ignore_errors=True)
