"""What Celery calls: the task, the signals of a worker's processes, and the start of a worker.

Each hands over to the one `Worker` of its process, which only the pool's processes make: its
heartbeat beats under their own process id, and watches their own parent.
"""

import contextlib
import os
import signal
import warnings
from functools import cache
from threading import Event
from types import FrameType

import billiard
import torch
from celery.signals import (
    setup_logging,
    worker_process_init,
    worker_process_shutdown,
    worker_shutting_down,
)

from worker import masks, program
from worker.jobs import queue
from worker.observability import logs
from worker.runner import pipeline
from worker.runner.background_compile import Compiling
from worker.runner.heartbeat import RESTART
from worker.runner.networks import Networks
from worker.runner.worker import Worker
from worker.settings import BadSetting, settings

_AS_ROOT = "You're running the worker with superuser"  # so does a container; nothing is unpickled
STOP_CLAIMING = signal.SIGUSR2  # to a process of the pool

app = queue.app()


@cache
def _worker() -> Worker:
    """Return the worker of this process, one of the pool's."""
    return Worker()


@app.task(name=queue.TASK)  # type: ignore[untyped-decorator]
def stylize(job_id: str) -> None:
    """Answer a message; the next jobs in order are made, whichever job it announced."""
    pipeline.answer(_worker())


@setup_logging.connect  # type: ignore[untyped-decorator]
def _log(**_: object) -> None:
    masks.install()  # Celery starts the pool's processes itself
    logs.start()


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _start(**_: object) -> None:
    signal.signal(STOP_CLAIMING, lambda *_: _worker().stop_claiming.set())
    _worker().start()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _stop_claiming(**_: object) -> None:
    """Tell the pool's processes to claim no more jobs; Celery tells them nothing."""
    for process in billiard.active_children():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, STOP_CLAIMING)


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _end(**_: object) -> None:
    _worker().end()


_PLAIN = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def work() -> None:
    """Run a worker until SIGTERM, which lets it finish the jobs it has.

    `RESTART` does the same, and then the process executes the same command again. Raises
    `BadSetting` for a GPU that is not there.
    """
    wanted, _, number = settings().device.partition(":")
    if wanted == "cuda" and torch.cuda.device_count() <= int(number or 0):
        raise BadSetting(f"STUDIO_DEVICE={settings().device}: there is no such GPU here")
    os.nice(max(0, settings().worker_nice - os.nice(0)))  # not once more after a restart
    warnings.filterwarnings("ignore", message=_AS_ROOT)
    restart = Event()

    def end(number: int, frame: FrameType | None) -> None:
        restart.set()
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(RESTART, end)
    compiling = Compiling(sorted(Networks().checksums()) if settings().compile else ())
    try:
        app.worker_main(["--quiet", "worker", "--queues", settings().serves, *_PLAIN])
    finally:
        compiling.end()
        if restart.is_set():
            os.execv((words := program.again())[0], words)
