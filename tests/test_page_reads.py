"""Journeys read what comes later to the page through what waits for it."""

import ast
from collections.abc import Iterator
from pathlib import Path

JOURNEYS = Path(__file__).parent / "journeys"
WAITS = JOURNEYS / "browsing.py"  # its `loaded` waits for pictures


def read_at_once(code: str) -> Iterator[str]:
    """Yield what reads a picture's size, or asserts an address, without waiting for it."""
    tree = ast.parse(code)
    waited = {
        id(one)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("to_have_js_property")
        for one in call.args
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in waited:
            if isinstance(node.value, str) and "naturalWidth" in node.value:
                yield ast.unparse(node)
        elif isinstance(node, ast.Assert):
            for one in ast.walk(node.test):
                if isinstance(one, ast.Attribute) and ast.unparse(one) in {"page.url", "other.url"}:
                    yield ast.unparse(node)


def test_a_read_at_once_is_found() -> None:
    code = 'shown.evaluate("(one) => one.naturalWidth")\nassert page.url.endswith("a")\n'
    waits = 'expect(one).not_to_have_js_property("naturalWidth", 0)\nask(page, f"{page.url}a")\n'
    assert len(list(read_at_once(code))) == 2
    assert list(read_at_once(waits)) == []


def test_no_journey_reads_at_once_what_comes_later() -> None:
    """A picture's size is of `browsing.loaded`, an address of `expect(page).to_have_url`."""
    files = [file for file in JOURNEYS.glob("*.py") if file != WAITS]
    found = {(file.name, one) for file in files for one in read_at_once(file.read_text("utf-8"))}
    assert len(files) > 40
    assert found == set()
