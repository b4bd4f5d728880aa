"""Parts of films that other workers have, painted by a worker that has nothing else to do."""

import logging
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from adain.methods import stage_of
from worker import jobs
from worker.films import clean_film, parts
from worker.films.cleaning import fetch_of
from worker.films.painting import PART
from worker.films.part_painter import PartPainter
from worker.films.part_work import PartLost, PartWork, fetched_plan, held, painter_of
from worker.films.parts import Part
from worker.films.work import Around, Prepared
from worker.films.workplaces import workplace
from worker.jobs import Job, JobNotFound, Paused
from worker.settings import settings
from worker.storage import blobs, free_space

log = logging.getLogger(__name__)

_ALONE = 300.0  # seconds for which a film is left alone that can't be painted here
left_alone: dict[str, float] = {}  # films that this process could not paint, and until when


def _claimed(job_id: str, after: int | None, process: str) -> Part | None:
    """Take a part of a film; None: none is free."""
    while free := parts.free_for_others(job_id):
        if claimed := parts.claim(parts.choose(free, after), process):
            return claimed
    return None


class _Help:
    """Parts of one film, one after the other, until a job waits."""

    def __init__(self, job: Job, prepared: Prepared, around: Around, folder: Path) -> None:
        self._job, self._prepared, self._around, self._folder = job, prepared, around, folder
        self._begun = time.monotonic()

    def _is_late(self) -> bool:
        return time.monotonic() - self._begun > PART * settings().job_time_limit

    def _work(self, part: Part, stack: ExitStack) -> PartWork:
        """Get ready to paint parts of the film."""
        job, clean = self._job, self._folder / "clean"
        request, stylizer = self._prepared(job)
        plan = fetched_plan(part, stylizer, self._folder)
        key = (job.film or {})["clean"]
        free_space.check((job.files or {}).get(key, [0])[0])
        fetch_of(job, key, clean)
        film = stack.enter_context(clean_film.opened(clean, job.film or {}))
        paint = painter_of(job, replace(request, content=film.first()), stylizer)
        painter = PartPainter(film, paint, plan, job.options["steady"], self._folder)
        return PartWork(job, film, painter, self._is_late)

    def _watched(self, frames: int, done: int) -> None:
        if self._around.stops():
            raise Paused
        self._around.watch(stage_of("help", min(done + 1, frames), frames), done / frames)

    def run(self, part: Part) -> None:
        """Paint a claimed part, and then others."""
        claimed: Part | None = part
        work: PartWork | None = None
        with ExitStack() as stack:
            while claimed is not None:
                with held(claimed, self._around.renewing) as holding:
                    if claimed.plan != part.plan:
                        raise PartLost
                    work = work or self._work(claimed, stack)
                    work.do(holding, partial(self._watched, claimed.frames))
                work.clear()
                if self._is_late() or self._around.waits():
                    return
                claimed = _claimed(self._job.id, work.after, self._around.process)


def _alone() -> list[str]:
    """Return the films that are left alone still."""
    for job_id, until in list(left_alone.items()):
        if time.monotonic() > until:
            del left_alone[job_id]
    return list(left_alone)


def help_out(prepared: Prepared, around: Around) -> bool:
    """Paint parts of a film that another worker has; False: there is nothing to do here.

    What fails is logged: the film's own worker paints what is left, and says what is wrong. Raises
    what is not the fault of a film.
    """
    job_id = parts.shared(_alone())
    if job_id is None:
        return False
    try:
        job = jobs.find(job_id)
        with blobs.full_disk(), workplace() as place:
            claimed = _claimed(job_id, None, around.process)
            if claimed is None:
                return False
            log.info("part of film %s from frame %d on begins", job_id, claimed.first)
            _Help(job, prepared, around, place).run(claimed)
        if parts.free_for_others(job_id):
            parts.announce(job)
    except (PartLost, JobNotFound):
        log.info("parts of film %s are wanted here no more", job_id)
    except around.passed_on:
        raise
    except Exception:
        log.warning("parts of film %s can't be painted here", job_id, exc_info=True)
        left_alone[job_id] = time.monotonic() + _ALONE
        return False
    return True
