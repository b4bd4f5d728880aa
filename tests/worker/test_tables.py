"""The registry of tables: none is missing from it."""

import ast
import subprocess
import sys
from pathlib import Path

from tests.parts import module_name
from worker import tables

ROOT = Path(tables.__file__).parents[1]


def _declaring() -> dict[str, set[str]]:
    """Return the names of the tables that each module of `worker` declares."""
    found: dict[str, set[str]] = {}
    for file in (ROOT / "worker").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
                if names == ["__tablename__"]:
                    found.setdefault(module_name(file, ROOT), set()).add(str(node.value.value))
    return found


def test_every_module_that_declares_a_table_is_registered() -> None:
    assert {module.__name__ for module in tables.MODULES} == set(_declaring())


def test_the_registry_alone_knows_every_table() -> None:
    code = "from worker import tables; print(*tables.metadata().tables)"
    alone = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    assert set(alone.split()) == set[str]().union(*_declaring().values())
