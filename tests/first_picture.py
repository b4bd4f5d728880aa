"""`make first-picture`: from nothing to a picture, by each way of running the studio.

Prints one table: seconds to install or to build, until the page answers, and until a first
picture is there; megabytes on disk afterwards. Neither pip's cache nor Docker's layers are used;
images that are not ours are there before. Checkout and wheel take the usual torch, with CUDA; the
images the build without, where images of others are stood in for.
"""

import argparse
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import wheel
from tests.containers import images, single
from tests.containers.engine import Engine
from tests.containers.stack import Stack
from tests.containers.visitor import Visitor
from tests.parts import free_port

ROOT = Path(__file__).parents[1]
STOPS = 60.0  # seconds
NOT_OURS = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONPATH", "VIRTUAL_ENV"}


@dataclass(frozen=True)
class Way:
    """What one way took: seconds of each step, megabytes on disk."""

    name: str
    install: float
    start: float
    picture: float
    megabytes: float

    def row(self) -> str:
        seconds = (self.install, self.start, self.picture)
        shown = " | ".join(f"{one:.0f}" for one in (*seconds, sum(seconds), self.megabytes))
        return f"| {self.name} | {shown} |"


HEAD = """| | install or build, s | start, s | first picture, s | together, s | MB on disk |
|---|---|---|---|---|---|"""


def _environment(**more: str) -> dict[str, str]:
    """Return the environment of a newcomer: nothing of this checkout, nothing downloaded before."""
    ours = {name for name in os.environ if name.startswith("STUDIO_")} | NOT_OURS
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return kept | {"PIP_NO_CACHE_DIR": "1"} | more


@contextmanager
def _running(words: list[str], folder: Path, port: int) -> Iterator[Visitor]:
    """Run a studio of this machine until the end of the block."""
    settings = _environment(STUDIO_PORT=str(port))
    studio = subprocess.Popen(
        words, cwd=folder, env=settings, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        visitor = Visitor(f"http://127.0.0.1:{port}")
        visitor.until_ready()
        yield visitor
    finally:
        os.killpg(studio.pid, signal.SIGTERM)
        studio.wait(STOPS)


def _painted(words: list[str], folder: Path) -> tuple[float, float]:
    """Start a studio of this machine; return the seconds until it answers and of a picture."""
    begun = time.monotonic()
    with _running(words, folder, free_port()) as visitor:
        return time.monotonic() - begun, visitor.paint()


def by_checkout(folder: Path) -> Way:
    """Clone the last commit, then `make up`."""
    clone, begun = folder / "clone", time.monotonic()
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    make = ["make", "-s", "install"]
    subprocess.run(make, cwd=clone, env=_environment(), check=True, stdout=subprocess.DEVNULL)
    installed = time.monotonic() - begun
    seconds = _painted(["make", "-s", "up"], clone)
    return Way("`make up` in a clone", installed, *seconds, wheel.megabytes(clone))


def by_wheel(folder: Path) -> Way:
    """Install the wheel into an empty environment, then `adain-studio up` in an empty folder."""
    built, begun = wheel.build(folder), time.monotonic()
    programs = wheel.install(built, folder / "environment")
    installed = time.monotonic() - begun
    (folder / "empty").mkdir()
    seconds = _painted([str(programs / "adain-studio"), "up"], folder / "empty")
    taken = wheel.megabytes(folder / "environment") + wheel.megabytes(folder / "empty")
    return Way("wheel", installed, *seconds, taken)


def by_container(engine: Engine, torch: Path | None) -> Way:
    """Build the image `studio` and run it by the documents' words."""
    built = images.build(engine, torch, "studio", afresh=True)
    port, begun = free_port(), time.monotonic()
    try:
        engine.docker(*single.words(single.NAME, port))
        visitor = Visitor(f"http://127.0.0.1:{port}")
        visitor.until_ready()
        started = time.monotonic() - begun
        seconds, megabytes = built["studio"]
        return Way("one container", seconds, started, visitor.paint(), megabytes)
    finally:
        single.remove(engine)


def by_compose(engine: Engine, torch: Path | None) -> Way:
    """Build the images of docker-compose.yml and start it; its sizes are of all images, summed."""
    built = images.build(engine, torch, "web", "worker", afresh=True)
    stack, begun = Stack(engine, "studio-first"), time.monotonic()
    try:
        stack.up()
        visitor = Visitor(stack.address())
        visitor.until_ready()
        started, seconds = time.monotonic() - begun, visitor.paint()
        others = [one for one in images.foreign() if images.program(one) in ("redis", "postgres")]
        taken = sum(size for _, size in built.values())
        taken += sum(images.megabytes(engine, one) for one in others)
        return Way("compose", sum(each for each, _ in built.values()), started, seconds, taken)
    finally:
        stack.down()


def _of_this_machine() -> Iterator[Way]:
    """Go the ways that need no Docker."""
    for way in (by_checkout, by_wheel):
        with tempfile.TemporaryDirectory(prefix="studio-first-") as name:
            yield way(Path(name))


def _of_docker(kind: str, kept: Path | None) -> Iterator[Way]:
    """Go the ways that need an engine."""
    torch = images.torch_wheel() if kind == "stand-in" else None
    with images.engine(kind, kept) as engine:
        yield by_container(engine, torch)
        yield by_compose(engine, torch)


def main() -> None:
    """Go each way, one after the other, and print the table."""
    parser = argparse.ArgumentParser("python -m tests.first_picture", description=__doc__)
    parser.add_argument("--images", choices=images.KINDS, default=images.KINDS[0])
    parser.add_argument("--keep", type=Path, help="folder of the engine, kept afterwards")
    parser.add_argument("--only", choices=("machine", "docker"), help="half of the ways")
    args = parser.parse_args()
    ways: list[Way] = []
    if args.only != "docker":
        ways += _of_this_machine()
    if args.only != "machine":
        ways += _of_docker(args.images, args.keep)
    print("\n".join([HEAD, *(one.row() for one in ways)]))


if __name__ == "__main__":
    main()
