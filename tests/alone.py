"""Run test files each in a process of its own: none may need what another imports.

python -m tests.alone             # all of them
python -m tests.alone --changed   # those that differ from the main branch, journeys left out,
                                  # with the first case of each test: `make test` runs all cases;
                                  # of very many some, drawn by the commit
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[1]
BASES = ("origin/main", "main", "HEAD~1")  # the first that is not this very commit
JOURNEYS = "tests/journeys/"  # each starts studios of its own anyway, and takes minutes
ONE_CASE = ("-p", "tests.one_case")
MOST = 30  # files of --changed: ten minutes
NO_TESTS = 5  # pytest's exit code where all tests of a file are left out, as the hard ones are


def _git(folder: Path, *words: str) -> list[str]:
    """Return the lines of an answer of git's; none where it fails."""
    ended = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
    return ended.stdout.split("\n")[:-1] if ended.returncode == 0 else []


def everything(folder: Path) -> list[str]:
    """Return all test files."""
    return sorted(str(file.relative_to(folder)) for file in folder.glob("tests/**/test_*.py"))


def _quick(folder: Path) -> list[str]:
    return [file for file in everything(folder) if not file.startswith(JOURNEYS)]


def changed(folder: Path) -> list[str]:
    """Return the test files that differ from where this branch left the main one.

    Without the journeys; all others where there is no history.
    """
    head = _git(folder, "rev-parse", "HEAD")
    for name in BASES:
        base = _git(folder, "merge-base", name, "HEAD")
        if base and base != head:
            found = _git(folder, "diff", "--name-only", "--diff-filter=d", base[0], "--", "tests")
            return sorted(set(found) & set(_quick(folder)))
    return _quick(folder)


def _run(folder: Path, flags: Sequence[str], file: str) -> bool:
    """Run a file alone and print what it said; tell whether it passed."""
    with tempfile.TemporaryDirectory(prefix="alone-") as own:  # others tidy the one for all
        words = ["-q", "-p", "no:cacheprovider", f"--basetemp={own}/files", *flags, file]
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", *words],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    print(f"== {file}\n{ended.stdout}", flush=True)
    return ended.returncode in {0, NO_TESTS}


def failing(folder: Path, files: Sequence[str], flags: Sequence[str] = ()) -> list[str]:
    """Run each file in a process of its own, one for each core, at most four at once.

    `flags` are pytest's. Return those that fail.
    """
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        passed = list(pool.map(partial(_run, folder, flags), files))
    return [file for file, well in zip(files, passed, strict=True) if not well]


def main() -> None:
    """Run them."""
    some = "--changed" in sys.argv[1:]
    files = everything(ROOT)
    if some:
        files = changed(ROOT)
        [head] = _git(ROOT, "rev-parse", "HEAD") or [""]
        chosen = Random(head).sample(files, min(MOST, len(files)))
        print(f"{len(chosen)} of {len(files)} changed test files run alone.")
        files = sorted(chosen)
    if found := failing(ROOT, files, ONE_CASE if some else ()):
        raise SystemExit(f"These fail when they run alone: {', '.join(found)}")
    print(f"{len(files)} test files pass alone.")


if __name__ == "__main__":
    main()
