"""The process that looks at a film: started, ended, and believed as far as its answers fit.

The kernel enforces its limits of memory, time and bytes (`worker/images/film_sandbox.py`). What it
says is checked, since a film may have compromised it. Raises `Refused`. Loads no FFmpeg.
"""

import contextlib
import json
import logging
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from queue import Empty, Full, Queue
from threading import Event, Thread, Timer
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError

from adain.film.limits import Limits
from worker import program
from worker.errors import Message, Refused
from worker.images import answers
from worker.settings import settings

_SPENT = 0.9  # of the processor's time that a process may take: the kernel counts otherwise than we
TICK = 0.5  # seconds after which `watch` is called again, whatever the process does

log = logging.getLogger(__name__)

Watch = Callable[[int], None]  # frames that are done; may raise to stop
Model = TypeVar("Model", bound=BaseModel)


def limits() -> Limits:
    """Return what this studio accepts."""
    given = settings()
    return Limits(given.film_seconds, given.film_side, given.film_rate, given.film_bytes)


def ours(model: type[Model], said: object) -> Model:
    try:
        return model.model_validate(said)
    except ValidationError as error:
        raise answers.NotOurs from error


def _refusal(said: object) -> Refused:
    try:
        message = Message.load(said)
    except ValueError as error:
        raise answers.NotOurs from error
    if not message.code.startswith("film."):
        raise answers.NotOurs
    return Refused.of(message)


class _KilledFromOutside(Exception):
    """A film's process was killed before it had taken what it may, as by a machine's kernel."""


def _processor() -> float:
    """Return the seconds of the processor that all ended processes of ours took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def _process(
    question: dict[str, Any], film: IO[bytes], into: int | None, wall: float
) -> Iterator[subprocess.Popen[bytes]]:
    """Yield the process that looks at a film; it has ended at the end, as what it takes has."""
    film.seek(0)
    if into is not None:
        os.lseek(into, 0, os.SEEK_SET)
        os.ftruncate(into, 0)
    asked = json.dumps(question | {"limits": asdict(limits()), "into": into, "parent": os.getpid()})
    process = subprocess.Popen(
        program.command("worker.images.film_sandbox", asked),
        stdin=film,
        stdout=subprocess.PIPE,
        pass_fds=[] if into is None else [into],
        env={},
        cwd="/",
    )
    clock = Timer(wall, process.kill)
    clock.daemon = True
    clock.start()
    try:
        yield process
    finally:
        clock.cancel()
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _read(answering: IO[bytes], heads: Queue[dict[str, Any] | Exception], over: Event) -> None:
    """Put what a process says into a queue, up to its answer, or the error that ends it.

    The queue is short, so that a process can't say more than is received.
    """
    going_on = True
    while going_on and not over.is_set():
        line: dict[str, Any] | Exception
        try:
            line = answers.head(answering)
        except Exception as error:  # raised again by who waits for it
            line = error
        going_on = isinstance(line, dict) and bool(line.keys() & {"done", "confined"})
        while not over.is_set():
            with contextlib.suppress(Full):
                heads.put(line, timeout=TICK)
                break


def _next(heads: Queue[dict[str, Any] | Exception], watch: Watch, done: int) -> dict[str, Any]:
    """Return what is said next; tells `watch` meanwhile, over and over, how much is done."""
    while True:
        try:
            line = heads.get(timeout=TICK)
        except Empty:
            watch(done)
            continue
        if isinstance(line, Exception):
            raise line
        return line


def said(said: IO[bytes], watch: Watch) -> dict[str, Any]:
    """Return the answer that a process comes to; raises `Refused`, `NotOurs` and EOFError."""
    heads, over = Queue[dict[str, Any] | Exception](maxsize=8), Event()
    Thread(target=_read, args=(said, heads, over), daemon=True).start()
    try:
        return _received(heads, watch)
    finally:
        over.set()


def _received(heads: Queue[dict[str, Any] | Exception], watch: Watch) -> dict[str, Any]:
    """Return the answer in a queue of lines; progress grows, and is said once it is confined."""
    done, confined = 0, False
    while True:
        line = _next(heads, watch, done)
        match line:
            case {"done": frames}:
                if type(frames) is not int or not done < frames <= limits().frames:
                    raise answers.NotOurs
                done = frames
                watch(done)
            case {"refused": refused}:
                raise _refusal(refused)
            case {"confined": str(by)} if not confined:
                confined = True
                if by == "limits":
                    log.warning("films are read confined by limits alone: there is no seccomp here")
            case {"confined": _}:
                raise answers.NotOurs
            case _:
                return line


def _ended(process: subprocess.Popen[bytes]) -> int:
    """Return the code of a process that says no more; one that goes on is killed."""
    try:
        return process.wait(1)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _asked_once(
    question: dict[str, Any],
    film: IO[bytes],
    into: int | None,
    wall: float,
    take: Callable[[dict[str, Any], IO[bytes]], Model],
    watch: Watch,
) -> Model:
    """Have a film looked at, as `asked` does; raises `_KilledFromOutside` too."""
    until, processor = time.monotonic() + wall, _processor()
    with _process(question, film, into, wall) as process:
        assert process.stdout is not None
        try:
            return take(said(process.stdout, watch), process.stdout)
        except answers.NotOurs:
            log.warning("a film's process gave an answer that is not ours")
        except EOFError:
            code = _ended(process)
            if code >= 0:
                raise RuntimeError(f"a film's process ended with code {code}") from None
            log.warning("a film's process was ended by signal %d", -code)
            took = _processor() - processor  # others' too, if some ended meanwhile
            spent = took > _SPENT * question["seconds"] or time.monotonic() > until
            if -code == signal.SIGKILL and not spent:
                raise _KilledFromOutside from None
    raise Refused("film.too_costly")


def asked(
    question: dict[str, Any],
    film: IO[bytes],
    into: int | None,
    wall: float,
    take: Callable[[dict[str, Any], IO[bytes]], Model],
    watch: Watch = lambda frames: None,
) -> Model:
    """Have a film looked at; `take` reads and checks the answer. Raises `Refused`.

    Once more where its process was killed from outside: of that its film need not be the cause.
    """
    for last in (False, True):
        try:
            return _asked_once(question, film, into, wall, take, watch)
        except _KilledFromOutside:
            if last:
                break
    raise Refused("film.too_costly")
