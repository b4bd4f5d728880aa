"""What a worker process has: heartbeat, threads and networks, and the steps of one job with them.

Knows no loop and no Celery; those are in `pipeline.py` and `celery_tasks.py`.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any, TypeVar

import torch
from billiard.exceptions import SoftTimeLimitExceeded
from PIL import Image
from sqlalchemy.exc import DBAPIError

import adain
from adain import malloc
from adain.weights import WeightsError
from worker import jobs
from worker.films import work
from worker.films.work import Painted
from worker.images import images
from worker.jobs import Hold, Job, Paused, traces
from worker.observability import metrics
from worker.runner import teaching
from worker.runner.heartbeat import Heartbeat, Stop
from worker.runner.networks import Networks
from worker.runner.prepare import PreparedJob, explanation, prepare
from worker.runner.sheet import SheetPainter
from worker.settings import settings
from worker.storage import blobs, disk, processes
from worker.visitors.previews import Preview

log = logging.getLogger(__name__)

T = TypeVar("T")

Ready = tuple[Job, PreparedJob]
# with what was taught, or the film
Made = tuple[Job, Image.Image] | tuple[Job, Image.Image, bytes | Painted]

# not the fault of a single job
GROUP_ERRORS = (Stop, Paused, SoftTimeLimitExceeded, DBAPIError, blobs.StorageAway)
STORAGE_PAUSE = 5.0  # seconds between two looks at a storage that is away


@dataclass(frozen=True)
class SavedFiles:
    """The stored result of a job: its keys and sizes."""

    result_key: str
    thumbnail_key: str
    width: int
    height: int
    stored: int  # bytes of both files
    files: dict[str, Any]  # length and sha256 of each of the job's pictures
    taught_key: str | None = None  # of a taught style
    film_key: str | None = None


def lower_priority() -> None:
    """Leave the cores to the network's threads, which wait for each other after every layer."""
    if sys.platform == "linux":  # where a thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


def fail(job: Job, error: Exception) -> None:
    """End a job that failed, with a message for its owner; the log has the error."""
    log.error("job %s attempt %d failed", job.id, job.attempt, exc_info=error)
    metrics.FAILED.labels(type(error).__name__).inc()
    jobs.fail(job.id, job.attempt, explanation(job, error))
    work.clear(job)


def _each(
    pool: ThreadPoolExecutor, work: Callable[..., T], given: Sequence[tuple[Any, ...]]
) -> list[tuple[Job, T]]:
    """Do something for each job, in parallel; a job whose work fails is ended, and left out."""
    futures = [pool.submit(work, *one) for one in given] if len(given) > 1 else [None]
    done = []
    for one, future in zip(given, futures, strict=True):
        try:
            done.append((one[0], future.result() if future else work(*one)))
        except GROUP_ERRORS:
            raise
        except Exception as error:
            fail(one[0], error)
    return done


