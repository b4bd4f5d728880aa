"""The worker: answers the message, takes the next jobs in line and sees them through.

Like a web view: fetch, call, record. What is run stands in `adain`, what is recorded in
`worker/jobs/__init__.py`. Jobs that work at one size with one network may be made together; while
some jobs' pictures are stored, the next ones' are made.
"""

import contextlib
import hashlib
import io
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from threading import Event
from types import FrameType
from typing import Any, TypeVar

import billiard
import torch
from billiard.exceptions import SoftTimeLimitExceeded
from celery.signals import (
    setup_logging,
    worker_process_init,
    worker_process_shutdown,
    worker_shutting_down,
)
from PIL import Image
from sqlalchemy.exc import DBAPIError

import adain
from adain import malloc
from adain.color import Color
from adain.files.pictures import scaled_size
from adain.model import NETWORKS, Transfer
from adain.request import Request, Style
from adain.stylizer import Stylizer
from adain.weights import WeightsError, find
from worker import jobs, masks, program
from worker.images import images
from worker.jobs import Hold, Job, queue, traces
from worker.observability import failpoints, logs, metrics
from worker.options import recorded
from worker.runner import style_cache
from worker.runner.background_compile import Compiling
from worker.runner.heartbeat import RESTART, Heartbeat, Stop
from worker.settings import BadSetting, settings
from worker.storage import blobs, processes
from worker.visitors import previews
from worker.visitors.previews import Preview

log = logging.getLogger(__name__)

T = TypeVar("T")

STOP_CLAIMING = signal.SIGUSR2  # to a process of the pool
AT_ONCE_PIXELS = 1 << 20  # on a CPU; four of 512 px take less than one by one, four of 768 px more

app = queue.app()


# ---------------------------------------------------------------- networks


@lru_cache(maxsize=1)
def _sound_weights(changed: int) -> dict[str, str]:
    """Return the sha256 of each network's weights, looked up again when the folder changed."""
    sound = {}
    for network in NETWORKS:
        try:
            sound[network] = find(network, settings().weights_dir).sha256
        except WeightsError as error:
            log.info("network %s can't serve: %s", network, error)
    return sound


def networks() -> dict[str, str]:
    """Return name and sha256 of the networks that can serve here."""
    folder = settings().weights_dir
    return _sound_weights(folder.stat().st_mtime_ns if folder.exists() else 0)


@lru_cache(maxsize=len(NETWORKS))
def _loaded(network: str, sha256: str) -> Stylizer:
    code = settings().code_dir if settings().compile else None
    return Stylizer.load(network, settings().weights_dir, settings().device, code=code)


def _name(network: str) -> str:
    """Return the network's name with its weights', as `Style.network` has it."""
    return f"{network} {networks().get(network, '')}"


def _stylizer(network: str) -> Stylizer:
    """Return the network ready to run; raises `WeightsError`."""
    return _loaded(network, networks().get(network, ""))


# ---------------------------------------------------------------- one job


class Stopwatch:
    """Seconds by stage; a stage lasts until the next one begins, and may come again."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stage = "load"
        self._since = self._begun = time.perf_counter()

    def enter(self, stage: str) -> None:
        """End the stage before and begin this one."""
        elapsed = time.perf_counter()
        before = self.seconds.get(self._stage, 0.0)
        self.seconds[self._stage] = round(before + elapsed - self._since, 4)
        self.seconds["total"] = round(elapsed - self._begun, 4)
        self._stage, self._since = stage, elapsed

    def end(self) -> dict[str, float]:
        """End the last stage; return all of them and the total."""
        self.enter("")
        return dict(self.seconds)


def _picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=images.KEPT)


def _read(job: Job | Preview, key: str) -> bytes:
    """Return a job's picture; raises `BlobMissing`, and `BlobDamaged` if it is not as it was."""
    known = job.files if isinstance(job, Job) else None
    return blobs.get(key, known.get(key) if known else None)


