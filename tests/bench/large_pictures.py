"""`python -m tests.bench.large_pictures`: what a large photo takes to be accepted, as a table.

Seconds until it is checked and kept, each the best of three, in a decoding process whose memory the
kernel bounds. Prints figures and judges none.
"""

import time
from pathlib import Path

from worker.images import images
from worker.images.header import MEMORY

FOLDER = Path(__file__).parents[1] / "data" / "cases" / "large-pictures"
TIMES = 3


def measure(data: bytes) -> tuple[float, str]:
    """Return seconds, and the size that is kept."""
    found = []
    for _ in range(TIMES):
        since = time.perf_counter()
        kept = images.clean(data)
        found.append(time.perf_counter() - since)
    return min(found), f"{kept.width} × {kept.height}"


def main() -> None:
    """Print the table as Markdown."""
    print(f"Memory of a decoder: {MEMORY / 1e6:g} MB.\n\n| file | kept | s |\n|---|---|---|")
    for file in sorted(one for one in FOLDER.iterdir() if one.suffix != ".md"):
        seconds, kept = measure(file.read_bytes())
        print(f"| `{file.name}` | {kept} | {seconds:.2f} |", flush=True)


if __name__ == "__main__":
    main()
