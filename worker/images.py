"""Untrusted bytes in, clean pictures out.

A picture that passed is upright sRGB without alpha, encoded by us, with nothing else of what
was uploaded in it. Here is who asks: what is decoded is decoded in a process of its own
(`worker/decoder.py`), under limits of memory and time that the kernel keeps. Knows no job.
"""

import contextlib
import io
import json
import logging
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from functools import cache, partial
from queue import LifoQueue
from threading import Lock, Timer
from time import monotonic
from typing import Any

from PIL import Image

from worker import answers, program
from worker.decoder import ACCEPTED, MEMORY
from worker.decoder import FORMATS as FORMATS
from worker.decoder import CleanImage as CleanImage
from worker.decoder import ImageRejected as ImageRejected
from worker.decoder import encode as encode
from worker.line import Line
from worker.settings import MIB, settings
from worker.visitor import STUDIO, Visitor

OURS = ("PNG", "JPEG")  # what we write
SEATS = 2  # pictures decoded at a time; who comes later waits
WALL_SECONDS = 120.0  # a picture may take; the processor's seconds are counted by the kernel
_SMALL = MIB // 2  # of a file; a picture in it hardly takes long

TOO_MUCH = f"The picture takes too much memory or time to open; ordinary {ACCEPTED}."

log = logging.getLogger(__name__)

_COMMAND = program.command("worker.decoder")


@cache
def _tell_once(confined: str) -> None:
    """Say by what decoders are confined, once a process."""
    if confined == "seccomp":
        log.info("decoders are confined by seccomp and limits")
    else:
        log.warning("decoders are confined by limits alone: there is no seccomp here")


def _exchange(
    process: subprocess.Popen[bytes], question: dict[str, Any], data: bytes
) -> tuple[dict[str, Any], bytes]:
    """Ask a decoder and return its answer; raises OSError, EOFError and `NotOurs`."""
    asked, given = process.stdin, process.stdout
    assert asked is not None
    assert given is not None
    asked.write(json.dumps(question).encode() + b"\n")
    asked.write(data)
    asked.flush()
    return answers.read(question["verb"], question["limit"], given)


class _Seat:
    """A decoding process, started when it is first asked; ends with whoever asks it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def _start(self) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        process = subprocess.Popen(_COMMAND, stdin=pipe, stdout=pipe, env={}, cwd="/")
        self._process = process
        assert process.stdout is not None
        _tell_once(str(answers.head(process.stdout).get("confined")))
        return process

    def _talk(self, question: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        process = self._process
        if process is None or process.poll() is not None:
            process = self._start()
        clock = Timer(WALL_SECONDS, process.kill)
        clock.daemon = True
        clock.start()
        try:
            return _exchange(process, question, data)
        except answers.NotOurs:
            log.warning("a decoder gave an answer that is not ours and was ended")
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

    def ask(self, verb: str, data: bytes, memory: int, account: "Account") -> CleanImage:
        """Have bytes looked at within so much memory; raises `ImageRejected`.

        Counts the processor's seconds, or those that passed if the decoder can't tell any more.
        """
        begun = monotonic()
        question = {"verb": verb, "length": len(data), "limit": settings().max_pixels}
        question["memory"] = memory
        try:
            told, made = self._talk(question, data)
        except (OSError, EOFError, answers.NotOurs) as error:
            account.add(monotonic() - begun)
            code = self._end()
            if code >= 0:
                raise RuntimeError(f"the decoder ended with code {code}") from error
            log.warning("a decoder was ended by signal %d", -code)
            raise ImageRejected(TOO_MUCH) from error
        passed = monotonic() - begun
        account.add(min(told.get("seconds", passed), passed))
        if "refused" in told:
            raise ImageRejected(told["refused"])
        return CleanImage(made, told["suffix"], told["width"], told["height"])


# ---------------------------------------------------------------- in whose turn


@dataclass
class Account:
    """In whose turn pictures are decoded, and the seconds that it took."""

    visitor: Visitor
    seconds: float = 0.0
    pictures: int = 0
    hands: list[Future[CleanImage]] = field(default_factory=list)  # that decode beside
    _lock: Lock = field(default_factory=Lock)

    def add(self, seconds: float) -> None:
        """Count what a picture took."""
        with self._lock:
            self.seconds += seconds
            self.pictures += 1

    def end(self) -> None:
        """Begin nothing more, and wait for what has begun."""
        for hand in self.hands:
            hand.cancel()
        wait(self.hands)


_account: ContextVar[Account | None] = ContextVar("account", default=None)


@contextlib.contextmanager
def charged(account: Account) -> Iterator[None]:
    """Have what is decoded meanwhile, by this thread or task, decoded in the account's turn."""
    before = _account.set(account)
    try:
        yield
    finally:
        _account.reset(before)
        account.end()


