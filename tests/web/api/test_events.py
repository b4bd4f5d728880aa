import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import HTTPException, Response
from sqlalchemy import delete
from starlette.types import Message

from tests.parts import picture
from tests.waiting import until
from tests.web.served import begin, finish, served
from web.api import events
from worker import jobs
from worker.jobs import Job
from worker.storage import database

Event = tuple[str, dict[str, Any]]


@pytest.fixture
def client(studio: Path) -> Iterator[httpx.Client]:
    limits = httpx.Limits(max_connections=100)
    with served() as address, httpx.Client(base_url=address, timeout=120, limits=limits) as made:
        made.get("/api/v1/jobs")  # get a cookie
        yield made


def submit(client: httpx.Client) -> str:
    files = {"content": picture(), "style": picture()}
    return str(client.post("/api/v1/jobs", files=files).json()["id"])


def events_of(lines: Iterator[str]) -> Iterator[Event]:
    """Yield the events of a stream, and its comments as events named ":"."""
    event = ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "event":
            event = value
        elif name == "data":
            yield event, json.loads(value)
        elif line.startswith(":"):
            yield ":", {}


class Listening(threading.Thread):
    """A client that listens to a job until the stream ends."""

    def __init__(self, client: httpx.Client, job_id: str) -> None:
        super().__init__()
        self.client, self.job_id = client, job_id
        self.events: list[Event] = []
        self.start()

    def run(self) -> None:
        with self.client.stream("GET", f"/api/v1/jobs/{self.job_id}/events") as answer:
            for event in events_of(answer.iter_lines()):
                if event[0] != ":":
                    self.events.append(event)

    def states(self) -> list[str]:
        return [data["state"] for event, data in self.events if event == "job"]


def test_a_job_is_watched_from_the_line_to_its_end(client: httpx.Client) -> None:
    before, job_id = submit(client), submit(client)
    received = Listening(client, job_id)
    until(lambda: received.states() == ["queued"])
    assert received.events[0][1]["position"] == 2
    client.delete(f"/api/v1/jobs/{before}")
    until(lambda: received.events[-1][1]["position"] == 1)
    job = begin()
    jobs.renew(job, "transfer", 0.5)
    until(lambda: received.events[-1][1]["stage"] == "transfer")
    assert received.events[-1][1]["progress"] == 0.5
    finish(job)
    received.join()
    assert received.states()[-1] == "done"
    assert received.events[-1][0] == "end"


def test_the_end_arrives_with_the_next_look_which_is_within_a_second(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert events.LOOK_SECONDS < 1
    monkeypatch.setattr(events, "BEAT_SECONDS", 600.0)  # it comes with no other
    received = Listening(client, submit(client))
    until(lambda: received.states() == ["queued"])
    client.delete(f"/api/v1/jobs/{received.job_id}")
    received.join(120)
    assert received.states() == ["queued", "cancelled"]


def test_no_cache_or_proxy_may_store_or_buffer_the_stream(client: httpx.Client) -> None:
    job_id = submit(client)
    client.delete(f"/api/v1/jobs/{job_id}")
    headers = client.get(f"/api/v1/jobs/{job_id}/events").headers
    assert headers["content-type"].startswith("text/event-stream")
    assert headers["cache-control"] == "private, no-cache, no-transform"
    assert headers["x-accel-buffering"] == "no"
    assert "content-length" not in headers


def test_an_ended_job_says_so_once(client: httpx.Client) -> None:
    job_id = submit(client)
    client.delete(f"/api/v1/jobs/{job_id}")
    answer = client.get(f"/api/v1/jobs/{job_id}/events")
    assert [event for event, _ in events_of(iter(answer.text.splitlines()))] == ["job", "end"]
    again = client.get(f"/api/v1/jobs/{job_id}/events", headers={"Last-Event-ID": "end"})
    assert again.status_code == 204  # a browser then comes no more


def test_an_event_stream_without_events_gets_keep_alive_comments(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "BEAT_SECONDS", 0.1)
    with client.stream("GET", f"/api/v1/jobs/{submit(client)}/events") as answer:
        received = events_of(answer.iter_lines())
        assert [next(received)[0] for _ in range(3)] == ["job", ":", ":"]


def test_no_events_of_anothers_job(client: httpx.Client) -> None:
    job_id = submit(client)
    with httpx.Client(base_url=client.base_url, timeout=60) as stranger:
        answer = stranger.get(f"/api/v1/jobs/{job_id}/events")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "There is no job with this id among yours."


def test_a_job_that_is_deleted_ends_the_stream(client: httpx.Client) -> None:
    received = Listening(client, submit(client))
    until(lambda: received.states() == ["queued"])
    with database.transaction() as session:
        session.execute(delete(Job))
    received.join()
    assert received.events[-1][0] == "end"


def test_eighty_listeners_share_one_query(client: httpx.Client) -> None:
    visitors = [httpx.Client(base_url=client.base_url, timeout=120) for _ in range(8)]
    received, others = list[Listening](), threading.active_count()
    for visitor in visitors:
        visitor.get("/api/v1/jobs")
        job_id = submit(visitor)
        received += [Listening(visitor, job_id) for _ in range(10)]
    until(lambda: all(one.states() for one in received))
    held = threading.active_count() - others - len(received)
    assert held < 45  # a stream holds no thread of the server
    for job in [begin() for _ in visitors]:
        finish(job)
    for one in received:
        one.join(120)
    assert all(one.states()[-1] == "done" for one in received)
    for visitor in visitors:
        visitor.close()
    until(lambda: not events._board._listeners and not events._board._owners)


def test_an_owner_listens_to_so_many_and_no_more(client: httpx.Client) -> None:
    job_id = submit(client)
    received = [Listening(client, job_id) for _ in range(events.MOST)]
    until(lambda: all(one.states() for one in received))
    answer = client.get(f"/api/v1/jobs/{job_id}/events")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    client.delete(f"/api/v1/jobs/{job_id}")
    for one in received:
        one.join()


async def _asked_at_once(owner: str, job_id: str, count: int) -> list[Response | HTTPException]:
    asked = [events.events(job_id, owner, "en") for _ in range(count)]
    return await asyncio.gather(*asked, return_exceptions=True)  # type: ignore[return-value]


def test_of_many_at_once_no_more_listen_than_may(studio: Path) -> None:
    job = jobs.submit("ann", picture(), [picture()])
    found = asyncio.run(_asked_at_once("ann", job.id, 2 * events.MOST))
    refused = [one for one in found if isinstance(one, HTTPException)]
    assert [one.status_code for one in refused] == [429] * events.MOST
    assert events._board._owners["ann"] == events.MOST
    for one in found:
        if isinstance(one, Response):  # the client is gone before the answer begins
            with suppress(OSError):
                asyncio.run(one({"type": "http"}, _gone, _broken))
    assert not events._board._owners


async def _gone() -> Message:
    return {"type": "http.disconnect"}


async def _broken(message: Message) -> None:
    raise OSError


def test_listening_survives_a_database_that_goes_away_for_a_while(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    received = Listening(client, submit(client))
    until(lambda: received.states() == ["queued"])
    with database.engine().begin() as connection:
        connection.exec_driver_sql("ALTER TABLE jobs RENAME TO away")
    time.sleep(3 * events.LOOK_SECONDS)
    with database.engine().begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO jobs")
    client.delete(f"/api/v1/jobs/{received.job_id}")
    received.join()
    assert received.states() == ["queued", "cancelled"]
