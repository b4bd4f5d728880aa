"""`python -m tests.bench.waiting`: how long quick pictures wait while a long method runs.

One worker of a throw-away studio; quick jobs come one by one, each when the one before is done,
first alone, then beside a job of each method that takes seconds. Prints figures and judges none.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import quantiles

from adain.catalog import METHODS
from tests.bench.studio import painting, photo
from tests.bench.throughput import run_studio, run_workers

PAUSE = 0.5  # seconds from the end of one quick job to the next
WARM = 2  # quick jobs before the first that counts


def _submit(owner: str, size: int, style: bytes, method: str) -> str:
    from worker import jobs

    options = {"size": size, "method": method}
    return jobs.submit(owner, photo(size), [style], options=options).id


def _is_active(job_id: str, owner: str) -> bool:
    from worker import jobs
    from worker.jobs.model import ACTIVE

    return jobs.get(job_id, owner).status in ACTIVE


def _wait(job_id: str, owner: str) -> None:
    while _is_active(job_id, owner):
        time.sleep(0.05)


def _waits(size: int, count: int, style: bytes, method: str) -> tuple[list[float], list[float]]:
    """Send quick jobs, beside long ones by a method if any; return seconds in line, and in all."""
    from worker import jobs

    quick, long = list[str](), ""
    for _ in range(WARM + count):
        if method and not (long and _is_active(long, "long")):
            long = _submit("long", size, style, method)
            time.sleep(PAUSE)
        quick.append(_submit("quick", size, style, "adain"))
        _wait(quick[-1], "quick")
        time.sleep(PAUSE)
    if long:
        jobs.cancel(long, "long")
        _wait(long, "long")
    done = [jobs.get(one, "quick") for one in quick[WARM:]]
    whole = [(job.finished or 0.0) - job.submitted for job in done]
    return [job.timings["wait"] for job in done], whole


def spread(seconds: list[float]) -> tuple[float, float]:
    """Return median and 95th percentile."""
    cuts = quantiles(seconds, n=20, method="inclusive")
    return cuts[9], cuts[18]


def measure(size: int, count: int, methods: list[str]) -> None:
    """Print the table, each line as soon as it is known."""
    print(
        f"\n| {count} quick jobs at {size} px beside | ms in line: p50 | p95 | to done: p50 | p95 |"
    )
    print("|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as name:
        style = painting(size)
        with run_studio(Path(name) / "studio") as environment:
            from worker.storage import database

            database.migrate()
            with run_workers(1, 0, environment):
                for method in ["", *methods]:
                    both = map(spread, _waits(size, count, style, method))
                    cells = " | ".join(f"{1000 * one:.0f}" for pair in both for one in pair)
                    print(f"| {f'`{method}`' if method else 'nothing'} | {cells} |", flush=True)


def main() -> None:
    """Measure and print the table as Markdown."""
    parser = argparse.ArgumentParser("python -m tests.bench.waiting", description=__doc__)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--count", type=int, default=20, help="quick jobs a figure")
    heavy = [name for name, known in METHODS.items() if known.heavy]
    parser.add_argument("--methods", nargs="+", choices=heavy, default=heavy)
    args = parser.parse_args()
    measure(args.size, args.count, args.methods)


if __name__ == "__main__":
    main()
