import ast
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.requests import Request

from web.language import texts

ASSETS = Path(texts.__file__).parents[1] / "static"


def _asks(accept: str = "", cookie: str = "") -> Request:
    headers = [(b"accept-language", accept.encode()), (b"cookie", cookie.encode())]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "en"),
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("fr,en;q=0.3,ko;q=0.7", "ko"),
        ("de", "en"),
        ("ko;q=x,;;,=", "en"),
    ],
)
def test_accept_language_chooses_the_language(accept: str, language: str) -> None:
    assert texts.language_of(_asks(accept)) == language


def test_the_language_switch_wins_over_accept_language() -> None:
    assert texts.language_of(_asks("ko", "language=en")) == "en"
    assert texts.language_of(_asks("ko", "language=xx")) == "ko"


def _gaps(text: str) -> set[str]:
    return set(re.findall(r"\{\w+\}", text))


def test_both_languages_have_the_same_texts_with_the_same_gaps() -> None:
    english, korean = (texts.words(language) for language in texts.LANGUAGES)
    assert english.keys() == korean.keys()
    assert [name for name in english if _gaps(english[name]) != _gaps(korean[name])] == []


def test_the_script_is_a_module_with_the_texts() -> None:
    body = bytes(texts.script(_asks("ko")).body).decode()
    assert body.startswith('export const language = "ko";\nexport const networks = ["compact", ')
    assert "\nexport default {" in body
    reported = body.partition("export default ")[2].strip().rstrip(";")
    assert json.loads(reported) == texts.words("ko")


_PROSE = re.compile(r"[A-Z][a-z]+(?: [a-z’']+)+|[가-힣]")  # "Two words", or one of Hangul
_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\\])//[^\n]*", re.DOTALL)
_LITERAL = re.compile(r"[\"`][^\"`]*[\"`]")


class _Drawn(HTMLParser):
    """What of a piece of HTML is read by people."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def handle_data(self, data: str) -> None:
        self.read.append(data.strip())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.read += [
            reported or "" for name, reported in attrs if name in {"aria-label", "alt", "title"}
        ]


def test_the_scripts_say_nothing_that_is_not_in_the_texts() -> None:
    said = {}
    for script in ASSETS.rglob("*.js"):
        literals = _LITERAL.findall(_COMMENT.sub("", script.read_text("utf-8")))
        said[str(script.relative_to(ASSETS))] = _PROSE.findall("\n".join(literals))
    assert {name: words for name, words in said.items() if words} == {}


def test_what_python_draws_says_nothing_but_the_studios_name() -> None:
    drawn = _Drawn()
    for source in ASSETS.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and re.match(r"\s*<[a-z]+[ >]", str(node.value)):
                drawn.feed(str(node.value))
    assert "AdaIN Studio" in drawn.read
    assert set(drawn.read) <= {"", "AdaIN Studio"}


def test_every_text_the_scripts_ask_for_by_name_is_there() -> None:
    named = {
        name
        for script in ASSETS.rglob("*.js")
        for name in re.findall(r'\bt\("([^"]+)"', script.read_text("utf-8"))
    }
    assert len(named) > 50
    assert named <= texts.words("en").keys()
