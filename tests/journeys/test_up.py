"""`adain-studio up`: started, used, its processes killed, itself killed, stopped."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import httpx
import psutil
import pytest

from adain.aot.trusted_folders import alone
from tests.journeys.conftest import check_backup
from tests.parts import hostile_folder, picture
from tests.waiting import until

PARTS = ("queue", "worker", "sweep", "web")


def _gone(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


class Up:
    """One `adain-studio up` on a data folder, and a visitor of it."""

    program: ClassVar = [sys.executable, "-m", "web.cli"]

    def __init__(self, data: Path, log: Path, **chosen: object) -> None:
        self.data, self._log = data, log
        self.visitor = httpx.Client(timeout=30)
        self.start(**chosen)

    def command(self, **chosen: object) -> subprocess.Popen[str]:
        mine = {key: word for key, word in os.environ.items() if not key.startswith("STUDIO_")}
        mine |= {"STUDIO_DATA": str(self.data), "STUDIO_PORT": "0", "STUDIO_COMPILE": "0"}
        mine |= {f"STUDIO_{name.upper()}": str(value) for name, value in chosen.items()}
        with self._log.open("w") as log:
            return subprocess.Popen(
                [*self.program, "up"], env=mine, stdout=log, stderr=log, text=True
            )

    def start(self, **chosen: object) -> None:
        """Start and wait for the line that says it is ready."""
        quick = {"sweep_seconds": 0.3, "ring_after_seconds": 0.5}
        quick |= {"lease_seconds": 5, "heartbeat_seconds": 1}
        self.process = self.command(**quick, **chosen)
        try:
            until(lambda: "Ready" in self.said() or self.process.poll() is not None)
        except AssertionError:
            self.process.terminate()  # nothing else would end it
            raise
        ready = re.search(r"^studio \| Ready after \d+ s: (\S+)", self.said(), re.MULTILINE)
        assert ready, self.said()
        self.visitor.base_url = httpx.URL(ready[1])
        self.family = psutil.Process(self.process.pid).children(recursive=True)

    def said(self) -> str:
        return self._log.read_text()

    def part(self, name: str) -> int:
        """The process id of a part that was started last."""
        return int(re.findall(rf"^studio \| {name} started, process (\d+)", self.said(), re.M)[-1])

    def well(self) -> bool:
        try:
            return self.visitor.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def submit(self, size: int = 64) -> str:
        files = {"content": picture(), "style": picture(color="orange")}
        answer = self.visitor.post(
            "/api/v1/jobs", files=files, data={"options": json.dumps({"size": size})}
        )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def state(self, job: str) -> str:
        return str(self.visitor.get(f"/api/v1/jobs/{job}").json()["state"])

    def left(self) -> list[psutil.Process]:
        """What is left of the processes that were there at the start."""
        return [one for one in self.family if not _gone(one)]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    place = tmp_path_factory.mktemp("a studio")
    started = Up(place / "data", place / "log")
    yield started
    started.process.terminate()
    assert started.process.wait(timeout=60) == 0
    assert not started.left()


def test_the_page_answers_and_a_job_is_done(up: Up) -> None:
    page = up.visitor.get("/")
    assert page.status_code == 200
    assert "AdaIN Studio" in page.text
    job = up.submit()
    until(lambda: up.state(job) == "done")
    assert up.visitor.get(f"/api/v1/jobs/{job}/result").headers["content-type"] == "image/png"


def test_the_start_says_how_long_pictures_are_kept_and_nothing_that_needs_no_doing(up: Up) -> None:
    assert "Pictures are kept until you delete them" in up.said()
    assert "vgg19" not in up.said()
    assert "superuser" not in up.said()
    assert "Context impl" not in up.said()
    page = up.visitor.get("/").text
    assert "kept.forever" in page
    assert "kept.days" not in page


def test_the_launcher_keeps_all_data_in_one_folder(up: Up) -> None:
    assert {"lock", "queue", "blobs", "studio.sqlite3"} <= {one.name for one in up.data.iterdir()}
    assert (up.data / "cookie-secret").stat().st_mode & 0o777 == 0o600


def test_a_second_studio_on_the_same_data_folder_is_refused_with_a_sentence(
    up: Up, tmp_path: Path
) -> None:
    second = Up.__new__(Up)
    second.data, second._log = up.data, tmp_path / "log"
    assert second.command().wait(timeout=60) == 1
    assert re.fullmatch(
        rf"A studio already runs on {up.data}: http://127.0.0.1:\d+, process {up.process.pid}\. "
        r"Stop that one first, or choose another folder: make up DATA=/some/folder\n",
        second.said(),
    )
    assert up.well()


def test_a_port_that_is_taken_is_said_in_a_sentence(up: Up, tmp_path: Path) -> None:
    port = up.visitor.base_url.port
    second = Up.__new__(Up)
    second.data, second._log = tmp_path / "data", tmp_path / "log"
    assert second.command(port=port).wait(timeout=60) == 1
    assert second.said() == (
        f"Port {port} on 127.0.0.1 is taken by another program. "
        f"Choose another: make up PORT={(port or 0) + 1}\n"
    )


def test_any_part_that_is_killed_comes_back_and_jobs_go_on(up: Up) -> None:
    before = {name: up.part(name) for name in PARTS}
    for killed in before.values():
        os.kill(killed, signal.SIGKILL)
    until(lambda: all(up.part(name) != before[name] for name in PARTS))
    for name in PARTS:
        assert f"studio | {name} ended by signal 9; again in 0.5 s" in up.said()
    until(up.well)
    job = up.submit()
    until(lambda: up.state(job) == "done")


def test_a_studio_restored_from_its_backup_goes_on(up: Up, tmp_path: Path) -> None:
    job = up.submit()
    until(lambda: up.state(job) == "done")
    made = up.visitor.get(f"/api/v1/jobs/{job}/result").content
    check_backup(dict(os.environ) | {"STUDIO_DATA": str(up.data)}, tmp_path)
    second = Up(tmp_path / "second", tmp_path / "log")
    second.visitor.cookies = up.visitor.cookies
    assert second.visitor.get(f"/api/v1/jobs/{job}/result").content == made
    after = second.submit()
    until(lambda: second.state(after) == "done")
    second.process.terminate()
    assert second.process.wait(timeout=60) == 0


def test_nothing_outlives_a_launcher_that_is_killed_and_the_next_one_finds_every_job(
    tmp_path: Path,
) -> None:
    up = Up(tmp_path / "data", tmp_path / "log")
    done = up.submit()
    until(lambda: up.state(done) == "done")
    picture_made = up.visitor.get(f"/api/v1/jobs/{done}/result").content
    waiting = [up.submit(size=768) for _ in range(3)]
    until(lambda: up.state(waiting[0]) != "queued")
    up.process.kill()
    up.process.wait()
    until(lambda: not up.left(), seconds=30)

    up.start()
    assert up.visitor.get(f"/api/v1/jobs/{done}/result").content == picture_made
    until(lambda: all(up.state(job) == "done" for job in waiting))

    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(timeout=60) == 0
    assert not up.left()
    assert "Stopped. Every job is kept" in up.said()
    assert "Traceback" not in up.said()


def _maps(up: Up, file: Path) -> bool:
    """Tell whether a process of the studio has a file among its code."""
    return any(
        str(file) in {mapped.path for mapped in process.memory_maps()}
        for process in psutil.Process(up.process.pid).children(recursive=True)
    )


def test_a_worker_takes_up_machine_code_as_soon_as_it_is_there(tmp_path: Path, code: Path) -> None:
    mine, [made] = tmp_path / "code", [one for one in code.iterdir() if one.is_dir()]
    mine.mkdir()
    shutil.copytree(made, tmp_path / "made")
    with alone(mine):  # so that the worker can't have it made
        up = Up(tmp_path / "data", tmp_path / "log", compile=True, code_dir=mine)
        before = up.submit()
        until(lambda: up.state(before) == "done")
        until(lambda: "another process is making code just now" in up.said())
        assert not _maps(up, mine / made.name / "paint.so")
        (tmp_path / "made").rename(mine / made.name)
        after = up.submit(size=72)
        until(lambda: up.state(after) == "done")
        assert _maps(up, mine / made.name / "paint.so")
    up.process.terminate()
    assert up.process.wait(timeout=60) == 0


def test_the_making_of_code_ends_with_the_studio(tmp_path: Path) -> None:
    up = Up(tmp_path / "data", tmp_path / "log", compile=True)

    def makers() -> list[psutil.Process]:
        all_of_it = psutil.Process(up.process.pid).children(recursive=True)
        return [one for one in all_of_it if "adain.aot.compile" in one.cmdline()]

    until(lambda: bool(makers()), seconds=30)
    [maker] = makers()
    assert maker.nice() == 19
    until(lambda: Path(f"/proc/{maker.pid}/oom_score_adj").read_text() == "1000\n", seconds=30)
    up.process.kill()
    until(lambda: _gone(maker))


def test_it_runs_no_code_of_the_folder_it_is_called_in_and_finds_its_data_there_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a relative data folder, in a folder that holds modules called as ours and Python's."""
    there = hostile_folder(tmp_path / "there")
    monkeypatch.chdir(there)
    monkeypatch.setattr(Up, "program", [str(Path(sys.executable).with_name("adain-studio"))])
    studio = Up(Path("mine"), tmp_path / "log")
    try:
        job = studio.submit()
        until(lambda: studio.state(job) == "done")
        studio.process.terminate()
        assert studio.process.wait(60) == 0
        studio.start()
        assert studio.visitor.get(f"/api/v1/jobs/{job}/result").status_code == 200
    finally:
        studio.process.terminate()
        studio.process.wait(60)
    assert {"there", "log"} == {one.name for one in tmp_path.iterdir()}
    assert not (there / "ran").exists(), (there / "ran").read_text()
