"""Untrusted bytes in, clean pictures out.

A clean picture is upright sRGB without alpha, encoded by us, with nothing else of the upload in it.
This module is the client: a process of its own decodes (`worker/images/decoder.py`), under limits
of memory and time that the kernel enforces. Raises `Refused`.
"""

import contextlib
import hashlib
import io
import json
import logging
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from queue import LifoQueue
from threading import Lock, Timer
from time import monotonic
from typing import IO, Any

from PIL import Image

from adain.files.kinds import ACCEPTED
from worker import program
from worker.images import answers
from worker.images.decoder import MEMORY
from worker.images.decoder import CleanImage as CleanImage
from worker.images.decoder import ImageRejected as ImageRejected
from worker.images.decoder import encode as encode
from worker.images.line import Line
from worker.settings import MIB, settings
from worker.storage import blobs
from worker.visitor import STUDIO, Visitor

OURS = ("PNG", "JPEG")  # what we write
KEPT = (*OURS, "WEBP")  # what earlier versions wrote as well
SEATS = 2  # pictures decoded at a time; who comes later waits
WALL_SECONDS = 120.0  # a picture may take; the processor's seconds are counted by the kernel
_SMALL = MIB // 2  # of a file; a picture in it hardly takes long

TOO_MUCH = f"The picture takes too much memory or time to open; ordinary {ACCEPTED}."

log = logging.getLogger(__name__)

_COMMAND = program.command("worker.images.decoder")


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

    def _start(self) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        process = subprocess.Popen(_COMMAND, stdin=pipe, stdout=pipe, env={}, cwd="/")
        self._process = process
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
            raise ImageRejected(TOO_MUCH) from error
        passed = monotonic() - begun
        account.add(min(reply.get("seconds", passed), passed))
        if "refused" in reply:
            raise ImageRejected(reply["refused"])
        return reply


# ---------------------------------------------------------------- in whose turn


@dataclass
class Account:
    """In whose turn pictures are decoded, and the seconds that it took."""

    visitor: Visitor
    seconds: float = 0.0
    pictures: int = 0
    _lock: Lock = field(default_factory=Lock)

    def add(self, seconds: float) -> None:
        """Count what a picture took."""
        with self._lock:
            self.seconds += seconds
            self.pictures += 1


_account: ContextVar[Account | None] = ContextVar("account", default=None)


@contextlib.contextmanager
def charged(account: Account) -> Iterator[None]:
    """Have what is decoded meanwhile, by this thread or task, decoded in the account's turn."""
    before = _account.set(account)
    try:
        yield
    finally:
        _account.reset(before)


# ---------------------------------------------------------------- pictures in files


@dataclass(frozen=True)
class Source:
    """A picture as it is sent, not yet read, since all at once might not fit in memory.

    `stored`: it is one that this studio encoded and keeps, to which the limit of what visitors
    send does not apply.
    """

    name: str
    size: int  # bytes
    read: Callable[[], bytes]
    stored: bool = False


Given = bytes | Source


def source(given: Given) -> Source:
    """Return a picture that is in memory as one to be read."""
    return given if isinstance(given, Source) else Source("", len(given), lambda: given)


def stored(key: str) -> Source:
    """Return a picture that is kept here, to be read when it is its turn; raises `BlobMissing`."""
    size, file = blobs.opened(key)
    file.close()
    return Source("", size, partial(blobs.get, key), stored=True)


@dataclass(frozen=True)
class CleanFile:
    """A picture that passed, in a file that we wrote: `suffix` is jpg or png."""

    file: Path
    suffix: str
    width: int
    height: int
    size: int  # bytes
    digest: str  # sha256
    original: tuple[int, int] = (0, 0)  # upright width and height before it was made smaller


class _Written:
    """A file that is being written, its size and its sha256."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size, self.hash = 0, hashlib.sha256()

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self.size += len(piece)
        self.hash.update(piece)


class _Nowhere:
    """Where a picture goes of which only the size is wanted."""

    def write(self, piece: bytes) -> None:
        """Forget the bytes."""


# ---------------------------------------------------------------- what may be asked


_line = Line(SEATS, SEATS)
_seats: LifoQueue[_Seat] = LifoQueue()
for _ in range(SEATS):
    _seats.put(_Seat())


def _question(
    verb: str, data: bytes, memory: int = MEMORY, to: Sequence[int] = ()
) -> dict[str, Any]:
    question = {"verb": verb, "length": len(data), "limit": settings().max_pixels}
    return question | {"memory": memory, "to": list(to)}


def _bytes(given: Given) -> bytes:
    """Return a picture's bytes; raises `ImageRejected` where more was sent than may be."""
    picture, most = source(given), settings().max_upload_bytes
    data = picture.read()
    if len(data) > most and not picture.stored:
        raise ImageRejected(f"The file is too large: at most {most / MIB:g} MiB are accepted.")
    return data


