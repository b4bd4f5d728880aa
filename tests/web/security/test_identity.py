import re
from pathlib import Path
from time import time
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from itsdangerous import URLSafeTimedSerializer

from tests.parts import Setting
from web.security import identity
from web.security.identity import COOKIE, LASTS, RENEWED, Identity, owner_of


def _app() -> FastAPI:
    app = FastAPI()

    @app.get("/")
    def who(request: Request) -> str:
        return owner_of(request)

    @app.get("/livez")
    def alive() -> str:
        return "ok"

    @app.post("/become")
    def become(request: Request, owner: str) -> None:
        identity.become(request, owner)

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


def test_a_newcomer_gets_a_cookie_with_the_first_answer(client: TestClient) -> None:
    first = client.get("/")
    assert first.cookies[COOKIE]
    second = client.get("/")
    assert second.json() == first.json()
    assert COOKIE not in second.cookies


def test_two_requests_without_a_cookie_get_two_identities(client: TestClient) -> None:
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
    ids=["unsigned", "empty", "damaged", "by another secret"],
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


@pytest.mark.parametrize("ago", [-2, -3600, -86000, 2])
def test_a_cookie_signed_by_a_clock_that_differs_is_believed(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, ago: float
) -> None:
    cookie = _signed_ago(ago, monkeypatch)
    answer = client.get("/", headers={"cookie": f"{COOKIE}={cookie}"})
    assert answer.json() == "ada"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("ago", [LASTS + 60, -2 * 86400])
def test_a_cookie_signed_at_another_time_is_refused_and_not_replaced(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, ago: float
) -> None:
    cookie = _signed_ago(ago, monkeypatch)
    answer = client.get("/", headers={"cookie": f"{COOKIE}={cookie}"})
    assert answer.status_code == 401
    assert answer.json()["code"] == "cookie.time"
    assert "set-cookie" not in answer.headers
    korean = {"cookie": f"{COOKIE}={cookie}", "accept-language": "ko"}
    assert "쿠키" in client.get("/", headers=korean).json()["detail"]


# ---------------------------------------------------------------- names over https

HOST = "__Host-studio"


def _https(setting: Setting, path: str = "") -> TestClient:
    setting(public_url=f"https://studio.example{path}")
    return TestClient(_app(), base_url="https://studio.example")


def _cookies_said(answer: Any) -> dict[str, str]:  # noqa: ANN401, httpx or httpx2
    """Return the Set-Cookie headers by the cookie's name."""
    said = answer.headers.get_list("set-cookie")
    return {one.partition("=")[0]: one for one in said}


def test_over_https_the_cookie_belongs_to_this_host_alone(studio: Path, setting: Setting) -> None:
    client = _https(setting)
    said = _cookies_said(client.get("/"))
    assert set(said) == {HOST}
    assert {"Secure", "Path=/", "HttpOnly", "SameSite=lax"} <= set(said[HOST].split("; "))
    assert "Domain" not in said[HOST]
    assert _cookies_said(client.get("/")) == {}


def test_under_a_path_the_cookie_is_sent_there_and_nowhere_else(
    studio: Path, setting: Setting
) -> None:
    names = set()
    for path in ("/studio", "/other/studio"):
        [(name, said)] = _cookies_said(_https(setting, f"{path}/").get("/")).items()
        assert re.fullmatch("__Secure-studio-[0-9a-f]{8}", name)
        assert {"Secure", f"Path={path}", "HttpOnly"} <= set(said.split("; "))
        names.add(name)
    assert len(names) == 2


@pytest.mark.parametrize("path", ["", "/studio"])
def test_a_cookie_of_before_is_read_and_replaced_under_its_new_name(
    studio: Path, setting: Setting, path: str
) -> None:
    client = _https(setting, path)
    answer = client.get("/", headers={"cookie": f"{COOKIE}={identity.sign('ada')}"})
    assert answer.json() == "ada"
    [name] = _cookies_said(answer)
    assert name.startswith("__")
    value = answer.cookies[name] if not path else _cookies_said(answer)[name].split("=")[1]
    again = client.get("/", headers={"cookie": f"{name}={value.split(';')[0]}"})
    assert again.json() == "ada"
    assert "set-cookie" not in again.headers


def test_a_cookie_without_prefix_does_not_count_beside_one_with_it(
    studio: Path, setting: Setting
) -> None:
    client = _https(setting)
    both = f"{COOKIE}={identity.sign('mallory')}; {HOST}={identity.sign('ada', HOST)}"
    answer = client.get("/", headers={"cookie": both})
    assert answer.json() == "ada"
    assert "set-cookie" not in answer.headers


def test_a_cookie_given_out_over_https_can_not_be_planted_without_its_prefix(
    studio: Path, setting: Setting
) -> None:
    client = _https(setting)
    planted = f"{COOKIE}={identity.sign('mallory', HOST)}"
    assert client.get("/", headers={"cookie": planted}).json() != "mallory"


def test_changing_the_owner_deletes_the_cookie_of_the_old_name(
    studio: Path, setting: Setting
) -> None:
    client = _https(setting)
    old = f"{COOKIE}={identity.sign('ada')}"
    said = _cookies_said(client.post("/become?owner=grace", headers={"cookie": old}))
    assert set(said) == {HOST, COOKIE}
    assert "Max-Age=0" in said[COOKIE]
    said = _cookies_said(client.post("/become?owner=", headers={"cookie": old}))
    assert all("Max-Age=0" in one for one in said.values())


def test_a_health_check_gets_no_cookie(client: TestClient) -> None:
    assert "set-cookie" not in client.get("/livez").headers
