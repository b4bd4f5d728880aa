"""The tests have the same names in every process: those that share the work compare them."""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
APART = 2.0  # seconds, so that what has a time in it differs


def _collecting(seed: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    return subprocess.Popen(
        words,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": str(seed)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_tests_are_named_alike_whenever_they_are_collected() -> None:
    first = _collecting(1)
    time.sleep(APART)
    found = [
        [line for line in one.communicate()[0].splitlines() if "::" in line]
        for one in (first, _collecting(2))
    ]
    assert len(found[0]) > 1000
    assert found[0] == found[1]
