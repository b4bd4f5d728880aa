"""Seconds that the stages of a job take."""

import time


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
