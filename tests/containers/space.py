"""The demo's image, built from what `make space` puts together, run by the words of its README."""

import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.containers import images, single
from tests.containers.engine import Engine, Failed
from tests.containers.visitor import Visitor
from tests.parts import free_port, picture

IMAGE = "adain-studio-space"
NAME = "studio-space"
README = images.ROOT / "deploy" / "space" / "README.md"
HOST = "https://host.example"  # shows the demo in a frame
OURS = "https://demo.example"
SET = {
    "PUBLIC_URL": OURS,
    "FRAME_ANCESTORS": HOST,
    "COOKIE_SECRET": "a secret of the host's, kept for it",
}
GUEST = 12  # pictures a minute, as Dockerfile and README say


def build(engine: Engine, wheel: Path | None) -> str:
    """Put the folder together as `make space` does, and build it; say how large the image is."""
    with tempfile.TemporaryDirectory(prefix="studio-space-") as name, images.index(wheel) as index:
        source = images.context(Path(name), wheel)
        programs = Path(sys.executable).parent
        make = ["make", "-s", "-o", "install-dev", "space", f"BIN={programs}"]
        subprocess.run(make, cwd=source, check=True)
        begun, folder = time.monotonic(), str(source / "dist" / "space")
        engine.docker("build", "-q", "--network=host", *index, f"--tag={IMAGE}", folder)
    return f"{time.monotonic() - begun:.0f} s, {images.megabytes(engine, IMAGE):.0f} MB"


def words(port: int, secrets: dict[str, str]) -> list[str]:
    """Return the words of README.md, with a name and a port of our own and the host's settings."""
    given = single.documented(README, IMAGE)
    ours = {"space": NAME, "127.0.0.1:7860:7860": f"127.0.0.1:{port}:7860"}
    settings = [f"--env=STUDIO_{key}={value}" for key, value in secrets.items()]
    return [*(ours.get(one, one) for one in given[:-1]), *settings, given[-1]]


def remove(engine: Engine) -> None:
    """Remove the container, if it is there."""
    with suppress(Failed):
        engine.docker("rm", "--force", "--volumes", NAME)


def _started(engine: Engine, port: int, cookie: str = "") -> Visitor:
    """Run the container; return a visitor who comes by the host's proxy, with a cookie or none.

    It is for https only, so the client, which speaks http, has to be made to send it.
    """
    remove(engine)
    engine.docker(*words(port, SET))
    address, proxied = f"http://127.0.0.1:{port}", {"X-Forwarded-Proto": "https"}
    visitor = Visitor(address, headers=proxied | ({"Cookie": cookie} if cookie else {}))
    visitor.until_ready()
    return visitor


def _cookie(visitor: Visitor) -> str:
    """Return the cookie a newcomer is given, as a browser sends it in a frame."""
    given = visitor.ask("GET", "/api/v1/me").headers["set-cookie"]
    assert "SameSite=none; Secure; Partitioned" in given.replace("; Path=/", ""), given
    return str(given).partition(";")[0]


def _refused(visitor: Visitor) -> str:
    """Send more pictures than a guest may; return the sentence that refuses one."""
    for _ in range(GUEST + 1):
        files = [("content", picture(64, 64)), ("style", picture(64, 64, color="orange"))]
        sent = visitor.ask("POST", "/api/v1/jobs", files=files, data={"options": '{"size": 64}'})
        if sent.status_code == 429:
            return str(sent.json()["detail"])
    raise AssertionError(f"a guest sent {GUEST + 1} pictures in a minute")


def run(engine: Engine) -> str:
    """Paint, be refused, look at what a frame needs, throw the container away and begin afresh."""
    port = free_port()
    visitor = _started(engine, port, _cookie(_started(engine, port)))
    seconds = visitor.paint()
    assert engine.docker("exec", NAME, "id", "-u") == "1000"
    assert engine.docker("inspect", "-f", "{{.Mounts}}", NAME) == "[]"
    policy = visitor.ask("GET", "/").headers["content-security-policy"]
    assert f"frame-ancestors 'self' {HOST}" in policy
    job, said = visitor.submit(), _refused(visitor)
    healthy = single.until_healthy(engine, NAME)
    memory = engine.docker("stats", "--no-stream", "--format", "{{.MemUsage}}", NAME)
    again = _started(engine, port, visitor.headers["Cookie"])
    assert "set-cookie" not in again.ask("GET", "/api/v1/me").headers  # it still counts
    assert again.ask("GET", f"/api/v1/jobs/{job}").status_code == 404
    again.paint()
    remove(engine)
    return (
        f"picture after {seconds:.1f} s, healthy {healthy:.0f} s later with {memory.split()[0]}; "
        f"more than a guest may: {said!r}; thrown away, begun afresh with the same cookie"
    )
