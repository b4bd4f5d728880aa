import http.server
import json
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import psutil
import pytest
from safetensors import safe_open
from typer.testing import CliRunner

from tests.adain.film import clips
from tests.parts import Setting, Valkey, free_port, picture
from tests.waiting import until
from tests.web.served import begin, finish, served
from web import cli
from web.client import Standing, Studio, StudioError
from web.client import studio as requests
from worker import jobs
from worker.storage import processes

WORKER = "from worker.runner import celery_tasks; celery_tasks.work()"


@pytest.fixture
def address(studio: Path) -> Iterator[str]:
    with served() as where:
        yield where


@pytest.fixture
def cookies(tmp_path: Path) -> Path:
    return tmp_path / "me" / "cookies.json"


@pytest.fixture
def me(address: str, cookies: Path) -> Iterator[Studio]:
    with Studio(address, cookies) as made:
        yield made


@pytest.fixture
def worker(studio: Path, own_valkey: Valkey, setting: Setting) -> Iterator[None]:
    """A real worker at a real queue."""
    own_valkey.start()
    setting(redis_url=own_valkey.url)
    process = psutil.Popen([sys.executable, "-c", WORKER])
    until(lambda: processes.alive("worker"))
    yield
    for each in [*process.children(recursive=True), process]:
        each.kill()
    process.wait()


def photo(folder: Path, name: str = "photo.png", color: str = "teal") -> Path:
    file = folder / name
    file.write_bytes(picture(color=color))
    return file


# ---------------------------------------------------------------- all the way


def test_a_picture_is_made_from_the_first_word_to_the_file(
    worker: None, address: str, tmp_path: Path
) -> None:
    out, style = tmp_path / "painted.png", photo(tmp_path, "style.png", "orange")
    words = ["submit", str(photo(tmp_path)), str(style), "--size", "64", "-o", str(out)]
    here = ["--studio", address, "--cookies", str(tmp_path / "cookies")]
    done = CliRunner().invoke(cli.app, words + here)
    assert done.exit_code == 0, done.output
    assert out.read_bytes().startswith(b"\x89PNG")
    job_id = done.stdout.strip()
    again = CliRunner().invoke(cli.app, ["get", job_id, *here])
    assert json.loads(again.stdout)["state"] == "done"
    listed = CliRunner().invoke(cli.app, ["list", *here])
    assert job_id in listed.stdout
    assert "done" in listed.stdout
    watched = CliRunner().invoke(cli.app, ["watch", job_id, *here])
    assert (watched.exit_code, watched.stderr) == (0, "done\n")


def test_a_film_is_painted_and_written_from_the_command_line(
    worker: None, address: str, tmp_path: Path
) -> None:
    frames = clips.moving(6, 80, 64)
    clip = clips.write(tmp_path / "clip.mp4", frames, Fraction(6))
    out = tmp_path / "painted.mp4"
    words = ["submit", str(clip), "mosaic", "--size", "64", "--steady", "0.3", "-o", str(out)]
    here = ["--studio", address, "--cookies", str(tmp_path / "cookies")]
    done = CliRunner().invoke(cli.app, words + here)
    assert done.exit_code == 0, done.output
    painted, _ = clips.read(out)
    assert (len(painted), painted[0].shape) == (6, (64, 80, 3))
    job = json.loads(CliRunner().invoke(cli.app, ["get", done.stdout.strip(), *here]).stdout)
    assert job["options"]["steady"] == 0.3


def test_a_style_is_taught_fetched_and_used_from_the_command_line(
    worker: None, address: str, tmp_path: Path
) -> None:
    here = ["--studio", address, "--cookies", str(tmp_path / "cookies")]
    content, file, out = str(photo(tmp_path)), tmp_path / "own.safetensors", tmp_path / "out.png"
    painting = str(photo(tmp_path, "painting.png", "orange"))
    words = ["teach", content, painting, "--steps", "2", "--out", str(file)]
    asked = CliRunner().invoke(cli.app, words + here)
    assert asked.exit_code == 0, asked.output
    job_id = asked.stdout.strip()
    assert job_id in CliRunner().invoke(cli.app, ["taught", *here]).stdout
    with safe_open(file, "pt") as taught:
        assert taught.metadata()["network"] == "compact"
    used = ["submit", content, "--taught", job_id, "--size", "64", "--out", str(out)]
    done = CliRunner().invoke(cli.app, used + here)
    assert done.exit_code == 0, done.output
    assert out.read_bytes().startswith(b"\x89PNG")


def test_a_shell_reads_once_that_it_is_a_visitor_of_its_own(
    me: Studio, address: str, tmp_path: Path
) -> None:
    here = ["list", "--studio", address, "--cookies", str(tmp_path / "cookies")]
    apart = "This shell is a visitor of its own"
    assert apart in CliRunner().invoke(cli.app, here).stderr
    assert apart not in CliRunner().invoke(cli.app, here).stderr
    shell = ["list", "--studio", address, "--cookies", str(tmp_path / "others"), "--key", "x"]
    assert apart not in CliRunner().invoke(cli.app, shell).stderr


