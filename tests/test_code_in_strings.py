"""Programs that tests give to another interpreter as text: what they import exists."""

import ast
import importlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("adain", "tests", "web", "worker")
APART = {"tests/previous.py", "tests/test_code_in_strings.py"}  # an earlier revision's, and these


def programs(file: Path) -> Iterator[ast.Module]:
    """Yield the strings of a file that are programs and import something."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if "import " not in node.value or len(node.value.split()) < 2:
                continue
            try:
                yield ast.parse(node.value)
            except SyntaxError:
                continue  # prose, or a part of a program


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield module and name of each import from our packages."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in OURS:
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((one.name, "") for one in node.names if one.name.split(".")[0] in OURS)


def exists(module: str, name: str) -> bool:
    """Tell whether `from module import name` works."""
    try:
        if hasattr(importlib.import_module(module), name) or not name:
            return True
        importlib.import_module(f"{module}.{name}")
    except ImportError:
        return False
    return True


def test_programs_within_strings_import_what_exists() -> None:
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "*.py"], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    files = [file for file in listed if file not in APART and not file.startswith("tests/data/")]
    found = {
        (file, module, name)
        for file in files
        for tree in programs(ROOT / file)
        for module, name in imported(tree)
    }
    assert len(found) > 20
    assert {one for one in found if not exists(*one[1:])} == set()


@pytest.mark.parametrize(
    ("text", "works"),
    [
        ("from worker import jobs", True),
        ("from worker import bell", False),
        ("import web.no", False),
    ],
)
def test_a_program_with_a_wrong_import_is_found(text: str, works: bool, tmp_path: Path) -> None:
    file = tmp_path / "one.py"
    file.write_text(f"CODE = {text!r}\n", "utf-8")
    [tree] = programs(file)
    assert all(exists(*one) for one in imported(tree)) is works