@dataclass(frozen=True)
class PreparedJob:
    """What a job asks for, its styles measured as far as they were before."""

    request: Request  # its colour is never `CONTENT`: that is in the measures
    measures: Sequence[str]  # the names of its styles' measures
    match: bool  # whether the styles' colours become the photo's

    def measured(self, stylizer: Stylizer) -> Request:
        """Return the request with all styles measured, unless it asks for its photo alone."""
        if self.request.alpha == 0:
            return self.request
        like = self.request.content if self.match else None
        styles = [
            style
            if isinstance(style, Style)
            else style_cache.measure(name, partial(stylizer.style, style, self.request.size, like))
            for name, style in zip(self.measures, self.request.styles, strict=True)
        ]
        return replace(self.request, styles=styles)


def _request(job: Job | Preview) -> PreparedJob:
    """Load what a job asks for."""
    chosen, network = recorded(job.options), _name(job.options["network"])
    content, match = _read(job, job.content_key), chosen["color"] == Color.CONTENT
    target = hashlib.sha256(content).hexdigest() if match else ""
    measures = [
        style_cache.key(network, digest, chosen["size"], target) for digest in job.style_digests
    ]
    request = Request(
        content=_picture(content),
        styles=[
            style_cache.find(name, network) or _picture(_read(job, key))
            for name, key in zip(measures, job.style_keys, strict=True)
        ],
        weights=chosen["weights"],
        masks=[_picture(_read(job, key)) for key in job.mask_keys],
        alpha=chosen["alpha"],
        color=Color.STYLE if match else Color(chosen["color"]),
        size=chosen["size"],
        transfer=Transfer(chosen["transfer"]),
    )
    return PreparedJob(request, measures, match)


@dataclass(frozen=True)
class SavedFiles:
    """What became of a picture: where it lies, and how large it is."""

    result_key: str
    thumbnail_key: str
    width: int
    height: int
    stored: int  # bytes of both files
    files: dict[str, Any]  # fingerprints of all the job's pictures


def _stand_back() -> None:
    """Leave the cores to the network's threads, which meet after every layer and wait there."""
    if sys.platform == "linux":  # where a thread can be told apart
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


_thumbnails = ThreadPoolExecutor(4, "thumbnails", _stand_back)  # what stores waits for them


def _keep(job: Job, image: Image.Image) -> SavedFiles:
    """Store the result and its thumbnail under this attempt."""
    result_key = f"{job.id}/result-{job.attempt}.png"
    thumbnail_key = f"{job.id}/thumbnail-{job.attempt}.jpg"
    thumbnailing = _thumbnails.submit(images.small_jpeg, image)
    result = images.encode(image, "png")
    made = {result_key: result, thumbnail_key: thumbnailing.result()}
    blobs.put_all(made)
    files = (job.files or {}) | {key: blobs.fingerprint(data) for key, data in made.items()}
    stored = sum(map(len, made.values()))
    return SavedFiles(result_key, thumbnail_key, image.width, image.height, stored, files)


def _sentence(job: Job, error: Exception) -> str:
    """Say calmly to the owner what went wrong; the log has the rest."""
    match error:
        case WeightsError():
            return (
                f"The network {job.options['network']!r} has no sound weights on this studio yet; "
                "its keeper can add them with `adain-studio weights add FILE`."
            )
        case SoftTimeLimitExceeded():
            limit = settings().job_time_limit
            return f"The job was stopped after {limit} seconds. Please try a smaller size."
        case torch.OutOfMemoryError() | MemoryError():
            return "The picture needs more memory than there is. Please try a smaller size."
        case blobs.BlobMissing():
            return "The job's pictures are gone. Please send them again."
        case blobs.BlobDamaged():
            return "The job's pictures were damaged on the disk. Please send them again."
        case blobs.StorageFull():
            return "There is no room left to keep the result. Please try again later."
    return "Something went wrong while making this picture. Please try again."


def _fail(job: Job, error: Exception) -> None:
    log.error("job %s attempt %d failed", job.id, job.attempt, exc_info=error)
    metrics.FAILED.labels(type(error).__name__).inc()
    jobs.fail(job.id, job.attempt, _sentence(job, error))


def _discard(job: Job, files: SavedFiles) -> None:
    """Delete pictures that came too late: of a job that was cancelled, deleted or is another's."""
    try:
        blobs.delete([files.result_key, files.thumbnail_key])
    except Exception:  # whatever a storage raises
        log.exception("job %s: pictures that came too late are left to the sweep", job.id)


