"""Where films are worked on: a folder for each, on the worker's own machine."""

import logging
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.settings import settings
from worker.storage import disk

_OURS = re.compile("[0-9a-f]{32}")

log = logging.getLogger(__name__)


def folder() -> Path:
    """Return the folder with the folders of all films that are being painted on this machine."""
    return settings().data / "films"


def tidy() -> None:
    """Delete the folders of this machine's processes that are no more.

    Nothing while another process does that, or makes a folder.
    """
    if not folder().is_dir():
        return
    with disk.deleting(folder()) as alone:
        for place in folder().iterdir() if alone else ():
            try:
                if not _OURS.fullmatch(place.name) or place.is_symlink():
                    continue
                if (place / disk.LOCK).is_file() and (lock := disk.hold(place)) is not None:
                    with lock:
                        shutil.rmtree(place)
            except OSError:  # another user's, or a server's of files
                log.exception("the folder %s of a film can't be deleted", place)


@contextmanager
def workplace() -> Iterator[Path]:
    """Yield a folder to work in, deleted afterwards; a killed process's is by `tidy`."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    tidy()
    with disk.making(folder()):
        place = folder() / uuid.uuid4().hex
        place.mkdir(mode=0o700)
        lock = disk.hold(place)
    assert lock is not None
    with lock:
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
