"""A thread beside the worker's own, that stores results, and what it does with those of a group."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict

from sqlalchemy.exc import DBAPIError

import adain
from adain.stylizer import Stylizer
from worker import jobs
from worker.films import work
from worker.jobs import Job
from worker.observability import failpoints, metrics
from worker.runner.heartbeat import Stop
from worker.runner.stopwatch import Stopwatch
from worker.runner.teaching import clear
from worker.runner.worker import Made, SavedFiles, Worker, lower_priority
from worker.storage import blobs

log = logging.getLogger(__name__)


class SaveQueue:
    """A thread that stores one group's results while the next group is made."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "storing", lower_priority)
        self._busy: Future[None] | None = None

    def give(self, work: Callable[[], None]) -> None:
        """Start this work when the work before is done; returns when it is started."""
        self.wait()
        self._busy = self._pool.submit(work)

    def wait(self) -> None:
        """Return when nothing is being stored; raises what the work raised."""
        busy, self._busy = self._busy, None
        if busy:
            busy.result()

    def end(self) -> None:
        """Wait, and end the thread."""
        self._pool.shutdown()
        self.wait()


def leave_to_the_sweep(group: Sequence[Job]) -> None:
    """Log jobs that can't be recorded; they are tried again when their leases expire."""
    log.exception("jobs %s found no database", ", ".join(job.id for job in group))


def _discard(job: Job, files: SavedFiles) -> None:
    """Delete results that came too late: the job was cancelled, deleted or is another attempt's."""
    try:
        more = filter(None, (files.taught_key, files.film_key))
        blobs.delete([files.result_key, files.thumbnail_key, *more])
    except Exception:  # whatever a storage raises
        log.exception("job %s: results that came too late are left to the sweep", job.id)


class SaveBatch:
    """The storing and recording of pictures that were made at once."""

    def __init__(
        self, worker: Worker, made: Sequence[Made], stylizer: Stylizer, clock: Stopwatch
    ) -> None:
        self.group = [one[0] for one in made]
        self._worker = worker
        self._made = made
        self._stylizer = stylizer
        self._clock = clock

    def _at(self, failpoint: str) -> None:
        for job in self.group:
            failpoints.at(failpoint, job.id)

    def _count(self, timings: dict[str, float]) -> None:
        metrics.TOGETHER.observe(len(self.group))
        for stage, seconds in timings.items():
            metrics.STAGES.labels(stage).observe(seconds)

    def _finish(self, job: Job, files: SavedFiles, timings: dict[str, float]) -> None:
        recorded = jobs.finish(
            job.id,
            job.attempt,
            **asdict(files),
            device=str(self._stylizer.device),
            weights_sha256=self._stylizer.sha256,
            version=adain.__version__,
            timings={"wait": round((job.started or 0) - job.submitted, 4)} | timings,
            together=len(self.group),
        )
        if not recorded:
            _discard(job, files)
        failpoints.at("recorded", job.id)

    def _record(self) -> None:
        self._worker.heartbeat.watch(self.group, "save", 0.95)
        self._at("save")
        saved = self._worker.save_all(self._made)
        self._at("kept")  # results that no row names
        timings = self._clock.end()
        self._count(timings)
        for job, files in saved:
            self._finish(job, files, timings)
            if files.taught_key:
                clear(job)
            work.clear(job)

    def run(self) -> None:
        """Store the pictures and end their jobs."""
        try:
            self._record()
        except Stop:
            self._worker.drop(self.group)
        except DBAPIError:
            leave_to_the_sweep(self.group)
        except blobs.StorageAway:
            log.warning("no results can be stored", exc_info=True)
            self._worker.give_back(self.group)
        finally:
            self._worker.heartbeat.let_go(self.group)
