"""Untrusted films in, looked at and written again by a process of its own for each.

The kernel enforces its limits of memory, time and bytes (`worker/images/film_sandbox.py`). What it
says is checked, since a film may have compromised it. Raises `Refused`. Loads no FFmpeg.
"""

import contextlib
import hashlib
import json
import logging
import math
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event, Thread, Timer
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError

from adain.film import kinds
from adain.film.limits import Limits, most_bits, size_for
from worker import program
from worker.errors import Message, Refused
from worker.images import answers, decoders
from worker.images.film_records import Cleaned, Seen
from worker.images.images import Source
from worker.settings import KIB, MIB, settings

LOOK = 20, 30.0  # seconds of the processor, and on the clock
CLEAN = 0.6  # of a job's time, on the clock; a film is read by two threads
TICK = 0.5  # seconds after which `watch` is called again, whatever the process does
MORE = 1.05  # times as long as its header says, and a second, a film may be
CLEAN_BYTES_A_PIXEL = 0.5  # of a clean film, at most
SOUND_BYTES = 40_000  # a second
USUAL_PIXELS = 20 * 512 * 512  # painted of a film for which it counts as one submission more

log = logging.getLogger(__name__)

Watch = Callable[[int], None]  # frames that are done; may raise to stop
Model = TypeVar("Model", bound=BaseModel)


def is_film(head: bytes, moving: bool) -> bool:
    """Tell whether a file that begins so is a film; `moving`: an animated picture is one too."""
    reader = kinds.reader(head)
    return reader in {"mov", "matroska"} or (moving and reader != "")


def limits() -> Limits:
    """Return what this studio accepts."""
    given = settings()
    return Limits(given.film_seconds, given.film_side, given.film_rate, given.film_bytes)


def check_possible() -> None:
    """Raise `Refused` where no films are painted."""
    if not settings().film_seconds:
        raise Refused("film.off")
    if not kinds.INSTALLED:
        raise Refused("film.not_installed")


# ---------------------------------------------------------------- the process


def _ours(model: type[Model], said: object) -> Model:
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


@contextlib.contextmanager
def _process(
    question: dict[str, Any], film: IO[bytes], into: int | None, wall: float
) -> Iterator[subprocess.Popen[bytes]]:
    """Yield the process that looks at a film; it has ended at the end, as what it takes has."""
    film.seek(0)
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


def _read(said: IO[bytes], heads: Queue[dict[str, Any] | Exception], over: Event) -> None:
    """Put what a process says into a queue, up to its answer, or the error that ends it.

    The queue is short, so that a process can't say more than is received.
    """
    going_on = True
    while going_on and not over.is_set():
        line: dict[str, Any] | Exception
        try:
            line = answers.head(said)
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


def _said(said: IO[bytes], watch: Watch) -> dict[str, Any]:
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


def _asked(
    question: dict[str, Any],
    film: IO[bytes],
    into: int | None,
    wall: float,
    take: Callable[[dict[str, Any], IO[bytes]], Model],
    watch: Watch = lambda frames: None,
) -> Model:
    """Have a film looked at; `take` reads and checks the answer. Raises `Refused`."""
    with _process(question, film, into, wall) as process:
        assert process.stdout is not None
        try:
            return take(_said(process.stdout, watch), process.stdout)
        except answers.NotOurs:
            log.warning("a film's process gave an answer that is not ours")
        except EOFError:
            code = _ended(process)
            if code >= 0:
                raise RuntimeError(f"a film's process ended with code {code}") from None
            log.warning("a film's process was ended by signal %d", -code)
    raise Refused("film.too_costly")


# ---------------------------------------------------------------- look