def test_a_style_that_is_neither_a_file_nor_a_sample_is_said_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    words = ["submit", str(photo(tmp_path)), "mosiac", "--studio", "http://127.0.0.1:1"]
    refused = CliRunner().invoke(cli.app, words, env={"COLUMNS": "200", "TERM": "dumb"})
    assert refused.exit_code == 2
    assert "no sample style of that name" in refused.stderr
    assert "mosaic" in refused.stderr


def test_a_studio_that_does_not_answer_is_said_with_the_option_for_another_address(
    tmp_path: Path, setting: Setting
) -> None:
    setting(port=free_port())
    here = ["list", "--cookies", str(tmp_path / "cookies")]
    away = CliRunner().invoke(cli.app, here)
    assert "does not answer" in str(away.exception)
    assert "--studio" in str(away.exception)
    assert "visitor of its own" not in away.stderr


def test_the_command_line_says_what_was_refused(address: str, tmp_path: Path) -> None:
    here = ["--studio", address, "--cookies", str(tmp_path / "cookies")]
    words = ["submit", str(photo(tmp_path)), str(photo(tmp_path)), "--alpha", "7", *here]
    refused = CliRunner().invoke(cli.app, words)
    assert refused.exit_code == 1
    assert "alpha is a number from 0 to 1." in str(refused.exception)
    unknown = CliRunner().invoke(cli.app, ["watch", "nonsense", *here])
    assert "There is no job with this id among yours." in str(unknown.exception)


def test_a_cancelled_job_fails_the_command_that_waits_for_it(
    me: Studio, address: str, cookies: Path
) -> None:
    job = me.submit(picture(), [picture()])
    here = [job.id, "--studio", address, "--cookies", str(cookies)]
    assert CliRunner().invoke(cli.app, ["cancel", *here]).stdout == "cancelled\n"
    assert CliRunner().invoke(cli.app, ["watch", *here]).exit_code == 1


# ---------------------------------------------------------------- verbs


def test_a_job_is_sent_looked_at_and_fetched(me: Studio, tmp_path: Path) -> None:
    job = me.submit(
        photo(tmp_path), [picture(), photo(tmp_path, "s.png")], alpha=0.5, weights=[1, 2]
    )
    assert (job.state, job.position, job.styles) == ("queued", 1, 2)
    assert job.options["alpha"] == 0.5
    with pytest.raises(StudioError, match="not ready") as early:
        me.result(job.id)
    assert early.value.status == 409
    finish(begin())
    assert me.get(job.id).ended
    assert me.result(job.id) == picture(32, 24)


def test_jobs_are_listed_over_all_pages(me: Studio) -> None:
    sent = [me.submit(picture(16, 16), [picture(16, 16)]).id for _ in range(30)]
    assert [job.id for job in me.list()] == sent[::-1]


def test_a_refusal_is_the_studios_sentence(me: Studio) -> None:
    with pytest.raises(StudioError, match="GIF, TIFF and BMP are accepted") as refused:
        me.submit(b"hello", [picture()])
    assert refused.value.status == 422
    with pytest.raises(StudioError, match="no job with this id") as unknown:
        me.get("nonsense")
    assert (unknown.value.status, unknown.value.code) == (404, "job.not_found")


def test_an_unreachable_address_is_a_clear_error() -> None:
    with Studio("http://127.0.0.1:1") as unreachable, pytest.raises(StudioError) as error:
        unreachable.get("any")
    assert error.value.status == 0
    assert "http://127.0.0.1:1 does not answer" in str(error.value)


# ---------------------------------------------------------------- who it is


def test_the_cookie_is_kept_in_the_file_it_was_given(
    me: Studio, address: str, cookies: Path
) -> None:
    job = me.submit(picture(), [picture()])
    assert list(json.loads(cookies.read_text())) == [address]
    assert stat.S_IMODE(cookies.stat().st_mode) == 0o600
    with Studio(address + "/", cookies) as me_later:
        assert me_later.get(job.id).id == job.id
    with Studio(address) as stranger, pytest.raises(StudioError):
        stranger.get(job.id)


def test_a_file_of_cookies_serves_several_studios(cookies: Path, address: str) -> None:
    cookies.parent.mkdir()
    cookies.write_text('{"http://elsewhere": "who"}')
    with Studio(address, cookies) as me:
        list(me.list())
    assert set(json.loads(cookies.read_text())) == {"http://elsewhere", address}


# ---------------------------------------------------------------- on a bad line


