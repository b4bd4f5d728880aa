"""The sample that the page opens with is what the shipped network paints."""

import re

import numpy as np
from PIL import Image

from tests.samples_drawing import painted
from web.app import ASSETS


def test_the_sample_of_the_page_is_what_the_network_paints() -> None:
    made = np.asarray(painted.painted(), float)
    with Image.open(painted.FILE) as image:
        shipped = np.asarray(image.convert("RGB"), float)
    assert made.shape == shipped.shape
    assert np.abs(made - shipped).mean() < 12  # of 255, of which compression makes most


def test_the_page_puts_the_same_pictures_into_the_form() -> None:
    script = (ASSETS / "form" / "sample.js").read_text("utf-8")
    named = re.findall(r'"shelf:(\w+)/(\w+)"', script)
    assert named == [("photos", painted.PHOTO), ("styles", painted.STYLE)]
