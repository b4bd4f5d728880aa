"""The sweep: the process that repairs, expires and deletes, and sends webhooks.

Notifies again of jobs that no worker claimed, queues jobs whose lease expired, deletes what is past
its retention. Several may run; one leads. Needs neither Redis nor a free worker.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from threading import Event, Thread

import redis
from sqlalchemy.exc import DBAPIError

from worker import jobs
from worker.admin import audit
from worker.credentials import api_keys
from worker.films import parts, workplaces
from worker.gallery import bins, entries
from worker.jobs import batches, idempotency, queue
from worker.maintenance import brake, leader, reclaim, retention
from worker.maintenance.scheduled_backup import Schedule
from worker.observability import failpoints, metrics
from worker.runner import style_store
from worker.settings import settings
from worker.storage import blobs, database, deletions, free_space, marker, processes
from worker.visitors import preview_expiry, quota, rate_limits, turns, uploads
from worker.webhooks import deliveries

log = logging.getLogger(__name__)

ROLE = "maintenance"  # "sweep" is that of programs which delete what they don't know; it has no row
TIDY_SECONDS = 300.0
FREE_SECONDS = 60.0
REPAIR_SECONDS = 10.0  # the whole line is looked at
NAMED = 0.95  # of the folders, by rows, for a studio of an earlier version to be marked by itself


def _ring(name: str) -> int:
    waiting = jobs.unanswered(name) + parts.unanswered(name)
    missing = max(0, len(waiting) - queue.depth([name])) if waiting else 0
    for sent, job_id in enumerate(waiting[:missing]):
        if not queue.send(job_id, name):
            return sent
    return missing


def ring() -> int:
    """Notify of jobs and parts of films that wait without a message; return how many were sent."""
    try:
        sent = sum(map(_ring, queue.QUEUES))
    except redis.RedisError:
        return 0
    if sent:
        log.info("rang again for %d jobs", sent)
    return sent


# ---------------------------------------------------------------- tidy


def _delete_old() -> None:
    """Delete jobs past their retention, rows first: pictures alone are found again below."""
    old = retention.forget()
    failpoints.at("forgotten")  # rows gone, their pictures not
    blobs.delete_jobs(old)


def _delete_uploads() -> None:
    """Delete old uploads by the age of their files where the disk is full; else the rows count."""
    if free_space.left() <= 0:
        uploads.delete_old_files()


Part = Callable[[], object]

# Each by itself: what fails in one keeps none of the others from being done.
PICTURES: dict[str, Part] = {  # these delete pictures, and wait while the markers don't match
    "old jobs": _delete_old,
    "bins": bins.forget,
    "jobs beyond the cap": quota.trim,
    "previews": preview_expiry.forget,
    "pictures without a row": reclaim.run,
}
FILES: dict[str, Part] = {  # these write nothing: first, since a full disk keeps none from it
    "folders of films": workplaces.tidy,
    "files of previews": preview_expiry.delete_old_files,
    "files of uploads": _delete_uploads,
}
AGED: dict[str, Part] = {  # these delete by hours and days, and wait while the clock is doubtful
    "gallery": entries.forget,
    "batches": batches.forget,
    "keys": api_keys.forget,
    "deliveries": deliveries.forget,
    "audit": audit.forget,
    "styles": style_store.forget,
    "deletions": deletions.forget,
    "receipts": idempotency.forget,
    "uploads": uploads.tidy,
}
ROWS: dict[str, Part] = {
    "parts of films": parts.forget,
    "limits": rate_limits.forget,
    "origins": turns.forget_origins,
    "processes": processes.forget,
}


def _each(parts: Mapping[str, Part]) -> Iterator[str]:
    """Run all parts; yield a sentence for each that did not do all of its work."""
    for name, part in parts.items():
        try:
            part()
        except reclaim.Stopped as stopped:
            yield str(stopped)
        except Exception as error:
            log.exception("tidying failed: %s", name)
            yield f"Tidying failed ({name}): {type(error).__name__}; the log says more."


def _mismatch() -> str:
    """Return why no picture may be deleted now, "" if some may; marks a studio without marker."""
    match marker.state():
        case marker.State.MATCH:
            return ""
        case marker.State.NEW:
            folders, unnamed = reclaim.counts()
            if unnamed <= (1 - NAMED) * folders:
                marker.renew()
                return ""
            return (
                f"The database names {folders - unnamed} of {folders} folders of pictures. "
                "No picture is deleted until: adain-studio adopt"
            )
    return (
        "The storage of pictures and the database don't belong together, or one of them is older. "
        "No picture is deleted until: adain-studio adopt"
    )


def _by_age() -> Iterator[str]:
    """Delete pictures and rows for their age; yield why not, or what went wrong."""
    mismatch, undecided, held = _mismatch(), retention.check(), brake.check()
    yield from filter(None, (mismatch, undecided, held))
    if held is not None:
        return
    if not mismatch:
        marker.advance()
        yield from _each(PICTURES)
    yield from _each(AGED)


def tidy() -> list[str]:
    """Delete what is past its retention; return warnings for the operator, as sentences."""
    warnings: list[str] = []
    try:
        warnings.extend(_by_age())  # keeps what came before an error
    except Exception as error:
        log.exception("the markers can't be compared")
        warnings.append(f"Tidying failed (marker): {type(error).__name__}; the log says more.")
    warnings += _each(ROWS)
    if settings().min_free_bytes and free_space.left() <= 0:
        warnings.append("The disk is full but for STUDIO_MIN_FREE_BYTES: no pictures are taken.")
    for warning in warnings:
        log.warning("%s", warning)
    return warnings


# ---------------------------------------------------------------- the process


class Sweep:
    """One sweeping process."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:sweep"
        self._tidied = -TIDY_SECONDS
        self._warnings: list[str] = []
        self._repaired = -REPAIR_SECONDS
        self._freed = -FREE_SECONDS
        self._backups = Schedule(self.name)

    def _free_space(self) -> None:
        if time.monotonic() - self._freed > FREE_SECONDS:
            self._freed = time.monotonic()
            list(_each(FILES))

    def _leads(self) -> bool:
        """Write a heartbeat; tell whether this process leads: not while the database is full."""
        try:
            warnings = [*self._warnings, *self._backups.warnings()]
            processes.touch(self.name, "sweep", {"warnings": warnings}, metrics.exposition())
            return leader.take(ROLE, self.name, 10 + 5 * settings().sweep_seconds)
        except DBAPIError as error:
            if not database.is_full(error):
                raise
            log.warning("the database has no room: %s", error.orig)
            return False

    def _repair(self) -> None:
        if time.monotonic() - self._repaired > REPAIR_SECONDS:
            self._repaired = time.monotonic()
            jobs.repair()

    def once(self) -> bool:
        """Sweep if this process leads; tell whether it does."""
        self._free_space()
        if not self._leads():
            return False
        list(_each({"silent workers": jobs.expire, "repair": self._repair, "messages": ring}))
        list(_each({"back-ups": self._backups.tick}))
        if time.monotonic() - self._tidied > TIDY_SECONDS:
            self._tidied = time.monotonic()
            self._warnings = tidy()
        return True

    def end(self) -> None:
        """Let another lead at once."""
        self._backups.end()
        leader.give_up(ROLE, self.name)
        processes.gone(self.name)


def run(stop: Event) -> None:
    """Sweep until `stop` is set; what fails is tried again the next time."""
    sweep = Sweep()
    sending = Thread(target=deliveries.run, args=(stop,), name="deliveries", daemon=True)
    sending.start()  # apart, since it waits for other people's servers
    while not stop.is_set():
        try:
            sweep.once()
        except Exception:
            log.exception("a sweep failed")
        stop.wait(settings().sweep_seconds)
    sweep.end()
    sending.join()
