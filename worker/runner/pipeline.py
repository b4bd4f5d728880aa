"""What a worker process does with a message: claim the next jobs, make them, store the results.

Jobs that work at one size with one network may be made at once; while the results of some jobs
are stored, the next jobs are made. Networks are in `adain`, changes of a job's row in
`worker/jobs`, what a process has in `worker/runner/worker.py`.
"""

import contextlib
import logging
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from types import FrameType

import torch
from billiard.exceptions import SoftTimeLimitExceeded
from sqlalchemy.exc import DBAPIError

import adain
from adain import methods, strokes
from adain.files.pictures import scaled_size
from adain.methods import Limits
from adain.stylizer import Stylizer
from worker import jobs
from worker.films import work
from worker.images import images
from worker.jobs import Job, Paused, queue
from worker.observability import failpoints, metrics
from worker.options import recorded
from worker.runner.heartbeat import Stop
from worker.runner.save_queue import SaveQueue
from worker.runner.stopwatch import Stopwatch
from worker.runner.teaching import clear, teach
from worker.runner.worker import GROUP_ERRORS, Made, Ready, SavedFiles, Worker, fail
from worker.settings import settings
from worker.storage import blobs
from worker.visitors import preview_claims, previews
from worker.visitors.previews import Preview

log = logging.getLogger(__name__)

AT_ONCE_PIXELS = 1 << 20  # on a CPU; four of 512 px take less than one by one, four of 768 px more


def _discard(job: Job, files: SavedFiles) -> None:
    """Delete results that came too late: the job was cancelled, deleted or is another attempt's."""
    try:
        more = filter(None, (files.taught_key, files.film_key))
        blobs.delete([files.result_key, files.thumbnail_key, *more])
    except Exception:  # whatever a storage raises
        log.exception("job %s: results that came too late are left to the sweep", job.id)


# ---------------------------------------------------------------- jobs made at once


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
            _leave_to_the_sweep(self.group)
        except blobs.StorageAway:
            log.warning("no results can be stored", exc_info=True)
            self._worker.give_back(self.group)
        finally:
            self._worker.heartbeat.let_go(self.group)


class RenderBatch:
    """The making of some jobs' pictures at once; the results are given to a `SaveQueue`.

    What goes wrong with several jobs at once is tried again with half of them, until the one
    that fails, or does not fit in memory, is alone.
    """

    def __init__(
        self, worker: Worker, group: list[Job], saving: SaveQueue, give_way: Callable[[], None]
    ) -> None:
        self.left = group  # all but those whose pictures are made
        self._worker = worker
        self._saving = saving
        self._give_way = give_way
        self._clock = Stopwatch()

    def _watch(self, stage: str, progress: float) -> None:
        name, step, _ = jobs.step_of(stage)
        self._clock.enter(name)
        self._worker.heartbeat.watch(self.left, stage, progress)
        for job in self.left:
            failpoints.at(name, job.id)  # mid-job: styles, content, picture, refine
        if step:  # of a method that takes seconds
            self._clock.enter("others")
            self._give_way()
            self._clock.enter(name)

    def run(self) -> None:
        """Make the pictures; raises what is not the fault of a single job."""
        if ready := self._worker.load(self.left):
            for part in self._parts(ready):
                self._render(part)

    def _parts(self, ready: Sequence[Ready]) -> Iterator[Sequence[Ready]]:
        """Yield the jobs that the network takes at once: on a CPU, few enough for its caches."""
        job, _ = ready[0]
        width, height = scaled_size(job.content_width, job.content_height, job.options["size"])
        largest = max(strokes.steps(width, height, recorded(job.options)["strokes"])).side
        painted = width * height * (largest / min(width, height)) ** 2
        fit = max(1, int(AT_ONCE_PIXELS / painted))
        count = len(ready) if self._worker.networks.on_gpu() else fit
        for begin in range(0, len(ready), count):
            yield ready[begin : begin + count]

    def _made(self, ready: Sequence[Ready]) -> tuple[Stylizer, Sequence[Made]]:
        """Make some jobs' pictures, or teach a style; return by what, and the jobs with them."""
        job, prepared = ready[0]
        if job.options.get("teach"):
            return teach(job, prepared.request, self._watch, self._worker.stop_claiming)
        stylizer = self._worker.networks.of(job)
        self._watch("styles", 0.0)
        requests = [prepared.measured(stylizer) for _, prepared in ready]
        if job.film:
            stops = self._worker.stop_claiming.is_set
            made = work.paint(job, requests[0], stylizer, self._watch, stops)
            return stylizer, [(job, made.first, made)]
        limits = Limits(settings().method_pixels, settings().method_steps)
        pictures = methods.make(stylizer, requests, self._watch, limits)
        return stylizer, [(job, image) for (job, _), image in zip(ready, pictures, strict=True)]

    def _render(self, ready: Sequence[Ready]) -> None:
        try:
            stylizer, made = self._made(ready)
        except GROUP_ERRORS:
            raise
        except Exception as error:
            if len(ready) == 1:
                fail(ready[0][0], error)
                return
            metrics.HALVED.inc()
            log.warning("a group of %d is halved: %r", len(ready), error)
        else:
            self._save(SaveBatch(self._worker, made, stylizer, self._clock))
            return
        half = len(ready) // 2  # outside of `except`, where the error holds no memory any more
        for part in (ready[:half], ready[half:]):
            self._render(part)

    def _save(self, batch: SaveBatch) -> None:
        self._clock.enter("save")
        self._clock = Stopwatch()
        self._saving.give(batch.run)
        self.left = [job for job in self.left if job not in batch.group]


