"""A supervised process: restarted when it ends, and ended with its parent."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO

from worker.parent_death import die_with

FIRST_DELAY = 0.5  # seconds before a process is started again; doubles each time it ends …
LONGEST_DELAY = 30.0
HEALTHY = 30.0  # … until it has lived for so long


def _how(code: int) -> str:
    """Say how a process ended, from its return code."""
    return f"by signal {-code}" if code < 0 else f"with code {code}"


class Child:
    """One process of the studio, a process group of its own so that Ctrl-C reaches us alone.

    `orphaned` is the signal it gets from the kernel (Linux) when the launcher dies unasked.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        say: Callable[[str, str], None],  # (name, line)
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        orphaned: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.process: subprocess.Popen[str] | None = None
        self._command, self._environment, self._folder = command, environment, folder
        self._say, self._orphaned = say, orphaned
        self._delay = FIRST_DELAY
        self._started = self._due = 0.0

    def _pass_on(self, lines: IO[str]) -> None:
        for line in lines:
            if line.strip():
                self._say(self.name, line.rstrip())

    def _start(self) -> None:
        parent = os.getpid()
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=self._environment,
            cwd=self._folder,
            process_group=0,
            preexec_fn=lambda: die_with(parent, self._orphaned),
        )
        self._say("studio", f"{self.name} started, process {self.process.pid}")
        assert self.process.stdout is not None
        Thread(target=self._pass_on, args=(self.process.stdout,), daemon=True).start()

    def _ended(self, how: str) -> None:
        """Plan the next start."""
        if time.monotonic() - self._started > HEALTHY:
            self._delay = FIRST_DELAY
        self._due = time.monotonic() + self._delay
        self._say("studio", f"{self.name} {how}; again in {self._delay:g} s")
        self._delay = min(2 * self._delay, LONGEST_DELAY)

    def tend(self) -> None:
        """Start the process when it does not run and it is time. From the main thread only.

        The kernel takes the death of the thread that started a process for its parent's.
        """
        if self.process is not None and (code := self.process.poll()) is not None:
            self._signal_group(signal.SIGTERM)  # what it started itself goes too
            self.process = None
            self._ended(f"ended {_how(code)}")
        if self.process is None and time.monotonic() >= self._due:
            try:
                self._start()
            except OSError as error:  # no memory, no process to be had: later there may be
                self._ended(f"can't be started: {error.strerror}")

    def _signal_group(self, sign: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for zombies
            if self.process is not None:
                os.killpg(self.process.pid, sign)

    def terminate(self) -> None:
        """Ask the process to finish."""
        if self.process is not None:
            self.process.terminate()

    def gone(self) -> bool:
        """Tell whether the process has ended."""
        return self.process is None or self.process.poll() is not None

    def _left_behind(self) -> bool:
        """Tell whether processes that the ended process started are still there."""
        assert self.process is not None
        try:
            os.killpg(self.process.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def kill(self) -> None:
        """End the process, if it did not end by itself, and whatever it left behind.

        A worker's child gives its job back, so it is asked before it is killed.
        """
        if self.process is None:
            return
        if not self.gone():
            self.process.kill()
            self.process.wait()
            self._signal_group(signal.SIGTERM)
            until = time.monotonic() + 2
            while self._left_behind() and time.monotonic() < until:
                time.sleep(0.05)
        self._signal_group(signal.SIGKILL)
