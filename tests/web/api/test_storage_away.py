"""Requests while the storage of pictures refuses: 503, with when to come again."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.parts import S3, picture
from web import app
from web.security import identity

FILES = [("content", picture()), ("style", picture())]


@pytest.fixture
def client(store: S3) -> Iterator[TestClient]:
    cookies = {identity.COOKIE: identity.sign("ada")}
    with TestClient(app.without_page(), cookies=cookies) as made:
        yield made


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "jobs"), ("POST", "batches"), ("GET", "jobs/{job}/content")]
)
def test_a_request_says_when_to_come_again(
    client: TestClient, store: S3, method: str, path: str
) -> None:
    job = client.post("/api/v1/jobs", files=FILES).json()["id"]
    store.refuse()
    files = FILES if method == "POST" else None
    answer = client.request(method, f"/api/v1/{path.format(job=job)}", files=files)
    assert answer.status_code == 503, answer.text
    assert answer.json()["code"] == "storage.unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    korean = {"Accept-Language": "ko"}
    again = client.request(
        method, f"/api/v1/{path.format(job=job)}", files=files, headers=korean
    ).json()
    assert again["detail"] != answer.json()["detail"]
