"""A film's job as a worker sees it: what it leaves, and what comes out.

Loads no FFmpeg, which is an extra: `worker/films/painting.py` does, for a film that is painted.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image

from adain.film import kinds
from adain.mixing import Watch
from adain.request import Request
from adain.stylizer import Stylizer
from worker import jobs
from worker.errors import Refused
from worker.films.workplaces import workplace
from worker.jobs import Job
from worker.storage import blobs

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
