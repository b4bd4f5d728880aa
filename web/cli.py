"""`adain-studio`: the command line.

Each command imports only what it needs, so that help comes at once and only the commands for the
worker and the weights load torch.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from threading import Event, Thread
from typing import Annotated, Any

import typer

from web import commands
from web.samples import commands as shelf
from worker import masks, program
from worker.masks import masked

app = typer.Typer(
    help="AdaIN Studio: a page and an API that repaint photos, and the queue behind them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
weights = typer.Typer(help="List, add or fetch the networks' weights.", no_args_is_help=True)
app.add_typer(weights, name="weights")
app.add_typer(shelf.app, name="shelf")
app.add_typer(commands.app)


@app.command()
def up() -> None:
    """Run the whole studio on this machine: queue, worker, sweep and web."""
    from web.launcher import launcher

    launcher.up()


@app.command()
def web() -> None:
    """Run the web server alone."""
    import uvicorn

    from web.http import descriptors, memory, spool
    from web.http.connection import Connection
    from worker.observability import logs
    from worker.settings import settings
    from worker.storage import revisions

    logs.start()
    revisions.warn()
    memory.install()
    descriptors.install()
    with spool.install():
        uvicorn.run(
            "web.app:create",
            factory=True,
            http=Connection,
            host=settings().host,
            port=settings().port,
            proxy_headers=False,  # who a proxy speaks for is for `web.security.address` to say
            log_config=None,
            access_log=settings().log_level == "DEBUG",
            server_header=False,
            timeout_graceful_shutdown=3,  # open pages keep a connection for ever
        )


@app.command()
def worker() -> None:
    """Run a worker alone, here or on another machine; SIGTERM lets it finish its job."""
    from worker.observability import logs
    from worker.storage import revisions

    logs.start()
    revisions.wait()
    from worker.runner import celery_tasks

    celery_tasks.work()


@app.command()
def sweep() -> None:
    """Run the sweep alone: it keeps what was promised about jobs when other parts fail."""
    from worker.maintenance import sweep as sweeping
    from worker.observability import logs
    from worker.storage import revisions

    logs.start()
    revisions.wait()
    wanted = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)  # before the thread, which inherits it
    stop = Event()
    thread = Thread(target=sweeping.run, args=(stop,), name="sweep")
    thread.start()
    signal.sigwait(wanted)
    stop.set()
    thread.join()


@app.command()
def migrate() -> None:
    """Bring the database up to date; safe at any time."""
    from worker.observability import logs
    from worker.storage import database

    logs.start()
    with _or_a_sentence("The tables can't be brought up to date"):
        database.migrate()


# ---------------------------------------------------------------- back-up


_TABLES = {"gate": "service state"}  # tables whose name is not the word for what is in them


def _summary(counts: dict[str, int]) -> str:
    named = {_TABLES.get(table, table): count for table, count in sorted(counts.items()) if count}
    return ", ".join(f"{count} {name}" for name, count in named.items()) or "empty"


@contextmanager
def _or_a_sentence(otherwise: str) -> Iterator[None]:
    """End the process with a sentence, whatever goes wrong; STUDIO_LOG_LEVEL=DEBUG says where."""
    import traceback

    from worker.settings import settings

    try:
        yield
    except Exception as error:  # files, databases and object stores each have their own kinds
        if settings().log_level == "DEBUG":
            traceback.print_exc()
        said = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
        raise SystemExit(f"{otherwise}: {said}") from error


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="a new file, or a folder for one named by time")],
) -> None:
    """Write all rows and pictures to one file, while the studio runs; it has what is secret."""
    from worker.maintenance import backup as backups

    with _or_a_sentence("No back-up was made"):
        file, counts = backups.make(target)
    print(f"{file}: {_summary(counts)}")


def _verify_studio() -> None:
    from worker.maintenance import verify as verifying

    with _or_a_sentence("The pictures can't be checked"):
        problems = verifying.problems()
    print(*problems, sep="\n", end="\n" if problems else "")
    if problems:
        raise SystemExit(f"{len(problems)} pictures are missing or damaged.")
    print("Every picture that a row names is as it was stored.")


@app.command()
def verify(
    source: Annotated[
        Path | None,
        typer.Argument(help="what `adain-studio backup` wrote; without it, this studio's pictures"),
    ] = None,
) -> None:
    """Check a back-up as `restore` does, or the pictures that are stored; change nothing."""
    if source is None:
        return _verify_studio()
    from worker.maintenance import check_backup

    with _or_a_sentence("This back-up can't be restored"), check_backup.checked(source) as back_up:
        missing = len(back_up.head.missing)
        print(f"Sound: {len(back_up.pictures())} pictures, {_summary(back_up.counts)}.")
    if missing:
        print(f"{missing} pictures were missing in the studio when it was made.")


def _drill(source: Path) -> None:
    from worker.maintenance import drill

    with _or_a_sentence("This back-up can't be restored"):
        print(drill.run(source))


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="what `adain-studio backup` wrote")],
    replace: Annotated[bool, typer.Option(help="delete what is in this studio first")] = False,
    drill: Annotated[
        bool, typer.Option("--drill", help="into a temporary studio, checked and deleted again")
    ] = False,
) -> None:
    """Fill a stopped studio from a back-up, whichever of the databases either has."""
    if drill:
        return _drill(source)
    from worker.maintenance import restore as restoring

    with _or_a_sentence("Nothing was restored"):
        counts = restoring.restore(source, replace)
    print(f"Restored: {_summary(counts)}")


@app.command()
def adopt(
    orphans: Annotated[
        bool, typer.Option(help="let all folders that no row names go to the trash")
    ] = False,
) -> None:
    """Say that this database and these pictures belong together, so that the sweep may delete."""
    from worker.maintenance import adoption

    with _or_a_sentence("Nothing was joined"):
        print(adoption.adopt(orphans))


# ---------------------------------------------------------------- health


class Part(StrEnum):
    """A long-running part of the studio with a health check."""

    WEB = "web"
    WORKER = "worker"
    SWEEP = "sweep"


def _ready() -> bool:
    """Ask the web server of this machine whether it accepts jobs."""
    from http.client import HTTPConnection

    from worker.settings import settings

    with closing(HTTPConnection("127.0.0.1", settings().port, timeout=5)) as connection:
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False


def _alive(kind: str) -> bool:
    """Return whether such a process of this machine has a recent heartbeat."""
    import socket

    from worker.storage import processes

    return any(one.name.startswith(f"{socket.gethostname()}:") for one in processes.alive(kind))


@app.command()
def check(part: Part) -> None:
    """Tell by the exit code whether a part on this machine is well; for health checks."""
    if not (_ready() if part is Part.WEB else _alive(part)):
        raise SystemExit(f"The {part} is not well.")


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Tell what this studio lacks and what to do about it; change nothing. 1: there is a fault."""
    import json
    from dataclasses import asdict

    from web.operations import doctor as doctors

    found = doctors.examine()
    if as_json:
        print(json.dumps({name: asdict(one) for name, one in found.items()}, indent=2))
    else:
        print(*(doctors.line(name, one) for name, one in found.items()), sep="\n")
    if any(one.state is doctors.State.FAULT for one in found.values()):
        raise SystemExit(1)


