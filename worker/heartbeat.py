"""A thread beside the work that tells the database: this process lives, and so does its job.

Knows no network; the work reports its stages to it and hears from it when to stop.
"""

import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any

from worker import jobs, processes
from worker.jobs import Hold, Job
from worker.settings import settings

log = logging.getLogger(__name__)


class Stop(Exception):
    """The work is to be dropped: cancelled by its owner, or another attempt has the job."""

    def __init__(self, hold: Hold) -> None:
        super().__init__(hold)
        self.hold = hold


class Heartbeat(Thread):
    """Beats every few seconds, and at once when a stage begins."""

    def __init__(self, kind: str, info: Callable[[], dict[str, Any]]) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.process = f"{socket.gethostname()}:{os.getpid()}"
        self._kind = kind
        self._info = info
        self._parent = os.getppid()
        self._soon = Event()
        self._ended = False
        self._job: Job | None = None
        self._hold = Hold.HELD
        self._stage, self._progress = "", 0.0

    @contextlib.contextmanager
    def keeping(self, job: Job) -> Iterator[None]:
        """Keep the lease of a job while the work on it lasts."""
        self._hold, self._stage, self._progress = Hold.HELD, "", 0.0
        self._job = job
        try:
            yield
        finally:
            self._job = None

    def watch(self, stage: str, progress: float) -> None:
        """Take note of where the work is; raises `Stop` when it is wanted no more."""
        self._stage, self._progress = stage, progress
        self._soon.set()
        if self._hold != Hold.HELD:
            raise Stop(self._hold)

    def end(self) -> None:
        """Beat no more, and tell the database so."""
        self._ended = True
        self._soon.set()
        self.join(10)
        processes.gone(self.process)

    def run(self) -> None:
        """Beat until the end; a database that is away is tried again."""
        while not self._ended:
            try:
                self._beat()
            except Exception:
                log.warning("a heartbeat was missed", exc_info=True)
            if os.getppid() != self._parent:  # orphaned where the kernel doesn't tell
                os.kill(os.getpid(), signal.SIGTERM)

    def _beat(self) -> None:
        early = self._soon.wait(settings().heartbeat_seconds)
        self._soon.clear()
        if job := self._job:
            hold = jobs.renew(job.id, job.attempt, self._stage, self._progress)
            if self._job is job:
                self._hold = hold
        if not early:
            processes.touch(self.process, self._kind, self._info())
