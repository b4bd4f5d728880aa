import io

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from web.page import samples
from web.samples import shelf


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    app.include_router(samples.router)
    return TestClient(app)


def test_the_shelf_holds_photos_and_styles() -> None:
    assert len(shelf.names("photos")) >= 4
    assert len(shelf.names("styles")) >= 8


def test_a_name_from_the_shelf_is_a_file_and_any_other_is_none() -> None:
    assert all(shelf.file("styles", name).is_file() for name in shelf.names("styles"))  # type: ignore[union-attr]
    assert shelf.file("styles", "../photos/cat") is None
    assert shelf.file("../..", "app") is None


def test_the_whole_shelf_is_small_enough_for_a_first_visit(client: TestClient) -> None:
    total = 0
    for kind in ("photos", "styles"):
        for name in shelf.names(kind):
            answer = client.get(f"/shelf/{kind}/{name}.webp")
            assert answer.headers["content-type"] == "image/webp"
            with Image.open(io.BytesIO(answer.content)) as image:
                assert image.size == (samples.SIDE, samples.SIDE)
            total += len(answer.content)
    assert total < 200_000


def test_what_is_not_on_the_shelf_is_404(client: TestClient) -> None:
    assert client.get("/shelf/styles/nothing.webp").status_code == 404


def test_the_pages_of_the_contact_sheet_have_every_style_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    every = shelf.names("styles")
    assert shelf.sheet()[0] == [*every]
    monkeypatch.setattr(shelf, "SHEET", 4)
    pages = -(-len(every) // 4)
    found = [name for page in range(pages) for name in shelf.sheet(page)[0]]
    assert found == [*every]
    assert shelf.sheet(pages)[0] == shelf.sheet(0)[0]
