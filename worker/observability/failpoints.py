"""Failpoints: named places in the code where a test has its process killed by SIGKILL.

Inert unless STUDIO_FAULT names a place when the process starts. Visitors can't set that, and a
studio with a public address refuses it. What each place means stands where it is called;
tests/hard/ uses all.
"""

import os
import signal

from worker.settings import settings


def at(place: str, job_id: str = "") -> None:
    """Kill this process if STUDIO_FAULT names this place (and this job)."""
    wanted, _, only = settings().fault.partition(":")
    if wanted and wanted == place and only in {"", job_id}:
        os.kill(os.getpid(), signal.SIGKILL)
