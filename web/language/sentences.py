"""Translate error sentences into the visitor's language.

Errors are raised, and stored in job rows, as English sentences. This module finds the template of a
sentence, with the values in its gaps, and fills in its translation. A sentence without one stays
English.
"""

import json
import re
from functools import cache

from web.language import texts

LONGEST = 1000  # characters; ours have less, and what is longer is no visitor's sentence
_GAP = re.compile(r"\{(\w+)\}")


def _pattern(english: str) -> re.Pattern[str]:
    """Return what recognises a sentence, by the names of its gaps."""
    parts = _GAP.split(english)  # text and names in turn
    return re.compile(
        "".join(
            f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts)
        )
    )


@cache
def known(language: str) -> dict[str, str]:
    """Return a language's sentences by the English ones."""
    file = texts.FOLDER / f"{language}.sentences.json"
    read: dict[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return read


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Return what recognises the sentences; the one that says most itself comes first."""
    most = sorted(known(language), key=lambda english: -len(_GAP.sub("", english)))
    return [(_pattern(english), known(language)[english]) for english in most]


def said(sentence: str, language: str) -> str:
    """Return a sentence of the studio's in a language; what fills its gaps is said so as well."""
    if len(sentence) > LONGEST:
        return sentence
    for pattern, there in _patterns(language):
        if found := pattern.fullmatch(sentence):
            gaps = {name: said(filled, language) for name, filled in found.groupdict().items()}
            return _GAP.sub(lambda gap, gaps=gaps: gaps[gap[1]], there)  # type: ignore[misc]
    return sentence
