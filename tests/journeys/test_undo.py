"""What a visitor deletes, empties or paints can be undone."""

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browsing import (
    DESK,
    PHONE,
    Visit,
    ask,
    choose,
    findings,
    press,
    shoot,
    submit,
    to_canvas,
    to_gallery,
)

SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
FIELDS = ("photo", "style-0")
PAINTED = "document.querySelector('#regions :is(textarea, input)').value"


def _held(page: Page) -> list[str]:
    held = "(name) => document.querySelector(`#value-${name} :is(textarea, input)`).value"
    return [str(page.evaluate(held, name)) for name in FIELDS]


@SIZES
def test_a_deleted_picture_comes_back_at_once_or_from_the_bin(
    visit: Visit, address: str, size: tuple[int, int]
) -> None:
    page = visit(size)
    job_id = submit(page, address, "cat", "ink", size=64)
    to_gallery(page, 1)
    for way in ("at once", "from the bin"):
        page.click("#gallery .tile")
        press(page, "Delete")
        expect(page.locator("#gallery .tile")).to_have_count(0)
        assert page.request.get(f"{address}/api/v1/jobs/{job_id}").status == 404
        shoot(page, f"{'desk' if size == DESK else 'phone'}-deleted")
        if way == "at once":
            page.get_by_role("button", name="Undo").click()
        else:
            page.get_by_role("button", name="Bin", exact=True).click()
            expect(page.locator("dialog.binned .tile")).to_have_count(1)
            assert findings(page) == []
            shoot(page, f"{'desk' if size == DESK else 'phone'}-bin")
            page.click("dialog.binned .tile")
            expect(page.locator("dialog.binned .note")).to_contain_text("in your pictures again")
            page.keyboard.press("Escape")
        expect(page.locator("#gallery > .tiles .tile")).to_have_count(1)


def test_the_bin_is_emptied_for_ever(visit: Visit, address: str) -> None:
    page = visit()
    job_id = submit(page, address, "cat", "ink", size=64)
    page.request.delete(f"{address}/api/v1/gallery/{job_id}")
    page.click(".views a[href='#gallery']")
    page.get_by_role("button", name="Bin", exact=True).click()
    empty = page.get_by_role("button", name="Delete all for ever")
    empty.dblclick()  # the second press of a double click confirms nothing
    assert len(ask(page, f"{address}/api/v1/bin")) == 1
    page.get_by_role("button", name="Delete for good?").click()
    expect(page.locator("dialog.binned .tile")).to_have_count(0)
    assert ask(page, f"{address}/api/v1/bin") == []


@SIZES
def test_a_form_that_was_emptied_is_filled_again(idle: Visit, size: tuple[int, int]) -> None:
    page = idle(size)
    held = _held(page)
    page.get_by_role("button", name="Empty the form").click()
    page.wait_for_selector("#photo .adder")
    assert _held(page) == ["", ""]
    page.keyboard.press("Control+z")
    page.wait_for_selector("#photo img")
    assert _held(page) == held


@SIZES
def test_strokes_are_undone_one_by_one(idle: Visit, size: tuple[int, int]) -> None:
    page = idle(size)
    choose(page, "cat", "ink", "night")
    page.click("#parts > button")
    canvas = to_canvas(page)
    texts = [page.evaluate(PAINTED)]
    for x in (40, 120):
        canvas.click(position={"x": x, "y": 60})
        page.wait_for_function(f"(old) => {PAINTED} !== old", arg=texts[-1])
        texts.append(page.evaluate(PAINTED))
    page.keyboard.press("Control+z")
    page.wait_for_function(f"(old) => {PAINTED} === old", arg=texts[1])
    page.locator("#paint").get_by_role("button", name="Undo").click()
    page.wait_for_function(f"(old) => {PAINTED} === old", arg=texts[0])
    expect(page.locator("#paint .undo")).to_be_disabled()
