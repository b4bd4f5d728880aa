"""Heartbeat: a thread that renews the leases of this process's jobs and says that it is alive.

The work reports stages and progress to it; `watch` raises `Stop` when the work is to be dropped.
"""

import logging
import math
import os
import signal
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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

STALLED_SECONDS = 10.0  # messages wait and none is received: the consumer is stalled
PACE = 0.25  # seconds between two beats at least, however short the stages are
RESTART = signal.SIGUSR2


def _messages_wait() -> bool:
    """Return whether messages wait in the queues; False when Redis is away."""
    try:
        return queue.depth(settings().serving) > 0
    except redis.RedisError:
        return False


class Stop(Exception):
    """The work is to be dropped: its owners cancelled, or other attempts have the jobs."""


@dataclass
class _Kept:
    """A job whose lease is kept: the stage of the work, and what the last renewal returned."""

    job: Job
    stage: str = ""
    progress: float = 0.0
    hold: Hold = Hold.HELD


class Heartbeat(Thread):
    """Renews every few seconds, and soon after a stage begins.

    It also restarts Celery's main process, its parent, when that has stalled, as it may when Redis
    goes while a message is being acknowledged: messages wait, this process is idle, and for
    `STALLED_SECONDS` none arrives. The parent gets the signal `RESTART`, and after twice that time
    SIGKILL, so that its supervisor starts it again.
    """

    def __init__(self, kind: str, info: Callable[[], dict[str, Any]]) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.process = f"{socket.gethostname()}:{os.getpid()}"
        self._kind = kind
        self._info = info
        self.parent = os.getppid()
        self._soon = Event()
        self._ended = False
        self._kept: dict[str, _Kept] = {}  # by the job's id; replaced whole, never changed
        self._renewed: tuple[Callable[[], object], ...] = ()  # beside jobs; replaced, never changed
        self._changing = Lock()
        self._beaten = self._touched = -math.inf
        self._received, self._answering = Event(), False
        self._received_at, self._restarted = time.monotonic(), False

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Record that this process received a message, and is at work on it meanwhile."""
        self._received.set()
        self._answering = True
        try:
            yield
        finally:
            self._answering = False
            self._received.set()

    def keep(self, group: Sequence[Job]) -> None:
        """Keep the leases of jobs from now on."""
        with self._changing:
            self._kept = self._kept | {job.id: _Kept(job) for job in group}

    def let_go(self, group: Sequence[Job]) -> None:
        """Keep them no longer."""
        gone = {job.id for job in group}
        with self._changing:
            self._kept = {name: kept for name, kept in self._kept.items() if name not in gone}

    @contextmanager
    def renewing(self, renew: Callable[[], object]) -> Iterator[None]:
        """Call something with each beat meanwhile, to renew another lease."""
        with self._changing:
            self._renewed = (*self._renewed, renew)
        try:
            yield
        finally:
            with self._changing:
                self._renewed = tuple(one for one in self._renewed if one is not renew)

    def hold(self, job: Job) -> Hold:
        """Return what the last renewal said of a job whose lease is kept."""
        kept = self._kept.get(job.id)
        return kept.hold if kept else Hold.HELD

    def watch(self, group: Sequence[Job], stage: str, progress: float) -> None:
        """Record stage and progress; raises `Stop` when no job of the group is held any more."""
        for job in group:
            if kept := self._kept.get(job.id):
                kept.stage, kept.progress = stage, progress
        self._soon.set()
        if all(self.hold(job) != Hold.HELD for job in group):
            raise Stop

    def end(self) -> None:
        """Stop the heartbeat and delete the process's row."""
        self._ended = True
        self._soon.set()
        self.join(10)
        processes.gone(self.process)

    def run(self) -> None:
        """Renew until `end`; a database that is away is tried again."""
        while not self._ended:
            try:
                self._beat()
            except Exception:
                log.warning("a heartbeat was missed", exc_info=True)
            if os.getppid() != self.parent:  # orphaned where the kernel doesn't tell
                os.kill(os.getpid(), signal.SIGTERM)

    def _beat(self) -> None:
        self._soon.wait(settings().heartbeat_seconds)
        time.sleep(max(0.0, self._beaten + PACE - time.monotonic()))
        self._soon.clear()
        self._beaten = time.monotonic()
        self._renew()
        if self._beaten - self._touched >= settings().heartbeat_seconds:
            self._touched = self._beaten
            processes.touch(self.process, self._kind, self._info(), metrics.exposition())
            self._watch_parent()

    def _renew(self) -> None:
        at: defaultdict[tuple[str, float], list[_Kept]] = defaultdict(list)
        for kept in self._kept.values():
            at[kept.stage, kept.progress].append(kept)
        for (stage, progress), group in at.items():
            holds = jobs.renew_all([kept.job for kept in group], stage, progress)
            for kept in group:
                kept.hold = holds[kept.job.id]
        for renew in self._renewed:
            renew()

    def _watch_parent(self) -> None:
        now = time.monotonic()
        busy = self._answering or self._kept or self._received.is_set()
        if busy or not _messages_wait():
            self._received.clear()
            self._received_at, self._restarted = now, False
        elif now - self._received_at > 2 * STALLED_SECONDS:
            log.error("the worker still receives no message and is killed")
            os.kill(self.parent, signal.SIGKILL)
        elif now - self._received_at > STALLED_SECONDS and not self._restarted:
            self._restarted = True
            log.warning("the worker receives no message though jobs wait, and is restarted")
            os.kill(self.parent, RESTART)
