"""The engine of /live and its page: `python -m tests.bench.live` prints a table.

Processor time of a frame under node in one thread, beside `adain` with torch in one thread; the
size of what a browser fetches; in Chromium, with a made camera, the time from the press to the
first painted frame, and the memory over `--frames` of them.
"""

import argparse
import gzip
import json
import subprocess
import tempfile
import time
from pathlib import Path

import torch
from playwright.sync_api import Page, sync_playwright

from adain.live import packed
from adain.stylizer import Stylizer
from adain.weights import SHIPPED
from tests.adain.live.pairs import CODES, STATIC, Pair, Tasks
from tests.journeys.conftest import FLAGS
from tests.node import NODE
from tests.web.served import served
from worker.storage import database

SCRIPT = Path(__file__).with_name("live.mjs")
RUNS = 5
CHECKED = 100  # frames, after which memory is looked at first
HEAP = "performance.memory.usedJSHeapSize"
VIEW = "document.querySelector('.view').dataset"


def _engine(code: str) -> list[dict[str, int]]:
    """Return the processor milliseconds of a frame, by size."""
    with tempfile.TemporaryDirectory() as folder:
        Tasks(Path(folder)).write(STATIC / code, [])
        words: list[str | Path] = [NODE, SCRIPT, folder]
        made = subprocess.run(words, check=True, capture_output=True, text=True)
    rows: list[dict[str, int]] = json.loads(made.stdout)
    return rows


def _torch(width: int, height: int) -> float:
    """Return the processor milliseconds of a picture by `adain`: float32, one thread."""
    torch.set_num_threads(1)
    stylizer = Stylizer.load(device="cpu", exact=True)
    asked = Pair("cat", ("ink",), (width, height)).request()
    styles = [stylizer.style(one, 0) for one in asked.styles]  # type: ignore[arg-type]
    known = type(asked)(asked.content, styles, size=0)
    found = []
    for _ in range(RUNS):
        before = time.process_time()
        stylizer.stylize([known])
        found.append(time.process_time() - before)
    return 1000 * min(found)


def _frames(page: Page, count: int) -> None:
    while int(page.evaluate(f"{VIEW}.frames") or 0) < count:
        page.wait_for_timeout(20)


def _browser(frames: int) -> None:
    """Print how soon the first frame is painted, and what memory many take."""
    with served() as address, sync_playwright() as playwright:
        flags = [*FLAGS, "--enable-precise-memory-info", "--js-flags=--expose-gc"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        page = browser.new_page()
        page.goto(f"{address}/live")
        page.wait_for_timeout(3000)  # a visitor reads first
        since = time.perf_counter()
        page.get_by_role("button", name="Start the camera").click()
        _frames(page, 1)
        print(f"first painted frame {time.perf_counter() - since:.2f} s after the press")
        _frames(page, CHECKED)
        since = time.perf_counter()
        for count in (CHECKED, frames):
            _frames(page, count)
            for _ in range(2):  # what the first collection lets go of, the second frees
                page.evaluate("gc()")
                page.wait_for_timeout(100)
            numbers = page.evaluate(f"[Number({VIEW}.bytes), {HEAP}]")
            engine, heap = (number / 2**20 for number in numbers)
            print(f"after {count} frames: engine {engine:.1f} MiB, page's heap {heap:.1f} MiB")
        rate = (frames - CHECKED) / (time.perf_counter() - since)
        print(f"{rate:.1f} frames a second, {page.locator('.rate').inner_text()}")
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the engine of /live and its page.")
    parser.add_argument("--frames", type=int, default=500, help="frames painted in the browser")
    given = parser.parse_args()
    for code in CODES:
        size = len(gzip.compress((STATIC / code).read_bytes()))
        print(f"{code}: {size:,} bytes with gzip")
        for row in _engine(code):
            print("  {width} × {height}: {full} ms, half strength {half} ms".format(**row))
    files = [*STATIC.glob("*.js"), *STATIC.with_name("live").glob("*.js")]
    scripts = sum(len(gzip.compress(one.read_bytes())) for one in files)
    network = len(packed.packed("compact", SHIPPED / "compact.safetensors"))
    print(f"scripts of /live: {scripts:,} bytes with gzip; network: {network:,} bytes")
    for width, height in ((320, 240), (512, 512)):
        print(
            f"adain, torch {torch.__version__}, {width} × {height}: {_torch(width, height):.0f} ms"
        )
    database.migrate()
    _browser(given.frames)


if __name__ == "__main__":
    main()
