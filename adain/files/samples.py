"""Sample photos and style pictures that come with the program, by name."""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "samples"


@cache
def names(kind: str) -> tuple[str, ...]:
    """Return the names of the sample `photos` or `styles`."""
    return tuple(sorted(file.stem for file in (FOLDER / kind).glob("*.jpg")))


def file(kind: str, name: str) -> Path | None:
    """Return the picture of that name, if there is one; any string may be given."""
    return FOLDER / kind / f"{name}.jpg" if name in names(kind) else None
