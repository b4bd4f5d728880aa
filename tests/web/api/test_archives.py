"""Zips of an owner's pictures through the API."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.parts import Setting
from tests.web.api.test_gallery import made
from web import app
from worker.gallery import archives
from worker.storage import blobs

ZIP, LIST = "/api/v1/gallery/zip", "/api/v1/gallery/archives"


@pytest.fixture
def owner(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.without_page(), raise_server_exceptions=False) as client:
        client.get("/api/v1/jobs")
        yield client


def files(client: TestClient, address: str, **asked: object) -> dict[str, bytes]:
    answer = client.get(address, params=asked or None)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert "content-length" not in answer.headers  # made while it is sent
    with zipfile.ZipFile(io.BytesIO(answer.content)) as found:
        assert found.testzip() is None
        return {name: found.read(name) for name in found.namelist()}


def test_all_pictures_come_in_parts_and_only_to_their_owner(
    owner: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST", 2)
    all_of_them = {made(owner)[-8:] for _ in range(3)}
    parts = owner.get(LIST).json()
    assert [part["pictures"] for part in parts] == [2, 1]
    names = [name for part in parts for name in files(owner, part["address"])]
    assert len(names) == 3
    assert {name.rpartition(".")[0][-8:] for name in names} == all_of_them
    other = TestClient(owner.app)
    assert other.get(LIST).json() == []
    assert other.get(ZIP).status_code == 404


def test_the_selected_come_with_their_photos_if_requested(owner: TestClient) -> None:
    one, two = made(owner), made(owner)
    assert [name[-12:-4] for name in files(owner, ZIP, id=[one])] == [one[-8:]]
    found = files(owner, ZIP, id=[one, two], photos="true")
    assert sorted("photo" in name for name in found) == [False, False, True, True]
    stranger = TestClient(owner.app)
    assert stranger.get(ZIP, params={"id": one}).status_code == 404
    assert owner.get(ZIP, params={"id": [one] * 101}).status_code == 422


def test_a_picture_deleted_meanwhile_is_left_out(owner: TestClient) -> None:
    one, two = made(owner), made(owner)
    blobs.delete_jobs([one])
    assert [name[-12:-4] for name in files(owner, ZIP)] == [two[-8:]]


def test_a_zip_counts_as_a_picture_opened(owner: TestClient, setting: Setting) -> None:
    made(owner)
    setting(visitor_uploads=2)
    assert [owner.get(ZIP).status_code for _ in range(3)] == [200, 200, 429]