# ---------------------------------------------------------------- what may be asked


_line = Line(SEATS, SEATS)
_seats: LifoQueue[_Seat] = LifoQueue()
for _ in range(SEATS):
    _seats.put(_Seat())


def _ask(verb: str, data: bytes, memory: int = MEMORY) -> CleanImage:
    limit = settings().max_upload_bytes
    if len(data) > limit:
        raise ImageRejected(f"The file is too large: at most {limit / MIB:g} MiB are accepted.")
    account = _account.get() or Account(STUDIO)
    with _line.seat(account.visitor):
        seat = _seats.get()
        try:
            return seat.ask(verb, data, memory, account)
        finally:
            _seats.put(seat)


def clean(data: bytes) -> CleanImage:
    """Check and re-encode a picture; raises `ImageRejected`."""
    return _ask("clean", data)


def looks(pictures: Sequence[bytes]) -> list[Callable[[], CleanImage]]:
    """Return for each picture what cleans it when called, as `clean` does.

    Those of one request share the memory of one. Small files are looked at side by side, and one
    that is refused once more, alone, since its part of the memory may have been too little.
    """
    if len(pictures) == 1 or max(map(len, pictures)) > _SMALL:
        return [partial(clean, data) for data in pictures]
    pool = ThreadPoolExecutor(SEATS, "looks")  # of this request: nobody else waits for it
    hands = [
        pool.submit(copy_context().run, _ask, "clean", data, MEMORY // SEATS) for data in pictures
    ]
    pool.shutdown(wait=False)
    if account := _account.get():
        account.hands += hands

    def look(place: int) -> CleanImage:
        try:
            return hands[place].result()
        except ImageRejected:
            wait(hands)
            return clean(pictures[place])

    return [partial(look, place) for place in range(len(pictures))]


def clean_mask(data: bytes, size: tuple[int, int]) -> CleanImage:
    """Check a mask for a photo of that (width, height); raises `ImageRejected`."""
    mask = _ask("mask", data)
    if (mask.width, mask.height) != size:
        raise ImageRejected(
            f"A mask must have its photo's size, {size[0]} × {size[1]} pixels; "
            f"this one has {mask.width} × {mask.height}."
        )
    return mask


def note(data: bytes) -> str:
    """Return what stands in a picture where one of ours tells how it was made.

    Raises `ImageRejected`; "": nothing does.
    """
    return _ask("note", data).data.decode("utf-8", "replace")


def ours(picture: CleanImage) -> Image.Image:
    """Open a picture that passed: a decoder of ours wrote it, or one that was taken over."""
    return Image.open(io.BytesIO(picture.data), formats=OURS)


def small(data: bytes, side: int) -> CleanImage:
    """Check a picture and make it so small that its shorter side is `side`, if it is larger."""
    image = ours(clean(data))
    scale = min(1.0, side / min(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    image.draft("RGB", size)  # a JPEG need not be decoded at full size
    image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return CleanImage(encode(image, "jpg"), "jpg", image.width, image.height)


def small_mask(data: bytes, size: tuple[int, int]) -> CleanImage:
    """Check a mask and bring it to the size of a small photo."""
    image = ours(_ask("mask", data)).resize(size, Image.Resampling.BILINEAR)
    return CleanImage(encode(image, "png"), "png", image.width, image.height)


def small_jpeg(image: Image.Image, side: int = 384) -> bytes:
    """Return a JPEG no wider or higher than `side`: a tenth of the time that a WebP takes."""
    small, out = image.copy(), io.BytesIO()
    small.thumbnail((side, side), Image.Resampling.HAMMING, reducing_gap=2.0)
    small.save(out, "JPEG", quality=82)
    return out.getvalue()


def media_type(key: str) -> str:
    """Return the media type of a kept picture by its key."""
    kinds = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
    return kinds[key.rpartition(".")[2]]
