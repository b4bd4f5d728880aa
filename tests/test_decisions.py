"""DECISIONS.md: numbered records, and an index of them."""

import re

from tests.lint import decisions

TEXT = decisions.FILE.read_text("utf-8")


def test_the_records_are_numbered_and_the_index_names_each() -> None:
    assert decisions.written(TEXT) == TEXT


def test_a_record_is_superseded_by_one_that_exists() -> None:
    count = len(decisions.HEADING.findall(TEXT))
    superseded = [int(number) for number in re.findall(r"^Superseded by (\d+)\.", TEXT, re.M)]
    assert superseded
    assert all(0 < number <= count for number in superseded)


def test_a_record_without_a_number_is_numbered_and_listed() -> None:
    new = TEXT + "\n## 2026-12-01 · A new record\n\nText.\n"
    assert re.search(r"^## \d+ · 2026-12-01 · A new record$", decisions.written(new), re.M)
    assert re.search(r"^\d+\. A new record$", decisions.written(new), re.M)
