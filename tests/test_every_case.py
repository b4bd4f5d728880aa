"""The real complaints under tests/data/cases, each with what is right in its expected.md."""

from pathlib import Path

TESTS = Path(__file__).parent
CASES = TESTS / "data" / "cases"


def test_every_case_says_what_is_right_and_is_used_by_a_test() -> None:
    texts = [file.read_text("utf-8") for file in TESTS.rglob("test_*.py")]
    for case in CASES.iterdir():
        assert (case / "expected.md").is_file(), case.name
        assert any(f'"{case.name}"' in text for text in texts), case.name
