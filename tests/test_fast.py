"""What `make test-fast` leaves out: by what files import, not by a list."""

from pathlib import Path

import pytest

from tests import fast

ROOT = fast.ROOT


@pytest.mark.parametrize(
    ("text", "slow"),
    [
        ("import subprocess\n", True),
        ("from playwright.sync_api import expect\n", True),
        ("def f() -> None:\n    import torch\n", True),
        ("from tests.web.served import served\n", True),
        ("from tests.parts import picture\n", False),
        ("from worker.runner import background_compile\n", True),
        ("from worker import jobs\n", False),
    ],
)
def test_a_file_is_left_out_by_what_it_imports(
    text: str, slow: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tests" / "test_one.py"
    file.parent.mkdir()
    file.write_text(text)
    for helper in ("web/served.py", "parts.py"):
        copied = tmp_path / "tests" / helper
        copied.parent.mkdir(exist_ok=True)
        copied.write_text((ROOT / "tests" / helper).read_text("utf-8"))
    monkeypatch.setattr(fast, "ROOT", tmp_path)
    assert fast.is_slow(file) == slow


def test_no_journey_and_no_hard_test_is_fast_and_the_jobs_are() -> None:
    chosen = {file for file in (ROOT / "tests").rglob("test_*.py") if not fast.is_slow(file)}
    assert not {file for file in chosen if {"journeys", "hard"} & set(file.parts)}
    assert ROOT / "tests/worker/jobs/test_jobs.py" in chosen
    assert len(chosen) > 40


def test_make_test_fast_uses_the_plugin() -> None:
    assert "pytest -q -p tests.fast" in (ROOT / "Makefile").read_text("utf-8")
