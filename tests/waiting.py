"""Waiting for a state and not for a time: a machine may be busy, frozen for seconds, or fast."""

import time
from collections.abc import Callable

PATIENCE = 120.0  # seconds; only a test that fails waits so long


def happens(happened: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Tell whether it happens within some seconds; it is looked at once more at their end."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() >= end:
            return bool(happened())
        time.sleep(0.02)
    return True


def until(happened: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until it happens; a test that waits in vain fails."""
    assert happens(happened, seconds), "it never happened"
