"""The sweep: what keeps every promise made about jobs when other parts fail.

Rings again for jobs nobody took, puts back what silent workers had, deletes what is past its
time; beside that, tells owners' servers what they asked to be told. Several may run, one leads.
Needs neither the queue nor a free worker.
"""

import logging
import os
import socket
import time
from threading import Event, Thread

import redis

from worker import (
    audit,
    batches,
    blobs,
    database,
    deliveries,
    faults,
    gallery,
    jobs,
    leases,
    limits,
    metrics,
    previews,
    processes,
    queue,
    receipts,
    room,
    styles,
)
from worker.jobs import Status
from worker.settings import settings

log = logging.getLogger(__name__)

TIDY_SECONDS = 300.0
REPAIR_SECONDS = 10.0  # the whole line is looked at
ORPHAN_SECONDS = 3600.0  # a submission writes its pictures before its row


def _ring(name: str) -> int:
    waiting = jobs.unanswered(name)
    missing = max(0, len(waiting) - queue.depth([name])) if waiting else 0
    for sent, job_id in enumerate(waiting[:missing]):
        if not queue.send(job_id, name):
            return sent
    return missing


def ring() -> int:
    """Ring for jobs that wait without a bell in their queue; return how many bells went out."""
    try:
        sent = sum(map(_ring, queue.QUEUES))
    except redis.RedisError:
        return 0
    if sent:
        log.info("rang again for %d jobs", sent)
    return sent


def _delete_old() -> None:
    """Delete jobs past their retention, rows first: pictures alone are found again below."""
    if days := settings().retention_days:
        sooner = min(days, settings().retention_failed_days or days)
        old = jobs.forget(sooner, [Status.FAILED, Status.CANCELLED])
        old += jobs.forget(days)
        faults.at("forgotten")  # rows gone, their pictures not
        for job_id in old:
            blobs.delete_job(job_id)
    room.shrink()


def _delete_orphans() -> None:
    """Delete pictures that no row names, once they are too old to be part of something new.

    Submissions leave them that died before their row, and attempts that died before theirs.
    """
    before = database.time() - ORPHAN_SECONDS
    old: dict[str, set[str]] = {}
    for key, changed in blobs.files():
        if changed < before:
            old.setdefault(key.split("/")[0], set()).add(key)
    job_ids = list(old)
    for start in range(0, len(job_ids), 500):
        some = job_ids[start : start + 500]
        named = jobs.named(some)
        for job_id in some:
            if orphans := old[job_id] - named.get(job_id, set()):
                log.info("job %s: %d pictures that no row names", job_id, len(orphans))
                blobs.delete(orphans)


def tidy() -> None:
    """Delete what nobody needs any more."""
    _delete_old()
    gallery.forget()
    batches.forget()
    previews.forget()
    receipts.forget()
    deliveries.forget()
    limits.forget()
    audit.forget()
    styles.forget()
    _delete_orphans()
    processes.forget()


class Sweep:
    """One sweeping process."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:sweep"
        self._tidied = -TIDY_SECONDS
        self._repaired = -REPAIR_SECONDS

    def _repair(self) -> None:
        if time.monotonic() - self._repaired > REPAIR_SECONDS:
            self._repaired = time.monotonic()
            jobs.repair()

    def once(self) -> bool:
        """Sweep if this process leads; tell whether it does."""
        processes.touch(self.name, "sweep", {}, metrics.told())
        if not leases.take("sweep", self.name, 10 + 5 * settings().sweep_seconds):
            return False
        jobs.expire()
        self._repair()
        ring()
        if time.monotonic() - self._tidied > TIDY_SECONDS:
            self._tidied = time.monotonic()
            tidy()
        return True

    def end(self) -> None:
        """Let another lead at once."""
        leases.give_up("sweep", self.name)
        processes.gone(self.name)


def run(stop: Event) -> None:
    """Sweep until told to stop; whatever fails is tried again the next time."""
    sweep = Sweep()
    telling = Thread(target=deliveries.run, args=(stop,), name="deliveries", daemon=True)
    telling.start()  # apart, since it waits for other people's servers
    while not stop.is_set():
        try:
            sweep.once()
        except Exception:
            log.exception("a sweep failed")
        stop.wait(settings().sweep_seconds)
    sweep.end()
    telling.join()
