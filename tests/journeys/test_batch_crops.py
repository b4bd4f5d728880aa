"""Crops of a batch's photos and styles, drawn on each of them."""

import io
from typing import Any

from PIL import ExifTags, Image
from playwright.sync_api import Locator, Page, expect

from tests.journeys.browsing import Visit, findings, loaded, shoot
from tests.parts import picture
from tests.web.served import begin
from worker.storage import blobs


def _open(page: Page, data: bytes, name: str, *styles: str) -> None:
    """Choose a file as a photo, and samples as styles."""
    page.click(".views a[href='#batch']")
    page.wait_for_selector("#batch .send")
    file: Any = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    page.set_input_files("#batch [data-kind=photos] input", file)
    for style in styles:
        page.click(f"#batch [data-kind=styles] .shelf [data-key='sample {style}']")


def _use(page: Page, name: str, *keys: str) -> None:
    """Draw a crop of a picture that is chosen: move its lower right corner by keys."""
    page.get_by_role("button", name=f"Crop: {name}").click()
    loaded(page, "dialog.crop img")
    dialog: Locator = page.locator("dialog.crop")
    expect(dialog.locator(".se")).to_be_focused()
    for key in keys:
        page.keyboard.press(f"Shift+{key}")
    dialog.get_by_role("button", name="Use this part").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name=f"Crop: {name}")).to_be_focused()


def _sideways() -> bytes:
    """Return a TIFF, which Chromium does not draw, of 48 × 64 pixels when upright."""
    out, exif = io.BytesIO(), Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.open(io.BytesIO(picture(64, 48))).save(out, "TIFF", exif=exif)
    return out.getvalue()


def test_each_picture_of_a_batch_is_cropped_as_the_server_sees_it(idle: Visit) -> None:
    page = idle()
    _open(page, _sideways(), "side.tif", "night", "ink")
    page.click("#batch [data-kind=photos] .shelf [data-key='sample raccoon']")
    with page.expect_request(lambda one: one.method == "DELETE" and "/uploads/" in one.url):
        _use(page, "side.tif", *["ArrowLeft"] * 5)  # the copy that was drawn on is deleted
    night = page.locator("#batch [data-kind=styles] .pick img").first.get_attribute("alt")
    assert night
    _use(page, night, *["ArrowUp"] * 5)
    expect(page.locator("#batch .pick .window img")).to_have_count(2)
    assert findings(page) == []
    shoot(page, "batch-crops")
    page.click("#batch .send")
    expect(page.locator(".batch")).to_have_count(1)
    made = [begin() for _ in range(4)]
    crops = [(job.options["crop"], job.options["style_crops"]) for job in made]
    left, top = [0, 0, 0.5, 1], [[0, 0, 1, 0.5]]
    assert crops == [(left, top), (left, []), ([], top), ([], [])]
    assert Image.open(io.BytesIO(blobs.get(made[0].content_key))).size == (24, 64)

    expect(page.locator("#batch .send span")).to_have_text("All of it is sent")
    _use(page, "side.tif", "ArrowUp")  # which makes another picture of it
    expect(page.locator("#batch .send span")).to_have_text("Repaint: 2 pictures")


def test_why_a_file_can_not_be_cropped_is_said(idle: Visit) -> None:
    page = idle()
    _open(page, b"no picture", "bad.png", "night")
    page.get_by_role("button", name="Crop: bad.png").click()
    expect(page.locator("#batch .said p")).to_contain_text("This file is not a picture")
    expect(page.locator("dialog.crop")).to_have_count(0)
