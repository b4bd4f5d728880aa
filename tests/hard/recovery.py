"""`python -m tests.hard.recovery`: how long a job waits whose worker was killed.

Starts a studio as `make up` does, by default settings, kills the process that makes a picture, or
by turns the worker with all its processes, and takes the time until the picture is there.
"""

import argparse
import io
import os
import signal
import time
from statistics import median

import httpx
import psutil
from PIL import Image

from tests.hard import whole
from tests.parts import picture

SIZE = '{"size": 1536}'  # a second or more: time enough to be killed in


def _photo() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((512, 512), 60).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def _killed(job: str, visitor: httpx.Client, whole_worker: bool) -> float:
    """Kill who makes the job, or the whole worker; return when."""
    while not (reported := visitor.get(job).json())["stage"] or reported["state"] != "running":
        time.sleep(0.02)
    process = psutil.Process(int(reported["worker"].split(":")[1]))
    if whole_worker:
        os.killpg(process.ppid(), signal.SIGKILL)
    else:
        process.kill()
    return time.monotonic()


def _seconds(visitor: httpx.Client, whole_worker: bool) -> float:
    files = {"content": _photo(), "style": picture(256, 256, color="orange")}
    answer = visitor.post("/api/v1/jobs", files=files, data={"options": SIZE}).raise_for_status()
    job = answer.headers["location"]
    begun = _killed(job, visitor, whole_worker)
    while (reported := visitor.get(job).json())["state"] in {"queued", "running"}:
        time.sleep(0.05)
    assert reported["state"] == "done", reported["error"]
    return time.monotonic() - begun


def main() -> None:
    """Print the seconds of each kill and their medians."""
    parser = argparse.ArgumentParser("python -m tests.hard.recovery", description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    args = parser.parse_args()
    with (
        whole.studio() as studio,
        httpx.Client(base_url=studio.address, timeout=60) as visitor,
    ):
        taken = [_seconds(visitor, whole_worker=bool(n % 2)) for n in range(args.times)]
    for what, some in (("process", taken[::2]), ("whole worker", taken[1::2]), ("both", taken)):
        each = ", ".join(f"{seconds:.1f}" for seconds in some)
        print(
            f"{what} killed: median {median(some):.1f} s of {each}; load {os.getloadavg()[0]:.1f}"
        )


if __name__ == "__main__":
    main()
