"""A studio under a path of its host: the case `sub-path-proxy`, with either kind of proxy."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.parts import Setting, picture
from tests.web.served import begin, finish
from web import app
from web.page import gradio_routes
from worker.gallery import entries
from worker.setting_values import RESERVED
from worker.settings import Settings

CASE = Path(__file__).parents[2] / "data" / "cases" / "sub-path-proxy"
HOST = "https://host.example"


def taking_off(inner: ASGIApp) -> ASGIApp:
    """Return the application behind a proxy that takes the path off, as the case's does."""

    async def proxied(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"].removeprefix("/studio")
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await inner(scope, receive, send)

    return proxied


@pytest.fixture(params=["kept", "taken off"])
def client(request: pytest.FixtureRequest, studio: Path, setting: Setting) -> Iterator[TestClient]:
    """A browser behind a proxy that leaves the path on requests, or takes it off."""
    forwards = "location /studio/ { proxy_pass http://127.0.0.1:8077/;"
    assert forwards in (CASE / "nginx.conf").read_text("utf-8")
    setting(public_url=f"{HOST}/studio")
    made: ASGIApp = app.create()
    behind = made if request.param == "kept" else taking_off(made)
    with TestClient(behind, base_url=HOST, follow_redirects=False) as browser:
        yield browser


def test_the_page_and_all_that_it_names_are_found_under_the_path(client: TestClient) -> None:
    page = client.get("/studio/")
    assert page.status_code == 200
    named = re.findall(
        r'(?:href|src)=\\?"([^"#\\]+)', page.text
    )  # also in what Gradio's script adds
    ours = [name for name in named if not name.startswith(("http", "data:"))]
    assert len(ours) > 30
    for name in ours:
        assert not name.startswith("/"), name
        assert client.get(f"/studio/{name.removeprefix('./')}").status_code == 200, name
    assert client.get("/studio/config").json()["root"] == f"{HOST}/studio"
    assert client.get("/studio/texts.js").status_code == 200


def test_the_reference_of_the_api_finds_its_files(client: TestClient) -> None:
    text = client.get("/studio/api").text
    for name in re.findall(r'(?:href|src)="([^"#]+)"', text):
        assert client.get(urljoin("/studio/api", name)).status_code == 200, name


def test_pages_without_gradio_find_their_files(client: TestClient, setting: Setting) -> None:
    for page in ("share/none", "gallery/none"):
        text = client.get(f"/studio/{page}").text
        named = re.findall(r'(?:href|src)="([^"]+)"', text)
        assert len(named) > 5
        for name in named:
            assert name.startswith("../")
            found = client.get(f"/studio/{name.removeprefix('../')}").status_code
            assert found == 200, name


def test_a_job_its_addresses_and_its_share_link_stay_under_the_path(client: TestClient) -> None:
    files = [("content", picture()), ("style", picture(color="orange"))]
    sent = client.post("/studio/api/v1/jobs", files=files, data={"options": '{"size": 64}'})
    assert sent.status_code == 202, sent.text
    assert client.get(sent.headers["location"]).json()["id"] == sent.json()["id"]
    job = begin()
    finish(job)
    entry = client.get(f"/studio/api/v1/gallery/{job.id}").json()
    for name in ("picture", "thumbnail", "download"):
        assert client.get(entry[name]).status_code == 200, name
    assert client.get(entry["own"]["content"]).status_code == 200
    assert client.get(entry["own"]["styles"][0]["address"]).status_code == 200
    link = client.post(f"/studio/api/v1/gallery/{job.id}/share").json()["own"]["link"]
    assert client.get(link).status_code == 200
    shown = client.get(link.replace("/api/v1", ""))
    assert shown.status_code == 200
    assert f'"og:url" content="{HOST}/studio/share/' in shown.text
    [image] = re.findall(r'"og:image" content="([^"]+)"', shown.text)
    assert client.get(image).headers["content-type"] == "image/png"
    entries.publish(job.id, job.owner)
    listed = client.get("/studio/api/v1/gallery?scope=public").json()["entries"]
    assert client.get(listed[0]["thumbnail"]).status_code == 200


def test_the_cookie_is_for_the_path_alone(client: TestClient) -> None:
    given = client.get("/studio/").headers["set-cookie"]
    assert re.match(r"__Secure-studio-\w+=", given)
    assert "; Path=/studio;" in given


def test_a_problem_names_a_type_that_is_found(client: TestClient) -> None:
    problem = client.get("/studio/api/v1/jobs/none").json()
    assert client.get(problem["type"]).status_code == 200


def test_the_path_without_its_slash_leads_to_the_page(studio: Path, setting: Setting) -> None:
    setting(public_url=f"{HOST}/studio")
    answer = TestClient(app.without_page(), HOST).get("/studio", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (308, "/studio/")


def test_health_checks_of_this_machine_need_no_path(studio: Path, setting: Setting) -> None:
    setting(public_url=f"{HOST}/studio")
    client = TestClient(app.without_page(), HOST)
    assert client.get("/livez").status_code == 200
    assert client.get("/studio/livez").status_code == 200
    assert client.get("/studiolivez").status_code == 404


def _first(routes: list[BaseRoute]) -> set[str]:
    paths = [getattr(route, "path", "") for route in routes]
    return {path.split("/")[1].partition("{")[0] for path in paths if path} - {""}


def test_no_path_of_the_studios_own_can_be_the_one_it_lies_under(studio: Path) -> None:
    made = app.create()
    gradio = gradio_routes.page_of(made).router.routes
    ours = [route for route in made.routes if not (isinstance(route, Mount) and not route.path)]
    assert _first(ours) | _first(gradio) <= RESERVED
    for name in RESERVED:
        with pytest.raises(ValidationError, match="path"):
            Settings(public_url=f"{HOST}/{name}/studio")


@pytest.mark.parametrize("url", ["host.example", "ftp://host", "https://host/a?b", "https://h/a b"])
def test_what_is_no_address_of_a_page_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="wanted an address"):
        Settings(public_url=url)
