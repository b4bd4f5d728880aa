"""Films in a form that is being filled in: recognised, looked at, their first frame."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adain.film import kinds
from worker.images import films
from worker.images.images import Source


def is_sent(given: Source) -> bool:
    """Tell whether what was sent is a film, by its first bytes."""
    with given.opened() as source:
        return films.is_film(source.read(kinds.HEAD), moving=False)


@contextmanager
def looked(given: Source) -> Iterator[films.Film | None]:
    """Yield the film that was sent, looked at; None: it is no film. Raises as `taken`."""
    if not is_sent(given):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="studio-film-") as folder:
        yield films.taken(given, Path(folder), moving=False)


def still(given: Source) -> Source:
    """Return the first frame of a film that was sent, or what is no film as it is.

    The frame is still to be checked. Raises as `taken`.
    """
    if not is_sent(given):
        return given
    with tempfile.TemporaryDirectory(prefix="studio-film-") as folder:
        first = films.first_frame(given, Path(folder))
    return Source("", len(first), lambda: first, stored=True)
