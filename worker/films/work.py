"""A film's job as a worker sees it: what it leaves, and what comes out.

Loads no FFmpeg, which is an extra: what paints does.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from PIL import Image

from adain.film import kinds
from adain.mixing import Watch
from adain.request import Request
from adain.stylizer import Stylizer
from worker.errors import Refused
from worker.films import parts
from worker.films.workplaces import workplace
from worker.jobs import Job, Paused
from worker.storage import blobs

log = logging.getLogger(__name__)


Renewing = Callable[[Callable[[], object]], AbstractContextManager[None]]
Prepared = Callable[[Job], tuple[Request, Stylizer]]


@dataclass(frozen=True)
class Around:
    """What a worker's process lends to the painting of a film."""

    process: str  # its name
    watch: Watch  # receives stage and progress, and may raise to stop
    stops: Callable[[], bool]  # tells whether the process is to end
    waits: Callable[[], bool]  # tells whether something waits that is to be made before a next part
    renewing: Renewing  # has something called with each heartbeat meanwhile
    passed_on: tuple[type[Exception], ...]  # what is no fault of a film


class Yielded(Paused):
    """The film goes back to the queue for a picture that waits, and goes on after it."""


@dataclass(frozen=True)
class Painted:
    """A painted film, stored."""

    key: str
    first: Image.Image  # its first frame
    fingerprint: list[Any]
    stored: int  # bytes on the disk of it, and of what came beside what was sent


def clear(job: Job) -> None:
    """Delete the parts of a film that is not under way; what can't be goes by the sweep."""
    if not job.film:
        return
    try:
        blobs.delete(parts.drop(job))
    except Exception:  # whatever a storage raises
        log.exception("job %s: parts of its film are left", job.id)


# ---------------------------------------------------------------- paint


def paint(job: Job, request: Request, stylizer: Stylizer, around: Around) -> Painted:
    """Paint a job's film, and note in the job what was recorded of it.

    Raises `Paused` soon after the process is to end or the time is up, `Yielded`, `Refused`, and
    what `around.watch` raises.
    """
    if not kinds.INSTALLED:
        raise Refused("film.not_installed")
    from worker.films.painting import FilmPainter

    with blobs.full_disk(), workplace() as place:
        return FilmPainter(job, request, stylizer, around, place).run()


def help_out(prepared: Prepared, around: Around) -> bool:
    """Paint parts of a film that another worker has; False: there is nothing to do here.

    Raises `Paused` soon after the process is to end, and what is not the fault of a film.
    """
    if not kinds.INSTALLED:
        return False
    from worker.films import helping

    return helping.help_out(prepared, around)
