"""Notifications: messages in Redis, sent by Celery, that say "a job waits".

A message may be lost or come twice; the database says what is to be done. Names the task and does
not import it, so that a process without torch can send.
"""

import logging
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import redis
from celery import Celery
from celery.loaders.app import AppLoader
from kombu.exceptions import OperationalError

from worker.settings import settings
from worker.storage import database

TASK = "stylize"
LIGHT, HEAVY = "light", "heavy"
QUEUES = (LIGHT, HEAVY)  # each with workers that serve it; a worker may serve both

log = logging.getLogger(__name__)

_PATIENCE = 2.0  # seconds on an answer from Redis; a hung one costs no more
SHIFT = 10  # seconds after which the work for one message takes no more jobs
GIVEN = 0.5  # of a job's time, for which others may be made between its steps at most
LASTS = 3600  # seconds after the last message until a queue that no worker serves is emptied

_counts: list[Callable[[str], int]] = []  # of each kind of row that waits, given the queue
away_until = 0.0  # monotonic; after a failure Redis is not tried again before this


class _Loader(AppLoader):  # type: ignore[misc]
    """Celery's loader, which would look for our modules in the current folder first."""

    def import_from_cwd(self, module: str, imp: object = None, package: str | None = None) -> Any:  # noqa: ANN401
        return self.import_module(module, package)


def _longest() -> int:
    """Return how many seconds the work for one message may take."""
    return int((1 + GIVEN) * settings().job_time_limit) + SHIFT


@cache
def app() -> Celery:
    """Return the Celery application; makes no connection."""
    made = Celery(
        "studio",
        broker=settings().redis_url,
        include=["worker.runner.celery_tasks"],
        loader=_Loader,
    )
    made.conf.update(
        task_default_queue=LIGHT,
        task_ignore_result=True,
        task_acks_late=False,  # the row, not the message, is what must not be lost
        # for all jobs of a message; `worker/runner/pipeline.py` limits each by itself
        task_soft_time_limit=_longest(),
        task_time_limit=_longest() + 30,
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_max": 0.1},
        worker_concurrency=settings().worker_concurrency,
        worker_prefetch_multiplier=1,
        worker_pool="prefork",
        worker_pool_start_method="spawn",  # a CUDA context can't be forked
        worker_proc_alive_timeout=120,  # loading torch takes longer than the default 4 s
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_timeout": _PATIENCE,
            "socket_connect_timeout": _PATIENCE,
        },
    )
    return made


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(
        settings().redis_url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE
    )


def send(job_id: str, name: str = LIGHT) -> bool:
    """Notify the workers of a job; False, and a warning in the log, when Redis is away.

    For two seconds after that it returns False at once, so that a Redis that hangs does
    not hold up every visitor; the sweep notifies again.
    """
    global away_until
    if time.monotonic() < away_until:
        return False
    try:
        app().send_task(TASK, args=[job_id], task_id=job_id, queue=name)
        _redis().expire(name, LASTS)
    except (OperationalError, redis.RedisError, OSError) as error:
        away_until = time.monotonic() + _PATIENCE
        log.warning("job %s waits in the database: the queue is away: %s", job_id, error)
        return False
    return True


def counted(count: Callable[[str], int]) -> Callable[[str], int]:
    """Decorate what returns how many rows of a kind wait in a queue for a message."""
    _counts.append(count)
    return count


def announce(ids: Sequence[str], name: str) -> bool:
    """Send messages for rows that were just committed, but no more than rows wait in the queue.

    More would do nothing: any message makes a worker take whichever row is next. False
    when Redis is away.
    """
    if time.monotonic() < away_until:
        return False
    try:
        with database.one_reading():
            missing = sum(count(name) for count in _counts) - depth([name])
    except redis.RedisError:
        missing = len(ids)  # `send` says so
    except database.AWAY as error:  # the rows are there: it is no error of who committed them
        missing = len(ids)
        log.warning("the database is away, so each of %d rows gets a message: %s", missing, error)
    return all(send(each, name) for each in ids[: max(0, missing)])


def depth(names: Sequence[str] = QUEUES) -> int:
    """Return how many messages no worker has received yet; raises `redis.RedisError`."""
    return sum(int(_redis().llen(name)) for name in names)


def ping() -> bool:
    try:
        return bool(_redis().ping())
    except redis.RedisError:
        return False
