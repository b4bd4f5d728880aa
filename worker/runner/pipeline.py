"""What a worker process does with a message: claim the next jobs, make them, store the results.

Jobs that work at one size with one network may be made at once; while the results of some jobs
are stored, the next jobs are made. Networks are in `adain`, changes of a job's row in
`worker/jobs`, what a process has in `worker/runner/worker.py`.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from billiard.exceptions import SoftTimeLimitExceeded
from sqlalchemy.exc import DBAPIError

from adain import methods, strokes
from adain.files.pictures import scaled_size
from adain.methods import Limits
from adain.mixing import Watch
from adain.request import Request
from adain.stylizer import Stylizer
from worker import jobs
from worker.films import work
from worker.films.work import Around
from worker.images import images
from worker.jobs import Job, Paused, Which, queue
from worker.observability import failpoints, metrics
from worker.options import recorded
from worker.runner.heartbeat import Stop
from worker.runner.save_queue import SaveBatch, SaveQueue, leave_to_the_sweep
from worker.runner.stopwatch import Stopwatch, time_limit
from worker.runner.teaching import teach
from worker.runner.worker import GROUP_ERRORS, Made, Ready, Worker, fail
from worker.settings import settings
from worker.storage import blobs
from worker.visitors import preview_claims, previews
from worker.visitors.previews import Preview

log = logging.getLogger(__name__)

AT_ONCE_PIXELS = 1 << 20  # on a CPU; four of 512 px take less than one by one, four of 768 px more


# ---------------------------------------------------------------- jobs made at once


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
            around = _around(self._worker, self._watch, partial(_waits, Which.SLOW))
            made = work.paint(job, requests[0], stylizer, around)
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


def _claim(worker: Worker, worked: bool, which: Which = Which.ANY) -> list[Job]:
    try:
        group = jobs.claim_together(worker.heartbeat.process, worker.most(), which)
    except DBAPIError:
        if not worked:
            raise
        log.warning("no more jobs are taken: the database is away", exc_info=True)
        return []
    for job in group:
        log.info("job %s attempt %d begins, one of %d", job.id, job.attempt, len(group))
        failpoints.at("claimed", job.id)
    return group


def _make(worker: Worker, group: list[Job], saving: SaveQueue) -> Which | None:
    """Make the pictures of claimed jobs; return which are next, None if there is time for none."""
    batch = RenderBatch(worker, group, saving, _Others(worker, saving))
    worker.heartbeat.keep(group)
    try:
        with time_limit():
            batch.run()
    except Stop:
        worker.drop(batch.left)
    except work.Yielded:
        _give_back(batch.left, counts=False)
        queue.announce([job.id for job in batch.left], batch.left[0].queue)
        return Which.SLOW
    except Paused:
        _give_back(batch.left, counts=False)
        return None
    except SystemExit:  # Celery's answer to SIGTERM in the pool's processes
        _give_back(batch.left, counts=False)
        raise
    except DBAPIError:
        leave_to_the_sweep(batch.left)
    except blobs.StorageAway:
        log.warning("no pictures can be read", exc_info=True)
        worker.give_back(batch.left)
    except SoftTimeLimitExceeded as error:
        if len(batch.left) == 1:
            fail(batch.left[0], error)
        else:  # each has the time to itself when it is claimed again
            log.warning("a group of %d took too long; each runs alone", len(batch.left))
            _give_back(batch.left, counts=True)
        return None
    finally:
        worker.heartbeat.let_go(batch.left)
    return Which.ANY


class _Others:
    """Makes quick jobs and previews between the steps of a long one, for part of its time at most.

    Its own time stands still meanwhile; the message's, which Celery limits, does not.
    """

    def __init__(self, worker: Worker, saving: SaveQueue) -> None:
        self._worker, self._saving = worker, saving
        self._left = queue.GIVEN * settings().job_time_limit

    def __call__(self) -> None:
        if self._left <= 0:
            return
        begun = time.monotonic()
        try:
            _give_way(self._worker, self._saving)
        finally:
            self._left -= time.monotonic() - begun


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
        claimable = jobs.any_claimable(Which.QUICK)
    except DBAPIError:
        return  # who waits does so for the database
    if claimable and (group := _claim(worker, True, Which.QUICK)):
        _make(worker, group, saving)
    _make_waiting_preview(worker)


def _waits(which: Which) -> bool:
    """Tell whether such a job waits; False while the database is away, for which it waits too."""
    try:
        return jobs.any_claimable(which)
    except DBAPIError:
        return False


def _around(worker: Worker, watch: Watch, waits: Callable[[], bool]) -> Around:
    """Return what this process lends to the painting of a film."""
    beats, stops = worker.heartbeat, worker.stop_claiming.is_set
    return Around(beats.process, watch, stops, waits, beats.renewing, GROUP_ERRORS)


def _help_out(worker: Worker, saving: SaveQueue, until: float) -> bool:
    """Paint parts of a film that another worker has, until a job waits; tell whether one was."""

    def watch(stage: str, progress: float) -> None:
        failpoints.at("help")
        _give_way(worker, saving)

    def waits() -> bool:
        return time.monotonic() > until or _waits(Which.ANY)

    def prepared(job: Job) -> tuple[Request, Stylizer]:
        stylizer = worker.networks.of(job)
        return worker.prepare(job).measured(stylizer), stylizer

    try:
        with time_limit():
            return work.help_out(prepared, _around(worker, watch, waits))
    except Paused:
        return False
    except (SoftTimeLimitExceeded, DBAPIError, blobs.StorageAway):
        log.warning("a part of a film is left to others", exc_info=True)
        return False


def _make_apart(worker: Worker, group: list[Job], saving: SaveQueue) -> Which | None:
    """Make the pictures of claimed jobs, as `_make`; nothing beside one that was lost before."""
    alone = any(job.attempt - job.released > 1 for job in group)
    if alone:
        saving.wait()  # if it kills the process again, no other job is lost
    following = _make(worker, group, saving)
    if alone:
        saving.wait()
    return following


def _make_jobs(worker: Worker) -> bool:
    """Make groups of jobs until none waits, or `queue.SHIFT` is over; return whether one may wait.

    After each group a preview is made, if one waits; while no job waits, parts of others' films.
    None is claimed while the storage is away. Returns when the last results are stored, soon after
    `stop_claiming` is set.
    """
    saving, until, worked = SaveQueue(), time.monotonic() + queue.SHIFT, False
    following: Which | None = Which.ANY
    try:
        while worker.wait_for_storage(until):
            group = _claim(worker, worked, following or Which.ANY)
            if not group and following == Which.SLOW:
                group = _claim(worker, worked)
            if group:
                following = _make_apart(worker, group, saving)
            elif not _help_out(worker, saving, until):
                break
            worked = True
            _make_waiting_preview(worker)
            if not following or worker.stop_claiming.is_set() or time.monotonic() > until:
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
