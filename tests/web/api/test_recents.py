import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from tests.parts import picture
from tests.web.served import begin, finish
from web import app
from web.http import checking, references
from web.samples import shelf
from web.security import identity
from worker import jobs
from worker.gallery import recent_styles
from worker.images import images
from worker.images.line import Line

SUNSET, SEA, FOREST = (picture(300, 200, color=color) for color in ("orange", "navy", "green"))


def made(owner: str, *given: bytes) -> str:
    """Return the id of a finished job of the owner's with these styles."""
    job = jobs.submit(owner, picture(), given, options={"size": 64})
    finish(begin())
    return job.id


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    cookies = {identity.COOKIE: identity.sign("ada")}
    with TestClient(app.without_page(), cookies=cookies) as one:
        yield one


def test_recent_styles_are_listed_latest_first_and_once(client: TestClient) -> None:
    made("ada", SUNSET)
    made("ada", SEA, SUNSET)
    made("ada", FOREST)
    made("bob", picture(color="red"))
    jobs.submit("ada", picture(), [picture(color="pink")])  # not made yet
    found = client.get("/api/v1/styles").json()
    assert len({one["digest"] for one in found}) == len(found) == 3
    for one, style in zip(found, (FOREST, SEA, SUNSET), strict=True):
        whole, small = client.get(one["picture"]), client.get(one["thumbnail"])
        with Image.open(io.BytesIO(whole.content)) as kept, Image.open(io.BytesIO(style)) as given:
            assert kept.getpixel((5, 5)) == given.getpixel((5, 5))
        with Image.open(io.BytesIO(small.content)) as shown:
            assert (shown.format, min(shown.size)) == ("JPEG", recent_styles.SIDE)


def test_styles_of_the_shelf_are_no_news(client: TestClient) -> None:
    file = shelf.file("styles", "ink")
    assert file is not None
    made("ada", file.read_bytes())
    assert client.get("/api/v1/styles").json() == []


def test_no_more_than_a_row_of_them_is_listed(client: TestClient) -> None:
    for shade in range(recent_styles.MOST + 3):
        made("ada", picture(color=(shade, 0, 0)))
    assert len(client.get("/api/v1/styles").json()) == recent_styles.MOST


def test_a_stranger_sees_no_style_of_mine(client: TestClient) -> None:
    made("ada", SEA)
    [one] = client.get("/api/v1/styles").json()
    stranger = TestClient(client.app)
    assert stranger.get("/api/v1/styles").json() == []
    assert stranger.get(one["thumbnail"]).status_code == 404
    assert client.get(f"/api/v1/jobs/{one['job']}/styles/7/thumbnail").status_code == 404


def test_a_style_is_made_small_in_its_visitors_turn_and_once(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = made("ada", SEA, SUNSET)
    first, second = (f"/api/v1/jobs/{job_id}/styles/{place}/thumbnail" for place in (0, 1))
    assert client.get(first).status_code == 200
    monkeypatch.setattr(checking, "line", Line(0, 0, patience=0))
    assert client.get(first).status_code == 200
    assert client.get(second).status_code == 503


def test_a_recent_style_is_read_for_its_owner_only(studio: Path) -> None:
    value = f"job:{made('ada', SEA)}/styles/0"
    assert images.clean(references.read(value, "ada")) == images.clean(SEA)
    with pytest.raises(jobs.JobNotFound):
        references.read(value, "bob")


def test_a_style_is_kept_under_a_name_and_let_go(client: TestClient) -> None:
    job_id = made("ada", SEA, FOREST)
    made("ada", SUNSET)
    address = f"/api/v1/jobs/{job_id}/styles/1/name"
    assert client.put(address, json={"name": "Forest"}).status_code == 204
    first, *others = client.get("/api/v1/styles").json()
    assert (first["name"], first["job"], first["place"]) == ("Forest", job_id, 1)
    assert {one["name"] for one in others} == {""}
    assert client.put(address, json={"name": ""}).json()["code"] == "style.name"
    assert client.put(address.replace("1/name", "2/name"), json={"name": "a"}).status_code == 404
    stranger = TestClient(client.app)
    assert stranger.put(address, json={"name": "mine"}).status_code == 404
    assert stranger.delete(address).status_code == 404
    assert client.delete(address).status_code == 204
    assert {one["name"] for one in client.get("/api/v1/styles").json()} == {""}


def test_a_style_of_the_shelf_that_was_named_is_listed(client: TestClient) -> None:
    file = shelf.file("styles", "ink")
    assert file is not None
    job_id = made("ada", file.read_bytes())
    client.put(f"/api/v1/jobs/{job_id}/styles/0/name", json={"name": "My ink"})
    assert [one["name"] for one in client.get("/api/v1/styles").json()] == ["My ink"]
