"""What a worker does with a part of a film: held by its heartbeat, painted, stored, recorded."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from adain.film import files
from adain.film.making import Plan
from adain.film.painter import Painter
from adain.request import Request
from adain.stylizer import Stylizer
from worker import jobs
from worker.films import parts, plans
from worker.films.clean_film import CleanFilm
from worker.films.cleaning import fetch
from worker.films.part_painter import PartPainter
from worker.films.parts import Part
from worker.films.work import Renewing
from worker.jobs import Job
from worker.observability import failpoints
from worker.storage import blobs

log = logging.getLogger(__name__)


class PartLost(Exception):
    """Another attempt has the part, or its film is wanted no more."""


@dataclass
class Held:
    """A part that this process has; its heartbeat says so."""

    part: Part
    others: int  # frames of the film that are in other parts, painted
    painted: int = 0
    lost: bool = False

    def renew(self) -> None:
        """Renew the lease, and learn how far others are."""
        painted = self.painted  # of one moment: more may be painted meanwhile
        self.lost = not parts.renew(self.part, painted)
        self.others = max(0, parts.painted(self.part.job_id) - painted)

    def watch(self, painted: int) -> None:
        """Note how many frames are painted; raises `PartLost`."""
        self.painted = painted
        if self.lost:
            raise PartLost


@contextmanager
def held(part: Part, renewing: Renewing) -> Iterator[Held]:
    """Hold a claimed part; one that is not stored at the end is given back."""
    holding = Held(part, parts.painted(part.job_id))
    try:
        with renewing(holding.renew):
            yield holding
    except BaseException:
        try:
            parts.release(part)
        except DBAPIError:
            log.warning("a part of film %s waits for the end of its lease", part.job_id)
        raise


def fetched_plan(part: Part, stylizer: Stylizer, folder: Path) -> Plan:
    """Return the plan by which a film is painted; raises what `fetch` and `plans.read` do."""
    file = folder / "plan"
    fetch(parts.plan_key(part.job_id, part.plan), file)
    return plans.read(file, stylizer)


@dataclass
class PartWork:
    """Parts of one film, painted by one worker."""

    job: Job
    film: CleanFilm
    painter: PartPainter
    is_late: Callable[[], bool]
    made: dict[str, Path] = field(default_factory=dict)  # files of what it stored, by key

    @property
    def after(self) -> int | None:
        """The frame that it would go on with."""
        return self.painter.at

    def do(self, holding: Held, watch: Callable[[int], None]) -> bool:
        """Paint and store a part; tell whether it is recorded. `watch` hears of frames done.

        Raises `PartLost` soon after it is another's, and what `watch` raises.
        """
        part, every = holding.part, parts.of(self.job.id)
        most = jobs.most_parts(self.job.film or {})

        def painted_so_far(painted: int) -> None:
            holding.watch(painted)
            watch(painted)

        def ends(painted: int, at: Fraction) -> bool:
            late = self.is_late() and len(every) < most
            return late and parts.split(part, painted, files.ticks(at))

        file = self.painter.paint(part, every, painted_so_far, ends)
        return self._stored(part, file)

    def clear(self) -> None:
        """Delete the files of what was painted here, which is stored."""
        for file in self.made.values():
            file.unlink()
        self.made.clear()

    def _stored(self, part: Part, file: Path) -> bool:
        """Store what is painted under the name of this attempt, if it still has the part."""
        if not parts.renew(part, part.frames):
            return False
        key = part.key(self.film.codec.container)
        blobs.put_all({key: file})
        failpoints.at("half", self.job.id)
        if not parts.finish(part, blobs.fingerprint_of(file)):
            blobs.delete([key])
            return False
        self.made[key] = file
        failpoints.at("part", self.job.id)
        return True


def painter_of(job: Job, request: Request, stylizer: Stylizer) -> Painter:
    """Return what paints the frames of a job's film; the request's content is its first frame."""
    return Painter(stylizer, request, job.options.get("weights_end", ()))
