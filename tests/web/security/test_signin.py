import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from joserfc.jwk import RSAKey
from sqlalchemy import select

from tests.parts import Setting, picture
from tests.web.provider import CLIENT, SECRET, Provider, provided
from tests.web.served import served
from web import app
from web.security import signin
from web.security.identity import COOKIE
from worker import jobs
from worker.credentials import identities
from worker.settings import settings
from worker.storage import database
from worker.visitors import accounts, blocks


@pytest.fixture
def provider() -> Iterator[Provider]:
    with provided() as made:
        yield made


@pytest.fixture
def address(studio: Path, setting: Setting, provider: Provider) -> Iterator[str]:
    """A studio where people may sign in with the provider."""
    setting(
        oidc_issuer=provider.address,
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
    )
    with served() as made:
        yield made


@pytest.fixture
def browser(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60) as made:
        yield made


def send(browser: httpx.Client) -> str:
    files = [(name, ("a.png", picture(), "image/png")) for name in ("content", "style")]
    options = {"options": json.dumps({"size": 64})}
    return str(browser.post("/api/v1/jobs", files=files, data=options).json()["id"])


def mine(browser: httpx.Client) -> list[str]:
    return [job["id"] for job in browser.get("/api/v1/jobs").json()["jobs"]]


def come_back(browser: httpx.Client) -> httpx.Response:
    """Go through the provider, and return the studio's answer to who comes back."""
    out = browser.get("/sign-in")
    assert out.status_code == 302, out.text
    back = httpx.get(
        out.headers["location"], timeout=60
    )  # the provider's own site, with no cookie of ours
    return browser.get(back.headers["location"])


def sign_in(browser: httpx.Client) -> None:
    answer = come_back(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/"), answer.text


def me(browser: httpx.Client) -> Any:  # noqa: ANN401, JSON
    return browser.get("/api/v1/me").json()


def test_who_signs_in_takes_along_what_they_made_and_finds_it_elsewhere(
    browser: httpx.Client, address: str
) -> None:
    made = send(browser)
    assert not me(browser)["signed_in"]
    before = browser.cookies[COOKIE]
    sign_in(browser)
    assert (me(browser)["signed_in"], me(browser)["name"]) == (True, "Ada")
    assert mine(browser) == [made]
    assert browser.cookies[COOKIE] != before
    with httpx.Client(base_url=address, cookies={COOKIE: before}, timeout=60) as old:
        assert mine(old) == []  # a cookie that an attacker may have planted gives no access

    with httpx.Client(base_url=address, timeout=60) as phone:
        second = send(phone)
        sign_in(phone)
        assert mine(phone) == mine(browser) == [second, made]


def test_a_key_signs_no_one_in_and_its_owner_keeps_everything(
    browser: httpx.Client, address: str
) -> None:
    made = send(browser)
    key = browser.post("/api/v1/me/keys", json={"name": "stolen"}).json()["key"]
    stolen = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=address, timeout=60) as thief:
        out = thief.get("/sign-in")
        back = httpx.get(out.headers["location"], timeout=60)
        assert thief.get(back.headers["location"], headers=stolen).status_code == 403
        assert thief.get("/sign-in", headers=stolen).status_code == 403
        assert mine(thief) == []
    assert mine(browser) == [made]
    assert httpx.get(f"{address}/api/v1/jobs", headers=stolen, timeout=60).status_code == 200


def test_who_signs_out_is_a_newcomer(browser: httpx.Client) -> None:
    sign_in(browser)
    made = send(browser)
    assert browser.post("/sign-out").status_code == 204
    assert COOKIE not in browser.cookies
    assert mine(browser) == []
    assert not me(browser)["signed_in"]
    sign_in(browser)
    assert mine(browser) == [made]


def test_two_people_at_one_browser_stay_two(browser: httpx.Client, provider: Provider) -> None:
    sign_in(browser)
    made = send(browser)
    provider.person = {"sub": "grace", "name": "Gra\0ce\u202e\n"}
    sign_in(browser)
    assert me(browser)["name"] == "Gra ce"  # without what can't be read
    assert mine(browser) == []
    provider.person = {"sub": "ada", "name": "Ada"}
    sign_in(browser)
    assert mine(browser) == [made]


@pytest.mark.parametrize(
    "lie",
    [
        {"nonce": "another"},
        {"aud": "another studio"},
        {"exp": 1},
        {"iss": "https://elsewhere.example"},
        {"sub": ""},
    ],
)
def test_what_does_not_fit_is_refused(
    browser: httpx.Client, provider: Provider, lie: dict[str, Any]
) -> None:
    made = send(browser)
    provider.lie = lie
    answer = come_back(browser)
    assert answer.status_code == 400
    assert answer.json()["code"] == "signin.failed"
    assert not me(browser)["signed_in"]
    assert mine(browser) == [made]


