"""Films in a form that is being filled in: recognised, looked at, their first frame."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adain.film import kinds
from worker.errors import Refused
from worker.images import films
from worker.images.images import Source

_ONE_FRAME = 1.5  # or fewer: the seconds times the rate of a picture that stands


def is_sent(given: Source) -> bool:
    """Tell whether what was sent is a film, by its first bytes."""
    with given.opened() as source:
        return films.is_film(source.read(kinds.HEAD), moving=False)


def moves(given: Source) -> bool:
    """Tell whether what was sent is a picture that may move, by its first bytes."""
    with given.opened() as source:
        return kinds.animated(source.read(kinds.HEAD))


@contextmanager
def looked(given: Source, moving: bool = False) -> Iterator[films.Film | None]:
    """Yield the film that was sent, looked at; None: it is no film. Raises as `taken`.

    `moving`: an animated picture is one too.
    """
    if not (is_sent(given) or (moving and moves(given))):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="studio-film-") as folder:
        yield films.taken(given, Path(folder), moving)


def moves_for(given: Source) -> float | None:
    """Return how many seconds a moving picture lasts that can be a film; None: it can't."""
    try:
        with looked(given, moving=True) as film:
            several = film is not None and film.seconds * film.rate > _ONE_FRAME
            return film.seconds if film and several else None
    except Refused:
        return None


def still(given: Source) -> Source:
    """Return the first frame of a film that was sent, or what is no film as it is.

    The frame is still to be checked. Raises as `taken`.
    """
    if not is_sent(given):
        return given
    with tempfile.TemporaryDirectory(prefix="studio-film-") as folder:
        first = films.first_frame(given, Path(folder))
    return Source("", len(first), lambda: first, stored=True)
