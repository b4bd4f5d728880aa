"""`python -m tests.bench.studio`: how fast the whole studio is on this machine, as a table.

Starts a studio of its own on a throw-away folder and is its visitor. Prints figures and
judges none; `tests.bench.networks` measures the networks.
"""

import argparse
import io
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import httpx
from PIL import Image

from web.samples import shelf
from worker.images import images

NETWORK = ("styles", "content", "picture")  # the stages of a job spent in the network
WARM = 3  # jobs before the first that counts


def _part(kind: str, name: str, side: int) -> bytes:
    """A sample picture, cropped at random so that no cache has it: square, as JPEG."""
    with Image.open(shelf.FOLDER / kind / f"{name}.jpg") as picture:
        left, top = (random.uniform(0, 64) for _ in range(2))
        cut = picture.resize((side, side), box=(left, top, *picture.size), reducing_gap=2.0)
    out = io.BytesIO()
    cut.save(out, "JPEG", quality=90)
    return out.getvalue()


def photo(side: int) -> bytes:
    """A photo that no cache has, as JPEG."""
    return _part("photos", "raccoon", side)


def painting(side: int) -> bytes:
    """A style picture that no cache has, as JPEG."""
    return _part("styles", "night", side)


def with_code() -> dict[str, str]:
    """Return settings of a studio that uses the code that is there, and makes none meanwhile."""
    code = Path("data/code").absolute()
    return {"STUDIO_COMPILE": str(int(code.is_dir())), "STUDIO_CODE_DIR": str(code)}


def _start(data: Path) -> subprocess.Popen[str]:
    """Start `adain-studio up` on any free port, with no limit to what one visitor asks for."""
    environment = {name: v for name, v in os.environ.items() if not name.startswith("STUDIO_")}
    environment |= {"STUDIO_DATA": str(data), "STUDIO_PORT": "0"}
    environment |= with_code()
    environment |= {f"STUDIO_{who}_SUBMISSIONS": "0" for who in ("VISITOR", "ADDRESS")}
    command = [sys.executable, "-m", "web.cli", "up"]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _listen(studio: subprocess.Popen[str]) -> tuple[str, int]:
    """Read what the studio says until it is ready; return its address and the web's process."""
    assert studio.stdout is not None
    said, web = "", 0
    for line in studio.stdout:
        said += line
        if "web started, process" in line:
            web = int(line.split()[-1])
        if "Ready after" in line:
            return next(word for word in line.split() if word.startswith("http")), web
    raise SystemExit(f"The studio did not start:\n{said}")


def _png(picture: bytes) -> float:
    """Return the seconds that writing a result takes, which a program alone does as well."""
    image = images.ours(images.CleanImage(picture, "png", 0, 0))
    image.load()
    took = []
    for _ in range(9):
        begun = time.perf_counter()
        images.encode(image, "png")
        took.append(time.perf_counter() - begun)
    return median(took)


def _job(visitor: httpx.Client, photo: bytes, style: bytes) -> tuple[float, dict[str, float]]:
    """Have one picture made; return the seconds until its row says done, and its own timings.

    How soon a visitor sees that depends on how often they ask: the page's share is its own line.
    """
    files = {"content": ("photo.jpg", photo), "style": ("style.jpg", style)}
    sent = visitor.build_request("POST", "/api/v1/jobs", files=files)
    sent.read()  # what the visitor's own program does is not the studio's time
    begun = time.time()
    answer = visitor.send(sent).raise_for_status()
    while True:
        time.sleep(0.2)  # asking costs the studio something
        job = visitor.get(answer.headers["location"]).json()
        if job["state"] == "done":
            break
        if job["state"] in {"failed", "cancelled"}:
            raise SystemExit(f"A job ended as {job['state']}: {job['error']}")
    return job["finished"] - begun, job["timings"]


def _memory(process: int) -> float:
    """Resident memory of a process in MB."""
    output = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(process)], capture_output=True, text=True
    )
    return int(output.stdout) * 1024 / 1e6


def _torch(process: int) -> str:
    """Tell whether a process has loaded torch; only Linux says."""
    maps = Path(f"/proc/{process}/maps")
    if not maps.exists():
        return "unknown here"
    return "yes" if "libtorch" in maps.read_text() else "no"


def _row(what: str, figure: str) -> None:
    print(f"| {what} | {figure} |", flush=True)


def _measure(studio: subprocess.Popen[str], count: int) -> None:
    begun = time.perf_counter()
    address, web = _listen(studio)
    with httpx.Client(base_url=address, timeout=60) as visitor:
        visitor.get("/").raise_for_status()
        print("\n| the studio | |\n|---|---|")
        _row("start of `up` to an answering page with a worker ready", f"{_since(begun):.1f} s")
        jobs = [_job(visitor, photo(512), painting(512)) for _ in range(WARM + count)][WARM:]
        total = [seconds for seconds, _ in jobs]
        network = [sum(timings.get(stage, 0) for stage in NETWORK) for _, timings in jobs]
        outside = [whole - inside for whole, inside in zip(total, network, strict=True)]
        _row(f"submit to done, 512 px, `compact`, warm, median of {count}", _ms(total))
        _row("of it in the network", _ms(network))
        _row("of it outside the network", _ms(outside))
        newest = visitor.get("/api/v1/jobs?limit=1").json()["jobs"][0]["id"]
        png = _png(visitor.get(f"/api/v1/jobs/{newest}/result").content)
        _row("… the result's PNG, which the network's own program writes as well", _ms([png]))
        _row("… what queue and web add", _ms([took - png for took in outside]))
        for stage in ("wait", "load", "save"):
            _row(f"… {stage}", _ms([timings.get(stage, 0) for _, timings in jobs]))
        _row("web process, resident", f"{_memory(web):.0f} MB")
        _row("web process has torch", _torch(web))
    from tests.bench import page_load  # needs a browser

    page_load.measure(address)


def _since(begun: float) -> float:
    return time.perf_counter() - begun


def _ms(seconds: list[float]) -> str:
    return f"{median(seconds) * 1000:.0f} ms"


def main() -> None:
    """Measure a studio and print the table as Markdown."""
    parser = argparse.ArgumentParser("python -m tests.bench.studio", description=__doc__)
    parser.add_argument("--count", type=int, default=12, help="jobs timed")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        studio = _start(Path(folder) / "data")
        try:
            _measure(studio, args.count)
        finally:
            studio.terminate()
            studio.communicate()


if __name__ == "__main__":
    main()
