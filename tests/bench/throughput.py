"""`python -m tests.bench.throughput`: pictures a second of 1, 2, 4 workers and of the bare engine.

Fills the line of a throw-away studio and lets workers empty it: a queue server, SQLite and a
folder as on a laptop, no web server. Prints figures and judges none.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, median

from tests.bench.studio import painting, photo, with_code
from web.launcher.valkey import QueueServer

WARM = 0.15  # share of the jobs that end before the first that counts
CORES = os.cpu_count() or 1


@contextmanager
def run_studio(folder: Path) -> Iterator[dict[str, str]]:
    """Run a queue server; yield the environment of a studio that uses it."""
    server = QueueServer(folder / "queue")
    server.prepare()
    with subprocess.Popen(server.command(), cwd=server.folder) as running:
        server.answers()
        os.environ |= {"STUDIO_DATA": str(folder), "STUDIO_REDIS_URL": server.url}
        os.environ |= {"STUDIO_LOG_LEVEL": "WARNING"} | with_code()
        try:
            yield dict(os.environ)
        finally:
            running.terminate()


@contextmanager
def run_workers(count: int, together: int, environment: dict[str, str]) -> Iterator[None]:
    """Run workers that share the cores, from when all are ready."""
    from worker.storage import processes

    threads = {"STUDIO_WORKER_THREADS": str(max(1, CORES // count))}
    command = [sys.executable, "-m", "web.cli", "worker"]
    own = environment | threads | {"STUDIO_MICRO_BATCH": str(together)}
    running = [
        subprocess.Popen(command, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(count)
    ]
    try:
        while len(processes.alive("worker")) < count:
            time.sleep(0.1)
        yield
    finally:
        for worker in running:
            worker.terminate()
        for worker in running:
            worker.wait()


def _fill(count: int, size: int, style: bytes) -> list[str]:
    from worker import jobs

    options = {"size": size}
    return [jobs.submit("bench", photo(size), [style], options=options).id for _ in range(count)]


def _rate(ids: list[str]) -> tuple[float, dict[str, float]]:
    """Wait for jobs; return pictures a second once all was warm, and seconds a job by stage."""
    from sqlalchemy import select

    from worker import jobs
    from worker.jobs import Job, Status
    from worker.storage import database

    while jobs.counts()[Status.QUEUED] + jobs.counts()[Status.RUNNING]:
        time.sleep(0.2)
    with database.reading() as session:
        done = session.scalars(select(Job).where(Job.id.in_(ids)).order_by(Job.finished)).all()
    counted = done[round(len(done) * WARM) :]
    ended = [job.finished or 0.0 for job in counted]
    stages = {name for job in counted for name in job.timings} - {"wait"}
    shares = {
        name: mean(job.timings.get(name, 0) / job.together for job in counted) for name in stages
    }
    return (len(ended) - 1) / (ended[-1] - ended[0]), shares


def _engine(folder: Path, size: int, style: bytes, together: int) -> float:
    """Return the bare engine's pictures a second."""
    (folder / "style.jpg").write_bytes(style)
    photos = [folder / f"photo-{number}.jpg" for number in range(8)]
    for place in photos:
        place.write_bytes(photo(size))
    command = [sys.executable, "-m", "tests.bench.engine", str(folder / "style.jpg")]
    command += map(str, photos)
    command += ["--size", str(size), "--together", str(together or 1)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)["rate"])


def measure(size: int, count: int, together: int) -> None:
    """Print the tables, each line as soon as it is known; the engine is measured around each."""
    batch = together or "as many as usual"
    print(f"\n| {size} px, {batch} at once, {CORES} cores | pictures a second | of the engine |")
    print("|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as name:
        folder, style = Path(name), painting(size)
        with run_studio(folder / "studio") as environment:
            from worker.storage import database

            database.migrate()
            bare = [_engine(folder, size, style, together)]
            shares: list[tuple[float, dict[str, float]]] = []
            for workers in (1, 2, 4):
                ids = _fill(count, size, style)
                with run_workers(workers, together, environment):
                    found, stages = _rate(ids)
                bare.append(_engine(folder, size, style, together))
                share = found / mean(bare[-2:])
                shares.append((share, stages))
                print(f"| {workers} saturated worker(s) | {found:.2f} | {share:.0%} |", flush=True)
    print(f"| bare engine, file to file, median of {len(bare)} | {median(bare):.2f} | |")
    print("\n| a job's share of a saturated worker | ms |\n|---|---|")
    for name in ("load", "styles", "content", "picture", "done", "save", "total"):
        print(f"| {name} | {shares[0][1].get(name, 0) * 1000:.1f} |")
    print(f"\nratio saturated worker/engine at {size} px: {shares[0][0]:.2f}")


def main() -> None:
    """Measure and print the tables as Markdown."""
    parser = argparse.ArgumentParser("python -m tests.bench.throughput", description=__doc__)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--count", type=int, default=40, help="jobs a figure")
    parser.add_argument("--together", type=int, default=0, help="STUDIO_MICRO_BATCH")
    args = parser.parse_args()
    measure(args.size, args.count, args.together)


if __name__ == "__main__":
    main()
