"""Faults: named places in the code where a test has its process killed, as `kill -9` would.

Inert unless STUDIO_FAULT names a place when the process starts; nothing a visitor sends reaches
that setting, a studio with a public address refuses it, and whoever may set a process's environment
can kill it anyway. What each place means stands where it is called; tests/hard/ goes through all.
"""

import os
import signal

from worker.settings import settings


def at(place: str, job_id: str = "") -> None:
    """End the process here, without a last word, if this is the place (and the job) named."""
    wanted, _, only = settings().fault.partition(":")
    if wanted and wanted == place and only in {"", job_id}:
        os.kill(os.getpid(), signal.SIGKILL)
