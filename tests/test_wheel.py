"""The wheel and the source distribution: what is in them, and what they say they need."""

import email
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests import distribution

DEVELOPMENT = {"dev", "fuzz"}  # the extras that no user installs
BESIDE = {"LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "constraints.txt", "pyproject.toml"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, in which things are built, with what running it leaves there."""
    folder = distribution.copied(tmp_path_factory.mktemp("source"))
    for name in ("worker/migrations/versions", "web/static", "adain/samples"):
        (folder / name / "__pycache__").mkdir()
        (folder / name / "__pycache__" / "left.cpython-311.pyc").touch()
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return distribution.built("wheel", source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def requirements(wheel: Path) -> list[Requirement]:
    """What a user's installation needs, of every extra."""
    said = email.message_from_string(distribution.metadata(wheel))
    every = [Requirement(line) for line in said.get_all("Requires-Dist", [])]
    return [
        one
        for one in every
        if not re.search(rf'extra == "({"|".join(DEVELOPMENT)})"', str(one.marker or ""))
    ]


def test_the_wheel_has_every_tracked_file_of_the_packages_and_no_other(wheel: Path) -> None:
    assert distribution.in_wheel(wheel) == distribution.tracked(*distribution.PACKAGES)


def test_the_source_has_the_same_and_what_it_is_built_with(
    source: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sdist = distribution.built("sdist", source, tmp_path_factory.mktemp("sdist"))
    found = distribution.in_sdist(sdist)
    beside = {name for name in found if ".egg-info/" not in name} - {"setup.cfg"}
    assert beside == distribution.tracked(*distribution.PACKAGES) | BESIDE


def test_only_the_python_that_the_tests_run_on_is_claimed(wheel: Path) -> None:
    said = email.message_from_string(distribution.metadata(wheel))
    claimed = SpecifierSet(said["Requires-Python"])
    minors = [f"3.{minor}" for minor in range(8, 20) if claimed.contains(f"3.{minor}.1")]
    assert minors == [f"3.{sys.version_info.minor}"]


def test_every_requirement_has_an_upper_bound_that_admits_the_pinned_version(
    requirements: list[Requirement],
) -> None:
    lines = (distribution.ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if "==" in line and line[0] != "#")
    pins = {canonicalize_name(name): version for name, version in pairs}
    assert len(requirements) > 30
    others = [one for one in requirements if one.name != "adain-studio"]
    assert [
        str(one) for one in others if "<" not in {each.operator for each in one.specifier}
    ] == []
    refused = [
        str(one) for one in others if not one.specifier.contains(pins[canonicalize_name(one.name)])
    ]
    assert refused == []


def test_the_documents_name_the_wheel_by_its_file(wheel: Path) -> None:
    install, readme = (
        (distribution.ROOT / name).read_text("utf-8") for name in ("docs/install.md", "README.md")
    )
    assert install.count(wheel.name) >= 3  # pip, pipx, uv
    for wrong in ("pip install adain-studio", "pip install 'adain-studio["):
        assert wrong not in install + readme
