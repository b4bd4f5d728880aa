"""Health checks: of this process (/livez), of what it needs (/readyz), and of the whole studio.

Everyone may read the status; the details (names and versions of workers, numbers of jobs, errors)
only the admin, and who may read `/metrics`.
"""

import math
import time
from collections.abc import Callable
from threading import Lock
from typing import Any

import redis
from fastapi import APIRouter, Request, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from adain import __version__
from web.api.openapi import Responses
from web.operations import admin_session, metrics
from worker import jobs
from worker.jobs import queue
from worker.settings import settings
from worker.storage import blobs, database, processes, revisions

KEPT_SECONDS = 5.0  # between two looks at the storage

router = APIRouter(tags=["health"])
_NOT_NOW: Responses = {503: {"description": "Not well; the operator is told what."}}


def _database() -> None:
    with database.reading() as session:
        session.execute(text("SELECT 1 FROM jobs LIMIT 1"))


def _works(check: Callable[[], object]) -> bool:
    try:
        check()
    except Exception:  # whatever it is, it does not work
        return False
    return True


def _tables() -> str:
    """Return a sentence if the tables are too old for this program, or not there; "" if not."""
    try:
        return revisions.too_old()
    except SQLAlchemyError:  # the database is away, which another check reports
        return ""


def _database_now() -> dict[str, Any]:
    """Return how the database does, with a sentence where its tables don't fit the program."""
    if error := _tables():
        return {"ok": False, "error": error}
    if not _works(_database):
        return {"ok": False}
    newer = revisions.newer()
    return {"ok": True} | ({"warnings": [newer]} if newer else {})


class _Kept:
    """What a check said, for some seconds; asked by many at once, it is made once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.forget()

    def forget(self) -> None:
        """Check again when asked next."""
        self._until, self._works = -math.inf, False

    def works(self, check: Callable[[], object]) -> bool:
        """Tell whether it works, or did some seconds ago."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._works = _works(check)
                self._until = time.monotonic() + KEPT_SECONDS
            return self._works


_storage = _Kept()


def forget() -> None:
    """Look at the storage again when asked next."""
    _storage.forget()


def _stores() -> bool:
    """Tell whether the storage takes a file; writes a file a few times a minute at most."""
    return _storage.works(blobs.check)


def waiting() -> dict[str, Any]:
    """Return how many messages wait in the queue, if it answers."""
    try:
        return {"ok": True, "waiting": queue.depth()}
    except redis.RedisError:
        return {"ok": False}


def _workers() -> dict[str, Any]:
    """Return the live workers; one at least must have the default network's weights."""
    received = [{"name": one.name, **one.info} for one in processes.alive("worker")]
    able = any(settings().network in one.get("networks", {}) for one in received)
    return {"ok": able, "heard": received}


def _sweep() -> dict[str, Any]:
    """Return whether a sweep is alive, and what it could not do, if anything."""
    received = processes.alive("sweep")
    warnings = [warning for one in received for warning in one.info.get("warnings", ())]
    return {"ok": bool(received)} | ({"warnings": warnings} if warnings else {})


def _answer(
    request: Request, response: Response, well: bool, bad: str, details: dict[str, Any]
) -> dict[str, Any]:
    """Return the status, and to who may see them the details."""
    response.status_code = 200 if well else 503
    may_see = metrics.allowed(request) or admin_session.is_admin(request)
    return {"status": "ok" if well else bad} | (details if may_see else {})


@router.get("/livez")
def alive() -> dict[str, str]:
    """Tell that this process answers."""
    return {"status": "ok"}


@router.get("/readyz", responses=_NOT_NOW)
def ready(request: Request, response: Response) -> dict[str, Any]:
    """Tell whether this process can accept jobs: database and storage."""
    error = _tables()
    parts = {"database": not error and _works(_database), "storage": _stores()}
    said = {"error": error} if error else {}
    return _answer(request, response, all(parts.values()), "not ready", {**parts, **said})


@router.get("/healthz", responses=_NOT_NOW)
def healthy(request: Request, response: Response) -> dict[str, Any]:
    """Tell how the whole studio is; 200 when a job would be done, warnings or not."""
    parts: dict[str, Any] = {
        "database": _database_now(),
        "storage": {"ok": _stores()},
        "queue": waiting(),
    }
    if parts["database"]["ok"]:
        parts["sweep"] = _sweep()
        parts["workers"] = _workers()
        parts["jobs"] = {"ok": True, **jobs.counts()}
    well = all(part["ok"] for part in parts.values()) and "workers" in parts
    details = {"version": __version__, **parts}
    return _answer(request, response, well, "unhealthy", details)
