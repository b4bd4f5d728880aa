"""The studio as docker-compose.yml describes it, under a name of its own."""

import json
import os
import signal
import time
from pathlib import Path

from tests.containers.engine import Engine, Failed
from tests.containers.images import COMPOSE
from tests.containers.visitor import PATIENCE

PARTS = ("web", "worker", "sweep", "redis", "postgres")
METRICS_TOKEN = "a-token-of-the-test"
SETTINGS = {
    "PORT": "0",
    "STUDIO_METRICS_TOKEN": METRICS_TOKEN,
    "POSTGRES_PASSWORD": "secretofthetest",
    "REDIS_PASSWORD": "anothersecret",
}


class Stack:
    """One project of Compose."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name

    def compose(self, *words: str) -> str:
        given = ["--project-name", self.name, "--file", str(COMPOSE)]
        return self.engine.compose(*given, *words, settings=SETTINGS)

    def up(self, *more: str) -> None:
        """Start all parts, and services of profiles that are named; wait until all are well."""
        self.compose("up", "--no-build", "--detach", "--wait", *PARTS, *more)

    def down(self) -> None:
        """Delete everything of the project, its volumes too."""
        self.compose("--profile", "*", "down", "--volumes", "--timeout", "60")

    def container(self, service: str) -> str:
        return self.compose("ps", "--quiet", service)

    def inside(self, service: str, *words: str) -> str:
        """Return what a command prints that runs in a container beside its process."""
        return self.engine.docker("exec", self.container(service), *words)

    def address(self) -> str:
        """Return where the web server is reached; restarted, it may be another port."""
        return f"http://{self.compose('port', 'web', '7860')}"

    def inspect(self, service: str, what: str) -> str:
        return self.engine.docker("inspect", "-f", what, self.container(service))

    def kill(self, service: str) -> int:
        """Kill the first process of a container as a crash would; return its restarts before."""
        before = int(self.inspect(service, "{{.RestartCount}}"))
        os.kill(int(self.inspect(service, "{{.State.Pid}}")), signal.SIGKILL)
        return before

    def until_restarted(self, service: str, before: int) -> None:
        """Wait until a container was started again and is well."""
        end = time.monotonic() + PATIENCE
        wanted = "{{.RestartCount}} {{.State.Status}} {{.State.Health.Status}}"
        while True:
            count, status, health = self.inspect(service, wanted).split()
            if int(count) > before and (status, health) == ("running", "healthy"):
                return
            assert time.monotonic() < end, f"{service}: {count} restarts, {status}, {health}"
            time.sleep(0.5)

    def row(self, query: str) -> str:
        words = ["psql", "--username=studio", "--dbname=studio", "-tAc", query]
        return self.inside("postgres", *words)

    def counts(self) -> dict[str, str]:
        """Return how many jobs are done: one that lost its photo is in no back-up."""
        return {"jobs": self.row("SELECT count(*) FROM jobs WHERE status = 'done'")}

    def fetch(self, service: str, file: str, target: Path) -> None:
        self.compose("cp", f"{service}:{file}", str(target))

    def said(self) -> str:
        """Return the last lines of every part, for who looks after a failure."""
        try:
            return self.compose("logs", "--tail", "30")
        except Failed as error:
            return str(error)

    def described(self) -> dict[str, str]:
        """Return the health of each part."""
        listed = self.compose("ps", "--all", "--format", "json").splitlines()
        return {one["Service"]: one["Health"] for one in map(json.loads, listed)}
