"""Sample photos and style pictures that come with the program, by name."""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "samples"
BEST = ("woodcut", "ink", "watercolour", "mosaic", "linocut", "delft")  # the first styles
ALIASES = {  # names of styles that earlier versions had, and what is there in their place
    "discs": "poster",
    "dots": "pencil",
    "glass": "delft",
    "meadow": "linocut",
}


def _order(name: str) -> tuple[int, str]:
    return (BEST.index(name) if name in BEST else len(BEST)), name


@cache
def names(kind: str) -> tuple[str, ...]:
    """Return the names of the sample `photos` or `styles`, the best first."""
    return tuple(sorted((file.stem for file in (FOLDER / kind).glob("*.jpg")), key=_order))


def unknown(word: str) -> str:
    """Return the sentence on a word that is neither a file nor a sample style."""
    return (
        f"There is no file {word}, and no sample style of that name: {', '.join(names('styles'))}."
    )


def file(kind: str, name: str) -> Path | None:
    """Return the picture of a name or alias, if there is one; any string may be given."""
    known = ALIASES.get(name, name) if kind == "styles" else name
    return FOLDER / kind / f"{known}.jpg" if known in names(kind) else None
