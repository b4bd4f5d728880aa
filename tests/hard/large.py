"""`make large`: 30 submissions of two 25-MB photos at once on a studio of this machine.

Each client obeys Retry-After. Prints how long it took until all were accepted, and the memory of
the web process. The exit code says whether all were accepted within 120 s and 600 MB.
"""

import argparse
import io
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
from PIL import Image

from tests.hard import whole

PATIENCE = 120.0  # seconds in which all must be accepted
MEMORY = 600.0  # MB that the web process may take
BUSY = {429, 503}


def photo(megabytes: float) -> bytes:
    """Return a JPEG of about so many megabytes, of 24 megapixels."""
    noise = Image.effect_noise((6000, 4000), 60).convert("RGB")
    best = b""
    for quality in range(80, 101, 2):
        out = io.BytesIO()
        noise.save(out, "JPEG", quality=quality, subsampling=0)
        if len(out.getvalue()) > megabytes * 1e6:
            break
        best = out.getvalue()
    return best


def _cpu(process: psutil.Process) -> float:
    """Return the seconds of a core that a process and its children took, those that ended too."""
    parts = [process.cpu_times(), *(one.cpu_times() for one in process.children())]
    times = process.cpu_times()
    ended = times.children_user + times.children_system
    return float(sum(one.user + one.system for one in parts) + ended)


class Memory(threading.Thread):
    """Looks at the memory of a process all the time, and of its decoders."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(process)
        self.own = self.decoders = 0.0  # MB, the most seen
        self.over = threading.Event()

    def run(self) -> None:
        """Measure until the end is set."""
        while not self.over.wait(0.05):
            self.own = max(self.own, self._process.memory_info().rss / 1e6)
            children = sum(one.memory_info().rss for one in self._process.children())
            self.decoders = max(self.decoders, children / 1e6)


def submit(address: str, data: bytes, answers: Counter[int]) -> float:
    """Send a photo and a style until they are accepted; return the seconds, inf if they were not.

    Obeys Retry-After.
    """
    begun = time.monotonic()
    files = {"content": ("photo.jpg", data), "style": ("style.jpg", data)}
    with httpx.Client(base_url=address, timeout=PATIENCE) as client:
        while time.monotonic() - begun < PATIENCE:
            answer = client.post("/api/v1/jobs", files=files, data={"options": '{"size": 512}'})
            answers[answer.status_code] += 1
            if answer.status_code not in BUSY:
                break
            time.sleep(int(answer.headers["retry-after"]))
    return time.monotonic() - begun if answer.status_code == 202 else float("inf")


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser("python -m tests.hard.large", description=__doc__)
    parser.add_argument("--count", type=int, default=30, help="submissions at once")
    parser.add_argument("--megabytes", type=float, default=25.0, help="of one photo")
    args = parser.parse_args()
    data = photo(args.megabytes)
    answers: Counter[int] = Counter()
    with whole.studio() as studio, ThreadPoolExecutor(args.count) as clients:
        before = psutil.Process(studio.web).memory_info().rss / 1e6
        memory, cpu = Memory(studio.web), _cpu(psutil.Process(studio.web))
        memory.start()
        tasks = [clients.submit(submit, studio.address, data, answers) for _ in range(args.count)]
        took = sorted(task.result() for task in tasks)
        memory.over.set()
        cpu = _cpu(psutil.Process(studio.web)) - cpu
        load = psutil.getloadavg()[0]
    print(
        f"{args.count} submissions of two photos of {len(data) / 1e6:.1f} MB: the first accepted "
        f"after {took[0]:.1f} s, the last after {took[-1]:.1f} s; answers {dict(answers)}; web "
        f"process {before:.0f} MB before, {memory.own:.0f} MB at most, its decoders "
        f"{memory.decoders:.0f} MB; {cpu / max(1, answers[202]):.1f} s of a core for each that was "
        f"accepted; load of the machine {load:.0f} on {psutil.cpu_count()} cores."
    )
    return int(took[-1] > PATIENCE or memory.own > MEMORY)


if __name__ == "__main__":
    sys.exit(main())
