"""Tests suppose no speed: a limit of seconds fails on a busy machine; `make bench` measures."""

import ast
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
TIMED = {"bench"}  # folders that measure
CLOCKS = {"monotonic", "perf_counter"}
ASKS = {"get", "post", "put", "patch", "delete", "request", "stream", "Client", "AsyncClient"}


def _files() -> Iterator[Path]:
    for path in HERE.rglob("*.py"):
        if not TIMED & set(path.relative_to(HERE).parts):
            yield path


def _reads_clock(node: ast.AST) -> bool:
    called = (one.func for one in ast.walk(node) if isinstance(one, ast.Call))
    return any(isinstance(one, ast.Attribute) and one.attr in CLOCKS for one in called)


def _bounds_time(node: ast.AST) -> bool:
    """Tell whether a test is to end sooner than after some seconds: `monotonic() - begun < 5`."""
    return (
        isinstance(node, ast.Assert)
        and isinstance(node.test, ast.Compare)
        and isinstance(node.test.left, ast.BinOp)
        and isinstance(node.test.left.op, ast.Sub)
        and _reads_clock(node.test.left)
        and isinstance(node.test.ops[0], ast.Lt | ast.LtE)
        and isinstance(node.test.comparators[0], ast.Constant)
    )


def _asks_impatiently(node: ast.AST) -> bool:
    """Tell whether a call of httpx gives up after its own five seconds."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and (node.func.value.id, node.func.attr in ASKS) == ("httpx", True)
        and "timeout" not in {one.arg for one in node.keywords}
    )


def _found(wrong: object) -> list[str]:
    assert callable(wrong)
    return [
        f"{path.relative_to(HERE)}:{getattr(node, 'lineno', 0)}"
        for path in _files()
        for node in ast.walk(ast.parse(path.read_text()))
        if wrong(node)
    ]


def test_no_test_is_to_end_within_seconds() -> None:
    assert _found(_bounds_time) == []
    assert _bounds_time(ast.parse("assert time.monotonic() - begun < 5").body[0])


def test_who_asks_a_server_in_a_test_says_how_long_it_waits() -> None:
    assert _found(_asks_impatiently) == []
    assert _asks_impatiently(ast.parse("httpx.get(address)", mode="eval").body)
