"""The tools of the regions: brushes with pictures, an outline, strength, a window that zooms."""

import base64
import io
import json

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.journeys.browsing import DESK, PHONE, Visit, choose, findings, shoot, to_canvas

PAINTED = "document.querySelector('#regions :is(textarea, input)').value"
PINCH = """(canvas) => {
    const {left, top, width, height} = canvas.parentElement.parentElement.getBoundingClientRect();
    const at = (id, share, type) => canvas.dispatchEvent(new PointerEvent(type, {
        pointerId: id, pointerType: "touch", bubbles: true, isPrimary: id === 1,
        clientX: left + share * width, clientY: top + height / 2,
    }));
    canvas.setPointerCapture = () => {};  // of no real finger
    at(1, 0.4, "pointerdown");
    at(2, 0.6, "pointerdown");
    at(1, 0.3, "pointermove");
    at(2, 0.7, "pointermove");
    at(1, 0.3, "pointerup");
    at(2, 0.7, "pointerup");
}"""


def _width(page: Page) -> float:
    """Return how wide the canvas is, in widths of what is seen of it."""
    box = page.locator("#paint canvas").bounding_box()
    seen = page.locator("#paint .canvas").bounding_box()
    assert box is not None
    assert seen is not None
    return box["width"] / seen["width"]


def _brightest(page: Page, place: int) -> int:
    """Return the brightest level of the mask that the form has for a style."""
    png = json.loads(page.evaluate(PAINTED))["masks"][str(place)]
    with Image.open(io.BytesIO(base64.b64decode(png))) as mask:
        return int(mask.convert("L").getextrema()[1])  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_brushes_show_their_style_and_the_canvas_zooms(idle: Visit, size: tuple[int, int]) -> None:
    page = idle(size)
    choose(page, "cat", "ink", "night")
    page.click("#parts > button")
    expect(page.locator("#paint .brush img")).to_have_count(2)
    canvas, cursor = to_canvas(page), page.locator("#paint .cursor")
    expect(cursor).to_be_hidden()
    canvas.hover(position={"x": 120, "y": 90})
    expect(cursor).to_be_visible()
    outline, box = cursor.bounding_box(), canvas.bounding_box()
    assert outline is not None
    assert box is not None
    assert outline["width"] == pytest.approx(0.16 * box["width"], rel=0.1)
    assert outline["x"] + outline["width"] / 2 == pytest.approx(box["x"] + 120, abs=3)
    canvas.click(position={"x": 120, "y": 90})
    page.wait_for_function(f"{PAINTED} !== ''")
    assert [_brightest(page, place) for place in (0, 1)] == [255, 255]
    before = page.evaluate(PAINTED)
    page.locator("#paint .strength").fill("50")
    page.wait_for_function(f"(old) => {PAINTED} !== old", arg=before)
    assert _brightest(page, 0) == 255
    assert _brightest(page, 1) == pytest.approx(128, abs=2)
    shoot(page, f"{'desk' if size == DESK else 'phone'}-regions-tools")
    assert findings(page) == []

    page.get_by_role("button", name="Larger").click()
    assert _width(page) == pytest.approx(1.5, abs=0.02)
    page.get_by_role("button", name="Smaller").click()
    assert _width(page) == pytest.approx(1, abs=0.02)
    painted = page.evaluate(PAINTED)
    canvas.evaluate(PINCH)
    assert _width(page) == pytest.approx(2, abs=0.1)
    page.wait_for_timeout(400)  # longer than a stroke takes to get into the form
    assert page.evaluate(PAINTED) == painted  # two fingers paint nothing