def test_a_token_signed_by_another_is_refused(browser: httpx.Client, provider: Provider) -> None:
    provider.signs_with = RSAKey.generate_key(2048, {"kid": "1"})
    assert come_back(browser).status_code == 400
    assert not me(browser)["signed_in"]


def test_an_answer_that_was_not_asked_for_or_comes_twice_is_refused(
    browser: httpx.Client, address: str
) -> None:
    out = browser.get("/sign-in")
    back = httpx.get(out.headers["location"], timeout=60).headers["location"]
    with httpx.Client(base_url=address, timeout=60) as victim:  # lured to the attacker's own answer
        assert victim.get(back).status_code == 400
        assert not me(victim)["signed_in"]
    assert browser.get(back).status_code == 303
    assert browser.get(back).status_code == 400
    assert browser.get("/sign-in/done").status_code == 400
    assert browser.get("/sign-in/done?error=access_denied").status_code == 400


def test_signing_in_does_not_lift_a_block(browser: httpx.Client) -> None:
    made = send(browser)
    blocks.put(f"owner:{jobs.find(made).owner}")
    sign_in(browser)
    files = [(name, ("a.png", picture(), "image/png")) for name in ("content", "style")]
    assert browser.post("/api/v1/jobs", files=files).status_code == 403


def test_a_deleted_visitor_gets_a_new_identity(browser: httpx.Client) -> None:
    sign_in(browser)
    owner = jobs.find(send(browser)).owner
    assert identities.of(owner) is not None
    assert browser.delete("/api/v1/me").status_code == 204
    assert identities.of(owner) is None
    sign_in(browser)
    assert mine(browser) == []


def test_a_key_made_with_a_planted_cookie_opens_nothing_after_the_sign_in(
    browser: httpx.Client, address: str
) -> None:
    """An attacker plants a cookie of their own, after making a key with it."""
    with httpx.Client(base_url=address, timeout=60) as attacker:
        key = attacker.post("/api/v1/me/keys", json={"name": "mine"}).json()["key"]
        attacker.post("/api/v1/webhook-secret")
        planted = attacker.cookies[COOKIE]
    browser.cookies.set(COOKIE, planted, domain=httpx.URL(address).host)
    sign_in(browser)
    made = send(browser)
    with httpx.Client(
        base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=60
    ) as program:
        assert program.get("/api/v1/jobs").status_code == 401
        assert program.get(f"/api/v1/jobs/{made}").status_code == 401
    assert browser.get("/api/v1/me/keys").json() == []
    assert browser.get("/api/v1/webhook-secret").json()["made"] is None


def test_rows_that_both_owners_have_keep_those_of_the_account(either: Path) -> None:
    from worker.credentials import api_keys
    from worker.webhooks import deliveries

    owner = accounts.sign_in("https://p.example", "ada", "Ada", "nobody", "person")
    assert owner == "person"
    secret = deliveries.make_secret("person")
    deliveries.make_secret("visitor")
    api_keys.make("visitor", "Mine")
    job = jobs.submit("visitor", picture(), [picture()], options={"size": 64})
    assert accounts.sign_in("https://p.example", "ada", "Ada", "visitor", "unused") == "person"
    assert jobs.find(job.id).owner == "person"
    assert api_keys.listed("person") == api_keys.listed("visitor") == []
    with database.reading() as session:
        kept = session.scalars(select(deliveries.Secret)).all()
    assert [(one.owner, f"whsec_{one.secret}") for one in kept] == [("person", secret)]


def test_without_a_provider_there_is_no_signing_in(studio: Path) -> None:
    client = TestClient(app.without_page())
    assert client.get("/sign-in").status_code == 404
    assert client.get("/sign-in/done").status_code == 404
    assert client.post("/sign-out").status_code == 404


def test_a_provider_is_set_whole_or_not_at_all(setting: Setting) -> None:
    setting(oidc_issuer="https://p.example")
    with pytest.raises(SystemExit, match="STUDIO_OIDC_CLIENT_SECRET are set together"):
        settings()
    setting(oidc_issuer="http://p.example", oidc_client_id="x", oidc_client_secret="x")
    with pytest.raises(SystemExit, match="wanted an https address"):
        settings()


def test_a_provider_without_authlib_ends_the_process_with_a_sentence(
    studio: Path, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(oidc_issuer="https://p.example", oidc_client_id="x", oidc_client_secret="x")
    signin._registered.cache_clear()
    monkeypatch.setitem(sys.modules, "authlib.integrations.starlette_client", None)
    with pytest.raises(SystemExit, match="needs authlib"):
        app.without_page()


def test_a_provider_that_is_away_is_said_so(studio: Path, setting: Setting) -> None:
    setting(oidc_issuer="http://127.0.0.1:1", oidc_client_id="x", oidc_client_secret="x")
    answer = TestClient(app.without_page()).get("/sign-in")
    assert answer.status_code == 502
    assert "does not answer" in answer.json()["detail"]
