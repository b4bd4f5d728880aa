"""Pictures that take long, from one address, while others send theirs."""

import inspect
import io
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from tests import hostile
from tests.calls import reached
from tests.parts import Setting, picture
from tests.waiting import until
from tests.web.authorisation import routes
from tests.web.served import served
from web import app
from web.http import checking
from web.page import form
from web.security import body_limits
from worker.images import decoders
from worker.images.line import Line
from worker.storage import database
from worker.visitors import rate_limits as budget
from worker.visitors.rate_limits import Allowance, Cost, Visitor

SLOW = hostile.scans(80)


def _files(fields: dict[str, int], data: bytes) -> list[tuple[str, Any]]:
    return [
        (field, ("a.jpg", io.BytesIO(data), "image/jpeg"))
        for field, count in fields.items()
        for _ in range(count)
    ]


FIELDS: dict[str, dict[str, int]] = {
    "/api/v1/jobs": {"content": 1, "style": 1},
    "/api/v1/previews": {"content": 1, "style": 1},
    "/api/v1/batches": {"content": 1, "style": 1},
    "/api/v1/subject": {"picture": 1},
    "/api/v1/settings": {"picture": 1},
    "/api/v1/uploads": {"picture": 1},
}
OPENING = [path for path, rule in body_limits.RULES.items() if rule.spooled]


def any_ends(asked: list[Future[Any]]) -> bool:
    return any(one.done() for one in asked)


def test_a_small_upload_passes_the_slow_pictures_of_another_address(
    studio: Path, setting: Setting
) -> None:
    setting(trusted_proxies="127.0.0.1")
    answered: list[str] = []

    def send(url: str, who: str, path: str, fields: dict[str, int], data: bytes) -> None:
        headers = {"X-Forwarded-For": who}
        with httpx.Client(base_url=url, headers=headers, timeout=300) as client:
            answer = client.post(path, files=_files(fields, data))
        assert answer.is_success, answer.text
        answered.append(who)

    jobs = 6
    with served() as url, ThreadPoolExecutor(jobs + 1) as pool:
        slow = {"content": 1, "style": 4}
        asked = [
            pool.submit(send, url, "192.0.2.1", "/api/v1/jobs", slow, SLOW) for _ in range(jobs)
        ]
        until(lambda: checking.line.waiting >= jobs - checking.EACH or any_ends(asked))
        assert not any_ends(asked)
        small = picture(64, 64)
        victim = pool.submit(send, url, "192.0.2.2", "/api/v1/uploads", {"picture": 1}, small)
        for one in (*asked, victim):
            one.result()
    # of those that were before it, at most the two that had a seat could end first
    assert "192.0.2.2" in answered[: checking.EACH + 1]


def test_batches_of_any_number_of_addresses_leave_places_for_other_requests(
    studio: Path, setting: Setting
) -> None:
    """Two addresses send two batches each, the last picture of which is broken."""
    setting(trusted_proxies="127.0.0.1")
    answered: list[str] = []

    def send(url: str, who: str, path: str, files: list[tuple[str, Any]]) -> int:
        headers = {"X-Forwarded-For": who}
        with httpx.Client(base_url=url, headers=headers, timeout=300) as client:
            answer = client.post(path, files=files)
        answered.append(who)
        return answer.status_code

    batch = _files({"content": 1, "style": 8}, SLOW) + _files({"style": 1}, b"no picture")
    small = _files({"picture": 1}, picture(64, 64))
    with served() as url, ThreadPoolExecutor(5) as pool:
        slow = [
            pool.submit(send, url, f"192.0.2.{1 + number % 2}", "/api/v1/batches", batch)
            for number in range(checking.AT_ONCE)
        ]
        until(lambda: not decoders.seats.qsize() or any_ends(slow))
        assert not any_ends(slow)
        time.sleep(1)  # until all have come
        assert pool.submit(send, url, "192.0.2.3", "/api/v1/uploads", small).result() == 201
        before = list(answered)
        assert {one.result() for one in slow} == {422}
    assert before == ["192.0.2.3"]


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.without_page()) as made:
        made.get("/api/v1/me")  # a cookie
        yield made


