"""Open files of the web process: how many there may be, and how many of them connections.

A request's pictures, answers under way and connections take one each.
"""

import logging
import math
import resource
import time

from web.http import spool
from worker.settings import settings

MOST = 65_536  # that are asked of the system
OTHERS = 1024  # of answers, storage, database and program
LEAST = 64  # connections, however few files there may be
OF_ADDRESS = 16  # connections that one address may hold in any case, some browsers' worth

REFUSED = "socket.accept() out of system resource"  # how asyncio says that files ran out
SELDOM = 60.0  # seconds between two lines that say so

log = logging.getLogger(__name__)


class Seldom(logging.Filter):
    """Lets asyncio's complaint about missing files through once in a while, with its number."""

    def __init__(self) -> None:
        super().__init__()
        self._count, self._said = 0, -math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line is to be logged; without a traceback, if it is the complaint."""
        if not str(record.msg).startswith(REFUSED):
            return True
        self._count += 1
        if time.monotonic() - self._said < SELDOM:
            return False
        record.msg, record.args, record.exc_info = f"{REFUSED}, {self._count} times", (), None
        self._count, self._said = 0, time.monotonic()
        return True


_seldom = Seldom()


def _limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _pictures() -> int:
    """Return the files that the requests under way may have at most."""
    return settings().spool_bytes // spool.IN_MEMORY


def connections() -> int:
    """Return how many connections may be open, so that descriptors are left for their requests."""
    return max(LEAST, _limit() - _pictures() - OTHERS, _limit() // 4)


def connections_of_address() -> int:
    """Return how many connections one address may hold, unless it is a trusted proxy."""
    return max(OF_ADDRESS, connections() // 4)


def install() -> None:
    """Raise the limit as far as the system lets us, and warn if that is too little."""
    logging.getLogger("asyncio").addFilter(_seldom)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if _limit() < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    needed = _pictures() + OTHERS + LEAST
    if _limit() < needed:
        log.warning(
            "The web server may open %d files; with many requests it needs %d (ulimit -Hn, "
            "LimitNOFILE).",
            _limit(),
            needed,
        )
