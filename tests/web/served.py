"""A real server in the test's process, and functions that play the worker."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from anyio._backends._asyncio import WorkerThread
from fastapi import FastAPI

from tests.parts import picture
from web import app
from web.http.connection import Connection
from worker import jobs
from worker.jobs import Job
from worker.storage import blobs


@contextmanager
def served(
    port: int = 0, made: Callable[[], FastAPI] = app.without_page, idle: int = 600
) -> Iterator[str]:
    """Serve the API or what is `made`, on a free port if none is given; yields its address.

    Connections close after `idle` seconds without a request: many, for the machine may be busy.
    """
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    config = uvicorn.Config(
        made(),
        http=Connection,
        log_level="warning",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=idle,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        _end_calls()
        listening.close()


def _end_calls() -> None:
    """Wait for calls that outlast their server: they would read the next settings half set.

    Threads of a server that still runs, as that of a test's provider, wait for its next calls.
    """
    for one in threading.enumerate():
        if isinstance(one, WorkerThread) and not one.loop.is_running():
            one.join(timeout=30)


def begin() -> Job:
    """Take the next job, as a worker does."""
    job = jobs.claim("a worker")
    assert job is not None
    return job


def finish(job: Job) -> None:
    """End a job that was begun, with a picture, and a file where it teaches a style."""
    result, thumbnail = f"{job.id}/result-1.png", f"{job.id}/thumbnail-1.jpg"
    blobs.put(result, picture(32, 24))
    blobs.put(thumbnail, picture(32, 24, "JPEG"))
    taught = f"{job.id}/taught-1.safetensors" if job.options.get("teach") else None
    if taught:
        blobs.put(taught, b"a style's file")
    assert jobs.finish(
        job.id,
        job.attempt,
        result_key=result,
        thumbnail_key=thumbnail,
        taught_key=taught,
        width=32,
        height=24,
        device="cpu",
        weights_sha256="0" * 64,
        version="0",
        timings={"total": 0.5},
    )
