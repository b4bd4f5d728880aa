"""`pytest -p tests.fast`: the tests that need no server, browser or compiler, one case each.

Which ones is decided by what they import and by the fixtures they use, not by a list: a file that
starts processes, serves or computes imports what does it, and the servers of the tests are fixtures
of the whole session.
"""

import ast
from functools import cache
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from tests import one_case
from tests.parts import S3, Valkey

ROOT = Path(__file__).parents[1]
SLOW = {"fastapi", "hypothesis", "multiprocessing", "playwright", "subprocess", "torch", "uvicorn"}
STARTERS = {"worker.runner.background_compile"}  # modules of ours that run the compiler
WHOLE = {"hard", "journeys"}  # folders of tests of whole studios
SERVERS = "tests.parts"  # imports what starts the servers of fixtures


@cache
def imported(file: Path) -> frozenset[str]:
    """Return the modules, and the names in them, that a file imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{one.name}" for one in node.names}
    return frozenset(found)


def _helpers(names: frozenset[str]) -> set[Path]:
    """Return the files of those modules that belong to the tests."""
    named = (name.replace(".", "/") + ".py" for name in names - {SERVERS})
    return {
        file
        for file in (ROOT / name for name in named if name.startswith("tests/"))
        if file.exists()
    }


def is_slow(file: Path) -> bool:
    """Tell whether a test file, or a module of the tests that it imports, imports what is slow."""
    reached: set[Path] = set()
    waiting = {file}
    while waiting:
        one = waiting.pop()
        reached.add(one)
        names = imported(one)
        if SLOW & {name.partition(".")[0] for name in names} or STARTERS & names:
            return True
        waiting |= _helpers(names) - reached
    return bool(WHOLE & set(file.relative_to(ROOT).parts))


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out the files that are slow; None: no opinion."""
    if collection_path.name.startswith("test_") and collection_path.suffix == ".py":
        return is_slow(collection_path) or None
    return None


def _is_server(fixture: pytest.FixtureDef[object]) -> bool:
    """Tell whether a fixture of all tests is of the whole session, or is a server by its type.

    Those of the session start a server or compile.
    """
    if fixture.func.__module__ != "tests.conftest":
        return False
    made = get_type_hints(fixture.func)["return"]
    return fixture.scope == "session" or bool({made, *get_args(made)} & {S3, Valkey})


def _starts_server(item: pytest.Function) -> bool:
    """Tell whether a test uses a fixture that starts a server."""
    definitions = [one for known in item._fixtureinfo.name2fixturedefs.values() for one in known]
    return any(map(_is_server, definitions))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the first case of each test that starts no server."""
    able = [one for one in items if isinstance(one, pytest.Function) and not _starts_server(one)]
    one_case.keep(config, items, one_case.first(able))
