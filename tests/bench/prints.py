"""`python -m tests.bench.prints`: a print of a phone's photo end to end, as a table.

A photo of 48 megapixels, or for the limit a smaller copy, is submitted and made by a worker of the
queue heavy, without compiled code, SQLite and a folder: the size of the result, seconds from claim
to stored, those of the processor with the process's start, and peak memory, each in a process of
its own. Prints figures and judges none.
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from adain.paper.times import noise

LIMIT = "limit"  # a result of exactly as many pixels as `max_output_pixels` is by default
FITS = ("10x15", "a4", "a3", LIMIT)
PHOTO = Path(__file__).parents[1] / "data" / "cases" / "large-pictures" / "phone-48mp.jpg"


def _sent(fit: str) -> tuple[bytes, dict[str, Any]]:
    """Return the photo and the options of a print."""
    if fit != LIMIT:
        return PHOTO.read_bytes(), {"fit": fit}
    out = io.BytesIO()
    with Image.open(PHOTO) as photo:
        photo.resize((2500, 1800)).save(out, "JPEG", quality=92)
    return out.getvalue(), {"size": 3600}  # 5000 × 3600


def measure(fit: str) -> dict[str, Any]:
    """Make one print with the settings of the environment; return what was found."""
    from worker import jobs
    from worker.images import images
    from worker.runner import pipeline
    from worker.runner.worker import Worker
    from worker.storage import database

    database.migrate()
    style = images.encode(noise(512, 0), "jpg")
    photo, options = _sent(fit)
    job = jobs.submit("ann", photo, [style], options=options)
    worker = Worker()
    worker.start()
    pipeline.answer(worker)
    worker.end()
    done = jobs.get(job.id, "ann")
    assert done.status == jobs.Status.DONE, done.error
    used, size = resource.getrusage(resource.RUSAGE_SELF), (done.width, done.height)
    worked, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / (1 << 20)
    total = (done.timings or {})["total"]
    return {"queue": done.queue, "size": size, "s": total, "worked": worked, "GiB": peak}


def _apart(fit: str) -> dict[str, Any]:
    """Measure in a process and a studio of its own."""
    with tempfile.TemporaryDirectory(prefix="prints-") as folder:
        own = {"STUDIO_DATA": folder, "STUDIO_LOG_LEVEL": "ERROR"}
        command = [sys.executable, "-m", __spec__.name, "--one", fit]
        output = subprocess.run(
            command, capture_output=True, text=True, check=True, env=os.environ | own
        ).stdout
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser("python -m tests.bench.prints", description=__doc__)
    parser.add_argument("--fits", nargs="+", default=FITS)
    parser.add_argument("--one", metavar="FIT", help="print one as JSON")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.one)))
        return
    print("| print | result | queue | s | processor s | peak GiB |\n|---|---|---|---|---|---|")
    for fit in args.fits:
        one = _apart(fit)
        wide, high = one["size"]
        seconds = f"{one['s']:.1f} | {one['worked']:.1f}"
        size = f"{wide} × {high}, {wide * high / 1e6:.1f} MP"
        print(f"| {fit} | {size} | {one['queue']} | {seconds} | {one['GiB']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
