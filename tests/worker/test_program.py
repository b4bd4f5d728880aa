"""No process of ours runs code of the folder it is called in."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts import Setting, free_port, hostile_folder, picture
from web.launcher import launcher
from worker import program
from worker.images import decoders, images

ROOT = Path(program.__file__).parents[1]


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = hostile_folder(tmp_path / "there")
    monkeypatch.chdir(folder)
    return folder


def ran(folder: Path) -> str:
    return (folder / "ran").read_text() if (folder / "ran").exists() else ""


@pytest.fixture
def new_seats() -> Iterator[None]:
    """Decoders are started again, before and after."""

    def end() -> None:
        for seat in decoders.seats.queue:
            if seat._process:
                seat._process.kill()
                seat._process.wait()

    end()
    yield
    end()


def test_without_safe_path_python_runs_a_module_of_the_current_folder(there: Path) -> None:
    """Without this, the tests below would prove nothing."""
    subprocess.run([sys.executable, "-m", "worker.images.decoder"], stdin=subprocess.DEVNULL)
    assert "worker" in ran(there)


def test_a_decoder_runs_no_code_of_the_folder_it_is_started_in(
    there: Path, new_seats: None
) -> None:
    assert images.clean(picture()).width == 64
    assert ran(there) == ""


@pytest.mark.parametrize("module", ["web.cli", "adain.aot.compile"])
def test_a_module_of_ours_runs_no_code_of_the_folder_it_is_called_in(
    there: Path, module: str
) -> None:
    done = subprocess.run(program.command(module, "--help"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert ran(there) == ""


def test_what_a_word_of_ours_starts_itself_is_kept_from_the_folder_as_well(there: Path) -> None:
    code = "import os, sys; from web import cli; cli.app = lambda: os.execv(sys.executable, "
    code += "[sys.executable, '-c', 'import json, sys; print(sys.flags.safe_path)']); cli.main()"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr
    assert ran(there) == ""


def test_every_python_of_ours_is_called_in_one_place() -> None:
    calls = {"sys.executable", "sys.orig_argv"}
    found = {
        str(file.relative_to(ROOT))
        for folder in ("adain", "worker", "web")
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in calls
    }
    assert found == {"worker/program.py"}
    for file in (ROOT / "deploy").rglob("*.py"):
        text = re.sub(r"\s+", " ", file.read_text("utf-8"))
        assert text.count("sys.executable") == text.count('sys.executable, "-P"'), file.name


def test_a_worker_finds_its_tasks_in_our_code_and_not_in_the_folder_it_is_started_in(
    there: Path,
) -> None:
    code = "from worker.jobs import queue; queue.app().loader.import_default_modules()"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert ran(there) == ""


STARTERS = {"Popen", "run", "call", "check_call", "check_output", "execv", "execve", "system"}
STARTERS |= {"create_subprocess_exec", "create_subprocess_shell", "popen", "posix_spawn"}


def test_every_process_is_started_by_a_known_module() -> None:
    """Each of these takes its command from `program`, or starts a program that is not Python."""
    found = set()
    for folder in ("adain", "worker", "web"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    module, name = ast.unparse(node.func.value), node.func.attr
                    if module in {"subprocess", "os", "asyncio"} and name in STARTERS - (
                        {"run"} if module == "asyncio" else set()
                    ):
                        found.add(str(file.relative_to(ROOT)))
    assert found == {
        "adain/live/build.py",  # a compiler
        "adain/live/library.py",  # one too
        "web/launcher/supervised.py",
        "worker/runner/background_compile.py",
        "worker/images/decoders.py",
        "worker/images/film_processes.py",
        "worker/maintenance/drill.py",
        "worker/runner/celery_tasks.py",
    }
    for name in (
        "web/launcher/launcher.py",
        "worker/runner/background_compile.py",
        "worker/images/decoders.py",
        "worker/images/film_processes.py",
        "worker/maintenance/drill.py",
        "worker/runner/celery_tasks.py",
    ):
        assert "program." in (ROOT / name).read_text("utf-8")


def test_the_processes_of_a_studio_get_paths_that_do_not_depend_on_the_folder(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    setting(
        data="here",
        database_url="sqlite:///my.sqlite3",
        blobs_url="file://pictures",
        weights_dir="weights",
        code_dir="../code",
    )
    reported = launcher._environment(free_port())
    assert reported["STUDIO_DATA"] == f"{tmp_path}/here"
    assert reported["STUDIO_DATABASE_URL"] == f"sqlite:///{tmp_path}/my.sqlite3"
    assert reported["STUDIO_BLOBS_URL"] == f"file://{tmp_path}/pictures"
    assert reported["STUDIO_WEIGHTS_DIR"] == f"{tmp_path}/weights"
    assert Path(reported["STUDIO_CODE_DIR"]).is_absolute()
    assert reported["PYTHONSAFEPATH"] == "1"
    setting(database_url="postgresql://studio:word%40@db/studio", blobs_url="s3://bucket/folder")
    reported = launcher._environment(free_port())
    assert reported["STUDIO_DATABASE_URL"] == "postgresql://studio:word%40@db/studio"
    assert reported["STUDIO_BLOBS_URL"] == "s3://bucket/folder"
    assert os.environ.get("STUDIO_PORT") is None


def test_a_child_has_each_setting_once_in_whatever_case_it_was_given(
    monkeypatch: pytest.MonkeyPatch, setting: Setting
) -> None:
    setting(data="here")
    monkeypatch.setenv("studio_port", "1")
    monkeypatch.setenv("Studio_Data", "there")
    monkeypatch.setenv("studio_public_url", "https://example.org")
    reported = launcher._environment(2)
    assert reported["studio_public_url"] == "https://example.org"
    assert [reported[name] for name in reported if name.upper() == "STUDIO_PORT"] == ["2"]
    assert [name for name in reported if name.upper() == "STUDIO_DATA"] == ["STUDIO_DATA"]