# ---------------------------------------------------------------- jobs made together

_OF_ALL = (Stop, SoftTimeLimitExceeded, DBAPIError)  # no single job's fault
_loaders = ThreadPoolExecutor(4, "loading")
_savers = ThreadPoolExecutor(4, "saving", _stand_back)


def _on_gpu() -> bool:
    return _device().startswith("cuda")


def _most() -> int:
    """How many jobs may run at once."""
    return settings().micro_batch or (8 if _on_gpu() else 4)


def _each(
    pool: ThreadPoolExecutor, work: Callable[..., T], given: Sequence[tuple[Any, ...]]
) -> list[tuple[Job, T]]:
    """Do something for each job, side by side; a job whose work fails is ended, and left out."""
    hands = [pool.submit(work, *one) for one in given] if len(given) > 1 else [None]
    done = []
    for one, hand in zip(given, hands, strict=True):
        try:
            done.append((one[0], hand.result() if hand else work(*one)))
        except _OF_ALL:
            raise
        except Exception as error:
            _fail(one[0], error)
    return done


Ready = tuple[Job, PreparedJob]


def _load(group: list[Job], beat: Heartbeat) -> list[Ready]:
    """Load the jobs' pictures; more jobs join meanwhile, so that none waits for company."""
    ready = _each(_loaders, _request, [(job,) for job in group])
    if late := jobs.join(beat.process, group[0], _most() - len(group)):
        beat.keep(late)
        group.extend(late)
        ready += _each(_loaders, _request, [(job,) for job in late])
    return ready


class SaveQueue:
    """A hand that stores pictures while the next are made: one lot at a time."""

    def __init__(self) -> None:
        self._hand = ThreadPoolExecutor(1, "storing", _stand_back)
        self._busy: Future[None] | None = None

    def give(self, work: Callable[[], None]) -> None:
        """Do that beside what the caller does next, once what was given before is done."""
        self.wait()
        self._busy = self._hand.submit(work)

    def wait(self) -> None:
        """Return when nothing is being stored; raises what the work raised."""
        busy, self._busy = self._busy, None
        if busy:
            busy.result()

    def end(self) -> None:
        """Wait, and let the hand go."""
        self._hand.shutdown()
        self.wait()


