"""The image `studio` alone, run by the words of deploy/README.md."""

import re
import shlex
import time
from contextlib import suppress
from pathlib import Path

from tests.containers.engine import Engine, Failed
from tests.containers.images import ROOT
from tests.containers.visitor import PATIENCE, Visitor
from tests.parts import free_port

NAME = "studio-single"


def documented(file: Path, image: str) -> list[str]:
    """Return the words after `docker` by which a document runs an image."""
    [given] = re.findall(rf"^docker (run .*? {image})$", file.read_text(), re.M | re.S)
    return shlex.split(given.replace("\\\n", " "))


def words(name: str, port: int) -> list[str]:
    """Return the words that the documents run it by, with a name, port and volume of our own."""
    said = documented(ROOT / "deploy" / "README.md", "adain-studio")
    ours = {
        "studio": name,
        "127.0.0.1:7860:7860": f"127.0.0.1:{port}:7860",
        "studio:/data": f"{name}:/data",
        "adain-studio": "adain-studio-studio",
    }
    return [ours.get(one, one) for one in said]


def until_healthy(engine: Engine, name: str) -> float:
    """Wait until the engine calls a container healthy; return the seconds it took."""
    begun = time.monotonic()
    while (state := engine.docker("inspect", "-f", "{{.State.Health.Status}}", name)) != "healthy":
        assert time.monotonic() - begun < PATIENCE, f"{name} is {state}"
        time.sleep(0.5)
    return time.monotonic() - begun


def remove(engine: Engine, name: str = NAME) -> None:
    """Remove the container and its volume, if they are there."""
    for given in (["rm", "--force", "--volumes", name], ["volume", "rm", "--force", name]):
        with suppress(Failed):
            engine.docker(*given)


def run(engine: Engine, name: str = NAME) -> dict[str, float]:
    """Run it, paint, ask its doctor, stop it and start it again; return seconds of each."""
    port, begun = free_port(), time.monotonic()
    engine.docker(*words(name, port))
    visitor = Visitor(f"http://127.0.0.1:{port}")
    visitor.until_ready()
    ready = time.monotonic() - begun
    picture = visitor.paint()
    figures = {"start": ready, "picture": picture, "healthy": until_healthy(engine, name)}
    print("\n".join(engine.docker("exec", name, "adain-studio", "doctor").splitlines()))
    job = visitor.submit()
    visitor.until(job, "done")
    engine.docker("stop", "--time", "60", name)
    assert engine.docker("inspect", "-f", "{{.State.ExitCode}}", name) == "0"
    engine.docker("start", name)
    visitor.until_ready()
    visitor.result(job)
    remove(engine, name)
    return figures