@pytest.mark.parametrize("path", OPENING)
def test_every_request_with_pictures_pays_for_the_time_of_decoding_in_its_own_turn(
    client: TestClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Visitor] = []
    paid: list[tuple[Visitor, float]] = []
    charge = budget.charge

    def noted(visitor: Visitor, *costs: Cost) -> None:
        paid.extend((visitor, cost.amount) for cost in costs)
        charge(visitor, *costs)

    class Watched(Line):
        def _enter(self, who: Visitor) -> Any:  # noqa: ANN401
            asked.append(who)
            return super()._enter(who)

    monkeypatch.setattr(budget, "charge", noted)
    monkeypatch.setattr(decoders, "line", Watched(2, 2))
    monkeypatch.setattr(checking, "line", Watched(4, 2))
    client.post(path, files=_files(FIELDS[path], picture(64, 48, "JPEG")))
    with database.reading() as session:
        spent = {(one.who, one.what) for one in session.scalars(select(Allowance))}
    assert asked
    [(visitor, seconds)] = paid
    assert seconds >= 0  # a small picture takes less than the clock tells
    assert set(asked) == {visitor}
    assert len(asked) > 1  # in front of the request, and of each picture
    for who in budget.names(visitor):
        assert who
        assert {(who, "pictures"), (who, "decoding")} <= spent


def test_a_batch_pays_picture_by_picture_also_when_it_is_refused_in_the_end(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge, paid = budget.charge, list[float]()

    def noted(visitor: Visitor, *costs: Cost) -> None:
        paid.extend(cost.amount for cost in costs)
        charge(visitor, *costs)

    monkeypatch.setattr(budget, "charge", noted)
    monkeypatch.setattr(decoders, "DUE", 0.0)
    slow = hostile.scans(20)
    sent = _files({"content": 2, "style": 2}, slow) + _files({"style": 1}, b"no picture")
    answer = client.post("/api/v1/batches", files=sent)
    assert answer.status_code == 422
    assert len(paid) == 5
    assert all(seconds > 0 for seconds in paid[:4])


def test_a_full_line_of_decoding_is_503_with_retry_after(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "line", Line(0, 0, patience=0))
    headers = {"Accept-Language": "ko"}
    answer = client.post(
        "/api/v1/uploads", files=_files({"picture": 1}, picture()), headers=headers
    )
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"
    assert "그림" in json.loads(answer.text)["detail"]


def test_who_took_very_long_is_refused_before_a_picture_is_opened(
    client: TestClient, setting: Setting
) -> None:
    setting(visitor_decoding=1)
    upload = "/api/v1/uploads"
    codes = [client.post(upload, files=_files({"picture": 1}, SLOW)).status_code]
    while codes[-1] == 201 and len(codes) < 200:  # more on a faster machine
        codes.append(client.post(upload, files=_files({"picture": 1}, SLOW)).status_code)
    assert codes[0] == 201
    assert codes[-1] == 429
    answer = client.post("/api/v1/jobs", files=_files({"content": 1, "style": 1}, picture()))
    assert answer.status_code == 429
    assert "very long to open" in answer.json()["detail"]


def _decodes_in_a_shared_thread(call: Callable[..., object]) -> bool:
    return not inspect.iscoroutinefunction(call) and decoders.ask in reached(call)


def test_no_route_in_a_shared_thread_has_a_picture_decoded(studio: Path) -> None:
    """Forty such threads are for all requests: who waits for a decoder waits in a task."""
    every = routes(app.without_page())
    assert {one.path for one in every if _decodes_in_a_shared_thread(one.call)} == set()


def test_no_event_of_the_page_in_a_shared_thread_has_a_picture_decoded(studio: Path) -> None:
    every = [one.fn for one in form.page().fns.values() if one.fn]
    assert {one.__qualname__ for one in every if _decodes_in_a_shared_thread(one)} == set()
    assert any(decoders.ask in reached(one) for one in every)  # those that do wait in a task
