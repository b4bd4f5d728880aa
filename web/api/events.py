"""Server-sent events: an owner watches a job's progress on one connection.

One query, a few times a second, serves all listeners of this process; without listeners there is
none. A slow listener skips progress that is out of date by the time it reads.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Response
from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.types import Receive, Scope, Send

from web.api.api import PREFIX, Owner
from web.api.openapi import Responses, problems
from web.language import messages
from web.language.problems import HTTPProblem
from web.language.texts import Spoken
from worker import jobs
from worker.jobs import queue_position
from worker.jobs.queue_position import JobProgress

LOOK_SECONDS = 0.25
BEAT_SECONDS = 10.0  # a comment this often, so that no proxy closes the connection as idle
MOST = 20  # jobs one owner may listen to at once
AGAIN = 2000  # milliseconds after which a browser comes back when the line broke
END = "end"

log = logging.getLogger(__name__)
router = APIRouter(prefix=PREFIX, tags=["jobs"])


class Listener:
    """A connection that watches one job; holds the latest progress only."""

    def __init__(self, known: JobProgress) -> None:
        self.known: JobProgress | None = known  # None: the job is no more
        self._news = asyncio.Event()

    def tell(self, progress: JobProgress | None) -> None:
        """Pass on the job's progress; None: the job was deleted."""
        if progress != self.known:
            self.known = progress
            self._news.set()

    async def next(self) -> JobProgress | None:
        """Wait until the job's progress has changed; return it."""
        await self._news.wait()
        self._news.clear()
        return self.known


class Board:
    """The listeners of this process, and the one task that queries for all of them."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        self._owners: Counter[str] = Counter()
        self._looking: asyncio.Task[None] | None = None

    def take(self, owner: str) -> None:
        """Count one more that the owner listens to, until `leave`; raises `HTTPProblem`.

        Looks and counts in one step of the event loop: of many at once no more get in than may.
        """
        if self._owners[owner] >= MOST:
            raise HTTPProblem(429, "limit.listening", {"Retry-After": "5"}, limit=MOST)
        self._owners[owner] += 1

    def leave(self, owner: str) -> None:
        self._owners -= Counter([owner])  # and drops an owner at 0

    @contextmanager
    def listen(self, progress: JobProgress) -> Iterator[Listener]:
        """Yield a listener to the job, whose progress so far is known."""
        listener = Listener(progress)
        others = self._listeners.setdefault(progress.id, set())
        others.add(listener)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            yield listener
        finally:
            others.discard(listener)
            if not others:
                self._listeners.pop(progress.id, None)

    async def _look(self) -> None:
        alone = CapacityLimiter(1)  # a thread of its own, however busy the others are
        while self._listeners:
            await asyncio.sleep(LOOK_SECONDS)
            wanted = list(self._listeners)
            try:
                found = await run_sync(queue_position.read, wanted, limiter=alone)
            except Exception as error:  # the listeners wait for a better time
                log.warning("jobs can't be watched right now: %s", error)
                continue
            for job_id in wanted:
                for listener in tuple(self._listeners.get(job_id, ())):
                    listener.tell(found.get(job_id))


_board = Board()


def _event(job_progress: JobProgress, language: str) -> bytes:
    fields = asdict(job_progress)
    fields |= messages.fields(fields.pop("failure"), language)
    return format_sse_event(event="job", data_str=json.dumps(fields), retry=AGAIN)


_LAST = format_sse_event(event=END, data_str="{}", id=END)
_BEAT = format_sse_event(comment="still there")


class _Watching(EventSourceResponse):
    """The answer to an owner who was counted; whatever becomes of it, it is counted no more."""

    def __init__(self, owner: str, job_progress: JobProgress, language: str) -> None:
        headers = {"Cache-Control": "private, no-cache, no-transform", "X-Accel-Buffering": "no"}
        super().__init__(_stream(job_progress, language), headers=headers)
        self._owner = owner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            _board.leave(self._owner)


async def _stream(job_progress: JobProgress, language: str) -> AsyncIterator[bytes]:
    """Yield the job's progress now and at every change, until it has ended or was deleted."""
    yield _event(job_progress, language)
    with _board.listen(job_progress) as listener:
        news: JobProgress | None = job_progress
        while news is not None and not news.ended:
            try:
                async with asyncio.timeout(BEAT_SECONDS):
                    news = await listener.next()
            except TimeoutError:
                yield _BEAT
                continue
            if news is not None:
                yield _event(news, language)
    yield _LAST


def _progress(job_id: str, owner: str) -> JobProgress:
    jobs.get(job_id, owner)
    found = queue_position.read([job_id]).get(job_id)
    if found is None:
        raise jobs.JobNotFound
    return found


_EXAMPLE = """event: job
data: {"id": "…", "state": "queued", "position": 2, "stage": "", "step": 0, "steps": 0,
data:  "progress": 0.0, "error": null, "error_code": null}

event: job
data: {"id": "…", "state": "done", "position": 0, "stage": "", "step": 0, "steps": 0,
data:  "progress": 1.0, "error": null, "error_code": null}

event: end
data: {}
id: end
"""
_ONE = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"enum": ["job", END]},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "id": {"const": END},
        "retry": {"type": "integer"},
    },
}
_STREAM: Responses = {
    200: {
        "description": "A `job` event now and at every change, an `end` event when the job has "
        "ended; comments in between keep the line open.",
        "content": {"text/event-stream": {"itemSchema": _ONE, "example": _EXAMPLE}},
    },
    204: {"description": "You have seen the end already; come no more."},
}


@router.get(
    "/jobs/{job_id}/events",
    response_class=Response,
    responses=_STREAM | problems(404, 429),
)
async def events(
    job_id: str, owner: Owner, language: Spoken, last_event_id: Annotated[str, Header()] = ""
) -> Response:
    """Watch a job: its state, place in line, stage and progress as they change."""
    job_progress = await run_sync(_progress, job_id, owner)
    if last_event_id == END and job_progress.ended:
        return Response(status_code=204)
    _board.take(owner)
    return _Watching(owner, job_progress, language)
