"""A film's job as a worker sees it: where it works, what it leaves, and what comes out.

Loads no FFmpeg, which is an extra: `worker/films/painting.py` does, for a film that is painted.
"""

import fcntl
import logging
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from PIL import Image

from adain.film import kinds
from adain.mixing import Watch
from adain.request import Request
from adain.stylizer import Stylizer
from worker import jobs
from worker.errors import Refused
from worker.jobs import Job
from worker.settings import settings
from worker.storage import blobs

LOCK = "lock"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Painted:
    """A painted film, stored."""

    key: str
    first: Image.Image  # its first frame
    fingerprint: list[Any]
    stored: int  # bytes on the disk of it, and of what came beside what was sent


def clear(job: Job) -> None:
    """Delete the parts of a job's film; what can't be goes with its job, or by the sweep."""
    if not job.film:
        return
    try:
        parts = jobs.film_keys(job.id, job.film, active=True)
        blobs.delete(parts - jobs.film_keys(job.id, job.film, active=False))
    except Exception:  # whatever a storage raises
        log.exception("job %s: parts of its film are left", job.id)


# ---------------------------------------------------------------- where a film is worked on


def folder() -> Path:
    """Return the folder with the folders of all films that are being painted on this machine."""
    return settings().data / "films"


def _hold(place: Path) -> IO[bytes] | None:
    """Lock a folder for as long as the file is open; None if another process holds it."""
    lock = (place / LOCK).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _tidy() -> None:
    """Delete the folders of processes that are no more."""
    for place in folder().iterdir():
        if (place / LOCK).is_file() and (lock := _hold(place)) is not None:
            with lock:
                shutil.rmtree(place)


@contextmanager
def workplace() -> Iterator[Path]:
    """Yield a folder to work in, which is deleted afterwards; a killed process's is by the next."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder() / LOCK).open("ab") as others:
        fcntl.flock(others, fcntl.LOCK_EX)  # a folder just made is not yet held
        _tidy()
        place = folder() / uuid.uuid4().hex
        place.mkdir(mode=0o700)
        lock = _hold(place)
    assert lock is not None
    with lock:
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)


# ---------------------------------------------------------------- paint


def paint(
    job: Job, request: Request, stylizer: Stylizer, watch: Watch, stops: Callable[[], bool]
) -> Painted:
    """Paint a job's film, and note in the job what was recorded of it.

    Raises `Paused` soon after `stops` tells so, `Refused`, and what `watch` raises.
    """
    if not kinds.INSTALLED:
        raise Refused("film.not_installed")
    from worker.films.painting import FilmPainter

    with blobs.full_disk(), workplace() as place:
        return FilmPainter(job, request, stylizer, watch, stops, place).run()
