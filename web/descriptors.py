"""Open files of the web process: how many there may be, and how many of them connections.

A request's pictures, answers under way and connections take one each.
"""

import logging
import resource

from web import spool
from worker.settings import settings

MOST = 65_536  # that are asked of the system
OTHERS = 1024  # of answers, storage, database and program
LEAST = 64  # connections, however few files there may be

log = logging.getLogger(__name__)


def _limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _pictures() -> int:
    """Return the files that the requests under way may have at most."""
    return settings().spool_bytes // spool.IN_MEMORY


def connections() -> int:
    """Return how many connections may be open, so that files are left for what they ask."""
    return max(LEAST, _limit() - _pictures() - OTHERS, _limit() // 4)


def install() -> None:
    """Raise the limit as far as the system lets us, and warn if that is too little."""
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
