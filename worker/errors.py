"""Errors as codes with parameters; the sentences are looked up where they are shown.

English ones are in `errors.en.json`, by code, since logs and the command line need them without
`web`; `web/language/messages.py` has those of other languages.
"""

import json
import math
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Self, TypeAlias

Parameter: TypeAlias = "str | int | float | list[str] | Message"

_GAP = re.compile(r"\{(\w+)\}")


@cache
def english() -> dict[str, str]:
    """Return the English sentences by their codes."""
    read: dict[str, str] = json.loads(Path(__file__).with_suffix(".en.json").read_text("utf-8"))
    return read


def gaps(text: str) -> set[str]:
    """Return the names of a text's gaps."""
    return set(_GAP.findall(text))


def rounded(value: float) -> float:
    """Return a number with three digits, as sentences have it."""
    return float(f"{value:.3g}")


def _filled(value: Parameter, texts: Mapping[str, str]) -> str:
    match value:
        case Message():
            return value.said(texts)
        case float():
            return f"{value:g}"
        case list():
            return ", ".join(value)
    return str(value)


def _dumped(value: Parameter) -> object:
    return value.dump() if isinstance(value, Message) else value


def _loaded(value: object) -> Parameter:
    """Return a parameter as it came in JSON; raises ValueError."""
    match value:
        case dict():
            return Message.load(value)
        case list() if all(isinstance(part, str) for part in value):
            return value
        case str() | int() if not isinstance(value, bool):
            return value
        case float() if math.isfinite(value):
            return value
    raise ValueError("no parameter of a message")


class Message:
    """What is said: a code, and what fills the gaps of its text, messages among it."""

    def __init__(self, code: str, /, **params: Parameter) -> None:
        self.code = code
        self.params = params

    def __str__(self) -> str:
        return self.said(english())

    def __repr__(self) -> str:
        return f"Message({self.code!r}, {self.params!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self.dump() == other.dump()

    def __hash__(self) -> int:
        return hash(self.code)

    def said(self, texts: Mapping[str, str]) -> str:
        """Return the sentence, by a language's texts."""
        filled = {name: _filled(value, texts) for name, value in self.params.items()}
        return _GAP.sub(lambda gap: filled[gap[1]], texts[self.code])

    def dump(self) -> dict[str, Any]:
        """Return the message as JSON has it."""
        params = {name: _dumped(value) for name, value in self.params.items()}
        return {"code": self.code, "params": params}

    @classmethod
    def load(cls, given: object) -> Self:
        """Return a message that came as JSON; raises ValueError unless its text has those gaps."""
        match given:
            case {"code": str(code), "params": dict(params)} if code in english():
                loaded = {str(name): _loaded(value) for name, value in params.items()}
                if loaded.keys() == gaps(english()[code]):
                    return cls(code, **loaded)
        raise ValueError("no message of this version")


class CodedError(Exception):
    """An error with a message for whom it concerns."""

    def __init__(self, code: str, /, **params: Parameter) -> None:
        self.message = Message(code, **params)
        super().__init__(str(self.message))

    @classmethod
    def of(cls, message: Message) -> Self:
        """Return the error that says this."""
        return cls(message.code, **message.params)


class Refused(CodedError):
    """A request that is refused, and what is accepted."""


# ---------------------------------------------------------------- in rows


def columns(message: Message) -> dict[str, Any]:
    """Return the columns in which a row records an error; the sentence is for earlier versions."""
    return {
        "error": str(message),
        "error_code": message.code,
        "error_params": message.dump()["params"],
    }


def recorded(
    sentence: str | None, code: str | None, params: Mapping[str, Any] | None
) -> Message | str | None:
    """Return the error of a row; a sentence where its code is not known or another error's.

    An earlier version of the program writes the sentence and leaves the code as it was.
    """
    try:
        message = Message.load({"code": code, "params": params})
    except ValueError:
        return sentence
    return message if str(message) == sentence else sentence