def _give_back(group: Sequence[Job], counts: bool) -> None:
    for job in group:
        jobs.release(job.id, job.attempt, counts)


def _leave_to_the_sweep(group: Sequence[Job]) -> None:
    """Log jobs that can't be recorded; they are tried again when their leases expire."""
    log.exception("jobs %s found no database", ", ".join(job.id for job in group))


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    """Raise `SoftTimeLimitExceeded` inside once it has lasted as long as a job may.

    In the main thread, by a timer of its own: Celery's began with the message, and other jobs
    may have been made since. Within another, that one's time stands still.
    """

    def end(number: int, frame: FrameType | None) -> None:
        raise SoftTimeLimitExceeded

    before = signal.signal(signal.SIGALRM, end)
    left, _ = signal.setitimer(signal.ITIMER_REAL, settings().job_time_limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, left)


# ---------------------------------------------------------------- previews


def _stops(worker: Worker, preview: Preview) -> bool:
    """Tell whether a contact sheet stops: a job or preview waits, or its page does no more."""
    return (
        worker.stop_claiming.is_set()
        or not preview_claims.is_wanted(preview)
        or preview_claims.waits()
        or jobs.any_claimable()
    )


def _preview(worker: Worker, preview: Preview, stylizer: Stylizer) -> bytes | None:
    """Make a preview, or a contact sheet; return it as a JPEG. None: the sheet gives way."""
    if preview.sheet:
        image = worker.sheets.paint(preview, stylizer, lambda: _stops(worker, preview))
        return None if image is None else images.small_jpeg(image, max(image.size))
    [image] = stylizer.stylize([worker.prepare(preview).measured(stylizer)])
    return images.small_jpeg(image)


def _make_preview(worker: Worker) -> None:
    """Make the next preview in turn, if any; one that fails is only logged."""
    preview = preview_claims.claim(worker.sheets.held)
    if preview is None:
        return
    try:
        stylizer = worker.networks.of(preview)
        if (result := _preview(worker, preview, stylizer)) is None:
            preview_claims.give_back(preview)
            return
        blobs.put(previews.result_key(preview.key), result, durable=False)
        preview_claims.end(preview, previews.State.MADE)
    except DBAPIError:
        log.warning("preview %s found no database", preview.id)
    except Exception:
        log.warning("preview %s failed", preview.id, exc_info=True)
        preview_claims.end(preview, previews.State.FAILED)


