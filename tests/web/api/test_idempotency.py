import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from tests.parts import picture
from tests.web.served import served
from worker import jobs
from worker.jobs import idempotency
from worker.jobs.idempotency import IdempotencyKey
from worker.storage import database

KEY = {"Idempotency-Key": "holiday-17"}


@pytest.fixture
def client(studio: Path) -> Iterator[httpx.Client]:
    with served() as address, httpx.Client(base_url=address, timeout=60) as made:
        made.get("/api/v1/jobs")  # get a cookie
        yield made


def post(client: httpx.Client, style: str = "teal", options: str = "{}") -> httpx.Response:
    files = {"content": picture(), "style": picture(color=style)}
    return client.post("/api/v1/jobs", files=files, data={"options": options}, headers=KEY)


def how_many() -> int:
    return sum(jobs.counts().values())


def test_the_same_again_is_the_same_job(client: httpx.Client) -> None:
    first, second = post(client), post(client)
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["id"] == second.json()["id"]
    assert first.headers["location"] == second.headers["location"]
    assert how_many() == 1


def test_without_a_key_each_request_is_a_job(client: httpx.Client) -> None:
    files = {"content": picture(), "style": picture()}
    for _ in range(2):
        assert client.post("/api/v1/jobs", files=files).status_code == 202
    assert how_many() == 2


@pytest.mark.parametrize("other", [{"style": "red"}, {"options": '{"alpha": 0.5}'}])
def test_another_job_under_a_used_key_is_refused(
    client: httpx.Client, other: dict[str, str]
) -> None:
    post(client)
    answer = post(client, **other)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "used for another job" in answer.json()["detail"]
    assert how_many() == 1


def test_an_idempotency_key_of_another_owner_is_another_key(client: httpx.Client) -> None:
    mine = post(client).json()["id"]
    with httpx.Client(base_url=client.base_url, timeout=60) as stranger:
        answer = post(stranger, style="red")
    assert answer.status_code == 202
    assert answer.json()["id"] != mine


@pytest.mark.parametrize("key", ["", "with space", "x" * 256, "ä"])
def test_an_invalid_idempotency_key_is_refused(client: httpx.Client, key: str) -> None:
    files = {"content": picture(), "style": picture()}
    headers = {b"Idempotency-Key": key.encode()}
    answer = client.post("/api/v1/jobs", files=files, headers=headers)
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json()["detail"]


def test_a_refused_job_leaves_its_key_free(client: httpx.Client) -> None:
    assert post(client, options='{"alpha": 2}').status_code == 422
    assert post(client).status_code == 202


def test_a_key_may_be_used_again_after_a_day(client: httpx.Client) -> None:
    first = post(client).json()["id"]
    with database.transaction() as session:
        session.execute(
            update(IdempotencyKey).values(made=IdempotencyKey.made - idempotency.LASTS - 1)
        )
    second = post(client, style="red")
    assert second.status_code == 202
    assert second.json()["id"] != first
    assert post(client, style="red").json()["id"] == second.json()["id"]


def test_the_key_of_a_deleted_job_says_so(client: httpx.Client) -> None:
    job_id = post(client).json()["id"]
    client.delete(f"/api/v1/jobs/{job_id}")
    assert jobs.forget(-1) == [job_id]
    answer = post(client)
    assert (answer.status_code, answer.json()["title"]) == (409, "Conflict")


def test_of_many_at_once_one_makes_the_job(either: Path) -> None:
    answers: list[tuple[str, bool]] = []
    start = threading.Barrier(6)

    def ask() -> None:
        start.wait()
        answers.append(
            idempotency.once(
                "ann",
                "key",
                "digest",
                lambda beside: jobs.submit("ann", picture(), [picture()], beside=beside),
            )
        )

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({job_id for job_id, _ in answers}) == 1
    assert sorted(new for _, new in answers) == [False] * 5 + [True]
    assert how_many() == 1


def test_old_idempotency_keys_are_forgotten(either: Path) -> None:
    def submit(beside: jobs.Beside) -> jobs.Job:
        return jobs.submit("ann", picture(), [picture()], beside=beside)

    idempotency.once("ann", "old", "digest", submit)
    with database.transaction() as session:
        session.execute(
            update(IdempotencyKey).values(made=IdempotencyKey.made - idempotency.LASTS - 1)
        )
    idempotency.once("ann", "new", "digest", submit)
    idempotency.forget()
    with database.reading() as session:
        assert [key_row.key for key_row in session.query(IdempotencyKey)] == ["new"]
