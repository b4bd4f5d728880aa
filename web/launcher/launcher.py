"""`adain-studio up`: the whole studio on one machine, from one process that keeps it alive.

Migrates, starts the queue server, a worker, the sweep and the web server, restarts
each that ends, and stops them all.
"""

import errno
import fcntl
import http.client
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock, Thread
from types import FrameType
from typing import TextIO

from sqlalchemy.exc import SQLAlchemyError

from web.launcher import retention
from web.launcher.supervised import Child
from web.launcher.valkey import QueueServer
from worker import program
from worker.settings import PREFIX, Settings, settings
from worker.storage import database

PATIENCE = 10.0  # seconds a process has to finish what it does
KEPT_INFORMED = 15.0  # seconds between two lines on what is still missing
OTHER_PARTS = "the other parts"  # which, the web server tells only the operator

_COLORS = {"studio": 36, "queue": 35, "worker": 33, "sweep": 34, "web": 32}
_printing = Lock()


def _say(who: str, line: str) -> None:
    """Print a line of a process behind its name, in colour on a terminal."""
    name = f"{who:<6} |"
    if sys.stdout.isatty():
        name = f"\x1b[{_COLORS[who]}m{name}\x1b[0m"
    with _printing, suppress(OSError):  # the terminal may be gone; the work goes on
        print(name, line, flush=True)


# ---------------------------------------------------------------- what must be ours


@contextmanager
def _alone(data: Path) -> Iterator[TextIO]:
    """Hold the data folder by a lock file, which is given to write into who holds it.

    Raises SystemExit when another studio holds the folder.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)  # other people's photos
        lock = (data / "lock").open("a+")
    except OSError as error:
        raise SystemExit(f"The data folder {data} can't be written: {error.strerror}.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise SystemExit(
                f"A studio already runs on {data}: {lock.read().strip() or 'it is starting'}. "
                "Stop that one first, or choose another folder: make up DATA=/some/folder"
            ) from None
        lock.truncate(0)
        yield lock


def _free_port(host: str, port: int) -> int:
    """Return the port once it is known to be free (0: any); raises SystemExit when it is not."""
    try:
        family, kind, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with closing(socket.socket(family, kind)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            probe.listen()
            return int(probe.getsockname()[1])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SystemExit(
                f"Port {port} on {host} is taken by another program. "
                f"Choose another: make up PORT={port + 1}"
            ) from error
        raise SystemExit(f"Can't listen on port {port} of {host}: {error.strerror}.") from error


def _reachable(host: str) -> str:
    """Return the host under which this machine itself reaches the server."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def _address(chosen: Settings, port: int) -> str:
    host = _reachable(chosen.host)
    return chosen.public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}"


# ---------------------------------------------------------------- what is started


def _part(name: str, environment: dict[str, str], orphaned: signal.Signals) -> Child:
    """Return one of our own parts as a child, the same code as ours."""
    return Child(name, program.command("web.cli", name), _say, environment, orphaned=orphaned)


_PLACES = ("data", "database_url", "blobs_url", "weights_dir", "code_dir", "backup_dir")


def _environment(port: int) -> dict[str, str]:
    """Return the environment of the processes: ours, and each path made absolute."""
    places = {PREFIX + name.upper(): str(getattr(settings(), name)) for name in _PLACES}
    fields = {"STUDIO_PORT": str(port), "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}
    return program.with_settings(places | fields | retention.environment(settings()))


def _queue(data: Path) -> tuple[Child, str]:
    """Start the embedded queue server with what its predecessor left; return it and its URL."""
    server = QueueServer(data / "queue")
    server.end_old()
    server.prepare()
    child = Child("queue", server.command(), _say, folder=server.folder)
    child.tend()
    if not server.answers():
        _say("studio", f"queue does not answer yet; see {server.folder / 'valkey.log'}")
    elif put_back := server.put_back():
        _say("studio", f"queue had {put_back} messages that nobody answered; they are put back")
    return child, server.url


def _children(port: int) -> list[Child]:
    """Start the queue unless one is given; return all children, in the order to end them."""
    environment = _environment(port)
    queue: list[Child] = []
    if "redis_url" not in settings().model_fields_set:
        child, url = _queue(settings().data)
        queue = [child]
        environment["STUDIO_REDIS_URL"] = url
    # An orphaned worker is to give its job back rather than to finish it: its child does so
    # when the worker is killed.
    worker = _part("worker", environment, signal.SIGKILL)
    sweep, web = (_part(name, environment, signal.SIGTERM) for name in ("sweep", "web"))
    return [web, worker, sweep, *queue]


def _migrate() -> None:
    try:
        database.migrate()
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip()
        raise SystemExit(f"The database can't be used: {reason}") from error


# ---------------------------------------------------------------- when it is ready


def _missing(host: str, port: int) -> list[str]:
    """Return the parts that are not well yet, as far as the web server tells anybody here.

    No secret is sent: another program of this machine may have taken the port meanwhile.
    """
    with closing(http.client.HTTPConnection(_reachable(host), port, timeout=5)) as connection:
        try:
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            parts = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return ["web"]
    if answer.status == 200:
        return []
    bad = [name for name, part in parts.items() if isinstance(part, dict) and not part.get("ok")]
    return bad or [OTHER_PARTS]


def _announce(host: str, port: int, address: str) -> None:
    """Say where the page is as soon as a job would be done, and until then what is missing."""
    begun = reported = time.monotonic()
    while missing := _missing(host, port):
        if time.monotonic() - reported > KEPT_INFORMED:
            reported = time.monotonic()
            _say("studio", f"still waiting for: {', '.join(missing)}")
        time.sleep(0.1)
    seconds = time.monotonic() - begun
    _say("studio", f"Ready after {seconds:.0f} s: {address} (Ctrl-C stops everything)")


# ---------------------------------------------------------------- from beginning to end


class _Signals:
    """Counts the signals that ask to stop: one is a request, two are an order."""

    def __init__(self) -> None:
        self.count = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1


def _wait(done: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not done() and time.monotonic() < until:
        time.sleep(0.05)


def _end(children: Sequence[Child], ordered: Callable[[], bool]) -> None:
    """End children: ask, wait, then insist."""
    for child in children:
        child.terminate()
    _wait(lambda: ordered() or all(child.gone() for child in children), PATIENCE)
    for child in children:
        child.kill()


def _keep_alive(children: Sequence[Child], signals: _Signals) -> None:
    """Restart children that end until a signal comes, then end them, the queue server last."""
    while not signals.count:
        for child in children:
            child.tend()
        time.sleep(0.1)
    _say("studio", "Stopping; the job at hand is finished first. Once more Ctrl-C: at once.")
    for name in ({"web", "worker", "sweep"}, {"queue"}):
        _end([child for child in children if child.name in name], lambda: signals.count > 1)
    _say("studio", "Stopped. Every job is kept; start again to go on.")


def up() -> None:
    """Run the studio until Ctrl-C or SIGTERM; raises SystemExit with a sentence if it can't."""
    chosen = settings()
    # The folder first: of two equal starts, the second shall hear that it is the second.
    with _alone(chosen.data) as lock:
        port = _free_port(chosen.host, chosen.port)
        address = _address(chosen, port)
        print(f"{address}, process {os.getpid()}", file=lock, flush=True)
        _say("studio", f"Starting on the data in {chosen.data}; this takes some 10 seconds …")
        _say("studio", retention.sentence(chosen))
        _migrate()
        signals = _Signals()
        children = _children(port)
        Thread(target=_announce, args=(chosen.host, port, address), daemon=True).start()
        _keep_alive(children, signals)
