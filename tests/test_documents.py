"""Documents: the files and tests they name exist."""

import re
import subprocess
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"`((?:adain|deploy|docs|tests|web|worker)/[\w./-]+)`")
TESTS = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
MAKE = re.compile(r"`make\s+([a-z-]+)")
MADE = {"deploy/digests.yml"}  # by `make digests`, where a registry answers
GONE = {"web/picture.py"}  # of a superseded decision


def tracked() -> set[str]:
    """Return every file that git tracks, and every folder with one."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files"], check=True, capture_output=True, text=True
    ).stdout.split("\n")
    return {*listed, *(str(one) for file in listed for one in PurePosixPath(file).parents)}


DOCUMENTS = sorted(file for file in tracked() if file.endswith(".md") and file != "CHANGELOG.md")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_a_document_names_exist(document: str) -> None:
    named = {one.rstrip("/") for one in NAMED.findall((ROOT / document).read_text("utf-8"))}
    assert named - tracked() - MADE - GONE == set()


@pytest.mark.parametrize("package", ["adain", "web", "worker"])
def test_every_folder_and_module_of_a_package_stands_in_the_architecture(package: str) -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    written = set(re.findall(r"\w+", text[text.index("## Folders") : text.index("## The life")]))
    parts = {PurePosixPath(file).parts[1] for file in tracked() if file.startswith(f"{package}/")}
    parts = {part.removesuffix(".py") for part in parts if not part.startswith("__")}
    assert {part for part in parts if "." not in part} - written == set()


@pytest.mark.parametrize("package", ["adain", "web", "worker"])
def test_every_folder_of_a_package_stands_among_where_things_are(package: str) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    tree = text[text.index("## Where things are") : text.index("## Adding a feature")]
    there = tree[tree.index(f"\n{package}/") :].split("\n\n")[0]
    parts = {
        PurePosixPath(file).parts[1:-1] for file in tracked() if file.startswith(f"{package}/")
    }
    assert {one[0] for one in parts if one and f"  {one[0]}/" not in there} == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_tests_that_a_document_names_exist(document: str) -> None:
    named = TESTS.findall((ROOT / document).read_text("utf-8"))
    sources = {file: (ROOT / file).read_text("utf-8") for file, _ in named}
    assert [name for file, name in named if f"def {name}(" not in sources[file]] == []


def test_every_line_of_the_audit_names_a_test() -> None:
    lines = re.findall(r"^\| (\d+) \|(.*)$", (ROOT / "docs/audit.md").read_text("utf-8"), re.M)
    assert [int(number) for number, _ in lines] == [*range(1, 32)]
    assert [number for number, line in lines if not TESTS.search(line)] == []


def test_every_case_of_films_names_tests_or_what_is_left_to_hands() -> None:
    lines = re.findall(
        r"^\| (\d+) \|(.*)\|(.*)\|$", (ROOT / "docs/films.md").read_text("utf-8"), re.M
    )
    assert [int(number) for number, _, _ in lines] == [*range(1, 18)]
    for number, case, held in lines:
        tests, _, by_hand = held.partition("by hand: ")
        assert case.strip(), number
        assert TESTS.search(tests) or by_hand.strip(), number


def test_every_make_target_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    texts = {one: (ROOT / one).read_text("utf-8") for one in DOCUMENTS}
    named = {(one, word) for one, text in texts.items() for word in MAKE.findall(text)}
    assert len(named) > 20
    assert {(one, word) for one, word in named if word not in targets} == set()


def test_the_readme_is_read_in_minutes() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").split()) < 900
