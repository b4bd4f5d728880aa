import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image, ImageDraw

from tests.parts import picture
from web import app
from web.api import subject
from web.samples import shelf
from worker.errors import Refused

SUBJECT = "/api/v1/subject"


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.without_page()) as made:
        yield made


def scene() -> tuple[bytes, Image.Image]:
    """Return a photo of an orange disc before a noisy blue wall, and where the disc is."""
    noise = np.random.default_rng(3).normal(0, 12, (300, 400, 3))
    wall = Image.fromarray((np.array([40, 70, 140]) + noise).clip(0, 255).astype(np.uint8))
    truth = Image.new("L", wall.size)
    ImageDraw.Draw(truth).ellipse((130, 60, 290, 240), fill=255)
    wall.paste((230, 140, 30), mask=truth)
    out = io.BytesIO()
    wall.save(out, "JPEG", quality=90)
    return out.getvalue(), truth


def test_what_stands_out_near_the_middle_is_the_subject(studio: Path) -> None:
    photo, truth = scene()
    with Image.open(io.BytesIO(subject.find(photo))) as found:
        assert found.size == (256, 192)
        there = np.asarray(found.resize(truth.size)) > 127
    wanted = np.asarray(truth) > 127
    assert (there & wanted).sum() / (there | wanted).sum() > 0.95
    assert subject.find(photo) == subject.find(photo)


def test_a_photo_without_anything_in_it_says_so(studio: Path) -> None:
    for nothing in (picture(300, 200), picture(2000, 20)):
        with pytest.raises(Refused, match="No subject stands out"):
            subject.find(nothing)


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
