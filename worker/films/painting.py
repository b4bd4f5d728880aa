"""A film painted as a job: cleaned in a process apart, painted part by part, joined.

Who has the job finds the shots, writes the rows of its parts, and paints those that no other
does; other workers take some (`worker/films/helping.py`). Each part, about two seconds, is kept as
soon as it is painted: a job that is stopped, by its worker's death too, goes on with what is left.
It is given back to the queue before its time is up, so that it may take longer than any other job,
and between two parts when a picture waits that can't be made between two frames.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from adain.film import making
from adain.film.codecs import BASE, KEY_SECONDS
from adain.film.limits import most_bits
from adain.film.making import Plan
from adain.film.painter import Painter
from adain.methods import stage_of
from adain.request import Request
from adain.stylizer import Stylizer
from worker.errors import Refused
from worker.films import clean_film, joining, part_painter, parts, plans
from worker.films.clean_film import CleanFilm
from worker.films.cleaning import CLEANED, Cleaning, fetch, fetch_of
from worker.films.part_painter import PartPainter
from worker.films.part_work import PartLost, PartWork, fetched_plan, held, painter_of
from worker.films.parts import Part
from worker.films.work import Around, Painted, Yielded
from worker.images import films
from worker.jobs import Job, Paused
from worker.settings import settings
from worker.storage import blobs, disk

PAINTED = 0.95  # of the whole, where the last part ends
PART = 0.7  # of a job's time, after which it is given back to the queue
HALF = 0.5  # of that time, after which a film that was just cleaned is given back
PAUSE = 0.2  # seconds between two looks at parts that others paint


class FilmPainter:
    """One attempt at painting a job's film."""

    def __init__(
        self, job: Job, request: Request, stylizer: Stylizer, around: Around, folder: Path
    ) -> None:
        self._job, self._request, self._stylizer = job, request, stylizer
        self._around, self._folder = around, folder
        self._begun = time.monotonic()

    def _is_late(self, part: float = 1.0) -> bool:
        """Tell whether the job is to be given back to the queue, after part of the usual time."""
        return time.monotonic() - self._begun > part * PART * settings().job_time_limit

    def _watched(self, stage: str, progress: float) -> None:
        """Say how far it is; raises what stops the work."""
        if self._around.stops():
            raise Paused
        self._around.watch(stage, progress)

    def _report(self, stage: str, done: int, of: int) -> None:
        """Say how many frames are done in a stage."""
        painted = min(1.0, done / of) if stage == "paint" else 0.0
        share = CLEANED + (PAINTED - CLEANED) * painted
        self._watched(stage_of(stage, min(done + 1, of), of), share)

    def _cleaned(self) -> Path:
        """Return the clean film, which is written where there is none yet; raises `Paused`."""
        clean = self._folder / "clean"
        if "clean" not in (self._job.film or {}):
            Cleaning(self._job, self._watched, self._folder).run(clean)
            if self._is_late(HALF):
                raise Paused  # the look for shots, which keeps nothing, gets a whole job's time
        if not clean.exists():
            fetch_of(self._job, (self._job.film or {})["clean"], clean)
        return clean

    # ---------------------------------------------------------------- plan

    def _known_plan(self) -> Plan | None:
        """Return the plan by which parts are painted already; None: there is none to be used."""
        for part in parts.of(self._job.id)[:1]:
            try:
                return fetched_plan(part, self._stylizer, self._folder)
            except (blobs.BlobMissing, plans.PlanDamaged, plans.OthersPlan):
                return None
        return None

    def _planned(self, film: CleanFilm, paint: Painter) -> Plan:
        """Find the film's shots and write the rows of its parts, unless that is done."""
        if (known := self._known_plan()) is not None:
            return known
        plan = making.planned(film.film, film.clean, paint, self._report, film.read)
        if len(plan.times) != film.clean.frames:
            raise Refused("film.too_costly")
        file = self._folder / "plan"
        plans.write(plan, self._stylizer, file)
        key = parts.plan_key(self._job.id, self._job.attempt)
        blobs.put_all({key: file})
        begins = part_painter.begins(plan.times, KEY_SECONDS)
        try:
            former = parts.write(self._job, begins, film.clean.frames)
        except Paused:
            blobs.delete([key])
            raise
        blobs.delete(sorted(former))
        return plan

    # ---------------------------------------------------------------- paint

    def _one(self, work: PartWork, part: Part) -> bool:
        """Paint a part if it is still free; tell whether it is stored."""
        claimed = parts.claim(part, self._around.process)
        if claimed is None:
            return False
        parts.announce(self._job)
        frames = work.film.clean.frames
        try:
            with held(claimed, self._around.renewing) as holding:
                return work.do(
                    holding, lambda done: self._report("paint", holding.others + done, frames)
                )
        except PartLost:
            return False

    def _check_time(self) -> None:
        """Raise `Paused` when the time is up, `Yielded` when a picture waits."""
        if self._is_late():
            raise Paused
        if self._around.waits():
            raise Yielded

    def _paint(self, work: PartWork) -> list[Part]:
        """Paint what no other does, until all is there; return the parts, their files here."""
        after: int | None = None
        painted = False
        while True:
            self._report("paint", parts.painted(self._job.id), work.film.clean.frames)
            if free := parts.free(self._job.id):
                if painted:
                    self._check_time()
                after = free[0].first if after is None else work.after
                if self._one(work, parts.choose(free, after)):
                    painted = True
                    continue
            else:
                every = parts.of(self._job.id)
                if all(part.stored for part in every) and self._fetched(work, every):
                    return every
                if not every:
                    raise Paused  # the rows are gone: it is planned again
                self._check_time()
            time.sleep(PAUSE)

    def _fetched(self, work: PartWork, every: Sequence[Part]) -> bool:
        """Copy parts that others painted; False: one is gone, and is to be painted again."""
        for part in every:
            key = part.key(work.film.codec.container)
            if key in work.made:
                continue
            file = work.painter.file(part)
            try:
                fetch(key, file, part.stored)
            except (blobs.BlobMissing, blobs.BlobDamaged):
                parts.lose(part)
                return False
            work.made[key] = file
        return bool(every)

    # ---------------------------------------------------------------- the whole

    def run(self) -> Painted:
        """Paint and store the film; raises `Paused`, `Refused`, and what stops the work."""
        clean = self._cleaned()
        with clean_film.opened(clean, self._job.film or {}) as film:
            request = replace(self._request, content=film.first())
            paint = painter_of(self._job, request, self._stylizer)
            plan = self._planned(film, paint)
            steady = self._job.options["steady"]
            painter = PartPainter(film, paint, plan, steady, self._folder)
            work = PartWork(self._job, film, painter, self._is_late)
            every = self._paint(work)
            self._watched("join", PAINTED)
            return self._stored(self._joined(work, every), work)

    def _joined(self, work: PartWork, every: Sequence[Part]) -> Path:
        into, film = self._folder / "film", work.film
        some = [
            joining.Part(work.made[part.key(film.codec.container)], Fraction(part.begin * BASE))
            for part in every
        ]
        joining.join(some, film.file, film.clean.sound, into, film.codec)
        return into

    @staticmethod
    def _check_bytes(film: Path, of: CleanFilm) -> None:
        """Raise `Refused` if a painted film takes more than was reserved for it."""
        bits = most_bits(*of.size, max(of.clean.rate, settings().film_rate))
        if film.stat().st_size > films.painted_bytes(bits, of.clean.seconds):
            raise Refused("film.too_costly")

    def _stored(self, film: Path, work: PartWork) -> Painted:
        codec = work.film.codec
        self._check_bytes(film, work.film)
        key = f"{self._job.id}/film-{self._job.attempt}.{codec.container}"
        first = joining.first(film, codec)
        blobs.put_all({key: film})
        fingerprint = blobs.fingerprint_of(film)
        return Painted(key, first, fingerprint, disk.rounded_up(fingerprint[0]))
