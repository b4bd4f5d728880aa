"""The part of a picture that is used: drawn in a field by pointer and by keys; notices of a job."""

import io
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.journeys.browsing import DESK, PHONE, Visit, choose, findings, loaded, shoot, to_canvas
from tests.web.served import begin, finish
from worker.storage import blobs

HELD = "(name) => document.querySelector(`#value-${name} textarea, #value-${name} input`).value"
CASE = Path(__file__).parents[1] / "data" / "cases" / "style-with-margins"
NEAR = 0.02  # a pixel or so of the dialog


def _crop(page: Page, name: str) -> list[float]:
    """Return the crop that a field holds."""
    _, at, numbers = str(page.evaluate(HELD, name)).partition("@")
    return [float(number) for number in numbers.split(",")] if at else []


def _is_whole(page: Page, name: str) -> None:
    """Wait until a field holds a picture without a crop."""
    page.wait_for_function(f"!({HELD})({name!r}).includes('@')")


def _cropped(page: Page, name: str) -> list[float]:
    """Return the crop that a field holds, once it holds one."""
    page.wait_for_function(f"({HELD})({name!r}).includes('@')")
    return _crop(page, name)


def _near(found: list[float], wanted: list[float]) -> bool:
    return len(found) == 4 and all(
        abs(one - other) < NEAR for one, other in zip(found, wanted, strict=True)
    )


def _drag(page: Page, knob: Locator, x: float, y: float) -> None:
    """Drag a knob from its middle by shares of the picture."""
    board, box = page.locator("dialog.crop .cropper").bounding_box(), knob.bounding_box()
    assert board
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    at = box["x"] + box["width"] / 2 + x * board["width"]
    page.mouse.move(at, box["y"] + box["height"] / 2 + y * board["height"], steps=4)
    page.mouse.up()


def _open(page: Page, name: str) -> Locator:
    page.get_by_role("button", name=name).click()
    dialog = page.locator("dialog.crop")
    loaded(page, "dialog.crop img")
    expect(dialog.locator(".cropper")).to_have_attribute("style", re.compile("--ratio"))
    return dialog


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"]
)
def test_a_crop_is_drawn_in_photo_and_style_and_is_what_is_painted(
    idle: Visit, size: tuple[int, int], scheme: str
) -> None:
    page = idle(size, scheme)
    choose(page, "raccoon", "night")
    dialog = _open(page, "Crop: Your photo")
    _drag(page, dialog.locator(".se"), -0.5, -0.25)
    _drag(page, dialog.locator(".all"), 0.25, 0.1)
    assert findings(page) == []
    shoot(page, f"crop-dialog-{scheme}")
    dialog.get_by_role("button", name="Use this part").click()
    expect(dialog).to_have_count(0)
    assert _near(_cropped(page, "photo"), [0.25, 0.1, 0.75, 0.85])
    dialog = _open(page, "Crop: Style 1")
    _drag(page, dialog.locator(".nw"), 0.5, 0)
    dialog.get_by_role("button", name="Use this part").click()
    expect(page.locator("#photo .part img, #style-0 .part img")).to_have_count(2)
    pressed = page.locator("#shelf-styles button[data-name=night]")
    expect(pressed).to_have_attribute("aria-pressed", "true")
    shoot(page, f"crop-field-{scheme}")
    page.click("#send")
    page.wait_for_selector("#stage[data-state=queued]")
    job = begin()
    assert job.options["crop"] == _crop(page, "photo")
    whole = job.original_width or 0, job.original_height or 0
    assert abs(job.content_width - 0.5 * whole[0]) <= NEAR * whole[0]
    assert abs(job.content_height - 0.75 * whole[1]) <= NEAR * whole[1]
    style = Image.open(io.BytesIO(blobs.get(job.style_keys[0])))
    assert abs(style.width - style.height / 2) <= NEAR * style.height


