"""Our images, built; and stand-ins for those that only a registry of images has.

A stand-in is Debian's own package of the same program, over a minimal Debian, under the tag that
Dockerfile and compose file name.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import yaml

from tests import distribution
from tests.containers.engine import Engine, own

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
TARGETS = ("web", "worker", "studio")
KINDS = ("stand-in", "real")
DEBIAN = "stand-in-debian"

RECIPES = Path(__file__).parent / "stand_ins"
STAND_INS = {one.name.partition(".")[0] for one in RECIPES.glob("*.Dockerfile")}
NO_STAND_IN = {"caddy", "grafana"}  # not run: of a profile; in no registry of packages


def foreign() -> list[str]:
    """Return the images that are not ours, as Dockerfile and compose file name them."""
    [base] = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", DOCKERFILE.read_text(), re.M)
    services: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return [base] + [one["image"] for one in services.values() if "build" not in one]


def program(image: str) -> str:
    """Return the program of an image: "prometheus" of prom/prometheus:v3.5.0."""
    return image.rpartition("/")[2].partition(":")[0]


# ---------------------------------------------------------------- stand-ins


def _machines_own(folder: Path) -> None:
    """Let a minimal Debian reach packages as this machine does."""
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", folder / "etc" / "ssl" / "certs")
    if Path("/etc/pip.conf").exists():
        shutil.copy("/etc/pip.conf", folder / "etc")
    for file in Path("/etc/apt/apt.conf.d").glob("99*"):
        shutil.copy(file, folder / "etc" / "apt" / "apt.conf.d")
    (folder / "etc/apt/apt.conf.d/99-small").write_text('APT::Install-Recommends "false";\n')
    (folder / "etc/dpkg/dpkg.cfg.d/unsafe-io").write_text("force-unsafe-io\n")
    shutil.rmtree(folder / "var" / "cache" / "apt" / "archives")
    shutil.rmtree(folder / "var" / "lib" / "apt" / "lists")


def _import_debian(engine: Engine) -> None:
    """Make the minimal Debian that the stand-ins are built over."""
    with tempfile.TemporaryDirectory(prefix="studio-debian-") as name:
        folder = Path(name) / "root"
        words = ["debootstrap", "--variant=minbase", "--include=ca-certificates"]
        subprocess.run([*words, "bookworm", str(folder)], check=True, stdout=subprocess.DEVNULL)
        _machines_own(folder)
        archive = Path(name) / "root.tar"
        subprocess.run(["tar", "-C", str(folder), "-cf", str(archive), "."], check=True)
        engine.docker("import", str(archive), DEBIAN)


def _has(engine: Engine, image: str) -> bool:
    return bool(engine.docker("images", "-q", image))


def stand_in(engine: Engine) -> None:
    """Have a stand-in under every tag that is not ours."""
    if not _has(engine, DEBIAN):
        _import_debian(engine)
    for image in foreign():
        if program(image) in STAND_INS and not _has(engine, image):
            recipe = str(RECIPES / f"{program(image)}.Dockerfile")
            words = ["-q", "--network=host", "-t", image, "-f", recipe, str(RECIPES)]
            engine.docker("build", *words)


# ---------------------------------------------------------------- torch without CUDA


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def index(wheel: Path | None) -> Iterator[list[str]]:
    """Serve a wheel of torch as an index has it; yield the build's argument that names it."""
    if wheel is None:
        yield []
        return
    with tempfile.TemporaryDirectory(prefix="studio-index-") as name:
        (Path(name) / "torch").mkdir()
        (Path(name) / "torch" / wheel.name).symlink_to(wheel)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=name))
        Thread(target=server.serve_forever, daemon=True).start()
        yield [f"--build-arg=TORCH_INDEX=http://127.0.0.1:{server.server_port}/"]
        server.shutdown()


def context(folder: Path, wheel: Path | None) -> Path:
    """Return a copy of the checkout; with a wheel of torch, that one is the pinned one."""
    source = distribution.copied(folder)
    if wheel is not None:
        version = wheel.name.split("-")[1].partition("+")[0]
        pins = source / "constraints.txt"
        pins.write_text(re.sub(r"^torch==.*$", f"torch=={version}", pins.read_text(), flags=re.M))
    return source


def megabytes(engine: Engine, image: str) -> float:
    return int(engine.docker("image", "inspect", "-f", "{{.Size}}", image)) / 1e6


def build(
    engine: Engine, wheel: Path | None, *targets: str, afresh: bool = False
) -> dict[str, tuple[float, float]]:
    """Build our images, by the layers that are there or afresh; return seconds and MB of each."""
    figures = {}
    with tempfile.TemporaryDirectory(prefix="studio-context-") as name, index(wheel) as torch:
        source = context(Path(name), wheel)
        for target in targets:
            begun, tag = time.monotonic(), f"adain-studio-{target}"
            words = ["--network=host", *torch, f"--target={target}", f"--tag={tag}"]
            words += ["--no-cache"] * afresh
            engine.docker("build", "-q", *words, "-f", f"{source}/deploy/Dockerfile", str(source))
            figures[target] = time.monotonic() - begun, megabytes(engine, tag)
            print(f"image {target}: {figures[target][0]:.0f} s, {figures[target][1]:.0f} MB")
    return figures


# ---------------------------------------------------------------- an engine that has them


def torch_wheel() -> Path | None:
    """Return a wheel of torch without CUDA in the folders that pip looks in."""
    folders = os.environ.get("PIP_FIND_LINKS", "").split()
    found = [one for name in folders for one in Path(name).glob("torch-*+cpu-cp311-*x86_64.whl")]
    return max(found, default=None)


@contextmanager
def engine(kind: str, kept: Path | None) -> Iterator[Engine]:
    """Yield an engine that has, or can get, every image that is not ours."""
    if kind == "real":
        yield Engine()
        return
    folder = kept or Path(tempfile.mkdtemp(prefix="studio-docker-"))
    folder.mkdir(exist_ok=True)
    try:
        with own(folder) as running:
            stand_in(running)
            yield running
    finally:
        if kept is None:
            shutil.rmtree(folder)
