"""Labels of the form's components in the visitor's language, by element id."""

from typing import Any

from adain.catalog import Color, Transparency
from web.language import texts
from web.language.texts import ENGLISH
from worker.options import FITS

_TEXTS = {  # what a place such as style-0 is called goes by its kind
    "share": {"label": "form.share"},
    "strength": {"label": "strength", "info": "form.strength.info"},
    "color": {"label": "color"},
    "size": {"label": "size", "info": "form.size.info"},
    "strokes": {"label": "strokes", "info": "form.strokes.info"},
    "how": {"label": "how"},
    "network": {"label": "network"},
    "transparency": {"label": "transparency", "info": "form.transparency.info"},
    "margins": {"label": "margins", "info": "form.margins.info"},
    "steady": {"label": "steady", "info": "form.steady.info"},
    "moving": {"label": "moving", "info": "form.moving.info"},
    "mixture": {"label": "mixture"},
    "until": {"label": "form.until"},
    "parts": {"label": "form.parts"},
    "masks": {"value": "form.masks"},
    "send": {"value": "form.send"},
}
MARGINS = ("trim", "keep")  # plain borders of styles
MOVING = ("picture", "film")  # what an animated picture is painted as
MIXTURE = ("same", "changes")  # of a film's styles, from its beginning to its end
SIZES = (256, 512, 768, 1024)
LARGEST = "largest"
_OWN = {"margins": MARGINS, "moving": MOVING, "mixture": MIXTURE}
_CHOSEN = {"color", "size", "how", "transparency", *_OWN}  # of choices with words


def _choices(name: str, words: dict[str, str]) -> list[tuple[str, Any]]:
    if name == "color":
        return [(words[f"color.{color}"], color.value) for color in Color]
    if name == "how":
        return [(words.get(f"how.{one}", one), one) for one in texts.hows()]
    if name == "transparency":
        return [(words[f"transparency.{kind}"], kind.value) for kind in Transparency]
    if name in _OWN:
        return [(words[f"{name}.{kind}"], kind) for kind in _OWN[name]]
    return [(words[f"form.size.{size}"], size) for size in (*SIZES, *FITS)]


def of(elem_id: str, language: str = ENGLISH) -> dict[str, Any]:
    """Return the properties with words in them, of the part of the page with this id.

    The page is built in English; other languages come when it loads.
    """
    words = texts.words(language)
    kind, _, place = elem_id.partition("-")
    count = int(place) + 1 if place else ""
    given: dict[str, Any] = {
        name: words[text].format(count=count) for name, text in _TEXTS[kind].items()
    }
    return given | ({"choices": _choices(kind, words)} if kind in _CHOSEN else {})


def has(elem_id: str | None) -> bool:
    """Tell whether a part of the page has words in it that a language changes."""
    kind, dash, place = (elem_id or "").partition("-")
    return kind in _TEXTS and (not dash or place.isdigit())
