"""`python -m tests.bench.large_pictures`: what a large photo takes to be accepted, as a table.

Seconds until it is checked and kept, and those of the processor, each the best of three, in a
decoding process whose memory the kernel bounds. Prints figures and judges none.
"""

import io
import time
from pathlib import Path

from worker.images import decoders
from worker.images.header import MEMORY

FOLDER = Path(__file__).parents[1] / "data" / "cases" / "large-pictures"
TIMES = 3


def measure(data: bytes) -> tuple[float, float, str]:
    """Return seconds, those of the processor, and what is kept."""
    passed, worked = [], []
    for _ in range(TIMES):
        since, into = time.perf_counter(), io.BytesIO()
        kept = decoders.ask("clean", lambda: data, into, MEMORY, ())
        passed.append(time.perf_counter() - since)
        worked.append(kept["seconds"])
    size, made = f"{kept['width']} × {kept['height']}", into.tell() / 1e6
    return min(passed), min(worked), f"{size}, {kept['suffix']}, {made:.1f} MB"


def main() -> None:
    """Print the table as Markdown."""
    print(f"Memory of a decoder: {MEMORY / 1e6:g} MB.\n\n| file | kept | s | processor s |")
    print("|---|---|---|---|")
    for file in sorted(one for one in FOLDER.iterdir() if one.suffix != ".md"):
        seconds, worked, kept = measure(file.read_bytes())
        print(f"| `{file.name}` | {kept} | {seconds:.2f} | {worked:.2f} |", flush=True)


if __name__ == "__main__":
    main()
