"""A small cluster on this machine: two web servers, three workers, two sweeps, Valkey, PostgreSQL
and S3, each a process of its own; one of each kind of ours is killed while jobs come and run.
"""

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from sqlalchemy import func, select

from tests.parts import S3, Setting, Valkey, free_port, picture
from worker import jobs
from worker.jobs import Job, Status
from worker.storage import blobs, database, processes

ROOT = Path(__file__).parents[2]
JOBS = 500
VISITORS = 5
SECONDS = 240.0


def until(happened: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Wait until it happens; a test that waits in vain fails."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.1)


class Cluster:
    """Our processes, each started by the word that the manifests use, saying JSON into a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.running: dict[str, psutil.Popen] = {}
        self.addresses: dict[str, str] = {}

    def start(self, name: str, part: str) -> None:
        environment = dict(os.environ)
        if part == "web":
            port = free_port()
            environment["STUDIO_PORT"] = str(port)
            self.addresses[name] = f"http://127.0.0.1:{port}"
        said = (self._folder / f"{name}.log").open("ab")
        self.running[name] = psutil.Popen(
            [sys.executable, "-m", "web.cli", part], cwd=ROOT, env=environment, stderr=said
        )

    def kill(self, name: str) -> None:
        self.running[name].send_signal(signal.SIGKILL)
        self.running.pop(name).wait()
        self.addresses.pop(name, None)

    def well(self) -> bool:
        """Tell whether every web server answers and every worker and sweep is alive."""
        received = [
            process.name for kind in ("worker", "sweep") for process in processes.alive(kind)
        ]
        answers = 0
        for address in self.addresses.values():
            try:
                answers += httpx.get(f"{address}/readyz", timeout=5).status_code == 200
            except httpx.HTTPError:
                return False
        return answers == len(self.addresses) and len(received) >= len(self.running) - answers

    def said(self) -> list[dict[str, Any]]:
        """Return all that was said by all; what a killed process did not finish is left out."""
        lines = []
        for file in self._folder.glob("*.log"):
            for line in file.read_text("utf-8").splitlines():
                if line.startswith("{") and line.endswith("}"):
                    lines.append(json.loads(line))
        return lines

    def end(self) -> None:
        for process in self.running.values():
            for each in [*process.children(recursive=True), process]:
                each.kill()
            process.wait()


@pytest.fixture
def cluster(
    postgres: Path, s3: S3, own_valkey: Valkey, setting: Setting, tmp_path: Path
) -> Iterator[Cluster]:
    """A cluster that is ready."""
    own_valkey.start()
    setting(
        redis_url=own_valkey.url,
        blobs_url="s3://studio-cluster/pictures",
        cookie_secret="the same for all",
        worker_threads=1,
        micro_batch=4,
        log_format="json",
        heartbeat_seconds=1,
        lease_seconds=8,
        ring_after_seconds=1,
        visitor_submissions=0,
        address_submissions=0,
        visitor_waiting=0,
        address_waiting=0,
    )
    made = Cluster(tmp_path)
    for name in ("web-1", "web-2", "worker-1", "worker-2", "worker-3", "sweep-1", "sweep-2"):
        made.start(name, name.split("-")[0])
    try:
        until(made.well, "the cluster is ready")
        yield made
    finally:
        made.end()


class Visitor:
    """Sends jobs to whichever web server answers, each under a key, so that none comes twice."""

    def __init__(self, cluster: Cluster, number: int) -> None:
        self._cluster, self._number = cluster, number
        self._client = httpx.Client(timeout=30)
        self._turn = number

    def _somewhere(self) -> str:
        self._turn += 1
        addresses = sorted(self._cluster.addresses.values())
        return addresses[self._turn % len(addresses)]

    def send(self, job: int) -> str:
        """Send one job, again and again until it is accepted; return its id."""
        files = [
            ("content", ("photo.jpg", picture(96, 64, "JPEG", color=(job % 256, 90, 90)))),
            ("style", ("style.png", picture(64, 64, color=(90, job % 7 * 30, 0)))),
        ]
        asked = {"data": {"options": '{"size": 64}'}, "files": files}
        key = {"Idempotency-Key": f"visitor-{self._number}-job-{job}"}
        accepted: list[str] = []

        def sent() -> bool:
            try:
                address = self._somewhere()
                answer = self._client.post(f"{address}/api/v1/jobs", headers=key, **asked)  # type: ignore[arg-type]
            except httpx.HTTPError:
                return False
            if answer.status_code in {200, 201, 202}:
                accepted.append(answer.json()["id"])
            else:
                assert answer.status_code >= 500, answer.text
            return bool(accepted)

        until(sent, "the job is accepted")
        return accepted[0]

    def all(self, count: int) -> list[str]:
        return [self.send(job) for job in range(count)]


def counts() -> dict[Status, int]:
    return jobs.counts()


@pytest.mark.timeout(1800)
def test_every_job_ends_once_whichever_process_is_killed(
    cluster: Cluster, own_valkey: Valkey
) -> None:
    with ThreadPoolExecutor(VISITORS) as pool:
        visitors = [Visitor(cluster, number) for number in range(VISITORS)]
        for visitor in visitors:  # a cookie each, before they are many at once
            visitor.send(-1)
        sending = [pool.submit(visitor.all, JOBS // VISITORS - 1) for visitor in visitors]

        def done(share: float) -> Callable[[], bool]:
            return lambda: counts()[Status.DONE] >= share * JOBS

        until(done(0.1), "a tenth is done")
        cluster.kill("web-1")
        cluster.start("web-3", "web")  # as their supervisor does
        until(done(0.3), "a third is done")
        cluster.kill("worker-1")
        until(done(0.5), "half is done")
        own_valkey.stop()  # with every message in it
        own_valkey.start()
        cluster.kill("sweep-1")
        cluster.start("worker-4", "worker")
        ids = [job_id for visitor in sending for job_id in visitor.result()]
        until(lambda: sum(counts().values()) == counts()[Status.DONE] == JOBS, "all is done")

    assert len(set(ids)) == JOBS - VISITORS
    with database.reading() as session:
        done_ = list(session.scalars(select(Job)))
        assert session.scalar(select(func.count()).select_from(Job)) == JOBS
    assert all(blobs.exists(job.result_key or "") for job in done_)
    assert all(job.result_key == f"{job.id}/result-{job.attempt}.png" for job in done_)
    ends = Counter(
        line["job"] for line in cluster.said() if line.get("event", "").endswith(" done")
    )
    assert {job.id for job in done_} >= set(ends)
    assert set(ends.values()) == {1}  # no job was recorded twice
    hosts = {job.worker for job in done_}
    assert len(hosts) >= 3  # the work was shared
