"""`python -m tests.bench.partial`: what a mask and a strength below 1 cost, as a table.

Seconds of one picture, style measured before, and peak memory, each in a process of its own:
painted fully, by half under no mask, and fully under a mask of the left half. Prints figures and
judges none.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

from PIL import Image

from adain import malloc
from adain.paper.times import noise
from adain.request import Request
from adain.stylizer import Stylizer

SIDES = (512, 2048, 8192)
WAYS = ("full", "alpha 0.5", "mask")


def measure(side: int, way: str) -> dict[str, float]:
    """Paint one square picture; return seconds and GiB."""
    malloc.keep_freed()
    stylizer = Stylizer.load()
    style, photo = stylizer.style(noise(512, 0)), noise(side, 1)
    mask = Image.new("L", photo.size, 0)
    mask.paste(255, (0, 0, side // 2, side))
    masks, alpha = [mask] if way == "mask" else [], 0.5 if way == "alpha 0.5" else 1.0
    if side <= 512:
        stylizer.stylize([Request(photo, [style], (), masks, alpha, size=0)])  # warm
    since = time.perf_counter()
    stylizer.stylize([Request(photo, [style], (), masks, alpha, size=0)])
    seconds = time.perf_counter() - since
    return {"s": seconds, "GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)}


def _apart(side: int, way: str) -> dict[str, float]:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", __spec__.name, "--one", str(side), way]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, float] = json.loads(output)
    return found


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser("python -m tests.bench.partial", description=__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES)
    parser.add_argument("--one", nargs=2, metavar=("SIDE", "WAY"), help="print one as JSON")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(int(args.one[0]), args.one[1])))
        return
    print("| side | painted | s | peak GiB |\n|---|---|---|---|")
    for side in args.sides:
        for way in WAYS:
            found = _apart(side, way)
            print(f"| {side} | {way} | {found['s']:.2f} | {found['GiB']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