def _parts(ready: Sequence[Ready]) -> Iterator[Sequence[Ready]]:
    """Yield the jobs that the network takes at once: on a CPU, as many as its caches like."""
    job, _ = ready[0]
    width, height = scaled_size(job.content_width, job.content_height, job.options["size"])
    count = len(ready) if _on_gpu() else max(1, AT_ONCE_PIXELS // (width * height))
    for begin in range(0, len(ready), count):
        yield ready[begin : begin + count]


class RenderBatch:
    """The making of some jobs' pictures at once; what stores them is given to a hand.

    What goes wrong with several jobs at once is tried again with half of them, until the one
    that does not work, or does not fit, is alone.
    """

    def __init__(self, group: list[Job], beat: Heartbeat, storing: SaveQueue) -> None:
        self.left = group  # all but those whose pictures are made
        self._beat = beat
        self._storing = storing
        self._clock = Stopwatch()

    def _watch(self, stage: str, progress: float) -> None:
        self._clock.enter(stage)
        self._beat.watch(self.left, stage, progress)
        for job in self.left:
            failpoints.at(stage, job.id)  # mid-job: styles, content, picture

    def run(self) -> None:
        """Make the pictures; raises what is no single job's fault."""
        if ready := _load(self.left, self._beat):
            for part in _parts(ready):
                self._paint(part)

    def _paint(self, ready: Sequence[Ready]) -> None:
        try:
            stylizer = _stylizer(ready[0][0].options["network"])
            self._watch("styles", 0.0)
            requests = [asked.measured(stylizer) for _, asked in ready]
            pictures = stylizer.stylize(requests, self._watch)
        except _OF_ALL:
            raise
        except Exception as error:
            if len(ready) == 1:
                _fail(ready[0][0], error)
                return
            metrics.HALVED.inc()
            log.warning("a group of %d is halved: %r", len(ready), error)
        else:
            made = [(job, image) for (job, _), image in zip(ready, pictures, strict=True)]
            self._clock.enter("save")
            stored = SaveBatch(made, stylizer, self._beat, self._clock)
            self._clock = Stopwatch()
            self._storing.give(stored.run)
            self.left = [job for job in self.left if job not in stored.group]
            return
        half = len(ready) // 2  # out here, where the error holds no memory any more
        for part in (ready[:half], ready[half:]):
            self._paint(part)


class SaveBatch:
    """The storing and recording of pictures that were made at once."""

    def __init__(
        self,
        made: Sequence[tuple[Job, Image.Image]],
        stylizer: Stylizer,
        beat: Heartbeat,
        clock: Stopwatch,
    ) -> None:
        self.group = [job for job, _ in made]
        self._made = made
        self._stylizer = stylizer
        self._beat = beat
        self._clock = clock

    def _at(self, place: str) -> None:
        for job in self.group:
            failpoints.at(place, job.id)

    def _count(self, timings: dict[str, float]) -> None:
        metrics.TOGETHER.observe(len(self.group))
        for stage, seconds in timings.items():
            metrics.STAGES.labels(stage).observe(seconds)

    def _record(self) -> None:
        self._beat.watch(self.group, "save", 0.95)
        self._at("save")
        kept = _each(_savers, _keep, self._made)
        self._at("kept")  # results that no row knows
        timings = self._clock.end()
        self._count(timings)
        for job, files in kept:
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

    def run(self) -> None:
        """Store the pictures and end their jobs."""
        try:
            self._record()
        except Stop:
            _drop(self.group, self._beat)
        except DBAPIError:
            _left_to_the_sweep(self.group)
        finally:
            self._beat.let_go(self.group)


def _drop(group: Sequence[Job], beat: Heartbeat) -> None:
    """Let go of jobs that nobody wants from here any more."""
    for job in group:
        log.info("job %s attempt %d dropped: %s", job.id, job.attempt, beat.hold(job))
        if beat.hold(job) == Hold.CANCELLED:
            jobs.stopped(job.id, job.attempt)


def _give_back(group: Sequence[Job], counts: bool) -> None:
    for job in group:
        jobs.release(job.id, job.attempt, counts)


def _left_to_the_sweep(group: Sequence[Job]) -> None:
    """Let what can't be recorded be tried again when its lease is over."""
    log.exception("jobs %s found no database", ", ".join(job.id for job in group))


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Raise `SoftTimeLimitExceeded` inside once it has lasted as long as a job may.

    In the main thread, and by a clock of its own: Celery's began with the message, which may
    have been answered for other jobs first.
    """

    def end(number: int, frame: FrameType | None) -> None:
        raise SoftTimeLimitExceeded

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, settings().job_time_limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _see_through(group: list[Job], beat: Heartbeat, storing: SaveQueue) -> bool:
    """Make the pictures of claimed jobs; tell whether there is time for more jobs."""
    making = RenderBatch(group, beat, storing)
    beat.keep(group)
    try:
        with _limited():
            making.run()
    except Stop:
        _drop(making.left, beat)
    except SystemExit:  # Celery's answer to SIGTERM in the pool's processes
        _give_back(making.left, counts=False)
        raise
    except DBAPIError:
        _left_to_the_sweep(making.left)
    except SoftTimeLimitExceeded as error:
        if len(making.left) == 1:
            _fail(making.left[0], error)
        else:  # each has the time to itself when it comes again
            log.warning("a group of %d took too long; each runs alone", len(making.left))
            _give_back(making.left, counts=True)
        return False
    finally:
        beat.let_go(making.left)
    return True


def _preview() -> None:
    """Make the preview that was asked for first, if any; nobody sees one that fails."""
    preview = previews.claim()
    if preview is None:
        return
    try:
        stylizer = _stylizer(preview.options["network"])
        [image] = stylizer.stylize([_request(preview).measured(stylizer)])
        result = images.small_jpeg(image)
        blobs.put(previews.result_key(preview.owner), result, durable=False)
        previews.end(preview, previews.State.MADE)
    except DBAPIError:
        log.warning("preview %s found no database", preview.id)
    except Exception:
        log.warning("preview %s failed", preview.id, exc_info=True)
        previews.end(preview, previews.State.FAILED)


def _claim(beat: Heartbeat, worked: bool) -> list[Job]:
    try:
        group = jobs.claim_together(beat.process, _most())
    except DBAPIError:
        if not worked:
            raise
        log.warning("no more jobs are taken: the database is away", exc_info=True)
        return []
    for job in group:
        log.info("job %s attempt %d begins, one of %d", job.id, job.attempt, len(group))
        failpoints.at("claimed", job.id)
    return group


def _shift(beat: Heartbeat) -> bool:
    """Take groups of jobs in line until none waits, or it has lasted; tell whether one did.

    The last pictures are stored when it ends, which it does soon when the worker is to end.
    """
    storing, until, worked = SaveQueue(), time.monotonic() + queue.SHIFT, False
    try:
        while group := _claim(beat, worked):
            worked = True
            alone = any(job.attempt - job.released > 1 for job in group)
            if alone:
                storing.wait()  # what ends the process a second time takes no other along
            goes_on = _see_through(group, beat, storing)
            if alone:
                storing.wait()
            if not goes_on or _ending.is_set() or time.monotonic() > until:
                break
    finally:
        storing.end()
    return worked


@app.task(name=queue.TASK)  # type: ignore[untyped-decorator]
def stylize(job_id: str) -> None:
    """Answer the message. Whose it was does not matter: the next in line are taken, if any."""
    _beat.hear()
    failpoints.at("heard")  # a message gone, nothing claimed
    if not _shift(_beat):
        _preview()


# ---------------------------------------------------------------- one process


def _device() -> str:
    try:
        return str(_stylizer(settings().network).device)
    except WeightsError:
        return settings().device


def _has_code() -> bool:
    try:
        return _stylizer(settings().network).has_code
    except WeightsError:
        return False


def _info() -> dict[str, Any]:
    """What the world may know of this process; read by the health check."""
    if _device().startswith("cuda"):
        free, total = torch.cuda.mem_get_info()
        metrics.GPU_MEMORY.labels("total").set(total)
        metrics.GPU_MEMORY.labels("used").set(total - free)
    return {
        "device": _device(),
        "code": _has_code(),
        "networks": networks(),
        "version": adain.__version__,
        "serves": settings().serving,
        "styles": metrics.styles(),
    }


_beat = Heartbeat("worker", _info)  # started in the pool's processes
_ending = Event()  # set there by `STOP_CLAIMING`


@setup_logging.connect  # type: ignore[untyped-decorator]
def _log(**_: object) -> None:
    masks.install()  # the pool's processes are begun by no word of ours
    logs.start()


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _start(**_: object) -> None:
    """Get ready before the first message: threads, the default network, the heart."""
    signal.signal(STOP_CLAIMING, lambda *_: _ending.set())
    malloc.keep_freed()
    torch.set_num_threads(settings().threads)
    try:
        _stylizer(settings().network).style(Image.new("RGB", (512, 512)))  # warm from the start
    except WeightsError as error:
        log.error("%s", error)  # noqa: TRY400, the sentence says all
    processes.touch(_beat.process, "worker", _info())
    _beat.start()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _no_more(**_: object) -> None:
    """Tell the pool's processes that the jobs they have are their last; they hear nothing else."""
    for process in billiard.active_children():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, STOP_CLAIMING)


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _stop(**_: object) -> None:
    _beat.end()
    traces.flush()


_PLAIN = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def work() -> None:
    """Run a worker until SIGTERM, which lets it finish what it has.

    `RESTART` does the same, and then the same process begins from the beginning.
    """
    wanted, _, number = settings().device.partition(":")
    if wanted == "cuda" and torch.cuda.device_count() <= int(number or 0):
        raise BadSetting(f"STUDIO_DEVICE={settings().device}: there is no such GPU here")
    os.nice(max(0, settings().worker_nice - os.nice(0)))  # not once more after a start again
    renewed = Event()

    def end(number: int, frame: FrameType | None) -> None:
        renewed.set()
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(RESTART, end)
    compiling = Compiling(sorted(networks()) if settings().compile else ())
    try:
        app.worker_main(["--quiet", "worker", "--queues", settings().serves, *_PLAIN])
    finally:
        compiling.end()
        if renewed.is_set():
            os.execv((words := program.again())[0], words)
