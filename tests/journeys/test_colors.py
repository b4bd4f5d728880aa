"""Colours of a file as the studio keeps it, against Chromium's own drawing of the same file."""

import base64
import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser

from tests.worker.images import formats
from tests.worker.images.test_cases import CASES as FILES
from worker.images import images

MOST = 3  # of 255, where lossless files differ by rounding
DRAWN = """async url => {
  const image = new Image(); image.src = url; await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height), brush = canvas.getContext("2d");
  brush.fillStyle = "white"; brush.fillRect(0, 0, image.width, image.height);
  brush.drawImage(image, 0, 0);
  return [image.width, image.height, [...brush.getImageData(0, 0, image.width, image.height).data]];
}"""


def drawn(browser: Browser, data: bytes, kind: str) -> NDArray[np.int64]:
    page = browser.new_page()
    url = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    width, height, samples = page.evaluate(DRAWN, url)
    page.close()
    return np.array(samples).reshape(height, width, 4)[..., :3]


def kept(data: bytes) -> NDArray[np.int64]:
    return np.asarray(Image.open(io.BytesIO(images.clean(data).data))).astype(int)


FORMS = [
    (case, turned, profile)
    for case in formats.CASES
    if case.kind in {"PNG", "WEBP", "GIF", "BMP"}
    for turned, profile in formats.variants(case)
    if not (turned and case.kind == "WEBP")  # Chromium does not turn those
]


@pytest.mark.parametrize(
    "form", FORMS, ids=lambda form: f"{form[0].kind}-{form[0].mode}-{form[1:]}"
)
def test_a_file_is_kept_as_chromium_draws_it(
    browser: Browser, form: tuple[formats.Case, bool, bool]
) -> None:
    case, turned, profile = form
    data = formats.written(case, turned, profile)
    assert np.abs(drawn(browser, data, case.kind.lower()) - kept(data)).max() <= MOST


@pytest.mark.parametrize(
    "name",
    [
        *("palette-png-with-profile/palette-adobe", "palette-png-with-profile/rgb-adobe"),
        *("grey-alpha-with-profile/grey-linear", "grey-alpha-with-profile/grey-alpha-linear"),
        "png-large-metadata/iccp-large-profile",
    ],
)
def test_a_case_is_kept_as_chromium_draws_it(browser: Browser, name: str) -> None:
    data = (FILES / f"{name}.png").read_bytes()
    assert np.abs(drawn(browser, data, "png") - kept(data)).max() <= MOST
