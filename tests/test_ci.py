import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

SKIPPING = """
import pytest

def test_that_runs(): pass

def test_that_is_skipped(): pytest.skip("no time")

@pytest.mark.xfail
def test_that_is_known_to_fail(): assert False
"""


def run(folder: Path, code: str, ci: str) -> str:
    """Run pytest in a folder of its own, with the hook; return its last line."""
    (folder / "test_it.py").write_text(code)
    (folder / "conftest.py").write_text((HERE / "ci.py").read_text())
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(folder)]
    environment = dict(os.environ) | {"CI": ci}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("ci", "code", "outcome"),
    [
        ("true", SKIPPING, "1 failed, 1 passed, 1 xfailed"),
        ("", SKIPPING, "1 passed, 1 skipped, 1 xfailed"),
        ("true", "import pytest; pytest.importorskip('nothing_of_this_name')", "1 error"),
    ],
)
def test_a_skipped_test_is_a_failure_in_ci(
    tmp_path: Path, ci: str, code: str, outcome: str
) -> None:
    assert outcome in run(tmp_path, code, ci)
