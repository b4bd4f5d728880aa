"""`make test-wheel`: the wheel installed into an empty environment, and a job done there.

Nothing of the checkout is on the way: an environment, a folder and settings of its own. Prints
seconds and megabytes.
"""

import os
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests import distribution
from tests.parts import free_port, picture

STARTS = 120.0  # seconds until the studio answers
PAINTS = 120.0  # seconds until the job is done


def _environment(**more: str) -> dict[str, str]:
    """Return our environment without what leads to the checkout or to another studio."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STUDIO_")}
    return {name: value for name, value in kept.items() if name != "PYTHONPATH"} | more


def megabytes(folder: Path) -> float:
    files = (one for one in folder.rglob("*") if one.is_file() and not one.is_symlink())
    return sum(one.stat().st_size for one in files) / 1e6


def build(folder: Path) -> Path:
    """Build the wheel from the source distribution; it must be what the checkout gives."""
    source = distribution.copied(folder / "source")
    sdist = distribution.built("sdist", source, folder / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    [unpacked] = (folder / "unpacked").iterdir()
    wheel = distribution.built("wheel", unpacked, folder / "wheel")
    assert distribution.in_wheel(wheel) == distribution.tracked(*distribution.PACKAGES)
    print(f"sdist {sdist.stat().st_size / 1e6:.1f} MB, wheel {wheel.stat().st_size / 1e6:.1f} MB")
    return wheel


def install(wheel: Path, folder: Path) -> Path:
    """Install the wheel with the extra `laptop` into an empty environment; return its programs."""
    begun = time.monotonic()
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "-q", f"{wheel}[laptop]"], env=_environment(), check=True)
    subprocess.run([*pip, "check"], env=_environment(), check=True)
    seconds = time.monotonic() - begun
    print(f"installed in {seconds:.0f} s, {megabytes(folder):.0f} MB")
    return folder / "bin"


@contextmanager
def running(programs: Path, folder: Path) -> Iterator[str]:
    """Run the studio in an empty folder; yield its address once it answers."""
    port, begun = free_port(), time.monotonic()
    folder.mkdir()
    studio = subprocess.Popen(
        [str(programs / "adain-studio"), "up"], cwd=folder, env=_environment(STUDIO_PORT=str(port))
    )
    address = f"http://127.0.0.1:{port}"
    try:
        while not _is_well(address):
            assert studio.poll() is None
            assert time.monotonic() - begun < STARTS
            time.sleep(0.2)
        print(f"answers after {time.monotonic() - begun:.1f} s")
        yield address
    finally:
        studio.send_signal(signal.SIGTERM)
        assert studio.wait(60) == 0


def _is_well(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz", timeout=60).status_code == 200
    except httpx.TransportError:
        return False


def _paint(address: str) -> None:
    """Send a job and wait for its picture."""
    begun = time.monotonic()
    with httpx.Client(base_url=address, timeout=30) as visitor:
        pictures = [("content", picture(640, 480)), ("style", picture(color="orange"))]
        job = visitor.post("/api/v1/jobs", files=pictures, data={"options": '{"size": 256}'}).json()
        while (state := visitor.get(f"/api/v1/jobs/{job['id']}").json()["state"]) != "done":
            assert state in {"queued", "running"}
            assert time.monotonic() - begun < PAINTS
            time.sleep(0.1)
        result = visitor.get(f"/api/v1/jobs/{job['id']}/result")
        assert result.content.startswith(b"\x89PNG")
        print(f"a picture after {time.monotonic() - begun:.1f} s")


def _look(address: str) -> None:
    """Fetch the page, and every file that its head names."""
    page = httpx.get(address, timeout=60)
    assert "AdaIN Studio" in page.text
    named = re.findall(r'href=\\?"page/([^"\\]+)', page.text)  # in what Gradio's script adds
    assert len(named) > 20
    for name in named:
        assert httpx.get(f"{address}/page/{name}", timeout=60).status_code == 200, name


def main() -> None:
    """Build, install, start, paint, look, and stop."""
    with tempfile.TemporaryDirectory(prefix="studio-wheel-") as name:
        folder = Path(name)
        programs = install(build(folder), folder / "environment")
        with running(programs, folder / "empty") as address:
            _look(address)
            _paint(address)
            doctor = [str(programs / "adain-studio"), "doctor"]
            subprocess.run(doctor, cwd=folder / "empty", env=_environment(), check=True)
        print(f"data {megabytes(folder / 'empty'):.0f} MB")
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()
