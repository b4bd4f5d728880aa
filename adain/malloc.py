"""Tune glibc's malloc to keep freed memory for the next picture."""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's mallopt(3)
_KEPT = 256 << 20
_LARGEST = 32 << 20  # more, glibc doesn't accept


def keep_freed() -> None:
    """Have the C library keep up to 256 MiB that are freed, in blocks below 32 MiB.

    By itself glibc gives each picture's memory back to the system and asks for it again with
    the next, page by page: a quarter of the time at 512 px (docs/benchmarks.md). Only a program
    can decide so, not a library: for `main` functions. Elsewhere than on glibc it does nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT)
        mallopt(_MMAP_THRESHOLD, _LARGEST)
