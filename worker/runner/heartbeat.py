"""A thread beside the work that tells the database: this process lives, and so does its job.

Knows no network; the work reports its stages to it and hears from it when to stop.
"""

import logging
import math
import os
import signal
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any

import redis

from worker import jobs
from worker.jobs import Hold, Job, queue
from worker.observability import metrics
from worker.settings import settings
from worker.storage import processes

log = logging.getLogger(__name__)

DEAF_SECONDS = 10.0
PACE = 0.25  # seconds between two beats at least, however short the stages are
RESTART = signal.SIGUSR2


def _bells() -> bool:
    """Tell whether jobs are being announced; no, if nobody can tell."""
    try:
        return queue.depth(settings().serving) > 0
    except redis.RedisError:
        return False


class Stop(Exception):
    """The work is to be dropped: its owners cancelled, or other attempts have the jobs."""


@dataclass
class _Kept:
    """A job whose lease is kept: where the work on it is, and what was last heard of it."""

    job: Job
    stage: str = ""
    progress: float = 0.0
    hold: Hold = Hold.HELD


class Heartbeat(Thread):
    """Beats every few seconds, and soon when a stage begins.

    Beside that it notices when Celery's main process, its parent, has stopped receiving, as it may
    when Redis goes while a message is being acknowledged: messages wait, this process is idle, and
    for `DEAF_SECONDS` none is brought. The parent is then told to start again, and if it does not
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
        self._kept: dict[str, _Kept] = {}  # by the job's id; replaced whole, never changed
        self._changing = Lock()
        self._beaten = self._touched = -math.inf
        self._heard, self._heard_at, self._told = Event(), time.monotonic(), False

    def hear(self) -> None:
        """Take note that a message was brought to this process."""
        self._heard.set()

    def keep(self, group: Sequence[Job]) -> None:
        """Keep the leases of jobs from now on."""
        with self._changing:
            self._kept = self._kept | {job.id: _Kept(job) for job in group}

    def let_go(self, group: Sequence[Job]) -> None:
        """Keep them no longer."""
        gone = {job.id for job in group}
        with self._changing:
            self._kept = {name: kept for name, kept in self._kept.items() if name not in gone}

    def hold(self, job: Job) -> Hold:
        """Tell what was last heard of a job whose lease is kept."""
        kept = self._kept.get(job.id)
        return kept.hold if kept else Hold.HELD

    def watch(self, group: Sequence[Job], stage: str, progress: float) -> None:
        """Take note of where work is; raises `Stop` when nobody wants it any more."""
        for job in group:
            if kept := self._kept.get(job.id):
                kept.stage, kept.progress = stage, progress
        self._soon.set()
        if all(self.hold(job) != Hold.HELD for job in group):
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
        self._renew()
        if self._beaten - self._touched >= settings().heartbeat_seconds:
            self._touched = self._beaten
            processes.touch(self.process, self._kind, self._info(), metrics.told())
            self._listen()

    def _renew(self) -> None:
        at: defaultdict[tuple[str, float], list[_Kept]] = defaultdict(list)
        for kept in self._kept.values():
            at[kept.stage, kept.progress].append(kept)
        for (stage, progress), group in at.items():
            holds = jobs.renew_all([kept.job for kept in group], stage, progress)
            for kept in group:
                kept.hold = holds[kept.job.id]

    def _listen(self) -> None:
        now = time.monotonic()
        if self._kept or self._heard.is_set() or not _bells():
            self._heard.clear()
            self._heard_at, self._told = now, False
        elif now - self._heard_at > 2 * DEAF_SECONDS:
            log.error("the worker is deaf to all and is killed")
            os.kill(self._parent, signal.SIGKILL)
        elif now - self._heard_at > DEAF_SECONDS and not self._told:
            self._told = True
            log.warning("the worker does not hear that jobs wait, and is started anew")
            os.kill(self._parent, RESTART)
