"""The brake on deletion by age: a clock that was set ahead makes everything old at once.

Before each tidying the database's clock is compared with the time that passed since the last one,
and the jobs are counted that would go. Where the clock moved, or too many would go, nothing is
deleted by age until the clock has read so for a day of running, or the operator adopts the studio.
"""

import time

from worker import jobs
from worker.maintenance import retention
from worker.storage import database, marker

MOVED = 3600.0  # seconds that the clock may move otherwise than time passes
FEW, SHARE = 5, 0.05  # jobs, and part of all jobs, that may go at once

_UNTIL = "Nothing is deleted by age until that has been so for a day, or until: adain-studio adopt"

_last: tuple[float, float] | None = None  # this process's last look: the clock's time, and `uptime`


def uptime() -> float:
    """Return for how many seconds the machine has run, asleep too where the system counts that."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _passed(read: float) -> float:
    """Return the seconds since a look at the clock; 0 if it was another process's."""
    return uptime() - _last[1] if _last and _last[0] == read else 0.0


def _sentence(old: int, total: int, moved: float) -> str:
    """Return what the operator reads; "" where no job would go."""
    if not old:
        return ""
    if abs(moved) > MOVED:
        return (
            f"The clock moved by {moved / 3600:.0f} hours since the last tidying, or the studio "
            f"was off; {old} of {total} jobs are past their age. {_UNTIL}"
        )
    return f"{old} of {total} jobs came past their age at once. {_UNTIL}"


def check() -> str | None:
    """Return why deletion by age is held, "" if no job is affected; None: it is not held.

    To be called once for each tidying, since it notes the time.
    """
    global _last
    read, moved, held = marker.clock()
    now = database.time()
    if read is not None:
        moved += now - read - _passed(read)
        held += min(MOVED, max(0.0, now - read))
    _last = (now, uptime())
    old, total = retention.count_old(), jobs.count_ended()
    many = old > FEW and old > SHARE * total
    if held >= marker.HOLD_SECONDS or (abs(moved) <= MOVED and not many):
        marker.note_clock(now, 0.0, 0.0)
        return None
    marker.note_clock(now, moved, held)
    return _sentence(old, total, moved)
