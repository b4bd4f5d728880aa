"""`python -m tests.bench.engine`: pictures a second of the bare engine, from file to file, as JSON.

What a worker does for a job and nothing of what makes it a job: read the photo, transfer, write
the PNG; the style is measured before, as a worker finds it. `tests.bench.throughput` puts it beside
workers.
"""

import argparse
import io
import json
import time
from pathlib import Path

import torch
from PIL import Image

from adain import malloc
from adain.aot import runtime as aot_runtime
from adain.request import Request
from adain.stylizer import Stylizer
from worker.images import decoder

WARM = 3  # pictures before the first that counts


def rate(
    stylizer: Stylizer,
    photos: list[bytes],
    style: bytes,
    size: int,
    seconds: float,
    together: int,
) -> float:
    """Return pictures a second, over at least so many seconds."""
    kept = stylizer.style(Image.open(io.BytesIO(style)), size)
    made, begun = -WARM * together, time.perf_counter()
    while time.perf_counter() - begun < seconds or made < 1:
        group = [photos[(made + n) % len(photos)] for n in range(together)]
        asked = [Request(Image.open(io.BytesIO(photo)), [kept], size=size) for photo in group]
        for image in stylizer.stylize(asked):
            decoder.encode(image, "png")
        made += together
        if made == 0:
            begun = time.perf_counter()
    return made / (time.perf_counter() - begun)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("python -m tests.bench.engine", description=__doc__)
    parser.add_argument("style", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--together", type=int, default=1, help="pictures at once")
    parser.add_argument("--code-folder", type=Path, default=aot_runtime.FOLDER)
    args = parser.parse_args()
    malloc.keep_freed()
    torch.set_num_threads(args.threads)
    photos = [photo.read_bytes() for photo in args.photos]
    stylizer = Stylizer.load(code=args.code_folder)
    style = args.style.read_bytes()
    found = rate(stylizer, photos, style, args.size, args.seconds, args.together)
    print(json.dumps({"rate": found}))


if __name__ == "__main__":
    main()
