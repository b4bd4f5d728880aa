"""Untrusted films → our own, in a process of its own that looks at one film.

`python -m worker.images.film_sandbox QUESTION` is that process: `worker/images/film_processes.py`
starts it, with the film as its input and one file to write to. Before it reads a byte of the film
it is confined, as `worker/images/confinement.py` says. Knows no settings, no database and no job.
"""

import errno
import io
import json
import os
import resource
import signal
import sys
from dataclasses import asdict
from fractions import Fraction
from typing import IO, Any

import numpy as np
from PIL import Image

from adain.film import cleaning, codecs
from adain.film.codecs import Codec
from adain.film.files import Writer
from adain.film.limits import FilmError, Limits, size_for
from worker.images import confinement
from worker.images.decoder import encode, limit_memory
from worker.parent_death import die_with

MEMORY = 400 << 20  # bytes more than it has once it is ready
EVERY = 10  # frames after which it says how far it is


def get_ready(codec: Codec) -> None:
    """Load all that films may need: once confined, this process opens no file."""
    Image.init()
    film = io.BytesIO()
    writer = Writer(film, codec, (32, 32), 10, clean=True)
    for number in range(3):
        writer.add(np.full((32, 32, 3), 80 * number, np.uint8), Fraction(number, 10))
    writer.end(Fraction(3, 10))
    writer.close()
    for ending in ("WEBP", "GIF"):
        first, *others = (Image.new("RGB", (32, 32), (80 * number, 0, 0)) for number in range(3))
        moving = io.BytesIO()
        first.save(moving, ending, save_all=True, append_images=others, duration=100)
        cleaning.clean(io.BytesIO(moving.getvalue()), io.BytesIO(), 0, Limits(), codec)
    cleaning.clean(io.BytesIO(film.getvalue()), io.BytesIO(), 0, Limits(), codec)
    encode(Image.new("RGB", (32, 32)), "jpg")


def confine(seconds: int, written: int) -> str:
    """Limit this process's CPU seconds and bytes written; return what else confines it."""
    limit_memory(MEMORY)
    _, ever = resource.getrlimit(resource.RLIMIT_CPU)
    most = seconds if ever == resource.RLIM_INFINITY else min(seconds, ever)
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (written, written))
    return confinement.enter()


def _say(what: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(what).encode() + b"\n")
    sys.stdout.buffer.flush()


def _look(film: IO[bytes], limits: Limits) -> None:
    """Answer what a film is like, with its first frame as a JPEG."""
    known, pixels = cleaning.look(film, limits)
    size = size_for(known.width, known.height, 0, limits)
    first = Image.fromarray(pixels).resize(size, Image.Resampling.BOX)
    data = encode(first, "jpg")
    reported = {"rate": known.rate, "seconds": known.seconds, "sound": known.sound}
    original = [known.width, known.height]
    _say(reported | {"size": first.size, "original": original, "length": len(data)})
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _clean(film: IO[bytes], into: IO[bytes], side: int, limits: Limits, codec: Codec) -> None:
    """Write the clean film of a film, and answer what that is like."""

    def watch(frames: int) -> None:
        if frames % EVERY == 0:
            _say({"done": frames})

    made = cleaning.clean(film, into, side, limits, codec, watch)
    into.flush()
    _say({"clean": asdict(made)})


def answer(question: dict[str, Any], codec: Codec) -> None:
    """Answer what is asked of the film at the input, in lines of JSON."""
    limits = Limits(**question["limits"])
    film = os.fdopen(0, "rb")
    try:
        if question["into"] is None:
            _look(film, limits)
        else:
            with os.fdopen(question["into"], "wb") as into:
                _clean(film, into, question["side"], limits, codec)
    except FilmError as error:
        _say({"refused": {"code": error.code, "params": error.params}})
    except MemoryError:  # so that nothing is done with what is left
        signal.raise_signal(signal.SIGTERM)
    except OSError as error:
        if error.errno != errno.EFBIG:  # the clean film's bytes
            raise
        signal.raise_signal(signal.SIGTERM)


def main(text: str) -> None:
    """Get ready, be confined, answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent process
    question = json.loads(text)
    die_with(question["parent"], signal.SIGKILL)
    try:
        codec = codecs.chosen(question["codec"])
    except FilmError as error:
        _say({"confined": ""})
        return _say({"refused": {"code": error.code, "params": error.params}})
    get_ready(codec)
    _say({"confined": confine(question["seconds"], question["bytes"])})
    answer(question, codec)


if __name__ == "__main__":
    main(sys.argv[1])
