"""The page opens painted; a press on a style switches to it, and the preview comes by itself."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browsing import (
    DESK,
    PHONE,
    PHOTO,
    Visit,
    drop,
    findings,
    loaded,
    pick,
    shoot,
    states,
)

SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
STYLES = """[0, 1, 2, 3].map((place) =>
    document.querySelector(`#value-style-${place} :is(textarea, input)`).value)"""
PRESSED = "#shelf-styles button[aria-pressed=true]"


def _name(size: tuple[int, int]) -> str:
    return "desk" if size == DESK else "phone"


def _styles(page: Page) -> list[str]:
    return [style.removeprefix("shelf:styles/") for style in page.evaluate(STYLES)]


def _style(page: Page, name: str) -> Any:  # noqa: ANN401, a locator
    return page.locator(f"#shelf-styles button[data-name={name}]")


def _top(page: Page, name: str) -> float:
    box = _style(page, name).bounding_box()
    assert box is not None
    return float(box["y"] + page.evaluate("window.scrollY"))


@SIZES
def test_the_page_opens_with_a_sample_that_is_painted_already(
    idle: Visit, size: tuple[int, int]
) -> None:
    page = idle(size)
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))
    page.reload()
    page.wait_for_selector("#stage[data-state=sample]")
    loaded(page, ".compare img")
    expect(page.locator("#stage .compare")).to_be_in_viewport(ratio=0.9)
    expect(page.locator("#photo img, #style-0 img")).to_have_count(2)
    expect(page.locator("#strength input[type=number]")).to_have_value("80")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose your photo", exact=True).click()
    assert not chooser.value.is_multiple()
    page.wait_for_timeout(500)
    assert not [url for url in asked if "/previews" in url or "queue/join" in url]
    assert findings(page) == []
    shoot(page, f"{_name(size)}-first")


@SIZES
def test_a_click_on_a_style_selects_it_and_does_not_scroll_the_samples(
    idle: Visit, size: tuple[int, int]
) -> None:
    page = idle(size)
    loaded(page, "#photo img, .place img, #stage img")
    top = _top(page, "ink")
    _style(page, "ink").click()
    assert _styles(page) == ["ink", "", "", ""]
    expect(page.locator(PRESSED)).to_have_attribute("data-name", "ink")
    _style(page, "night").click(modifiers=["Shift"])
    _style(page, "mosaic").click(modifiers=["Shift"])
    assert _styles(page) == ["ink", "night", "mosaic", ""]
    expect(page.locator(PRESSED)).to_have_count(3)
    shoot(page, f"{_name(size)}-blend")
    _style(page, "night").click()  # again: taken away
    assert _styles(page) == ["ink", "", "mosaic", ""]
    _style(page, "fjord").click()
    assert _styles(page) == ["fjord", "", "", ""]
    _style(page, "fjord").click()
    assert _styles(page) == ["", "", "", ""]
    expect(page.locator(PRESSED)).to_have_count(0)
    expect(page.locator("#stage")).to_contain_text("Now choose a style.")
    assert _top(page, "ink") == top


def test_a_style_joins_by_its_plus_or_by_the_keyboard(idle: Visit) -> None:
    page = idle()
    _style(page, "ink").hover()
    page.get_by_role("button", name="Blend in: Ink").click()
    assert _styles(page) == ["woodcut", "ink", "", ""]
    _style(page, "night").focus()
    page.keyboard.press("Shift+Enter")
    assert _styles(page) == ["woodcut", "ink", "night", ""]


def test_a_style_that_is_held_on_a_phone_joins(idle: Visit) -> None:
    page = idle(PHONE)
    _style(page, "ink").scroll_into_view_if_needed()
    box = _style(page, "ink").bounding_box()
    assert box is not None
    touch = page.context.new_cdp_session(page)
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    page.wait_for_selector("#style-1 img")
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(300)  # in which the click of a long press would come
    assert _styles(page) == ["woodcut", "ink", "", ""]


@SIZES
def test_the_preview_comes_by_itself(visit: Visit, address: str, size: tuple[int, int]) -> None:
    page = visit(size)
    drop(page, "#photo", PHOTO)
    expect(page.locator("#stage")).to_have_attribute("data-state", "preview")
    first = page.get_attribute(".preview img", "src")
    pick(page, "styles", "night")
    page.wait_for_function(
        "(old) => document.querySelector('.preview img')?.src !== old", arg=first
    )
    shoot(page, f"{_name(size)}-by-itself")
    assert states(page, address) == []
