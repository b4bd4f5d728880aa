"""The engine of /live and its page: `python -m tests.bench.live` prints a table.

Processor time of a frame under node in one thread, beside `adain` with torch in one thread; the
size of what a browser fetches; in Chromium, with a made camera, the time from the press to the
first painted frame, and the memory over `--frames` of them.

Beside it onnxruntime in one thread, which runs the layers alone, with no style; with `--onnx-web`,
the folder of npm's `onnxruntime-web`, that too, under node. `--chromium COUNT` does nothing but
paint so many small frames through the page's own worker, as quickly as it can, and prints what
memory they take.
"""

import argparse
import gzip
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import Page, sync_playwright

from adain.live import packed
from adain.stylizer import Stylizer
from adain.weights import SHIPPED
from tests.adain.live import onnx_judge
from tests.adain.live.pairs import CODES, STATIC, Pair, Tasks
from tests.journeys.conftest import FLAGS
from tests.node import NODE
from tests.web.served import served
from worker.storage import database

SCRIPT = Path(__file__).with_name("live.mjs")
RUNS = 5
CHECKED = 100  # frames, after which memory is looked at first
HEAP = "performance.memory.usedJSHeapSize"
MEMORY = f"""async () => [
  {HEAP}, (await performance.measureUserAgentSpecificMemory()).bytes]"""
SIZES = ((320, 240), (512, 512))
PAINTER = """async () => {
  const {Painter} = await import("./page/live/painter.js");
  const painter = new Painter();
  await painter.measure("ink", await (await fetch("./shelf/styles/ink.jpg")).blob());
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [212, 160];
  const context = canvas.getContext("2d");
  let shift = 0;
  globalThis.paintSome = async (count) => {
    let bytes = 0;
    for (let i = 0; i < count; i++) {
      for (let x = 0; x < 212; x += 4) {
        context.fillStyle = `hsl(${(x + ++shift) % 360} 60% 50%)`;
        context.fillRect(x, 0, 4, 160);
      }
      const alpha = i % 3 ? 1 : 0.6;
      const look = {names: ["ink"], shares: [1], alpha, strokes: 1};
      ({bytes} = await painter.paint(canvas, [216, 160], look));
    }
    return bytes;
  };
}"""
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


def _onnx(model: bytes, width: int, height: int) -> float:
    """Return the processor milliseconds of the layers by onnxruntime, one thread."""
    made = onnx_judge.session(model)
    picture = np.full((1, 3, height, width), 0.5, np.float32)
    found = []
    for _ in range(RUNS):
        before = time.process_time()
        made.run(None, {made.get_inputs()[0].name: picture})
        found.append(time.process_time() - before)
    return 1000 * min(found)


def _onnx_rows(web: Path | None) -> None:
    """Print what onnxruntime takes, and its build for browsers."""
    model = onnx_judge.exported(onnx_judge.Whole(Stylizer.load(device="cpu", exact=True).model), 3)
    for width, height in SIZES:
        took = _onnx(model, width, height)
        print(f"onnxruntime, layers alone, {width} × {height}: {took:.0f} ms")
    if web is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        (file := Path(folder) / "network.onnx").write_bytes(model)
        words: list[str | Path] = [NODE, SCRIPT.with_name("onnx_web.mjs"), web.resolve(), file]
        subprocess.run(words, check=True)


def _many(count: int) -> None:
    """Print what memory so many small frames take in Chromium, through the page's worker."""
    with served() as address, sync_playwright() as playwright:
        flags = [*FLAGS, "--enable-precise-memory-info", "--js-flags=--expose-gc"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        page = browser.new_page()
        page.goto(f"{address}/live")
        page.evaluate(PAINTER)
        since = time.perf_counter()
        for painted in range(CHECKED, count + 1, CHECKED):
            engine = page.evaluate("(count) => globalThis.paintSome(count)", CHECKED)
            if painted not in {CHECKED, 10 * CHECKED, count}:
                continue
            for _ in range(2):
                page.evaluate("gc()")
                page.wait_for_timeout(100)
            heap, whole = page.evaluate(MEMORY)
            rate = painted / (time.perf_counter() - since)
            print(
                f"after {painted} frames: engine {engine / 2**20:.1f} MiB, page's heap "
                f"{heap / 2**20:.1f} MiB, page with its workers {whole / 2**20:.1f} MiB; "
                f"{rate:.1f} frames a second",
                flush=True,
            )
        browser.close()


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
    parser.add_argument("--chromium", type=int, default=0, help="paint so many small frames, alone")
    parser.add_argument("--onnx-web", type=Path, help="the folder of npm's onnxruntime-web")
    given = parser.parse_args()
    if given.chromium:
        database.migrate()
        _many(given.chromium)
        return
    for code in CODES:
        size = len(gzip.compress((STATIC / code).read_bytes()))
        print(f"{code}: {size:,} bytes with gzip")
        for row in _engine(code):
            print("  {width} × {height}: {full} ms, half strength {half} ms".format(**row))
    files = [*STATIC.glob("*.js"), *STATIC.with_name("live").glob("*.js")]
    scripts = sum(len(gzip.compress(one.read_bytes())) for one in files)
    network = len(packed.packed("compact", SHIPPED / "compact.safetensors"))
    print(f"scripts of /live: {scripts:,} bytes with gzip; network: {network:,} bytes")
    for width, height in SIZES:
        print(
            f"adain, torch {torch.__version__}, {width} × {height}: {_torch(width, height):.0f} ms"
        )
    _onnx_rows(given.onnx_web)
    database.migrate()
    _browser(given.frames)


if __name__ == "__main__":
    main()
