"""Set up malloc so that large blocks return to the system as soon as they are free."""

import ctypes

from worker.settings import KIB

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # as glibc's malloc.h has them
LARGE = 256 * KIB  # bytes of a block with pages of its own
ARENAS = 2


def install() -> None:
    """Fix what glibc would raise by itself each time a picture is freed; elsewhere nothing."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, LARGE)
        mallopt(_ARENA_MAX, ARENAS)
