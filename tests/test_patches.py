"""Tests patch no private name of ours: what they replace is part of a module's interface."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent


def patched(tree: ast.Module) -> Iterator[str]:
    """Yield the name that each call of `setattr` or `patch.object` replaces."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) > 1:
            called, name = ast.unparse(node.func), node.args[1]
            if called.endswith((".setattr", "patch.object")) and isinstance(name, ast.Constant):
                yield str(name.value)


def test_a_patch_is_found() -> None:
    code = 'monkeypatch.setattr(queue, "_one", 1)\nwith patch.object(reclaim, "TWO", 2): pass'
    assert list(patched(ast.parse(code))) == ["_one", "TWO"]


def test_no_test_patches_a_private_name() -> None:
    files = [file for file in TESTS.rglob("*.py") if "node_modules" not in file.parts]
    names = {(file.name, one) for file in files for one in patched(ast.parse(file.read_text()))}
    assert len(names) > 20
    assert {(file, name) for file, name in names if name.startswith("_")} == set()
