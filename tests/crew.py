"""Real workers and a sweep, each a process of its own, and jobs for them."""

import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.parts import picture
from tests.waiting import until as until
from worker import jobs
from worker.jobs import ENDED, Job
from worker.storage import processes

WORKER = "from worker.runner import celery_tasks; celery_tasks.work()"
SWEEP = (
    "import threading; from worker.maintenance import sweep; from worker.observability import logs"
    "; logs.start(); sweep.run(threading.Event())"
)

LONG = {"size": 1536}  # a second on two cores: time enough to interrupt it
SHORT = {"size": 64, "strokes": 0}  # 0: it is not painted larger than it shall be
ENDLESS: dict[str, int | str] = {
    "method": "gatys",
    "size": 1024,
}  # some hundred steps: many times any limit here


class Crew:
    """Workers and a sweep, each a process of its own."""

    def __init__(self) -> None:
        self.running: list[psutil.Popen] = []

    def start(self, code: str) -> psutil.Popen:
        process = psutil.Popen([sys.executable, "-c", code])
        self.running.append(process)
        return process

    def worker(self) -> psutil.Popen:
        """Start a worker and wait until its child is ready for jobs."""
        before = {process.name for process in processes.alive("worker")}
        worker = self.start(WORKER)
        until(lambda: bool({process.name for process in processes.alive("worker")} - before))
        return worker

    def end(self) -> None:
        for process in self.running:
            for each in (
                [*process.children(recursive=True), process] if process.is_running() else []
            ):
                each.kill()
            process.wait()


def submit(options: Mapping[str, int | str], styles: int = 1) -> Job:
    pictures = [picture(color="orange")] * styles
    return jobs.submit("ann", picture(96, 96, "JPEG"), pictures, options=options)


def now(job: Job) -> Job:
    return jobs.get(job.id, "ann")


def being_made(job: Job) -> bool:
    return now(job).stage in {"content", "picture"}


def runs(process: psutil.Process) -> bool:
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)


def ended(job: Job) -> bool:
    return now(job).status in ENDED


def results(job: Job, folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "blobs" / job.id).glob("result-*"))
