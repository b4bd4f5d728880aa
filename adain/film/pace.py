"""Which frames of a quick film are kept, so that there are so many a second at most."""

import math
from fractions import Fraction

_EARLY = 0.25  # of the time between two frames, by which one may come before its turn


class Pace:
    """Keeps every second, third … frame of an even film; of another, those that are due."""

    def __init__(self, rate: float, most: float) -> None:
        step = math.ceil(rate / most - 0.01) if rate > most else 1
        self._spacing = step / rate if rate > most else 1 / most
        self._early = _EARLY / max(rate, most)
        self._due = -math.inf

    def keeps(self, time: Fraction) -> bool:
        """Tell whether the frame of a time in seconds is kept; asked in order of time."""
        at = float(time)
        if at < self._due - self._early:
            return False
        due = self._due + self._spacing
        self._due = due if due > at else at + self._spacing
        return True