@dataclass(frozen=True)
class Film:
    """A film as it was sent, looked at, in a file."""

    file: Path
    size: int  # bytes
    digest: str  # sha256
    first: Path  # its first frame as a JPEG
    width: int  # upright, in square pixels
    height: int
    rate: float  # frames a second
    seconds: float  # by its header, or as long as a film may be

    @property
    def frames(self) -> int:
        """How many frames are painted, at most, whatever the header says of its rate."""
        return most_frames(self.seconds)

    def painted(self, side: int) -> tuple[int, int]:
        """Return width and height of what is painted, its shorter side so long; 0: as it came."""
        return size_for(self.width, self.height, side, limits())

    def submissions(self, side: int) -> int:
        """Return how many submissions it counts as, by what it takes to paint."""
        return 1 + self.frames * math.prod(self.painted(side)) // USUAL_PIXELS

    def clean_bytes(self, side: int) -> int:
        """Return the bytes that its clean film takes at most."""
        pixels = self.frames * math.prod(self.painted(side))
        needed = round(pixels * CLEAN_BYTES_A_PIXEL + self.seconds * SOUND_BYTES) + MIB
        return min(needed, limits().bytes)

    def reserved(self, side: int) -> int:
        """Return the bytes that its clean film, its parts and what is painted take at most."""
        width, height = self.painted(side)
        bits = most_bits(width, height, limits().rate)
        painted = round(self.seconds * (bits / 8 + SOUND_BYTES)) + MIB
        return self.clean_bytes(side) + 2 * painted

    def row(self, side: int) -> dict[str, Any]:
        """Return what its job's row says of it."""
        return {"seconds": round(self.seconds, 3), "most": self.clean_bytes(side)}

    def poster(self) -> Source:
        """Return its first frame as a picture that is still to be checked."""
        return Source("", self.first.stat().st_size, self.first.read_bytes, stored=True)


def most_frames(seconds: float) -> int:
    """Return how many frames are painted of a film that lasts so long, at most."""
    return math.ceil(limits().rate * seconds)


def _copied(given: Source, file: Path) -> tuple[int, str]:
    """Copy a film to a file; return its bytes and sha256. Raises `Refused` for a large one."""
    size, digest, most = 0, hashlib.sha256(), limits().bytes
    with given.opened() as source, file.open("wb") as into:
        while piece := source.read(64 * KIB):
            size += len(piece)
            if size > most:
                raise Refused("film.file_too_large", size=given.size // MIB, limit=most // MIB)
            digest.update(piece)
            into.write(piece)
    return size, digest.hexdigest()


def _looked(file: Path, first: Path) -> Seen:
    """Look at a film and write its first frame."""

    def take(said: dict[str, Any], data: IO[bytes]) -> Seen:
        seen = _ours(Seen, said)
        if seen.length > 4 * math.prod(seen.size) + MIB or max(seen.size) > limits().side:
            raise answers.NotOurs
        with first.open("wb") as into:
            answers.copy(data, into, seen.length)
        return seen

    seconds, wall = LOOK
    question = {"codec": "", "side": 0, "seconds": seconds, "bytes": 0}
    with decoders.seat(), file.open("rb") as film:
        return _asked(question, film, None, wall, take)


def taken(given: Source, folder: Path, moving: bool) -> Film | None:
    """Return the film that was sent, copied to a folder and looked at; None: it is no film.

    Raises `Refused`, and OSError where it can't be written.
    """
    with given.opened() as source:
        head = source.read(kinds.HEAD)
    if not is_film(head, moving):
        return None
    check_possible()
    file, first = folder / "film", folder / "first.jpg"
    size, digest = _copied(given, file)
    seen = _looked(file, first)
    seconds = min(seen.seconds or limits().seconds, limits().seconds)
    width, height = seen.original
    return Film(file, size, digest, first, width, height, seen.rate, seconds)


# ---------------------------------------------------------------- clean


def _check_length(frames: int, seconds: float, expected: float) -> None:
    """Refuse a film that is longer than the seconds for which it counted."""
    longest = MORE * expected + 1
    if seconds > longest or frames > most_frames(longest):
        raise Refused("film.header")


def clean(
    film: IO[bytes],
    into: IO[bytes],
    side: int,
    codec: str,
    most: int,
    watch: Watch,
    expected: float = math.inf,
) -> Cleaned:
    """Write the clean film of a film, of so many bytes at most.

    `watch` hears of its frames, every half second at least. A film much longer than the `expected`
    seconds is refused. Raises `Refused`, and what `watch` raises.
    """
    wall, longest = CLEAN * settings().job_time_limit, min(expected, limits().seconds + 1)
    question = {"codec": codec, "side": side, "seconds": math.ceil(2 * wall), "bytes": most}

    def take(said: dict[str, Any], data: IO[bytes]) -> Cleaned:
        made = _ours(Cleaned, said.get("clean"))
        if max(made.width, made.height) > limits().side or made.rate > limits().rate:
            raise answers.NotOurs
        _check_length(made.frames, made.seconds, longest)
        return made

    def checked(frames: int) -> None:
        _check_length(frames, 0.0, longest)
        watch(frames)

    return _asked(question, film, into.fileno(), wall, take, checked)
