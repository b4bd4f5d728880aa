import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.parts import Setting, picture, pictured
from web import app
from web.security.identity import COOKIE
from worker import jobs

JOBS = "/api/v1/jobs"


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.without_page()) as made:
        yield made


def send(client: TestClient):  # type: ignore[no-untyped-def]  # noqa: ANN201, httpx or httpx2
    files = [(name, ("a.png", picture(), "image/png")) for name in ("content", "style")]
    return client.post(JOBS, files=files, data={"options": json.dumps({"size": 64})})


def test_deleting_the_account_deletes_everything_of_its_owner(client: TestClient) -> None:
    other = TestClient(client.app)
    others = send(other).json()["id"]
    job_id = send(client).json()["id"]
    cookie = client.cookies[COOKIE]
    assert client.get("/api/v1/me").json()["kept"] > 0

    answer = client.delete("/api/v1/me")
    assert answer.status_code == 204
    assert COOKIE not in client.cookies
    client.cookies.set(COOKIE, cookie)  # the old cookie shows nothing either
    assert client.get(f"{JOBS}/{job_id}").status_code == 404
    assert client.get(JOBS).json()["jobs"] == []
    assert client.get("/api/v1/me").json()["kept"] == 0
    assert pictured() == {others}
    assert other.get(f"{JOBS}/{others}").status_code == 200


def test_too_many_jobs_are_refused_with_the_time_to_wait(
    client: TestClient, setting: Setting
) -> None:
    setting(visitor_submissions=2)
    assert [send(client).status_code for _ in range(3)] == [202, 202, 429]
    refused = send(client)
    assert 1 <= int(refused.headers["Retry-After"]) <= 30
    assert refused.headers["content-type"] == "application/problem+json"
    assert "2 jobs a minute" in refused.json()["detail"]
    assert jobs.counts()[jobs.Status.QUEUED] == 2


def test_the_address_counts_whatever_the_cookie(client: TestClient, setting: Setting) -> None:
    setting(address_submissions=2)
    assert [send(TestClient(client.app)).status_code for _ in range(3)] == [202, 202, 429]


def test_what_a_stranger_writes_as_the_address_does_not_count(
    client: TestClient, setting: Setting
) -> None:
    setting(address_submissions=2)
    found = []
    for number in range(3):
        liar = TestClient(client.app, headers={"X-Forwarded-For": f"198.51.100.{number}"})
        found.append(send(liar).status_code)
    assert found == [202, 202, 429]


def test_visitors_behind_a_trusted_proxy_are_many(client: TestClient, setting: Setting) -> None:
    setting(address_submissions=1, trusted_proxies="10.0.0.7")
    for number in range(3):
        visitor = TestClient(
            client.app,
            headers={"X-Forwarded-For": f"198.51.100.{number}"},
            client=("10.0.0.7", 1000),
        )
        assert [send(visitor).status_code for _ in range(2)] == [202, 429]


def test_a_full_quota_without_evictable_jobs_is_507(client: TestClient, setting: Setting) -> None:
    setting(total_bytes=1000)
    answer = send(client)
    assert answer.status_code == 507
    assert "no room" in answer.json()["detail"]
    setting(total_bytes=0, visitor_bytes=1000)
    answer = send(client)
    assert answer.status_code == 507
    assert "as much as one visitor may" in answer.json()["detail"]
    assert pictured() == set()


def test_requests_that_cost_work_count_towards_the_limits(
    client: TestClient, setting: Setting
) -> None:
    setting(visitor_uploads=2)
    client.get("/api/v1/me")
    for path in ("/api/v1/gallery/any/download", "/api/v1/share/any/download"):
        assert client.get(path).status_code == 404
    files = {"picture": ("a.png", picture(), "image/png")}
    answer = client.post("/api/v1/settings", files=files)
    assert answer.status_code == 429
    assert "2 pictures a minute" in answer.json()["detail"]


def test_the_web_lets_jobs_in_through_admission_alone() -> None:
    for file in Path(app.__file__).parent.rglob("*.py"):
        assert "jobs.submit(" not in file.read_text(), file
