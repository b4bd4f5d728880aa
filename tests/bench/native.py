"""The engine of this processor beside torch's machine code: `python -m tests.bench.native`.

Both paint the same picture in turn, in float32, at each size and number of threads; the least of
the rounds counts, by the clock and, in brackets, of the processors. Then the command line, from a
cold start: with the engine, and with torch alone. Both kinds of code are made in the folder if they
are not there.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from adain import malloc
from adain.aot import compile as aot_compile
from adain.aot import runtime as aot_runtime
from adain.live import backend, library
from adain.live.backend import Native
from adain.request import Request
from adain.stylizer import Stylizer
from tests.adain.live.pairs import Pair

SIZES = (512, 1024)
THREADS = (1, 2)
STARTS = 5


def model_name() -> str:
    """Return what this processor calls itself."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), "?")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the milliseconds that something takes, by the clock and of processors."""
    since, spent = time.perf_counter(), time.process_time()
    work()
    return 1000 * (time.perf_counter() - since), 1000 * (time.process_time() - spent)


def _with(code: aot_runtime.Compiled | Native | None) -> Stylizer:
    stylizer = Stylizer.load(device="cpu", exact=True, code=Path("none"))
    stylizer._compiled = code
    return stylizer


def _rows(ways: dict[str, Stylizer], rounds: int) -> None:
    """Print the least milliseconds of each way, and how far pictures differ."""
    for side in SIZES:
        asked = Pair("raccoon", ("fjord",), (side, side)).request()
        style = ways["torch"].style(asked.styles[0], 0)  # type: ignore[arg-type]
        request = Request(asked.content, [style], size=0)
        images = [np.asarray(one.stylize([request])[0]).astype(int) for one in ways.values()]
        far = max(int(abs(images[0] - image).max()) for image in images)
        for threads in THREADS:
            torch.set_num_threads(threads)
            found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
            for _ in range(rounds):
                for name, stylizer in ways.items():
                    found[name].append(timed(partial(stylizer.stylize, [request])))
            least = {
                name: [min(one) for one in zip(*spent, strict=True)]
                for name, spent in found.items()
            }
            said = ", ".join(
                f"{name} {clock:.1f} ({cpu:.1f})" for name, (clock, cpu) in least.items()
            )
            gain = least["machine code"][0] / least["engine"][0]
            print(
                f"{side} px, {threads} thread(s), ms: {said}; {gain:.2f} times; within {far} of 255"
            )


def _starts(folder: Path) -> None:
    """Print how long the command line takes from a cold start."""
    asked = Pair("raccoon", ("fjord",), (768, 512)).request()
    with tempfile.TemporaryDirectory() as name:
        photo, style = Path(name, "photo.jpg"), Path(name, "style.jpg")
        asked.content.save(photo, quality=92)
        asked.styles[0].save(style, quality=92)  # type: ignore[union-attr]
        words = [sys.executable, "-m", "adain", photo, style, "-o", Path(name, "out.png")]
        for kind, code in (("the engine", folder), ("torch", Path(name))):
            command = [*map(str, words), "--overwrite", "--code-folder", str(code)]
            spent = [
                timed(partial(subprocess.run, command, check=True, capture_output=True))[0]
                for _ in range(STARTS)
            ]
            print(f"python -m adain with {kind}: {min(spent):.0f} ms, the least of {STARTS}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("python -m tests.bench.native", description=__doc__)
    parser.add_argument("--code-folder", type=Path, default=aot_runtime.FOLDER)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    malloc.keep_freed()
    plain = Stylizer.load(device="cpu", exact=True)
    with torch.no_grad():
        aot_compile.make(plain.model, plain.name, args.code_folder)
    backend.make(plain.model, plain.network, args.code_folder)
    compiled = aot_runtime.load(plain.model, plain.name, args.code_folder)
    engine = Native.load(plain.model, plain.network, args.code_folder)
    print(f"{model_name()}, torch {torch.__version__}, {library.place(Path()).name}")
    ways = {"torch": plain, "machine code": _with(compiled), "engine": _with(engine)}
    _rows(ways, args.rounds)
    _starts(args.code_folder)


if __name__ == "__main__":
    main()
