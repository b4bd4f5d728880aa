"""A thread beside the work that tells the database: this process lives, and so does its job.

Knows no network; the work reports its stages to it and hears from it when to stop.
"""

import contextlib
import logging
import math
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from threading import Event, Thread
from typing import Any

import redis

from worker import jobs, metrics, processes, queue
from worker.jobs import Hold, Job
from worker.settings import settings

log = logging.getLogger(__name__)

DEAF_SECONDS = 10.0
PACE = 0.25  # seconds between two beats at least, however short the stages are
START_ANEW = signal.SIGUSR2


def _bells() -> bool:
    """Tell whether jobs are being announced; no, if nobody can tell."""
    try:
        return queue.depth(settings().serving) > 0
    except redis.RedisError:
        return False


class Stop(Exception):
    """The work is to be dropped: its owners cancelled, or other attempts have the jobs."""


class Heartbeat(Thread):
    """Beats every few seconds, and soon when a stage begins.

    Beside that it notices when Celery's main process, its parent, has gone deaf, as it may when
    Redis goes while a bell is being acknowledged: bells wait, this process is idle, and for
    `DEAF_SECONDS` none is brought. The parent is then told to start anew, and if it does not
    even hear that, killed, for whoever keeps it alive to start it again.
    """

    def __init__(self, kind: str, info: Callable[[], dict[str, Any]]) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.process = f"{socket.gethostname()}:{os.getpid()}"
        self._kind = kind
        self._info = info
        self._parent = os.getppid()
        self._soon = Event()
        self._ended = False
        self._group: Sequence[Job] = ()
        self._holds: dict[str, Hold] = {}
        self._stage, self._progress = "", 0.0
        self._beaten = self._touched = -math.inf
        self._heard, self._heard_at, self._told = Event(), time.monotonic(), False

    def hear(self) -> None:
        """Take note that a bell was brought to this process."""
        self._heard.set()

    @contextlib.contextmanager
    def keeping(self, group: Sequence[Job]) -> Iterator[None]:
        """Keep the leases of jobs while the work on them lasts."""
        self._holds, self._stage, self._progress = {}, "", 0.0
        self._group = group
        try:
            yield
        finally:
            self._group = ()

    def hold(self, job: Job) -> Hold:
        """Tell what was last heard of a job that is being worked on."""
        return self._holds.get(job.id, Hold.HELD)

    def watch(self, stage: str, progress: float) -> None:
        """Take note of where the work is; raises `Stop` when nobody wants it any more."""
        self._stage, self._progress = stage, progress
        self._soon.set()
        if all(self.hold(job) != Hold.HELD for job in self._group):
            raise Stop

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
        self._soon.wait(settings().heartbeat_seconds)
        time.sleep(max(0.0, self._beaten + PACE - time.monotonic()))
        self._soon.clear()
        self._beaten = time.monotonic()
        if group := self._group:
            holds = jobs.renew_all(group, self._stage, self._progress)
            if self._group is group:
                self._holds = holds
        if self._beaten - self._touched >= settings().heartbeat_seconds:
            self._touched = self._beaten
            processes.touch(self.process, self._kind, self._info(), metrics.told())
            self._listen()

    def _listen(self) -> None:
        now = time.monotonic()
        if self._group or self._heard.is_set() or not _bells():
            self._heard.clear()
            self._heard_at, self._told = now, False
        elif now - self._heard_at > 2 * DEAF_SECONDS:
            log.error("the worker is deaf to all and is killed")
            os.kill(self._parent, signal.SIGKILL)
        elif now - self._heard_at > DEAF_SECONDS and not self._told:
            self._told = True
            log.warning("the worker does not hear that jobs wait, and is started anew")
            os.kill(self._parent, START_ANEW)
