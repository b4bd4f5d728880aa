import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.calls import reached
from tests.parts import Setting
from tests.web.authorisation import routes
from web import app
from web.http import checking
from worker.images import decoders

HOST = "studio.example"


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.create(), base_url=f"http://{HOST}") as made:
        yield made


FROM_HERE: list[dict[str, str]] = [
    {},  # a program
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "none", "Origin": f"http://{HOST}"},
    {"Origin": f"http://{HOST}"},
    {"Origin": f"https://{HOST}"},  # a proxy in front speaks https
    {"Origin": f"http://{HOST.upper()}:80"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://known-to-the-proxy.example"},
]
FROM_ELSEWHERE: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": f"http://{HOST}"},
    {"Origin": "https://evil.example"},
    {"Origin": f"https://{HOST}.evil.example"},
    {"Origin": f"https://evil.example/{HOST}"},
    {"Origin": f"http://{HOST}:8080"},
    {"Origin": "null"},
    {"Origin": "file://"},
    {"Origin": "http://["},
    {"Origin": "http://[::1"},
    {"Origin": "\x00"},
    {"Origin": "http://a]"},
    {"Origin": f"http://evil.example@{HOST}"},
    {"Origin": f"http://@{HOST}"},
    {"Origin": f"http://{HOST}:443"},
    {"Origin": f"https://{HOST}:80"},
    {"Origin": f"//{HOST}"},
    {"Origin": f"x://{HOST}"},
    {"Sec-Fetch-Site": "none", "Origin": "https://evil.example"},
]
ROUTES = [
    ("POST", "/api/v1/jobs"),
    ("DELETE", "/api/v1/jobs/any"),
    ("PUT", "/api/v1/nothing"),
    ("DELETE", "/api/v1/me"),
    ("POST", "/api/v1/uploads"),
    ("DELETE", "/api/v1/uploads/any"),
    ("POST", "/gradio_api/run/predict"),
]


@pytest.mark.parametrize("headers", FROM_ELSEWHERE, ids=str)
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_other_site_acts_for_a_visitor(
    client: TestClient, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = client.request(method, path, headers=headers)
    assert answer.status_code == 403
    assert "another site" in answer.json()["detail"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("headers", FROM_HERE, ids=str)
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_requests_of_our_own_pages_and_of_programs_are_accepted(
    client: TestClient, method: str, path: str, headers: dict[str, str]
) -> None:
    assert client.request(method, path, headers=headers).status_code != 403


@pytest.mark.parametrize("host", ["[v1.x]", "[", "a:b", "a:99999"])
@pytest.mark.parametrize("path", ["/", "/config", "/api/v1/jobs"])
def test_a_host_that_is_no_host_is_refused(client: TestClient, path: str, host: str) -> None:
    assert client.get(path, headers={"Host": host}).status_code == 400


def test_the_public_address_is_our_own(client: TestClient, setting: Setting) -> None:
    setting(public_url="https://paint.example:8443/")
    for origin, status in (("https://paint.example:8443", 204), ("https://paint.example", 403)):
        headers = {"Origin": origin}
        assert client.delete("/api/v1/me", headers=headers).status_code == status


WORKING = [  # GETs that have a picture decoded or encoded
    "/api/v1/gallery/any/download",
    "/api/v1/share/any/download",
    "/api/v1/jobs/any/styles/0/thumbnail",
    "/api/v1/uploads/any/shown",
    "/live/picture?value=shelf:styles/ink",
]
EMBEDDED: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "object"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    {"Origin": "https://evil.example"},
]
FOLLOWED: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    {},  # a program
]


@pytest.mark.parametrize("path", WORKING)
def test_no_page_of_another_site_has_pictures_converted_by_showing_them(
    client: TestClient, path: str
) -> None:
    for headers in EMBEDDED:
        assert client.get(path, headers=headers).status_code == 403, headers
    for headers in FOLLOWED:
        assert client.get(path, headers=headers).status_code != 403, headers


def test_every_get_that_works_on_a_picture_is_one_of_those(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)
    working = {checking.run, checking.encode, decoders.ask}
    found = {
        re.sub("{[a-z_]+}", "any", one.path.replace("{place}", "0"))
        for one in routes(client.app)
        if one.method == "GET" and working & reached(one.call)
    }
    assert found == {one.partition("?")[0] for one in WORKING}


def test_requests_that_only_read_are_accepted_from_other_sites(client: TestClient) -> None:
    for path in ("/", "/livez", "/api/v1/jobs"):
        answer = client.get(path, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/", "/config", "/theme.css", "/api/v1/jobs", "/gradio_api/x"])
def test_no_other_site_reads_an_answer(client: TestClient, path: str) -> None:
    headers = {"Origin": "https://evil.example"}
    for answer in (client.get(path, headers=headers), client.options(path, headers=headers)):
        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("known_by", ["settings", "proxy"])
def test_a_page_of_the_same_name_without_https_is_another_site(
    studio: Path, setting: Setting, known_by: str
) -> None:
    setting(**({"public_url": f"https://{HOST}"} if known_by == "settings" else {}))
    scheme = "http" if known_by == "settings" else "https"
    with TestClient(app.create(), base_url=f"{scheme}://{HOST}") as client:
        for origin, status in ((f"http://{HOST}", 403), (f"https://{HOST}", 404)):
            answer = client.delete("/api/v1/jobs/any", headers={"Origin": origin})
            assert answer.status_code == status
