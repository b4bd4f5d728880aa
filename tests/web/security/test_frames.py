"""The studio in a frame of another site's page: refused, unless the admin names the site."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from tests.parts import Setting
from tests.web.authorisation import SECRET
from web import app
from worker.settings import Settings

CASE = Path(__file__).parents[2] / "data" / "cases" / "iframe"
SITES = "https://host.example,https://*.school.example:8443"
PAGES = ("/", "/share/none", "/gallery/none")
NEVER = ("/admin", "/api/v1/jobs", "/page/core/dom.js", "/healthz")


def ancestors(client: TestClient, path: str) -> str:
    policy = client.get(path).headers["content-security-policy"]
    return str(re.findall(r"frame-ancestors ([^;]+)", policy)[0])


@pytest.fixture
def client(studio: Path, setting: Setting) -> TestClient:
    assert "<iframe" in (CASE / "host.html").read_text("utf-8")
    setting(admin_secret=SECRET, public_url="https://studio.example")
    return TestClient(app.without_page(), base_url="https://studio.example")


@pytest.mark.parametrize("path", [*PAGES, *NEVER])
def test_no_site_may_show_anything_in_a_frame_unless_it_is_named(
    client: TestClient, path: str
) -> None:
    assert ancestors(client, path) == "'none'"


def test_the_cookie_is_lax_unless_a_site_is_named(client: TestClient) -> None:
    given = client.get("/api/v1/me").headers["set-cookie"]
    assert "SameSite=lax" in given
    assert "Partitioned" not in given


def test_a_site_that_is_named_may_show_the_page_and_nothing_of_the_admins(
    client: TestClient, setting: Setting
) -> None:
    setting(frame_ancestors=SITES)
    for path in PAGES:
        wanted = "'self' https://host.example https://*.school.example:8443"
        assert ancestors(client, path) == wanted
    for path in NEVER:
        assert ancestors(client, path) == "'none'"


def test_the_cookie_of_a_frame_is_kept_for_its_site_apart(
    client: TestClient, setting: Setting
) -> None:
    setting(frame_ancestors=SITES)
    given = client.get("/api/v1/me").headers["set-cookie"]
    parts = given.lower().split("; ")
    assert given.startswith("__Host-studio=")
    assert {"samesite=none", "secure", "partitioned", "httponly", "path=/"} <= set(parts)


def test_the_admins_cookie_is_never_sent_in_a_frame(client: TestClient, setting: Setting) -> None:
    setting(frame_ancestors=SITES)
    given = client.post("/api/v1/admin/session", json={"secret": SECRET}).headers["set-cookie"]
    assert "SameSite=strict" in given


def test_another_sites_request_is_refused_though_it_would_carry_the_cookie(
    client: TestClient, setting: Setting
) -> None:
    setting(frame_ancestors=SITES)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://host.example"}):
        assert client.post("/api/v1/me/keys", json={}, headers=headers).status_code == 403


@pytest.mark.parametrize("sites", ["*", "host.example", "http://host.example", "https://a; x 'b'"])
def test_what_is_no_site_reached_over_https_is_refused(sites: str) -> None:
    with pytest.raises(ValidationError, match="wanted sites"):
        Settings(frame_ancestors=sites, https_only=True)


def test_frames_need_https() -> None:
    with pytest.raises(ValidationError, match="STUDIO_FRAME_ANCESTORS needs an https address"):
        Settings(frame_ancestors=SITES)
