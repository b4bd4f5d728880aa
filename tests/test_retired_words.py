"""The check of words that were retired: what it finds, and that our Python has none."""

import tokenize

import pytest

from tests.lint import retired_words

PYTHON = {
    "a name": "def ring_bell() -> None:\n    pass\n",
    "a name in capitals": "BELL_SECONDS = 1\n",
    "a class": "class ShipBell:\n    pass\n",
    "a module's docstring": '"""The bell."""\n',
    "a function's docstring": 'def ring() -> None:\n    """Ring.\n\n    The bell.\n    """\n',
    "a comment": "x = 1  # the bell\n",
}
JAVASCRIPT = {
    "a comment": "f(); // the bell\n",
    "a comment of several lines": "/* the\n * bell */\n",
    "a name": "const bell = 1;\n",
    "a class of an element": 'element("p", {class: "quiet bell"});\n',
}
STYLES = {
    "a class": ".bell { margin: 0; }\n",
    "a property": ":root { --bell-color: red; }\n",
}
SENTENCES = {
    ".py": {
        "a message": 'raise ValueError("No bell rings here.")\n',
        "a message with gaps": 'x = f"{count} bells ring here."\n',
        "a message of several lines": 'x = (\n    "No bell "\n    "rings here."\n)\n',
    },
    ".json": {
        "a text": '{\n"a.key": "No bell rings here."\n}',
        "a key": '{\n"bell.none": "Nothing."\n}',
    },
}
ELSEWHERE = {
    "a string": 'x = "bell"\n',
    "a part of a word": "label = 1  # bellow\n",
    "prose, of a word retired as a name": '"""There is room for what masks cover."""\n',
    "a test's name, which is prose": "def test_masks_cover_all() -> None:\n    pass\n",
}


@pytest.mark.parametrize("text", PYTHON.values(), ids=PYTHON)
def test_a_retired_word_in_python_is_found(text: str) -> None:
    assert [word for _, word in retired_words.check(".py", text)] == ["bell"]


@pytest.mark.parametrize("text", JAVASCRIPT.values(), ids=JAVASCRIPT)
def test_a_retired_word_in_javascript_is_found(text: str) -> None:
    assert [word for _, word in retired_words.check(".js", text)] == ["bell"]


@pytest.mark.parametrize("text", STYLES.values(), ids=STYLES)
def test_a_retired_word_in_a_style_sheet_is_found(text: str) -> None:
    assert [word for _, word in retired_words.check(".css", text)] == ["bell"]


@pytest.mark.parametrize("text", ["_room = 1\n", "class Room:\n    pass\n", "ROOM = 1\n"])
def test_a_word_retired_as_a_name_is_found_in_names(text: str) -> None:
    assert [word for _, word in retired_words.check(".py", text)] == ["room"]


def test_a_value_of_a_style_sheet_is_no_name() -> None:
    assert list(retired_words.check(".css", "img { object-fit: cover; }\n")) == []


def test_each_word_that_the_glossary_replaced_is_retired() -> None:
    text = (retired_words.ROOT / "CONTRIBUTING.md").read_text("utf-8")
    glossary = text[text.index("| word | meaning | not |") : text.index("## Running tests")]
    rows = [line.split("|") for line in glossary.splitlines()[2:] if line]
    replaced = {word for row in rows for word in row[3].removesuffix(", as a name ").split()}
    assert replaced - retired_words.RETIRED.keys() == set()


@pytest.mark.parametrize("kind", SENTENCES)
def test_a_retired_word_in_a_sentence_is_found(kind: str) -> None:
    for text in SENTENCES[kind].values():
        found = [word for _, word in retired_words.check_sentences(kind, text)]
        assert found in (["bell"], ["bells"]), text


def test_an_ordinary_word_in_a_sentence_is_no_matter() -> None:
    said = 'raise ValueError("Nobody of this name is blocked.")\n'
    assert list(retired_words.check_sentences(".py", said)) == []


def test_the_texts_of_page_and_errors_are_read() -> None:
    read = {file for _, file in retired_words.sentence_files()}
    assert {"web/language/texts/en.json", "worker/errors.en.json", "web/app.py"} <= read


@pytest.mark.parametrize("text", ELSEWHERE.values(), ids=ELSEWHERE)
def test_strings_and_longer_words_are_no_matter(text: str) -> None:
    assert list(retired_words.check(".py", text)) == []


def test_the_line_is_that_of_the_word() -> None:
    assert list(retired_words.check(".py", '"""One.\n\nThe bell.\n"""\n')) == [(3, "bell")]
    assert list(retired_words.check(".js", "/* one\n * the bell */\n")) == [(2, "bell")]


def test_our_code_has_no_retired_word() -> None:
    assert list(retired_words.found()) == []


def test_each_exception_is_a_name_that_still_occurs_and_has_a_retired_word() -> None:
    names: set[str] = set()
    for file in retired_words.files("*.py"):
        with (retired_words.ROOT / file).open(encoding="utf-8") as lines:
            tokens = tokenize.generate_tokens(lines.readline)
            names |= {token.string for token in tokens if token.type == tokenize.NAME}
    assert set(retired_words.SEEN) <= names
    for name in retired_words.SEEN:
        assert set(retired_words.words(name)) & set(retired_words.RETIRED)
