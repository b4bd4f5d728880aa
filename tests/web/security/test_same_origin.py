from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.parts import Setting
from web import app

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