class Worker:
    """A process that makes pictures: its heartbeat, threads and networks."""

    def __init__(self) -> None:
        self.networks = Networks()
        self.heartbeat = Heartbeat("worker", self.info)
        self.stop_claiming = Event()  # set when the worker is to end
        self.storage_away = False  # as it was when last used
        self.sheets = SheetPainter()
        self._loading = ThreadPoolExecutor(4, "loading")
        self._saving = ThreadPoolExecutor(4, "saving", lower_priority)
        self._thumbnails = ThreadPoolExecutor(4, "thumbnails", lower_priority)

    def info(self) -> dict[str, Any]:
        """Return what the health check reads about this process."""
        return self.networks.info() | {
            "version": adain.__version__,
            "serves": settings().serving,
            "styles": metrics.styles(),
        }

    def start(self) -> None:
        """Get ready before the first message: threads, the default network, the heartbeat."""
        malloc.keep_freed()
        torch.set_num_threads(settings().threads)
        try:  # once, so that the first job doesn't wait
            self.networks.load(settings().network).style(Image.new("RGB", (512, 512)))
        except WeightsError as error:
            log.error("%s", error)  # noqa: TRY400, the sentence says all
        processes.touch(self.heartbeat.process, "worker", self.info())
        self.heartbeat.start()

    def end(self) -> None:
        """End the heartbeat and the threads; send the last traces."""
        self.heartbeat.end()
        for pool in (self._loading, self._saving, self._thumbnails):
            pool.shutdown(wait=False)
        traces.flush()

    def prepare(self, job: Job | Preview) -> PreparedJob:
        """Load what a job asks for."""
        return prepare(job, self.networks)

    def most(self) -> int:
        """Return how many jobs may be made at once."""
        return settings().micro_batch or (8 if self.networks.on_gpu() else 4)

    def load(self, group: list[Job]) -> list[Ready]:
        """Load the jobs' pictures; more jobs join meanwhile, and are added to the group."""
        ready = _each(self._loading, self.prepare, [(job,) for job in group])
        if late := jobs.join(self.heartbeat.process, group[0], self.most() - len(group)):
            self.heartbeat.keep(late)
            group.extend(late)
            ready += _each(self._loading, self.prepare, [(job,) for job in late])
        return ready

    def save(self, job: Job, image: Image.Image, more: bytes | Painted = b"") -> SavedFiles:
        """Store the result, its thumbnail and what was taught under this attempt.

        A film is stored already; its first frame is the result.
        """
        taught, film = (b"", more) if isinstance(more, Painted) else (more, None)
        result_key = f"{job.id}/result-{job.attempt}.png"
        thumbnail_key = f"{job.id}/thumbnail-{job.attempt}.jpg"
        thumbnail = self._thumbnails.submit(images.small_jpeg, image)
        result = images.encode(image, "png")
        made = {result_key: result, thumbnail_key: thumbnail.result()}
        taught_key = f"{job.id}/taught-{job.attempt}.safetensors" if taught else None
        if taught_key:
            made[taught_key] = taught
        blobs.put_all(made)
        files = (job.files or {}) | {key: blobs.fingerprint(data) for key, data in made.items()}
        stored = sum(disk.rounded_up(len(data)) for data in made.values())
        if film:
            files, stored = files | {film.key: film.fingerprint}, stored + film.stored
        size, film_key = (image.width, image.height), film.key if film else None
        return SavedFiles(result_key, thumbnail_key, *size, stored, files, taught_key, film_key)

    def save_all(self, made: Sequence[Made]) -> list[tuple[Job, SavedFiles]]:
        """Store the results of several jobs in parallel; a job whose storing fails is ended."""
        return _each(self._saving, self.save, made)

    def storage_works(self) -> bool:
        """Tell whether the storage takes a picture and gives it back."""
        try:
            blobs.check()
        except blobs.StorageAway:
            self.storage_away = True
        except blobs.StorageFull:  # which a job that needs room finds by itself
            self.storage_away = False
        else:
            self.storage_away = False
        return not self.storage_away

    def wait_for_storage(self, until: float) -> bool:
        """Wait while the storage is away, until a monotonic time; tell whether it works."""
        while self.storage_away and not self.storage_works():
            if self.stop_claiming.wait(STORAGE_PAUSE) or time.monotonic() > until:
                return False
        return True

    def give_back(self, group: Sequence[Job]) -> None:
        """Queue jobs again whose pictures the storage refused.

        Their attempt counts if the storage works otherwise: then it is their pictures.
        """
        counts = self.storage_works()
        log.warning("jobs %s wait: the storage refuses", ", ".join(job.id for job in group))
        for job in group:
            jobs.release(job.id, job.attempt, counts)

    def drop(self, group: Sequence[Job]) -> None:
        """Let go of jobs that were cancelled or belong to another attempt."""
        for job in group:
            hold = self.heartbeat.hold(job)
            log.info("job %s attempt %d dropped: %s", job.id, job.attempt, hold)
            if hold == Hold.CANCELLED:
                jobs.stopped(job.id, job.attempt)
                if job.options.get("teach"):
                    teaching.clear(job)
                work.clear(job)
