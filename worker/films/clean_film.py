"""A job's clean film, open to be painted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.container import InputContainer
from PIL import Image

from adain.film import codecs, files
from adain.film.cleaning import Clean
from adain.film.codecs import Codec
from adain.film.colours import Picture
from worker.errors import Refused
from worker.images.film_records import Cleaned


@dataclass(frozen=True)
class CleanFilm:
    """A clean film and what was said of it."""

    file: Path
    film: InputContainer
    clean: Clean
    codec: Codec

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.clean.width, self.clean.height

    def check(self) -> None:
        """Raise `Refused` if it is not what was said of it."""
        context = self.film.streams.video[0].codec_context
        name = context.codec.canonical_name
        if (context.width, context.height) != self.size or name != self.codec.name:
            raise Refused("film.too_costly")

    def read(
        self, film: InputContainer, size: tuple[int, int] | None = None
    ) -> Iterator[tuple[Picture, Fraction]]:
        """Yield pixels and time of what was said to be in it; raises `Refused` for what is not."""
        for _, pixels, at in self.frames(0, None, size):
            yield pixels, at

    def frames(
        self, first: int, begin: int | None, size: tuple[int, int] | None = None
    ) -> Iterator[tuple[int, Picture, Fraction]]:
        """Yield number, pixels and time from a frame on, which is shown from a time in ticks on.

        Without a time: from the beginning.
        """
        shape, wanted = (size or self.size)[::-1], begin
        for number, (pixels, at) in enumerate(files.frames(self.film, size, begin or 0), first):
            late = number >= self.clean.frames or at > self.clean.seconds + 1
            elsewhere = wanted is not None and files.ticks(at) != wanted
            if late or elsewhere or pixels.shape[:2] != shape:
                raise Refused("film.too_costly")
            wanted = None
            yield number, pixels, at

    def first(self) -> Image.Image:
        """Return its first frame."""
        return Image.fromarray(next(files.frames(self.film))[0])


@contextmanager
def opened(file: Path, film: dict[str, Any]) -> Iterator[CleanFilm]:
    """Open a clean film of which a job's row says so; raises `Refused` if it is not so."""
    codec = codecs.CODECS[film["codec"]]
    clean = Clean(**{name: film[name] for name in Cleaned.model_fields})
    with files.opened(file, codec) as container:
        found = CleanFilm(file, container, clean, codec)
        found.check()
        yield found
