"""Compile the networks ahead of time beside a worker, which runs uncompiled meanwhile.

That process has the lowest CPU priority and is the first to be killed when memory is short. The
worker loads the compiled code once it exists, and works without it otherwise.
"""

import logging
import os
import signal
import subprocess
from collections.abc import Sequence
from threading import Event, Thread

from worker import program
from worker.parent_death import die_with
from worker.settings import settings

log = logging.getLogger(__name__)

_POLITE = ("nice", "-n", "19")
AFTER = 10.0  # seconds; the worker gets ready first


class Compiling:
    """The making of code for some networks, one after the other."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks, self._ended = networks, Event()
        self._process: subprocess.Popen[str] | None = None
        self._thread = Thread(target=self._run, name="compiling", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for network in self._networks:
            if self._ended.wait(AFTER):
                return
            self._make(network)

    def _make(self, network: str) -> None:
        folders = (str(settings().code_dir), "--weights-folder", str(settings().weights_dir))
        words = (*folders, "--network", network, "--device", settings().device)
        worker = os.getpid()
        self._process = subprocess.Popen(
            [*_POLITE, *program.command("adain.aot.compile", *words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=lambda: die_with(worker, signal.SIGKILL),
        )
        output = self._process.communicate()[0].strip().rpartition("\n")[2]
        if self._ended.is_set():
            return
        if self._process.returncode:
            log.warning("network %s paints without machine code of its own: %s", network, output)
        else:
            log.info("network %s has machine code of its own: %s", network, output)

    def end(self) -> None:
        """Give up what is not made yet."""
        self._ended.set()
        if self._process is not None:
            self._process.terminate()
        self._thread.join(5)
