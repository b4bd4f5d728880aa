"""`python -m tests.lint.retired_words`: refuse the words that CONTRIBUTING's glossary replaced.

Looks at names, docstrings and comments of Python files, at scripts, styles and pages of the front
end, and at what people read: sentences in Python and the texts of page and errors. Other strings of
Python are left alone, since tables, settings and JSON fields keep their names. Prints
file:line: word, and exits with 1 if there is any. `--count` prints how often each word occurs, and
exits with 0.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
RETIRED = {  # word: the word to use
    "anew": "again",
    "bell": "notification",
    "bells": "notifications",
    "ceiling": "limit override",
    "ceilings": "limit overrides",
    "cover": "coverage",
    "deaf": "stalled",
    "door": "entry point",
    "doorbell": "notification",
    "doors": "entry points",
    "gate": "service state",
    "gates": "service states",
    "heard": "received",
    "keeper": "admin",
    "keepers": "admins",
    "lest": "so that … not",
    "nobody": "no one by name: say who or what",
    "passage": "tiled forward pass",
    "receipt": "idempotency key",
    "receipts": "idempotency keys",
    "room": "quota, or free bytes",
    "rooms": "quotas",
    "rung": "notified",
    "somebody": "say who",
    "standing": "progress",
    "standings": "queue positions",
    "tally": "moments",
    "told": "say what was given or reported",
    "whoever": "say who",
    "wish": "request",
    "wished": "requested",
    "wishes": "requests, options",
}
SEEN = {  # names that others see and that stay: where they are seen
    "Standing": "a class of the Python client, `web.client`",
    "Told": "a schema of the API's description",
}
AS_NAMES = {"cover", "room", "rooms"}  # fine in prose, and so in a test's name: a sentence
ORDINARY = AS_NAMES | {
    "anew",
    "heard",
    "lest",
    "nobody",
    "somebody",
    "told",
    "whoever",
}  # fine in a sentence
THIS = "tests/lint/retired_words.py"
EXAMPLES = {  # their strings are code with retired words
    "tests/test_code_in_strings.py",
    "tests/test_retired_words.py",
}
NAME = re.compile(r"[A-Za-z_$][\w$-]*")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def words(text: str) -> Iterator[str]:
    """Yield the words of a name or of prose: `HasBell_now` has three."""
    return (found[0].lower() for found in WORD.finditer(text))


def python(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of each name, comment and docstring."""
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in {tokenize.NAME, tokenize.COMMENT}:
            yield token.start[0], token.string
        elif token.type == tokenize.STRING and before in {tokenize.NEWLINE, tokenize.INDENT}:
            for number, line in enumerate(token.string.split("\n")):
                yield token.start[0] + number, line
        if token.type not in {tokenize.NL, tokenize.COMMENT, tokenize.ENCODING}:
            before = token.type if token.type != tokenize.DEDENT else tokenize.NEWLINE


def front_end(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of each comment, and each name outside of them, those in strings too."""
    rest = list(text)
    for found in re.finditer(r"/\*.*?\*/|(?<![:\"'`\\])//[^\n]*", text, re.DOTALL):
        first = text.count("\n", 0, found.start()) + 1
        for number, line in enumerate(found[0].split("\n")):
            yield first + number, line
        rest[found.start() : found.end()] = re.sub(r"[^\n]", " ", found[0])
    for number, line in enumerate("".join(rest).split("\n"), 1):
        yield from ((number, name[0]) for name in NAME.finditer(line))


def css(text: str) -> Iterator[tuple[int, str]]:
    """Yield the same of a style sheet, but for its values: `object-fit: cover` is CSS's."""
    yield from front_end(re.sub(r":\s*cover\b", "", text))


def python_sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of each string of three words or more that is no docstring."""
    tree = ast.parse(text)
    alone = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node not in alone:
            said = node.value if isinstance(node.value, str) else ""
            if len(said.split()) > 2:
                yield node.lineno, said


def texts(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of each key and each value of a file of texts, one a line."""
    yield from enumerate(text.split("\n"), 1)


READERS = {".py": python, ".js": front_end, ".css": css, ".html": front_end}
SENTENCES = {".py": python_sentences, ".json": texts}


def is_name(part: str) -> bool:
    """Tell whether it is a name; that of a test is a sentence."""
    return NAME.fullmatch(part) is not None and not part.startswith("test_")


def check(suffix: str, text: str) -> Iterator[tuple[int, str]]:
    """Yield line and word of every retired word in the text of a file of that kind."""
    for line, part in READERS[suffix](text):
        refused = RETIRED.keys() - (set() if is_name(part) else AS_NAMES)
        if part not in SEEN:
            yield from ((line, word) for word in words(part) if word in refused)


def check_sentences(suffix: str, text: str) -> Iterator[tuple[int, str]]:
    """Yield line and word of every retired word in what people read in a file of that kind."""
    for line, part in SENTENCES[suffix](text):
        yield from ((line, word) for word in words(part) if word in RETIRED.keys() - ORDINARY)


def files(pattern: str) -> list[str]:
    """Return the tracked files that match, relative to the root, this one left out."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", pattern],
        capture_output=True,
        text=True,
        check=True,
    )
    return [file for file in listed.stdout.splitlines() if file != THIS]


def sentence_files() -> list[tuple[str, str]]:
    """Return kind and name of the files in which sentences for people stand."""
    python = [(".py", file) for file in files("*.py") if file not in EXAMPLES]
    folders = ("web/language/texts/*.json", "worker/*.json")
    kept = [file for folder in folders for file in files(folder)]
    return python + [(".json", file) for file in kept]


def found(suffixes: Iterable[str] = READERS) -> Iterator[tuple[str, int, str]]:
    """Yield file, line and word of every retired word in files of these kinds and in sentences."""
    for suffix in suffixes:
        for file in files(f"*{suffix}"):
            for line, word in check(suffix, (ROOT / file).read_text("utf-8")):
                yield file, line, word
    for suffix, file in sentence_files():
        for line, word in check_sentences(suffix, (ROOT / file).read_text("utf-8")):
            yield file, line, word


def main() -> None:
    """Print what is there; exit with 1 if there is any."""
    everything = list(found())
    if "--count" in sys.argv:
        for word, count in Counter(word for _, _, word in everything).most_common():
            print(f"{count:5} {word}")
        print(f"{len(everything):5} in all")
        return
    for file, line, word in everything:
        print(f"{file}:{line}: {word!r}: {RETIRED[word]}")
    sys.exit(bool(everything))


if __name__ == "__main__":
    main()
