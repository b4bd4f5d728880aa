"""Run test files one by one, each in a process of its own: none may need what another imports.

python -m tests.alone             # all of them
python -m tests.alone --changed   # those that differ from the main branch, journeys left out
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
BASES = ("origin/main", "main", "HEAD~1")  # the first that is not this very commit
JOURNEYS = "tests/journeys/"  # each starts studios of its own anyway, and takes minutes
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


def failing(folder: Path, files: Sequence[str]) -> list[str]:
    """Run each file alone; return those that fail."""
    found = []
    for file in files:
        print(f"== {file}", flush=True)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
        if subprocess.run(command, cwd=folder, check=False).returncode not in {0, NO_TESTS}:
            found.append(file)
    return found


def main() -> None:
    """Run them."""
    files = changed(ROOT) if "--changed" in sys.argv[1:] else everything(ROOT)
    if found := failing(ROOT, files):
        raise SystemExit(f"These fail when they run alone: {', '.join(found)}")
    print(f"{len(files)} test files pass alone.")


if __name__ == "__main__":
    main()