def test_a_crop_is_drawn_with_the_keyboard_and_given_up(idle: Visit) -> None:
    page = idle(DESK, "light")
    choose(page, "raccoon", "night")
    dialog = _open(page, "Crop: Your photo")
    expect(dialog.locator(".se")).to_be_focused()
    page.keyboard.press("Shift+ArrowLeft")
    for _ in range(5):
        page.keyboard.press("ArrowUp")
    expect(dialog.get_by_role("status")).to_have_text("90 % from the left, 95 % from the top")
    dialog.locator(".all").focus()
    page.keyboard.press("ArrowRight")
    dialog.get_by_role("button", name="Use this part").press("Enter")
    assert _near(_cropped(page, "photo"), [0.01, 0, 0.91, 0.95])
    dialog = _open(page, "Crop: Your photo")  # as it was drawn
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert _near(_cropped(page, "photo"), [0.01, 0, 0.91, 0.95])
    dialog = _open(page, "Crop: Your photo")
    dialog.get_by_role("button", name="Square").click()
    box = dialog.locator(".all").bounding_box()
    assert box
    assert abs(box["width"] - box["height"]) < 2
    dialog.get_by_role("button", name="Whole picture").click()
    dialog.get_by_role("button", name="Use this part").click()
    _is_whole(page, "photo")


def test_the_brush_paints_the_whole_photo_with_the_crops_edge_on_it(idle: Visit) -> None:
    page = idle(DESK, "light")
    choose(page, "raccoon", "night")
    page.get_by_role("button", name="Regions").click()
    to_canvas(page)
    edge, canvas = page.locator("#paint .hole"), page.locator("#paint .canvas")
    expect(edge).to_be_hidden()
    dialog = _open(page, "Crop: Your photo")
    page.keyboard.press("Shift+ArrowLeft")
    dialog.get_by_role("button", name="Use this part").click()
    expect(edge).to_be_visible()
    shoot(page, "regions-of-a-crop")
    inner, outer = edge.bounding_box(), canvas.bounding_box()
    assert inner
    assert outer
    assert abs(inner["width"] / outer["width"] - 0.9) < NEAR
    dialog = _open(page, "Crop: Your photo")
    dialog.get_by_role("button", name="Whole picture").click()
    dialog.get_by_role("button", name="Use this part").click()
    expect(edge).to_be_hidden()


def test_a_frame_is_drawn_again_beside_the_one_before_and_goes_with_its_picture(
    idle: Visit,
) -> None:
    page = idle(PHONE, "light", locale="ko-KR")
    choose(page, "raccoon", "night")
    dialog = _open(page, "자르기: 내 사진")
    _drag(page, dialog.locator(".se"), -0.6, -0.6)
    box = dialog.locator(".cropper").bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.8 * box["height"], steps=4)
    page.mouse.up()
    shoot(page, "crop-dialog-korean")
    assert findings(page) == []
    dialog.get_by_role("button", name="이 부분 사용").click()
    assert _near(_cropped(page, "photo"), [0.6, 0.5, 0.9, 0.8])
    choose(page, "cat", "night")
    _is_whole(page, "photo")  # as another picture is


def test_margins_are_left_out_with_a_word_on_the_stage_or_kept(idle: Visit) -> None:
    page = idle(DESK, "light")
    choose(page, "raccoon", "night")
    page.set_input_files("#style-0 input[type=file]", CASE / "painting-margin-half.png")
    page.wait_for_selector("#style-0 img[src*='/uploads/']")
    page.click("#send")
    notice = page.locator("#stage .notice")
    expect(notice).to_have_text("Style picture 1: its plain border is left out.")
    finish(begin())
    page.wait_for_selector("#stage[data-state=done]")
    expect(notice).to_have_text("Style picture 1: its plain border is left out.")
    shoot(page, "notice-on-the-stage")
    page.locator("#margins label", has_text="Keep").click()
    page.click("#send")
    page.wait_for_selector("#stage[data-state=queued]")
    assert begin().options["keep_margins"]
    expect(notice).to_have_count(0)
