"""Compiling beside a worker, and what is reported when it can't be."""

import logging
import shutil
import time
from pathlib import Path

import pytest

from tests.parts import Setting
from worker.runner import background_compile
from worker.runner.background_compile import Compiling


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_compile, "AFTER", 0.05)


def test_a_missing_compiler_is_logged(
    studio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "nice").symlink_to(shutil.which("nice") or "")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with caplog.at_level(logging.INFO):
        making = Compiling(["compact"])
        making._thread.join(280)
    assert caplog.messages == [
        "network compact paints without machine code of its own: "
        "there is no C++ compiler here; on Debian: sudo apt install g++"
    ]
    assert not (studio / "code").exists()


def test_compiled_code_that_is_found_is_logged(
    studio: Path, setting: Setting, code: Path, caplog: pytest.LogCaptureFixture
) -> None:
    setting(code_dir=code)
    with caplog.at_level(logging.INFO):
        making = Compiling(["compact"])
        making._thread.join(280)
    [reported] = caplog.messages
    assert reported.startswith("network compact has machine code of its own: made in ")
    making.end()


def test_what_is_not_made_when_the_worker_ends_is_given_up(
    studio: Path, caplog: pytest.LogCaptureFixture
) -> None:
    making = Compiling(["compact", "vgg19"])
    while making._process is None:
        time.sleep(0.01)
    making.end()
    assert not making._thread.is_alive()
    assert making._process.poll() is not None
    assert not caplog.messages


def test_without_networks_no_compiler_is_started(studio: Path) -> None:
    making = Compiling([])
    making.end()
    assert making._process is None