def _ask(
    verb: str, given: Given, into: answers.Sink, memory: int = MEMORY, to: Sequence[int] = ()
) -> dict[str, Any]:
    """Have a picture looked at, within so many bytes; `to`: what the verb makes it as large as."""
    data = _bytes(given)
    account = _account.get() or Account(STUDIO)
    with _line.seat(account.visitor):
        seat = _seats.get()
        try:
            return seat.ask(_question(verb, data, memory, to), data, into, account)
        finally:
            _seats.put(seat)


def _made(verb: str, given: Given, *to: int) -> CleanImage:
    """Ask, and return in memory what was made."""
    into = io.BytesIO()
    reported = _ask(verb, given, into, to=to)
    wide, high = reported["original"]
    made = reported["suffix"], reported["width"], reported["height"]
    return CleanImage(into.getvalue(), *made, (wide, high))


def _made_file(
    verb: str, given: Source, file: Path, memory: int = MEMORY, to: Sequence[int] = ()
) -> CleanFile:
    """Ask, and write what was made to a file, piece by piece."""
    with file.open("wb") as opened:
        into = _Written(opened)
        reported = _ask(verb, given, into, memory, to=to)
    size, digest = into.size, into.hash.hexdigest()
    wide, high = reported["original"]
    made = file, reported["suffix"], reported["width"], reported["height"]
    return CleanFile(*made, size, digest, (wide, high))


def clean(data: bytes) -> CleanImage:
    """Check and re-encode a picture; raises `ImageRejected`."""
    return _made("clean", data)


def clean_file(given: Source, file: Path) -> CleanFile:
    """Check and re-encode a picture to a file, which need not fit in memory.

    Raises `ImageRejected`, and OSError when it can't be written.
    """
    return _made_file("clean", given, file)


def measured(given: Given) -> tuple[int, int]:
    """Check a picture as `clean` does; returns the width and height that it would have."""
    reported = _ask("clean", given, _Nowhere())
    return reported["width"], reported["height"]


@contextlib.contextmanager
def looks(pictures: Sequence[Source], folder: Path) -> Iterator[list[Callable[[], CleanFile]]]:
    """Yield for each picture what cleans it when called, as `clean_file` does, into the folder.

    Those of one request share the memory of one. Small files are looked at side by side, and one
    that is refused once more, alone, since its part of the memory may have been too little. At the
    end nothing is being written any more.
    """
    files = [folder / f"look-{place}" for place in range(len(pictures))]
    if len(pictures) == 1 or max(one.size for one in pictures) > _SMALL:
        yield [partial(clean_file, *one) for one in zip(pictures, files, strict=True)]
        return
    pool = ThreadPoolExecutor(SEATS, "looks")  # of this request: it delays no other
    hands = [
        pool.submit(copy_context().run, _made_file, "clean", given, file, MEMORY // SEATS)
        for given, file in zip(pictures, files, strict=True)
    ]

    def look(place: int) -> CleanFile:
        try:
            return hands[place].result()
        except ImageRejected:
            wait(hands)
            return clean_file(pictures[place], files[place])

    try:
        yield [partial(look, place) for place in range(len(pictures))]
    finally:
        pool.shutdown(cancel_futures=True)


def clean_mask(data: bytes, size: tuple[int, int]) -> CleanImage:
    """Check a mask and bring it to its photo's (width, height); raises `ImageRejected`."""
    return _made("mask", data, *size)


def _sizes(photo: CleanFile) -> tuple[int, ...]:
    """Return a photo's width and height, as it is kept and as it was sent."""
    kept = photo.width, photo.height
    return kept + (photo.original if all(photo.original) else kept)


def clean_mask_file(given: Source, file: Path, photo: CleanFile) -> CleanFile:
    """Check a mask of a photo as `clean_mask` does, to a file as `clean_file` does.

    It has the shape of the photo as that was sent.
    """
    return _made_file("mask", given, file, to=_sizes(photo))


def opposite_mask_file(given: Source, file: Path, photo: CleanFile) -> CleanFile:
    """Check a mask as `clean_mask_file` does, and make it black where it is white."""
    return _made_file("opposite", given, file, to=_sizes(photo))


def note(data: bytes) -> str:
    """Return what stands in a picture where one of ours tells how it was made.

    Raises `ImageRejected`; "": nothing does.
    """
    return _made("note", data).data.decode("utf-8", "replace")


def ours(picture: CleanImage) -> Image.Image:
    """Open a picture that passed: a decoder of ours wrote it, or one that was taken over."""
    return Image.open(io.BytesIO(picture.data), formats=OURS)


def small(given: Given, side: int) -> CleanImage:
    """Check a picture and make it small; `side` as in `decoder.small`."""
    return _made("small", given, side)


def small_mask(given: Given, size: tuple[int, int]) -> CleanImage:
    """Check a mask and bring it to the size of a small photo."""
    return _made("small_mask", given, *size)


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
