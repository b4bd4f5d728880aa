"""`python -m tests.hard.inflating`: small files that inflate, sent at once to a studio.

Each request has a photo and styles of the most pixels, in files that a general compressor makes a
hundredth of what ours does. Prints the answers and the memory of the web process; the exit code
says whether it stayed under `MEMORY`.
"""

import argparse
import io
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
from PIL import Image

from tests.hard import whole
from tests.hard.large import Memory

MEMORY = 500.0  # MB that the web process may take


def picture(side: int = 5000, mode: str = "RGB") -> bytes:
    """Return a PNG of side × side pixels: two rows of noise by turns."""
    channels = len(mode)
    rows = b"".join(os.urandom(side * channels) for _ in range(2))
    out = io.BytesIO()
    Image.frombytes(mode, (side, side), rows * (side // 2)).save(out, "PNG", compress_level=9)
    return out.getvalue()


def _send(address: str, data: bytes, styles: int) -> int:
    files = [("content", ("photo.png", data))] + [("style", ("style.png", data))] * styles
    with httpx.Client(base_url=address, timeout=300) as client:
        options = '{"size": 256}'
        return client.post("/api/v1/jobs", files=files, data={"options": options}).status_code


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser("python -m tests.hard.inflating", description=__doc__)
    parser.add_argument("--count", type=int, default=4, help="requests at once")
    parser.add_argument("--styles", type=int, default=4, help="of each request")
    args = parser.parse_args()
    data = picture()
    with whole.studio() as studio, ThreadPoolExecutor(args.count) as clients:
        before = psutil.Process(studio.web).memory_info().rss / 1e6
        memory = Memory(studio.web)
        memory.start()
        tasks = [
            clients.submit(_send, studio.address, data, args.styles) for _ in range(args.count)
        ]
        answers = Counter(task.result() for task in tasks)
        memory.over.set()
    print(
        f"{args.count} requests of {(args.styles + 1) * len(data) / 1e6:.1f} MB: answers "
        f"{dict(answers)}; web process {before:.0f} MB before, {memory.own:.0f} MB at most, its "
        f"decoders {memory.decoders:.0f} MB."
    )
    return int(memory.own > MEMORY)


if __name__ == "__main__":
    sys.exit(main())
