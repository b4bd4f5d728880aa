from pathlib import Path
from time import time

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from itsdangerous import URLSafeTimedSerializer

from tests.parts import Setting
from web import identity
from web.identity import COOKIE, LASTS, RENEWED, Identity, owner_of


def _app() -> FastAPI:
    app = FastAPI()

    @app.get("/")
    def who(request: Request) -> str:
        return owner_of(request)

    @app.get("/livez")
    def alive() -> str:
        return "ok"

    app.add_middleware(Identity)
    return app


@pytest.fixture
def client(studio: Path) -> TestClient:
    return TestClient(_app())


def _signed_ago(seconds: float, monkeypatch: pytest.MonkeyPatch) -> str:
    with monkeypatch.context() as patched:
        signed = time() - seconds
        patched.setattr("time.time", lambda: signed)
        return identity.sign("ada")


def test_a_newcomer_is_somebody_from_the_first_answer_on(client: TestClient) -> None:
    first = client.get("/")
    assert first.cookies[COOKIE]
    second = client.get("/")
    assert second.json() == first.json()
    assert COOKIE not in second.cookies


def test_two_newcomers_are_two(client: TestClient) -> None:
    assert client.get("/").json() != TestClient(client.app).get("/").json()


def test_the_cookie_is_for_http_only_and_same_site(client: TestClient) -> None:
    said = client.get("/").headers["set-cookie"]
    assert "HttpOnly" in said
    assert "SameSite=lax" in said
    assert f"Max-Age={LASTS}" in said
    assert "Secure" not in said


def test_over_https_the_cookie_is_secure(studio: Path) -> None:
    said = TestClient(_app(), base_url="https://studio.example").get("/").headers["set-cookie"]
    assert "Secure" in said


@pytest.mark.parametrize("given", [{"https_only": True}, {"public_url": "https://a.example"}])
def test_the_cookie_is_secure_behind_a_proxy_that_speaks_https(
    studio: Path, setting: Setting, given: dict[str, object]
) -> None:
    setting(**given)
    assert "Secure" in TestClient(_app()).get("/").headers["set-cookie"]


@pytest.mark.parametrize(
    "forged",
    ["ada", "", "Imd1ZXN0Ig.aaaaaa.bbbb", URLSafeTimedSerializer("guess", salt="owner").dumps("x")],
)
def test_a_forged_cookie_is_replaced(client: TestClient, forged: str) -> None:
    answer = client.get("/", headers={"cookie": f"{COOKIE}={forged}"})
    assert answer.json() not in {"ada", "x"}
    assert COOKIE in answer.cookies


def test_a_cookie_signed_here_is_believed(client: TestClient) -> None:
    answer = client.get("/", headers={"cookie": f"{COOKIE}={identity.sign('ada')}"})
    assert answer.json() == "ada"
    assert "set-cookie" not in answer.headers


def test_an_ageing_cookie_is_renewed_for_the_same_owner(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = _signed_ago(RENEWED + 60, monkeypatch)
    answer = client.get("/", headers={"cookie": f"{COOKIE}={old}"})
    assert answer.json() == "ada"
    assert identity.read(answer.cookies[COOKIE]) is not None


def test_after_a_year_a_cookie_counts_no_more(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = _signed_ago(LASTS + 60, monkeypatch)
    assert client.get("/", headers={"cookie": f"{COOKIE}={old}"}).json() != "ada"


def test_a_health_check_is_nobody(client: TestClient) -> None:
    assert "set-cookie" not in client.get("/livez").headers
