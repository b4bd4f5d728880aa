"""A thread beside the worker's own, that stores results."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from worker.runner.worker import lower_priority


class SaveQueue:
    """A thread that stores one group's results while the next group is made."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "storing", lower_priority)
        self._busy: Future[None] | None = None

    def give(self, work: Callable[[], None]) -> None:
        """Start this work when the work before is done; returns when it is started."""
        self.wait()
        self._busy = self._pool.submit(work)

    def wait(self) -> None:
        """Return when nothing is being stored; raises what the work raised."""
        busy, self._busy = self._busy, None
        if busy:
            busy.result()

    def end(self) -> None:
        """Wait, and end the thread."""
        self._pool.shutdown()
        self.wait()
