"""Untrusted films in, looked at and written again by a process of its own for each.

How that is started and believed: `worker/images/film_processes.py`. Raises `Refused`. Loads no
FFmpeg.
"""

import contextlib
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from adain.film import kinds
from adain.film.limits import MORE_BITS, MOST_BITS, most_bits, size_for
from worker.errors import Refused
from worker.film_settings import MOST_BYTES, MOST_SECONDS
from worker.images import answers, decoders
from worker.images.film_processes import Watch, asked, ours
from worker.images.film_processes import limits as limits
from worker.images.film_records import Cleaned, Seen
from worker.images.images import Source
from worker.settings import KIB, MIB, settings

LOOK = 20, 30.0  # seconds of the processor, and on the clock
CLEAN = 0.6  # of a job's time, on the clock; a film is read by two threads
MORE = 1.05  # times as long as its header says, and a second, a film may be
CLEAN_BYTES_A_PIXEL = 0.5  # of a clean film, at most
SOUND_BYTES = 40_000  # a second
SPARE = MIB  # bytes beside pictures and sound
USUAL_PIXELS = 20 * 512 * 512  # painted of a film for which it counts as one submission more


def is_film(head: bytes, moving: bool) -> bool:
    """Tell whether a file that begins so is a film; `moving`: an animated picture is one too."""
    reader = kinds.reader(head)
    return reader in {"mov", "matroska"} or (moving and reader != "")


def check_possible() -> None:
    """Raise `Refused` where no films are painted."""
    if not settings().film_seconds:
        raise Refused("film.off")
    if not kinds.INSTALLED:
        raise Refused("film.not_installed")


def longest(seconds: float) -> float:
    """Return the seconds that a film may last of which its header says so many."""
    return MORE * seconds + 1


def painted_bytes(bits: int, seconds: float) -> int:
    """Return the bytes of a painted film at most: of so many bits a second, by `most_bits`."""
    return round(seconds * (MORE_BITS * bits / 8 + SOUND_BYTES)) + SPARE


# bytes of a film that is kept, whatever the settings
LARGEST = max(MOST_BYTES, painted_bytes(MOST_BITS, longest(MOST_SECONDS)))


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
        return self.clean_bytes(side) + 2 * painted_bytes(bits, longest(self.seconds))

    def row(self, side: int) -> dict[str, Any]:
        """Return what its job's row says of it."""
        return {"seconds": round(self.seconds, 3), "most": self.clean_bytes(side)}

    def poster(self) -> Source:
        """Return its first frame as a picture that is still to be checked."""
        return Source("", self.first.stat().st_size, self.first.read_bytes, stored=True)


def most_frames(seconds: float) -> int:
    """Return how many frames are painted of a film that lasts so long, at most."""
    return math.ceil(limits().rate * seconds)


def copied(given: Source, file: Path) -> tuple[int, str]:
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


def _looked(film: IO[bytes], first: Path) -> Seen:
    """Look at a film in an open file and write its first frame."""

    def take(said: dict[str, Any], data: IO[bytes]) -> Seen:
        seen = ours(Seen, said)
        if seen.length > 4 * math.prod(seen.size) + MIB or max(seen.size) > limits().side:
            raise answers.NotOurs
        with first.open("wb") as into:
            answers.copy(data, into, seen.length)
        return seen

    seconds, wall = LOOK
    question = {"codec": "", "side": 0, "seconds": seconds, "bytes": 0}
    with decoders.seat():
        return asked(question, film, None, wall, take)


def _in_file(given: IO[bytes]) -> bool:
    """Tell whether an open file is one that a process can be given."""
    try:
        given.fileno()
    except OSError:
        return False
    return True


def first_frame(given: Source, folder: Path) -> bytes:
    """Return a film's first frame as a JPEG; the film is copied to a folder where it's in no file.

    Raises `Refused`, and OSError where it can't be written.
    """
    check_possible()
    first = folder / "first.jpg"
    with contextlib.ExitStack() as stack:
        film = stack.enter_context(given.opened())
        if given.size > (most := limits().bytes):
            raise Refused("film.file_too_large", size=given.size // MIB, limit=most // MIB)
        if not _in_file(film):
            copied(given, folder / "film")
            film = stack.enter_context((folder / "film").open("rb"))
        _looked(film, first)
    return first.read_bytes()


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
    size, digest = copied(given, file)
    with file.open("rb") as film:
        seen = _looked(film, first)
    seconds = min(seen.seconds or limits().seconds, limits().seconds)
    width, height = seen.original
    return Film(file, size, digest, first, width, height, seen.rate, seconds)


# ---------------------------------------------------------------- clean


def _check_length(frames: int, seconds: float, expected: float) -> None:
    """Refuse a film that is longer than the seconds for which it counted."""
    most = longest(expected)
    if seconds > most or frames > most_frames(most):
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
    wall, said_most = CLEAN * settings().job_time_limit, min(expected, limits().seconds + 1)
    question = {"codec": codec, "side": side, "seconds": math.ceil(2 * wall), "bytes": most}

    def take(said: dict[str, Any], data: IO[bytes]) -> Cleaned:
        made = ours(Cleaned, said.get("clean"))
        if max(made.width, made.height) > limits().side or made.rate > limits().rate:
            raise answers.NotOurs
        _check_length(made.frames, made.seconds, said_most)
        return made

    def checked(frames: int) -> None:
        _check_length(frames, 0.0, said_most)
        watch(frames)

    return asked(question, film, into.fileno(), wall, take, checked)
