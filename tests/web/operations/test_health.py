from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.parts import Setting
from web import app
from web.operations import admin_session, health
from worker.settings import settings
from worker.storage import blobs, processes

WORKER = {"device": "cpu", "networks": {"compact": "0" * 64}, "version": "0"}


SECRET = "a secret of the admin's"
TOKEN = "a token of the collector's"


@pytest.fixture
def client(studio: Path) -> TestClient:
    """This machine, which may read the metrics; nothing is tidied meanwhile."""
    return TestClient(app.without_page(), client=("127.0.0.1", 50000))


@pytest.mark.parametrize("path", ["/readyz", "/healthz"])
@pytest.mark.parametrize("well", [True, False])
def test_a_stranger_gets_the_status_and_nothing_else(
    queued_studio: Path, client: TestClient, setting: Setting, path: str, well: bool
) -> None:
    setting(admin_secret=SECRET)
    processes.touch("a worker", "worker", WORKER)
    processes.touch("a sweep", "sweep", {})
    if not well:
        (queued_studio / "file").touch()
        setting(blobs_url=f"file://{queued_studio}/file")
        health.forget()
    stranger = TestClient(client.app)
    for headers in ({}, {"Authorization": "Bearer a guess"}, {"X-Forwarded-For": "127.0.0.1"}):
        answer = stranger.get(path, headers=headers)
        assert answer.status_code == (200 if well else 503)
        assert list(answer.json()) == ["status"]
    proxied = client.get(path, headers={"X-Forwarded-For": "1.2.3.4"})
    assert list(proxied.json()) == ["status"]


@pytest.mark.parametrize("path", ["/readyz", "/healthz"])
@pytest.mark.parametrize("by", ["this machine", "cookie", "secret", "token"])
def test_the_operator_gets_the_details(
    client: TestClient, setting: Setting, path: str, by: str
) -> None:
    if by == "this machine":
        return _assert_details(client.get(path).json())
    setting(admin_secret=SECRET, metrics_token=TOKEN)
    operator = TestClient(client.app)
    if by == "cookie":
        operator.cookies.set(admin_session.COOKIE, admin_session.sign())
    else:
        given = SECRET if by == "secret" else TOKEN
        operator.headers["Authorization"] = f"Bearer {given}"
    _assert_details(operator.get(path).json())


def _assert_details(answer: dict[str, object]) -> None:
    assert {"status", "database", "storage"} <= answer.keys()


def test_guesses_at_the_secret_are_counted(client: TestClient, setting: Setting) -> None:
    setting(admin_secret=SECRET)
    stranger = TestClient(client.app)
    for _ in range(6):
        stranger.get("/healthz", headers={"Authorization": "Bearer a guess"})
    right = stranger.get("/healthz", headers={"Authorization": f"Bearer {SECRET}"})
    assert list(right.json()) == ["status"]


def test_without_a_database_a_guess_is_answered_with_the_status(
    client: TestClient, setting: Setting, studio: Path
) -> None:
    setting(database_url=f"sqlite:///{studio}", admin_secret=SECRET)
    guess = {"Authorization": "Bearer a guess"}
    answer = TestClient(client.app).get("/healthz", headers=guess)
    assert (answer.status_code, answer.json()) == (503, {"status": "unhealthy"})


def test_the_liveness_check_needs_no_other_service(
    client: TestClient, setting: Setting, studio: Path
) -> None:
    setting(database_url=f"sqlite:///{studio}")
    assert client.get("/livez").status_code == 200


def test_ready_needs_neither_queue_nor_worker(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": True, "storage": True}


def test_not_ready_without_tables(client: TestClient, setting: Setting, studio: Path) -> None:
    setting(database_url=f"sqlite:///{studio}/new.sqlite3")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] is False


def test_not_ready_without_a_storage(client: TestClient, setting: Setting, studio: Path) -> None:
    (studio / "file").touch()
    setting(blobs_url=f"file://{studio}/file")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["storage"] is False


def test_the_storage_is_written_to_once_however_many_ask(
    client: TestClient, studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "KEPT_SECONDS", 600.0)
    written: list[str] = []
    check = blobs.check

    def counted() -> None:
        written.append("once")
        check()

    monkeypatch.setattr(blobs, "check", counted)
    with ThreadPoolExecutor(8) as askers:
        statuses = list(askers.map(lambda path: client.get(path).status_code, ["/readyz"] * 20))
    client.get("/healthz")
    assert set(statuses) == {200}
    assert len(written) == 1


def test_a_storage_that_is_gone_is_noticed_after_some_seconds(
    client: TestClient, studio: Path, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "KEPT_SECONDS", 0.0)
    assert client.get("/readyz").status_code == 200
    (studio / "file").touch()
    monkeypatch.setenv("STUDIO_BLOBS_URL", f"file://{studio}/file")
    settings.cache_clear()
    blobs._place.cache_clear()
    assert client.get("/readyz").status_code == 503


def test_the_whole_is_well_when_every_part_reported(
    queued_studio: Path, client: TestClient
) -> None:
    processes.touch("a worker", "worker", WORKER)
    processes.touch("a sweep", "sweep", {})
    answer = client.get("/healthz")
    assert answer.status_code == 200, answer.text
    assert answer.json()["workers"]["heard"] == [{"name": "a worker", **WORKER}]
    assert answer.json()["jobs"]["queued"] == 0


def test_without_a_queue_the_whole_is_unwell(client: TestClient) -> None:
    processes.touch("a worker", "worker", WORKER)
    processes.touch("a sweep", "sweep", {})
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert [name for name, part in answer.json().items() if part == {"ok": False}] == ["queue"]


def test_without_a_sweep_the_whole_is_unwell(queued_studio: Path, client: TestClient) -> None:
    processes.touch("a worker", "worker", WORKER)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["sweep"] == {"ok": False}


@pytest.mark.parametrize(
    "info", [None, {**WORKER, "networks": {}}, {**WORKER, "networks": {"vgg19": "0"}}]
)
def test_without_a_worker_that_has_the_weights_the_whole_is_unwell(
    queued_studio: Path, client: TestClient, info: dict[str, object] | None
) -> None:
    processes.touch("a sweep", "sweep", {})
    if info is not None:
        processes.touch("a worker", "worker", info)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["workers"]["ok"] is False


def test_without_a_database_the_whole_is_unwell_and_says_so(
    client: TestClient, setting: Setting, studio: Path
) -> None:
    setting(database_url=f"sqlite:///{studio}")
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["database"] == {"ok": False}
