"""Seconds that the stages of a job take, and those that it may take."""

import contextlib
import signal
import time
from collections.abc import Iterator
from types import FrameType

from billiard.exceptions import SoftTimeLimitExceeded

from worker.settings import settings


class Stopwatch:
    """Seconds by stage; a stage lasts until the next one begins, and may occur again."""

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


@contextlib.contextmanager
def time_limit() -> Iterator[None]:
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
