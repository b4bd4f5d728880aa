import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from typer.testing import CliRunner

from tests.parts import Setting, picture
from tests.web.served import served
from web import app, cli
from web.client import Studio, StudioError
from web.security.identity import COOKIE
from worker.credentials.api_keys import Key
from worker.settings import settings
from worker.storage import database
from worker.visitors import rate_limits

KEYS = "/api/v1/me/keys"


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.without_page()) as made:
        yield made


def send(client: TestClient) -> Any:  # noqa: ANN401, httpx or httpx2
    files = [(name, ("a.png", picture(), "image/png")) for name in ("content", "style")]
    return client.post("/api/v1/jobs", files=files, data={"options": json.dumps({"size": 64})})


def make(client: TestClient, name: str = "My server") -> Any:  # noqa: ANN401, JSON
    answer = client.post(KEYS, json={"name": name})
    assert answer.status_code == 201, answer.text
    return answer.json()


def program(client: TestClient, key: str) -> TestClient:
    return TestClient(client.app, headers={"Authorization": f"Bearer {key}"})


def test_a_program_with_a_key_is_its_owner_and_gets_no_cookie(client: TestClient) -> None:
    job_id = send(client).json()["id"]
    with_key = program(client, make(client)["key"])
    answer = with_key.get(f"/api/v1/jobs/{job_id}")
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    theirs = send(with_key).json()["id"]
    assert client.get(f"/api/v1/jobs/{theirs}").status_code == 200


def test_a_key_is_shown_once_and_kept_as_a_hash(client: TestClient) -> None:
    made = make(client, "  My \n server ")
    [listed] = client.get(KEYS).json()
    assert listed["name"] == "My server"
    assert made["key"].startswith(listed["prefix"])
    assert "key" not in listed
    with database.reading() as session:
        [row] = session.scalars(select(Key)).all()
    kept = [str(getattr(row, column.name)) for column in Key.__table__.columns]
    assert made["key"] not in kept
    assert made["key"] not in (Path(settings().data) / "studio.sqlite3").read_bytes().decode(
        "latin-1"
    )


def test_the_list_of_keys_shows_when_each_was_last_used(client: TestClient) -> None:
    made = make(client)
    assert made["used"] is None
    program(client, made["key"]).get("/api/v1/me")
    [listed] = client.get(KEYS).json()
    assert listed["used"] >= listed["made"]


def test_a_revoked_key_opens_nothing_and_one_that_never_was_neither(client: TestClient) -> None:
    made = make(client)
    with_key = program(client, made["key"])
    assert client.delete(f"{KEYS}/{made['id']}").status_code == 204
    for one in (with_key, program(client, "adain_nonsense"), program(client, "")):
        answer = one.get("/api/v1/jobs")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "no such key" in answer.json()["detail"]
        assert COOKIE not in answer.cookies
    assert client.delete(f"{KEYS}/{made['id']}").status_code == 404


def test_a_strangers_key_is_neither_seen_nor_revoked(client: TestClient) -> None:
    made = make(client)
    stranger = TestClient(client.app)
    assert stranger.get(KEYS).json() == []
    assert stranger.delete(f"{KEYS}/{made['id']}").status_code == 404
    assert program(client, made["key"]).get("/api/v1/me").status_code == 200


def test_an_api_key_can_not_create_api_keys(client: TestClient) -> None:
    with_key = program(client, make(client)["key"])
    assert with_key.post(KEYS, json={"name": "Another"}).status_code == 403
    assert len(client.get(KEYS).json()) == 1


def test_the_twenty_first_key_and_a_key_without_a_name_are_refused(client: TestClient) -> None:
    for name in ("", "  ", "x" * 61):
        answer = client.post(KEYS, json={"name": name})
        assert answer.status_code == 422
        assert "1 to 60 characters" in answer.json()["detail"]
    for number in range(20):
        make(client, f"Number {number}")
    answer = client.post(KEYS, json={"name": "One more"})
    assert answer.status_code == 422
    assert "20 keys" in answer.json()["detail"]
    assert len(client.get(KEYS).json()) == 20


def test_a_key_goes_with_its_owner_and_is_inside_the_owners_limits(
    client: TestClient, setting: Setting
) -> None:
    setting(visitor_submissions=1)
    with_key = program(client, make(client)["key"])
    assert [send(client).status_code, send(with_key).status_code] == [202, 429]
    client.delete("/api/v1/me")
    assert with_key.get("/api/v1/me").status_code == 401


def test_a_database_that_is_away_is_no_reason_to_call_a_key_wrong(
    client: TestClient, studio: Path, setting: Setting
) -> None:
    with_key = program(client, make(client)["key"])
    setting(database_url=f"sqlite:///{studio}")  # a folder is no database
    assert with_key.get("/api/v1/jobs").status_code == 503


def test_client_and_command_line_use_the_key(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = send(client).json()["id"]
    key = make(client)["key"]
    cookies = tmp_path / "cookies"
    with served() as address:
        with Studio(address, cookies, key) as studio:
            assert [job.id for job in studio.list()] == [job_id]
            second = studio.submit(picture(), [picture()], size=64).id
        assert not cookies.exists()
        with Studio(address, key="adain_wrong") as studio, pytest.raises(StudioError) as refused:
            list(studio.list())
        assert refused.value.status == 401

        monkeypatch.setenv("STUDIO_API_KEY", key)
        monkeypatch.setenv("STUDIO_PORT", address.rpartition(":")[2])
        settings.cache_clear()
        listed = CliRunner().invoke(cli.app, ["list"])  # finds the studio by its settings too
        assert listed.exit_code == 0, listed.output
        assert [line.split()[0] for line in listed.output.splitlines()] == [second, job_id]


def test_keys_and_secrets_made_too_fast_are_refused(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "VISITOR_CREDENTIALS", 3)
    for _ in range(2):
        assert client.post("/api/v1/me/keys", json={"name": "one"}).status_code == 201
    assert client.post("/api/v1/webhook-secret").status_code == 201
    for path, body in (("/api/v1/me/keys", {"name": "one"}), ("/api/v1/webhook-secret", None)):
        answer = client.post(path, json=body)
        assert answer.status_code == 429
        assert "Many keys and secrets were made just now" in answer.json()["detail"]
        assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", KEYS), ("POST", "/api/v1/webhook-secret"), ("DELETE", "/api/v1/me")],
)
def test_a_key_neither_replaces_secrets_nor_deletes_the_account(
    client: TestClient, method: str, path: str
) -> None:
    job_id = send(client).json()["id"]
    with_key = program(client, make(client)["key"])
    body = {"name": "another"} if path == KEYS else None
    answer = with_key.request(method, path, json=body)
    assert answer.status_code == 403, answer.text
    assert "in your browser" in answer.json()["detail"]
    assert with_key.get(f"/api/v1/jobs/{job_id}").status_code == 200
    assert client.request(method, path, json=body).status_code in {201, 204}
