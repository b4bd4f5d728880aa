"""Messages in the visitor's language: the text of a code, its gaps filled."""

import json
from collections.abc import Sequence
from contextlib import suppress
from functools import cache

from web.language import texts
from worker.errors import Message, english


@cache
def known(language: str) -> dict[str, str]:
    """Return a language's error texts by their codes."""
    if language == texts.ENGLISH:
        return english()
    file = texts.FOLDER / f"{language}.errors.json"
    read: dict[str, str] = json.loads(file.read_text("utf-8"))
    return read


def fields(failure: Message | str | None, language: str) -> dict[str, str | None]:
    """Return what a view has of why something failed: `error`, a sentence, and `error_code`."""
    code = failure.code if isinstance(failure, Message) else None
    return {"error": said(failure, language) if failure else None, "error_code": code}


def said(message: Message | str, language: str) -> str:
    """Return a message's sentence; one that was recorded without a code is shown as it is."""
    return message if isinstance(message, str) else message.said(known(language))


def listed(kept: Sequence[object], language: str) -> list[str]:
    """Return the sentences of messages kept as JSON, without those of another version."""
    found = []
    for one in kept:
        with suppress(ValueError):
            found.append(said(Message.load(one), language))
    return found
