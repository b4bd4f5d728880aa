"""The decoding processes (`worker/images/decoder.py`): started, asked, replaced, in whose turn.

The kernel enforces their limits of memory and time.
"""

import contextlib
import json
import logging
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from queue import LifoQueue
from threading import Lock, Timer
from time import monotonic
from typing import Any

from worker import program
from worker.errors import Message
from worker.images import answers
from worker.images.header import ACCEPTED, MEMORY, ImageRejected
from worker.images.line import Line
from worker.settings import settings
from worker.visitor import STUDIO, Visitor

SEATS = 2  # pictures decoded at a time; who comes later waits
DUE = 1.0  # seconds of decoding that are charged before the next picture of a batch
LIFETIME = 600.0  # seconds that a process decodes; see `confinement.PROCESSOR_SECONDS`
WALL_SECONDS = 120.0  # a picture may take; the processor's seconds are counted by the kernel

log = logging.getLogger(__name__)

COMMAND = program.command("worker.images.decoder")


@cache
def _tell_once(confined: str) -> None:
    """Say by what decoders are confined, once a process."""
    if confined == "seccomp":
        log.info("decoders are confined by seccomp and limits")
    else:
        log.warning("decoders are confined by limits alone: there is no seccomp here")


def _exchange(
    process: subprocess.Popen[bytes], question: dict[str, Any], data: bytes, into: answers.Sink
) -> dict[str, Any]:
    """Ask a decoder, return what it says and write what it made.

    Raises OSError, EOFError, `NotOurs` and `NotKept`.
    """
    asked, given = process.stdin, process.stdout
    assert asked is not None
    assert given is not None
    asked.write(json.dumps(question).encode() + b"\n")
    asked.write(data)
    asked.flush()
    return answers.read(question["verb"], question["limit"], given, into)


class _Seat:
    """A decoding process, started at its first request; ends with this process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._worked = 0.0  # seconds of its process

    def _start(self) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        process = subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, env={}, cwd="/")
        self._process, self._worked = process, 0.0
        assert process.stdout is not None
        _tell_once(str(answers.head(process.stdout).get("confined")))
        return process

    def _talk(self, question: dict[str, Any], data: bytes, into: answers.Sink) -> dict[str, Any]:
        process = self._process
        if process is None or process.poll() is not None:
            process = self._start()
        clock = Timer(WALL_SECONDS, process.kill)
        clock.daemon = True
        clock.start()
        try:
            return _exchange(process, question, data, into)
        except answers.NotOurs:
            log.warning("a decoder gave an answer that is not ours and was ended")
            process.kill()
            raise
        except answers.NotKept:  # the rest of the answer is still in the pipe
            process.kill()
            raise
        finally:
            clock.cancel()

    def _end(self) -> int:
        """Clear away what no longer answers; return how it ended."""
        process, self._process = self._process, None
        assert process is not None
        try:
            code = process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # what was not taken any more
                if pipe is not None:
                    pipe.close()
        return code

    def _age(self, seconds: float) -> None:
        """Replace the process long before the kernel ends it for the time that it took in all."""
        self._worked += seconds
        if self._worked > LIFETIME and self._process is not None:
            self._process.kill()
            self._end()

    def ask(
        self, question: dict[str, Any], data: bytes, into: answers.Sink, account: "Account"
    ) -> dict[str, Any]:
        """Have bytes looked at, and the picture written.

        Returns its suffix, width and height; raises `ImageRejected`, and OSError when it can't be
        written. Counts the processor's seconds, or those that passed if the decoder can't tell any
        more.
        """
        begun = monotonic()
        try:
            reply = self._talk(question, data, into)
        except answers.NotKept as failed:
            self._end()
            raise failed.error from None
        except (OSError, EOFError, answers.NotOurs) as error:
            account.add(monotonic() - begun)
            code = self._end()
            if code >= 0:
                raise RuntimeError(f"the decoder ended with code {code}") from error
            log.warning("a decoder was ended by signal %d", -code)
            raise ImageRejected("picture.too_costly", accepted=ACCEPTED) from error
        passed = monotonic() - begun
        account.add(min(reply.get("seconds", passed), passed))
        self._age(passed)
        if "refused" in reply:
            raise ImageRejected.of(Message.load(reply["refused"]))
        return reply


# ---------------------------------------------------------------- in whose turn


def _free(seconds: float, pictures: int) -> None:
    """Charge no visitor: this studio itself has pictures decoded."""


@dataclass
class Account:
    """In whose turn pictures are decoded, and the seconds that it took since they were charged."""

    visitor: Visitor
    pay: Callable[[float, int], None] = _free
    seconds: float = 0.0
    pictures: int = 0
    _lock: Lock = field(default_factory=Lock)

    def add(self, seconds: float) -> None:
        """Count what a picture took."""
        with self._lock:
            self.seconds += seconds
            self.pictures += 1

    def settle(self, least: float = 0.0) -> None:
        """Charge what pictures took, if there were any and it is so many seconds."""
        with self._lock:
            if not self.pictures or self.seconds < least:
                return
            seconds, pictures = self.seconds, self.pictures
            self.seconds, self.pictures = 0.0, 0
        self.pay(seconds, pictures)


_account: ContextVar[Account | None] = ContextVar("account", default=None)


@contextlib.contextmanager
def charged(account: Account) -> Iterator[None]:
    """Have what is decoded meanwhile, by this thread or task, decoded in the account's turn."""
    before = _account.set(account)
    try:
        yield
    finally:
        _account.reset(before)


def settle() -> None:
    """Charge the account for what was decoded so far, `DUE` seconds or more, before more is."""
    if account := _account.get():
        account.settle(DUE)


# ---------------------------------------------------------------- what may be asked


line = Line(SEATS, SEATS)
seats: LifoQueue[_Seat] = LifoQueue()
for _ in range(SEATS):
    seats.put(_Seat())


@contextlib.contextmanager
def seat() -> Iterator[None]:
    """Take one of the seats in the account's turn, for what another process decodes meanwhile."""
    account = _account.get() or Account(STUDIO)
    with line.seat(account.visitor):
        begun = monotonic()
        try:
            yield
        finally:
            account.add(monotonic() - begun)


def _question(
    verb: str, data: bytes, memory: int = MEMORY, to: Sequence[int] = ()
) -> dict[str, Any]:
    question = {"verb": verb, "length": len(data), "limit": settings().max_pixels}
    return question | {"memory": memory, "to": list(to)}


def ask(
    verb: str,
    read: Callable[[], bytes],
    into: answers.Sink,
    memory: int = MEMORY,
    to: Sequence[int] = (),
) -> dict[str, Any]:
    """Have bytes looked at, in the account's turn, within so many bytes of memory.

    They are read when it is their turn, so that none lie in memory while they wait. `to`: what the
    verb makes the picture as large as. Raises `ImageRejected`, and what reading raises.
    """
    account = _account.get() or Account(STUDIO)
    with line.seat(account.visitor):
        data = read()
        seat = seats.get()
        try:
            return seat.ask(_question(verb, data, memory, to), data, into, account)
        finally:
            seats.put(seat)
