import subprocess
from pathlib import Path

import pytest

from tests import alone

PASSES = "def test_it(): pass\n"
FAILS_ALONE = "import sys\ndef test_it(): assert 'a_word_of_another_file' in sys.modules\n"


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@a.example", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with two test files on its main branch."""
    (tmp_path / "tests").mkdir()
    for name in ("one", "two"):
        (tmp_path / "tests" / f"test_{name}.py").write_text(PASSES)
    git(tmp_path, "init")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-m", "first")
    return tmp_path


def change(folder: Path, *names: str) -> None:
    for name in names:
        (folder / "tests" / f"test_{name}.py").write_text(FAILS_ALONE)
    git(folder, "add", "-A")
    git(folder, "commit", "-m", "changed")


def test_files_changed_on_a_branch_are_found(folder: Path) -> None:
    git(folder, "switch", "-c", "branch")
    change(folder, "two")
    change(folder, "three")
    (folder / "tests" / "test_one.py").unlink()
    assert alone.changed(folder) == ["tests/test_three.py", "tests/test_two.py"]


def test_files_of_the_last_commit_are_found_on_the_main_branch(folder: Path) -> None:
    change(folder, "two")
    assert alone.changed(folder) == ["tests/test_two.py"]


def test_without_a_history_all_files_are_run(folder: Path) -> None:
    assert alone.changed(folder) == ["tests/test_one.py", "tests/test_two.py"]


def test_file_that_fails_alone_is_named(folder: Path) -> None:
    change(folder, "two")
    files = alone.everything(folder)
    assert alone.failing(folder, files) == ["tests/test_two.py"]
