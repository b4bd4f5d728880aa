import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.parts import picture
from worker.errors import Refused
from worker.images import subject


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
        assert found.size == (341, 256)
        there = np.asarray(found.resize(truth.size)) > 127
    wanted = np.asarray(truth) > 127
    assert (there & wanted).sum() / (there | wanted).sum() > 0.95
    assert subject.find(photo) == subject.find(photo)


def test_a_photo_without_anything_in_it_says_so(studio: Path) -> None:
    for nothing in (picture(300, 200), picture(2000, 20)):
        with pytest.raises(Refused, match="No subject stands out"):
            subject.find(nothing)
