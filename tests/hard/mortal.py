"""Processes that answer one message, forked from one that has torch: a thousand in minutes.

They do what the Celery task does, on the real database and folder, but without Celery.
`multiprocessing`'s fork server imports once and has run nothing of torch, so that its forks are
sound.
"""

import contextlib
import multiprocessing
import os
import random
import resource
import signal
import time
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerProcess

import torch
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from tests import walks
from tests.parts import forget_caches, picture
from worker import jobs
from worker.maintenance import sweep
from worker.runner import pipeline
from worker.runner.worker import Worker
from worker.settings import PREFIX
from worker.storage import blobs, database

AT_ONCE = 4
FULL = 20  # bytes of the largest file on a full disk

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["worker.runner.pipeline", "tests.hard.mortal"])

Life = Callable[[], None]


# ---------------------------------------------------------------- lives


def work(messages: int = 1, clock: float = 0.0, largest_file: int = 0) -> None:
    """Answer messages as a worker does, with a wrong clock or a full disk if wanted."""
    if clock:
        right = time.time
        time.time = lambda: right() + clock
    if largest_file:  # the kernel refuses what is longer: EFBIG, one of the ways to be full
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    torch.set_num_threads(1)
    worker = Worker()
    worker.heartbeat.start()
    for _ in range(messages):
        pipeline.answer(worker)
    worker.end()


def work_an_hour_ahead() -> None:
    work(clock=3600.0)


def work_an_hour_behind() -> None:
    work(clock=-3600.0)


def work_long() -> None:
    work(messages=20)


def work_until_all_ended() -> None:
    """Answer messages until no job waits or is made."""
    torch.set_num_threads(1)
    worker = Worker()
    worker.heartbeat.start()
    while any(jobs.counts()[state] for state in jobs.ACTIVE):
        pipeline.answer(worker)
        time.sleep(0.02)
    worker.end()


def work_on_a_full_disk() -> None:
    work(largest_file=FULL)


def _work_with(fault: str) -> None:
    """Answer a message while the database fails once, at some write after the claim's."""
    left = random.Random(os.getpid()).randint(1, 5)

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            walks.Fault.wanted = fault

    with walks.faults():
        event.listen(database.engine(), "begin", count)
        with contextlib.suppress(DBAPIError):  # as Celery does: the task failed, and the next comes
            work()


def work_with_a_failing_statement() -> None:
    _work_with("statement")


def work_with_a_lost_answer_to_commit() -> None:
    _work_with("commit")


def work_on_a_slow_database() -> None:
    """Answer messages while every statement takes up to half a lease, so that some wait in vain."""
    event.listen(
        database.engine(), "before_cursor_execute", lambda *_: time.sleep(random.uniform(0, 0.5))
    )
    with contextlib.suppress(DBAPIError):  # SQLite's lock was taken for longer than anybody waits
        work(messages=3)


def submit() -> None:
    """Send a job as the web does."""
    jobs.submit("ann", picture(96, 96, "JPEG"), [picture(color="orange")], options={"size": 64})


def submit_to_a_full_disk() -> None:
    """Be refused, in words."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL, FULL))
    try:
        submit()
    except blobs.StorageFull:
        return
    raise AssertionError("the disk was not full")


def tidy() -> None:
    sweep.tidy()


# ---------------------------------------------------------------- how they are started


def _live(environment: Mapping[str, str], life: Life) -> None:
    os.environ.update(environment)
    forget_caches()
    life()


def start(life: Life, fault: str = "") -> ForkServerProcess:
    """Start a process with this test's settings."""
    given = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    process = _forks.Process(target=_live, args=(given | {f"{PREFIX}FAULT": fault}, life))
    process.start()
    return process


def run(life: Life, times: int, fault: str = "", enough: Callable[[], bool] | None = None) -> int:
    """Run some at once until so many were killed (with a fault) or came to their end (without).

    Returns how many were killed. `enough` may end it sooner.
    """
    wanted = -signal.SIGKILL if fault else 0
    counted = 0
    while counted < times and not (enough and enough()):
        some = [start(life, fault) for _ in range(min(AT_ONCE, times - counted))]
        for process in some:
            process.join()
        codes = [process.exitcode for process in some]
        assert set(codes) <= {0, -signal.SIGKILL}, codes
        counted += codes.count(wanted)
    return counted if fault else 0