# ---------------------------------------------------------------- settings


def _shown(value: Any) -> str:  # noqa: ANN401, a setting's
    """Write a value as in an environment file; booleans as true and false, passwords hidden."""
    return masked(str(value).lower() if isinstance(value, bool) else str(value))


@app.command("settings")
def show_settings() -> None:
    """List every setting: its value, what it means and its default; secrets are hidden."""
    from worker.cookie_secrets import warnings
    from worker.settings import PREFIX, Settings, settings

    chosen = settings()
    for warning in warnings():
        print(f"# warning: {warning}", file=sys.stderr)
    values = {name: getattr(chosen, name) for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        usual = _shown(field.get_default(call_default_factory=True, validated_data=values))
        print(f"# {field.description} (default: {usual or 'empty'})")
        print(f"{PREFIX}{name.upper()}={_shown(values[name])}\n")


# ---------------------------------------------------------------- weights


def _folder() -> Path:
    from worker.settings import settings

    return settings().weights_dir


@weights.command("list")
def list_weights() -> None:
    """List the networks and where their weights lie, or how to get them."""
    from adain.catalog import NETWORKS
    from adain.weights import WeightsError, find

    for network in NETWORKS:
        try:
            found = find(network, _folder())
            print(f"{network}: {', '.join(map(str, found.files))}\n  sha256 {found.sha256}")
        except WeightsError as error:
            print(f"{network}: {error}")


@weights.command("add")
def add_weights(file: Annotated[Path, typer.Argument(help=".safetensors or .pth")]) -> None:
    """Add a file of weights, checked and converted; the worker notices by itself."""
    from adain.weights import WeightsError, add

    try:
        print(f"Added {add(file, _folder())} to {_folder()}.")
    except WeightsError as error:
        raise SystemExit(str(error)) from error


@weights.command("fetch")
def fetch_weights(
    url: Annotated[str, typer.Argument(help="http or https address of the file")],
    sha256: Annotated[str, typer.Option(help="of the file, from somebody you trust")],
) -> None:
    """Download a file of weights, compare its sha256 and add it."""
    from tqdm import tqdm

    from adain.weights import WeightsError, fetch

    try:
        with tqdm(unit="B", unit_scale=True) as bar:

            def progress(size: int) -> None:
                bar.update(size)

            name = fetch(url, sha256, _folder(), progress)
        print(f"Added {name} to {_folder()}.")
    except WeightsError as error:
        raise SystemExit(str(error)) from error


def main() -> None:
    """Run the command that the command line names."""
    masks.install()
    program.protect()
    app()


if __name__ == "__main__":
    main()
