"""The privacy notice: what is stored of a visitor, for how long, and how to delete it.

Filled in from the settings, so that it says what this studio does.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from web.api.api import PREFIX
from web.language import texts
from web.security import signin
from worker.settings import settings
from worker.visitors import limit_overrides

Language = Literal["en", "ko"]

router = APIRouter(prefix=PREFIX, tags=["gallery"])


class Privacy(BaseModel):
    """The text, a paragraph each."""

    language: Language
    paragraphs: list[str]


def _age(words: dict[str, str]) -> str:
    """Return what is said of how long a job is kept."""
    days = settings().retention_days
    reported = words["privacy.age"].format(days=f"{days:g}") if days else words["privacy.ever"]
    limited = any(limit_overrides.of("visitor_bytes", "total_bytes"))
    return f"{reported} {words['privacy.full']}" if limited else reported


def text(language: Language = "en") -> list[str]:
    """Return the text's paragraphs in a language."""
    words = texts.words(language)
    hours, reports = f"{settings().uploads_hours:g}", settings().reports_to_hide
    return [
        words["privacy.kept"].format(hours=hours),
        _age(words),
        *([words["privacy.signed"]] if signin.is_on() else []),
        words["privacy.private"],
        words["privacy.removed"],
        words["privacy.public"].format(reports=reports),
    ]


@router.get("/privacy")
def privacy(language: Annotated[Language, Query()] = "en") -> Privacy:
    """Tell what is kept, for how long, and how to have it removed."""
    return Privacy(language=language, paragraphs=text(language))
