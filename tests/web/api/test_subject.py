import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from web import app
from web.samples import shelf

SUBJECT = "/api/v1/subject"


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.without_page()) as made:
        yield made


def test_every_sample_photo_gives_a_mask_in_its_proportions(client: TestClient) -> None:
    for name in shelf.names("photos"):
        file = shelf.file("photos", name)
        assert file is not None
        answer = client.post(SUBJECT, files={"picture": file.read_bytes()})
        assert answer.status_code == 200, name
        with Image.open(io.BytesIO(answer.content)) as mask, Image.open(file) as photo:
            assert mask.mode == "L"
            assert mask.width / mask.height == pytest.approx(photo.width / photo.height, rel=0.02)


def test_what_is_no_photo_is_refused(client: TestClient) -> None:
    answer = client.post(SUBJECT, files={"picture": b"no picture"})
    assert answer.status_code == 422
    assert "GIF, TIFF and BMP are accepted" in answer.json()["detail"]
