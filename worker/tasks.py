"""The worker: answers the bell, takes the next job in line and sees it through.

Like a web view: fetch, call, record. What is run stands in `adain`, what is recorded in
`worker/jobs.py`.
"""

import io
import logging
import os
import signal
import sys
import time
from functools import lru_cache
from threading import Event
from types import FrameType
from typing import Any

import torch
from billiard.exceptions import SoftTimeLimitExceeded
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown
from PIL import Image
from sqlalchemy.exc import DBAPIError

import adain
from adain.color import Color
from adain.model import NETWORKS
from adain.request import Request
from adain.stylizer import Stylizer
from adain.weights import WeightsError, find
from worker import blobs, faults, images, jobs, logs, processes, queue
from worker.heartbeat import START_ANEW, Heartbeat, Stop
from worker.jobs import Hold, Job
from worker.settings import BadSetting, settings

log = logging.getLogger(__name__)

app = queue.app()


# ---------------------------------------------------------------- networks


@lru_cache(maxsize=1)
def _sound_weights(changed: int) -> dict[str, str]:
    """Return the sha256 of each network's weights, looked up anew when the folder changed."""
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
    return Stylizer.load(network, settings().weights_dir, settings().device)


def _stylizer(network: str) -> Stylizer:
    """Return the network ready to run; raises `WeightsError`."""
    return _loaded(network, networks().get(network, ""))


# ---------------------------------------------------------------- one job


class Stopwatch:
    """Seconds by stage; a stage lasts until the next one begins."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stage = "load"
        self._since = self._begun = time.perf_counter()

    def enter(self, stage: str) -> None:
        """End the stage before and begin this one."""
        elapsed = time.perf_counter()
        self.seconds[self._stage] = round(elapsed - self._since, 4)
        self.seconds["total"] = round(elapsed - self._begun, 4)
        self._stage, self._since = stage, elapsed


def _picture(key: str) -> Image.Image:
    return Image.open(io.BytesIO(blobs.get(key)), formats=images.FORMATS)


def _request(job: Job) -> Request:
    chosen = job.options
    return Request(
        content=_picture(job.content_key),
        styles=[_picture(key) for key in job.style_keys],
        weights=chosen["weights"],
        masks=[_picture(key) for key in job.mask_keys],
        alpha=chosen["alpha"],
        color=Color(chosen["color"]),
        size=chosen["size"],
    )


def _keep(job: Job, image: Image.Image) -> tuple[str, str, int]:
    """Store the result and its thumbnail under this attempt; return their keys and bytes."""
    result_key = f"{job.id}/result-{job.attempt}.png"
    thumbnail_key = f"{job.id}/thumbnail-{job.attempt}.webp"
    result, thumbnail = images.encode(image, "png"), images.thumbnail(image)
    blobs.put(result_key, result)
    blobs.put(thumbnail_key, thumbnail)
    return result_key, thumbnail_key, len(result) + len(thumbnail)


def _make(job: Job, beat: Heartbeat) -> None:
    """Make the picture and record it; raises whatever goes wrong."""
    clock = Stopwatch()

    def watch(stage: str, progress: float) -> None:
        clock.enter(stage)
        beat.watch(stage, progress)
        faults.at(stage, job.id)  # mid-job: styles, content, picture, save

    stylizer = _stylizer(job.options["network"])
    [image] = stylizer.stylize([_request(job)], watch)
    watch("save", 0.95)
    result_key, thumbnail_key, stored = _keep(job, image)
    faults.at("kept", job.id)  # a result that no row knows
    clock.enter("")
    jobs.finish(
        job.id,
        job.attempt,
        result_key=result_key,
        thumbnail_key=thumbnail_key,
        width=image.width,
        height=image.height,
        device=str(stylizer.device),
        weights_sha256=stylizer.sha256,
        version=adain.__version__,
        timings={"wait": round((job.started or 0) - job.submitted, 4)} | clock.seconds,
        stored=stored,
    )
    faults.at("recorded", job.id)


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
        case blobs.StorageFull():
            return "There is no room left to keep the result. Please try again later."
    return "Something went wrong while making this picture. Please try again."


def _see_through(job: Job, beat: Heartbeat) -> None:
    """Run a claimed job to one of its ends."""
    try:
        with beat.keeping(job):
            _make(job, beat)
    except Stop as stop:
        log.info("job %s attempt %d dropped: %s", job.id, job.attempt, stop.hold)
        if stop.hold == Hold.CANCELLED:
            jobs.stopped(job.id, job.attempt)
    except SystemExit:  # Celery's answer to SIGTERM in the pool's processes
        jobs.release(job.id, job.attempt)
        raise
    except DBAPIError:  # what can't be recorded is tried again when the lease is over
        log.exception("job %s attempt %d found no database", job.id, job.attempt)
    except Exception as error:
        log.exception("job %s attempt %d failed", job.id, job.attempt)
        jobs.fail(job.id, job.attempt, _sentence(job, error))


@app.task(name=queue.TASK)  # type: ignore[untyped-decorator]
def stylize(job_id: str) -> None:
    """Answer the bell. Whose it was does not matter: the next in line is taken, if any."""
    _beat.hear()
    faults.at("heard")  # a bell gone, nothing claimed
    job = jobs.claim(_beat.process)
    if job is not None:
        faults.at("claimed", job.id)
        log.info("job %s attempt %d begins", job.id, job.attempt)
        _see_through(job, _beat)


# ---------------------------------------------------------------- one process


def _device() -> str:
    try:
        return str(_stylizer(settings().network).device)
    except WeightsError:
        return settings().device


def _info() -> dict[str, Any]:
    """What the world may know of this process; read by the health check."""
    return {"device": _device(), "networks": networks(), "version": adain.__version__}


_beat = Heartbeat("worker", _info)  # started in the pool's processes


@setup_logging.connect  # type: ignore[untyped-decorator]
def _log(**_: object) -> None:
    logs.start()


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _start(**_: object) -> None:
    """Get ready before the first bell: threads, the default network, the heart."""
    torch.set_num_threads(settings().threads)
    try:
        _stylizer(settings().network).style(Image.new("RGB", (512, 512)))  # warm from the start
    except WeightsError as error:
        log.error("%s", error)  # noqa: TRY400, the sentence says all
    processes.touch(_beat.process, "worker", _info())
    _beat.start()


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _stop(**_: object) -> None:
    _beat.end()


def work() -> None:
    """Run a worker until SIGTERM, which lets it finish what it has.

    `START_ANEW` does the same, and then the same process begins from the beginning.
    """
    wanted, _, number = settings().device.partition(":")
    if wanted == "cuda" and torch.cuda.device_count() <= int(number or 0):
        raise BadSetting(f"STUDIO_DEVICE={settings().device}: there is no such GPU here")
    anew = Event()

    def end(number: int, frame: FrameType | None) -> None:
        anew.set()
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(START_ANEW, end)
    try:
        app.worker_main(
            ["--quiet", "worker", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        )
    finally:
        if anew.is_set():
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
