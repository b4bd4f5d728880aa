import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.waiting import until
from web.launcher import supervised
from web.launcher.supervised import Child

SLEEP = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"]
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
PARENT = "import subprocess, time; subprocess.Popen(['sleep', '60']); "
WAIT = "print('here', flush=True); time.sleep(60)"

Make = Callable[..., tuple[Child, list[tuple[str, str]]]]


@pytest.fixture
def make() -> Iterator[Make]:
    """Make a child and the list of what it and the launcher say; ended afterwards."""
    made = []

    def make(command: list[str], **more: object) -> tuple[Child, list[tuple[str, str]]]:
        said: list[tuple[str, str]] = []
        made.append(Child("part", command, lambda who, line: said.append((who, line)), **more))  # type: ignore[arg-type]
        return made[-1], said

    yield make
    for each in made:
        each.kill()


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def pid(running: Child) -> int:
    assert running.process is not None
    return running.process.pid


def tend_until(running: Child, happened: Callable[[], object]) -> None:
    def tended() -> object:
        running.tend()
        return happened()

    until(tended)


def test_what_a_process_prints_is_passed_on_under_its_name(make: Make) -> None:
    running, said = make(python("import sys; print('out'); print('err', file=sys.stderr)"))
    running.tend()
    until(lambda: ("part", "out") in said and ("part", "err") in said)


def test_it_gets_its_environment_and_folder(make: Make, tmp_path: Path) -> None:
    code = "import os; print(os.environ['WORD'], os.getcwd())"
    running, said = make(python(code), environment={"WORD": "hello"}, folder=tmp_path)
    running.tend()
    until(lambda: ("part", f"hello {tmp_path}") in said)


def test_a_killed_process_is_started_again(make: Make) -> None:
    running, said = make(SLEEP)
    running.tend()
    first = pid(running)
    os.kill(first, signal.SIGKILL)
    tend_until(running, lambda: running.process and pid(running) != first)
    assert ("studio", "part ended by signal 9; again in 0.5 s") in said


def test_one_that_keeps_dying_is_started_less_and_less_often_and_never_given_up(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(supervised, "LONGEST_DELAY", 0.04)
    running, said = make(["false"])
    tend_until(running, lambda: sum("again" in line for _, line in said) == 5)
    waits = [line.split()[-2] for _, line in said if "again" in line]
    assert waits == ["0.01", "0.02", "0.04", "0.04", "0.04"]


def test_one_that_can_not_be_started_is_tried_again(make: Make) -> None:
    running, said = make(["/nowhere/at/all"])
    running.tend()
    assert said == [("studio", "part can't be started: No such file or directory; again in 0.5 s")]
    tend_until(running, lambda: len(said) == 2)


def test_one_that_lived_well_is_started_again_soon(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(supervised, "HEALTHY", 0.0)
    running, said = make(["false"])
    tend_until(running, lambda: sum("again" in line for _, line in said) == 3)
    assert {line.split()[-2] for _, line in said if "again" in line} == {"0.01"}


def test_ctrl_c_in_the_terminal_does_not_reach_it(make: Make) -> None:
    running, _ = make(SLEEP)
    running.tend()
    assert os.getpgid(pid(running)) == pid(running)


def test_one_that_does_not_listen_is_killed(make: Make) -> None:
    running, said = make(python(STUBBORN + WAIT))
    running.tend()
    until(lambda: ("part", "here") in said)
    running.terminate()
    time.sleep(0.2)
    assert not running.gone()
    running.kill()
    assert running.gone()


def test_what_it_started_itself_goes_with_it(make: Make) -> None:
    running, said = make(python(PARENT + WAIT))
    running.tend()
    until(lambda: ("part", "here") in said)
    [grandchild] = psutil.Process(pid(running)).children()
    os.kill(pid(running), signal.SIGKILL)
    tend_until(running, lambda: running.process is None)
    until(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)


def test_it_dies_with_its_parent_however_that_went(tmp_path: Path) -> None:
    code = (
        "import sys, time; from web.launcher.supervised import Child\n"
        "print_ = lambda who, line: print(line, flush=True)\n"
        "running = Child('part', [sys.executable, '-c', 'import time; time.sleep(60)'], print_)\n"
        "running.tend(); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    orphan = psutil.Process(int(parent.stdout.readline().split()[-1]))
    parent.kill()
    parent.wait()
    until(lambda: not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE)
