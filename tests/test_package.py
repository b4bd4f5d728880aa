"""What is shipped: modules that need no development package, and every file beside them."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path, PurePath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PACKAGES = ("adain", "worker", "web")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
DEVELOPMENT = {"dev", "fuzz"}  # the extras that no user installs


def tracked(package: str) -> list[PurePath]:
    """Return the files of a package that git knows, relative to the package."""
    words = ["git", "-C", str(ROOT / package), "ls-files"]
    found = subprocess.run(words, capture_output=True, text=True, check=True)
    return [PurePath(line) for line in found.stdout.splitlines()]


def needed(name: str, extras: set[str]) -> Iterator[Requirement]:
    """Yield what an installed distribution needs on this platform; nothing if it is missing."""
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": one}) for one in ("", *extras)):
            yield requirement


def declared() -> set[str]:
    """Return the distributions that the product's dependencies and extras bring along."""
    extras = PROJECT["project"]["optional-dependencies"]
    lines = [line for name, some in extras.items() if name not in DEVELOPMENT for line in some]
    lines += PROJECT["project"]["dependencies"]
    found: set[str] = set()
    waiting = [Requirement(line) for line in lines]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        fresh = {f"{name}[{extra}]" for extra in ("", *one.extras)} - found
        found |= fresh
        waiting += needed(name, one.extras) if fresh else []
    return {name.removesuffix("[]") for name in found}


def imported(file: Path) -> Iterator[str]:
    """Yield the top-level names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_product_imports_only_what_it_declares(package: str) -> None:
    allowed, owners = declared(), packages_distributions()
    undeclared = {
        f"{package}/{file}: {name}"
        for file in tracked(package)
        if file.suffix == ".py"
        for name in imported(ROOT / package / file)
        if name not in sys.stdlib_module_names
        and name not in PACKAGES
        and not allowed & {canonicalize_name(one) for one in owners.get(name, [name])}
    }
    assert undeclared == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_beside_the_modules_is_package_data(package: str) -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"][package]
    shipped = {file for pattern in patterns for file in (ROOT / package).glob(pattern)}
    missing = [file for file in tracked(package) if ROOT / package / file not in shipped]
    assert [str(file) for file in missing if file.suffix != ".py"] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_with_modules_is_a_package(package: str) -> None:
    folders = {file.parent for file in tracked(package) if file.suffix == ".py"}
    missing = [str(one) for one in folders if not (ROOT / package / one / "__init__.py").exists()]
    assert [one for one in missing if not one.startswith("migrations")] == []  # alembic's own


def test_no_distribution_package_is_outside_the_product() -> None:
    included = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    assert included == [f"{package}*" for package in PACKAGES]