class Between(threading.Thread):
    """A proxy between client and studio that loses the answers to the first few POSTs."""

    def __init__(self, address: str, lost: int) -> None:
        super().__init__(daemon=True)
        self.there = ("127.0.0.1", int(address.rpartition(":")[2]))
        self.lost = lost
        self.seen = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.start()

    def run(self) -> None:
        while True:
            caller, _ = self.listener.accept()
            threading.Thread(target=self.carry, args=(caller,), daemon=True).start()

    def carry(self, caller: socket.socket) -> None:
        with caller, socket.create_connection(self.there) as studio:
            threading.Thread(target=self.back, args=(studio, caller), daemon=True).start()
            while data := caller.recv(65536):
                if data.startswith(b"POST"):
                    self.seen += 1
                studio.sendall(data)

    def back(self, studio: socket.socket, caller: socket.socket) -> None:
        with suppress(OSError):  # the other direction has closed both
            while data := studio.recv(65536):
                if b" 202 Accepted" in data and self.lost > 0:
                    self.lost -= 1
                    caller.shutdown(socket.SHUT_RDWR)
                    return
                caller.sendall(data)


def test_a_lost_answer_makes_no_second_job(address: str) -> None:
    between = Between(address, lost=1)
    with Studio(between.url) as me:
        job = me.submit(picture(), [picture()])
        assert [mine.id for mine in me.list()] == [job.id]
    assert between.seen == 2
    assert sum(jobs.counts().values()) == 1


def watched(me: Studio, job_id: str) -> tuple[threading.Thread, list[Standing]]:
    seen: list[Standing] = []
    thread = threading.Thread(target=lambda: seen.extend(me.watch(job_id)))
    thread.start()
    return thread, seen


def test_a_job_is_watched_to_its_end(me: Studio) -> None:
    job = me.submit(picture(), [picture()])
    states = me.watch(job.id)
    assert next(states).state == "queued"
    taken = begin()
    assert next(states).state == "running"
    finish(taken)
    assert [job_progress.state for job_progress in states] == ["done"]


class Refusing(http.server.BaseHTTPRequestHandler):
    """A studio behind something that gathers streams: events come as nothing."""

    def do_GET(self) -> None:
        if self.path.endswith("/events"):
            body, status = b"<h1>Bad gateway</h1>", 502
        else:
            self.server.looks += 1  # type: ignore[attr-defined]
            state = "done" if self.server.looks > 2 else "running"  # type: ignore[attr-defined]
            body, status = json.dumps(JOB | {"state": state}).encode(), 200
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


JOB = {
    "id": "a", "state": "", "position": 0, "stage": "", "progress": 0.5, "error": None,
    "estimate": None, "submitted": 1.0, "started": None, "finished": None, "elapsed": 0.0,
    "options": {}, "styles": 1, "masks": 0, "width": 1, "height": 1, "timings": {},
    "network": None, "from the future": 1,
}  # fmt: skip


def test_where_events_do_not_come_through_it_asks_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(requests, "LOOK_SECONDS", 0.01)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        server.looks = 0  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Studio(f"http://127.0.0.1:{server.server_port}") as me:
            seen = [job_progress.state for job_progress in me.watch("a")]
        server.shutdown()
    assert seen == ["running", "done"]


def test_watching_goes_on_when_the_line_breaks(
    address: str, cookies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "SILENCE", 0.3)  # the server's comments come later
    monkeypatch.setattr(requests, "LOOK_SECONDS", 0.05)
    with Studio(address, cookies) as me:
        job = me.submit(picture(), [picture()])
        thread, seen = watched(me, job.id)
        time.sleep(1)
        finish(begin())
        thread.join(120)
    assert [job_progress.state for job_progress in seen][-1] == "done"


def test_watching_outlives_a_studio_that_is_started_again(studio: Path, cookies: Path) -> None:
    port = free_port()
    with Studio(f"http://127.0.0.1:{port}", cookies) as me:
        with served(port):
            job = me.submit(picture(), [picture()])
            thread, seen = watched(me, job.id)
            until(lambda: seen)
        jobs.claim("a worker")  # while the client can't see it
        with served(port):
            until(lambda: seen[-1].state == "running")
            me.cancel(job.id)
            assert jobs.stopped(job.id, 1)
            thread.join(120)
    assert [job_progress.state for job_progress in seen] == ["queued", "running", "cancelled"]


def test_the_client_does_not_wait_for_a_retry_after_of_an_hour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Studio(f"http://127.0.0.1:{server.server_port}") as me:
            waited = list[float]()
            monkeypatch.setattr("time.sleep", waited.append)
            with pytest.raises(StudioError, match="Enough for now"):
                me.get("a")
            assert sum(waited) < 5
        server.shutdown()


class Busy(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(429)
        self.send_header("Retry-After", "3600")
        self.end_headers()
        self.wfile.write(b'{"detail": "Enough for now."}')

    def log_message(self, *_: object) -> None:
        pass


# ---------------------------------------------------------------- what it needs


def test_the_client_stands_alone() -> None:
    code = "import web.client, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    loaded = set(done.stdout.decode().split())
    assert not loaded & {"gradio", "fastapi", "starlette", "torch", "sqlalchemy", "celery"}
    assert not [name for name in loaded if name.startswith(("worker", "adain"))]
