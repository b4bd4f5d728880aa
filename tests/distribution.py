"""Building the wheel and the source distribution from a copy of what git tracks."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("adain", "web", "worker")
_BUILD = "import sys, setuptools.build_meta as b; print(getattr(b, sys.argv[1])(sys.argv[2]))"


def tracked(*folders: str) -> set[str]:
    """Return the files that git knows, of some folders or all."""
    words = ["git", "-C", str(ROOT), "ls-files", *folders]
    found = subprocess.run(words, capture_output=True, text=True, check=True)
    return set(found.stdout.splitlines())


def copied(target: Path) -> Path:
    """Copy the tracked files, but for the tests' data, as a checkout has them."""
    for name in tracked():
        if not name.startswith("tests/data/"):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target


def built(what: str, source: Path, target: Path) -> Path:
    """Build a `wheel` or an `sdist` of a copy, with the setuptools that is installed."""
    target.mkdir(exist_ok=True)
    command = [sys.executable, "-c", _BUILD, f"build_{what}", str(target)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=True)
    return target / done.stdout.split()[-1]


def in_wheel(file: Path) -> set[str]:
    """Return what is in a wheel, but for what describes it."""
    with zipfile.ZipFile(file) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def metadata(file: Path) -> str:
    """Return what a wheel says of itself."""
    with zipfile.ZipFile(file) as archive:
        [name] = [one for one in archive.namelist() if one.endswith(".dist-info/METADATA")]
        return archive.read(name).decode()


def in_sdist(file: Path) -> set[str]:
    """Return the files in a source distribution, without its folder's name."""
    with tarfile.open(file) as archive:
        return {one.name.partition("/")[2] for one in archive if one.isfile()}
