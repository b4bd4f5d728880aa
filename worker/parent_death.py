"""End this process when its parent dies, by the parent death signal (Linux)."""

import ctypes
import os
import signal
import sys

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None  # looked up before any fork


def die_with(parent: int, sign: signal.Signals) -> None:
    """In a child, ask the kernel for a signal when the thread of its parent is gone."""
    if _libc is not None:
        _libc.prctl(1, sign)  # 1: PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it went before that
        os._exit(1)