def _make_waiting_preview(worker: Worker) -> None:
    """Make a preview, or some of a contact sheet, if one waits.

    After each group of jobs and each step of a long one: else a row of jobs kept it waiting until
    it is out of date.
    """
    if worker.stop_claiming.is_set() or worker.storage_away:
        return
    try:
        if preview_claims.waits(sheets=True):
            _make_preview(worker)
    except DBAPIError:
        log.warning("no preview is made: the database is away", exc_info=True)


# ---------------------------------------------------------------- the loop


def _claim(worker: Worker, worked: bool, quick: bool = False) -> list[Job]:
    try:
        group = jobs.claim_together(worker.heartbeat.process, worker.most(), quick)
    except DBAPIError:
        if not worked:
            raise
        log.warning("no more jobs are taken: the database is away", exc_info=True)
        return []
    for job in group:
        log.info("job %s attempt %d begins, one of %d", job.id, job.attempt, len(group))
        failpoints.at("claimed", job.id)
    return group


def _make(worker: Worker, group: list[Job], saving: SaveQueue) -> bool:
    """Make the pictures of claimed jobs; return whether there is time for more jobs."""
    batch = RenderBatch(worker, group, saving, partial(_give_way, worker, saving))
    worker.heartbeat.keep(group)
    try:
        with _time_limit():
            batch.run()
    except Stop:
        worker.drop(batch.left)
    except Paused:
        _give_back(batch.left, counts=False)
        return False
    except SystemExit:  # Celery's answer to SIGTERM in the pool's processes
        _give_back(batch.left, counts=False)
        raise
    except DBAPIError:
        _leave_to_the_sweep(batch.left)
    except blobs.StorageAway:
        log.warning("no pictures can be read", exc_info=True)
        worker.give_back(batch.left)
    except SoftTimeLimitExceeded as error:
        if len(batch.left) == 1:
            fail(batch.left[0], error)
        else:  # each has the time to itself when it is claimed again
            log.warning("a group of %d took too long; each runs alone", len(batch.left))
            _give_back(batch.left, counts=True)
        return False
    finally:
        worker.heartbeat.let_go(batch.left)
    return True


def _give_way(worker: Worker, saving: SaveQueue) -> None:
    """Make the quick jobs that are next in line, and a preview, while a long job is held.

    Called between two of its steps, so that it goes on, and quick ones wait for a step alone. What
    they load is used by later jobs too, some of which need gradients, which the long one may have
    switched off.
    """
    if worker.stop_claiming.is_set():
        return
    with torch.inference_mode(False), torch.enable_grad():
        _make_others(worker, saving)


def _make_others(worker: Worker, saving: SaveQueue) -> None:
    """Make quick jobs, if some wait, and a preview."""
    try:
        claimable = jobs.any_claimable(quick=True)
    except DBAPIError:
        return  # who waits does so for the database
    if claimable and (group := _claim(worker, worked=True, quick=True)):
        _make(worker, group, saving)
    _make_waiting_preview(worker)


def _make_jobs(worker: Worker) -> bool:
    """Make groups of jobs until none waits, or `queue.SHIFT` is over; return whether one may wait.

    After each group a preview is made, if one waits.
    None is claimed while the storage is away. Returns when the last results are stored, soon after
    `stop_claiming` is set.
    """
    saving, until, worked = SaveQueue(), time.monotonic() + queue.SHIFT, False
    try:
        while worker.wait_for_storage(until):
            if not (group := _claim(worker, worked)):
                break
            worked = True
            alone = any(job.attempt - job.released > 1 for job in group)
            if alone:
                saving.wait()  # if it kills the process again, no other job is lost
            goes_on = _make(worker, group, saving)
            if alone:
                saving.wait()
            _make_waiting_preview(worker)
            if not goes_on or worker.stop_claiming.is_set() or time.monotonic() > until:
                break
    finally:
        saving.end()
    return worked or worker.storage_away


def answer(worker: Worker) -> None:
    """Do what one message is for: make jobs, and previews in between, or else a preview alone."""
    with worker.heartbeat.answering():
        failpoints.at("heard")  # the message is gone, nothing is claimed
        if not _make_jobs(worker):
            _make_preview(worker)
