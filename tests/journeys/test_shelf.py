"""The operator's own styles, a visitor's named ones, and presets of settings."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browsing import (
    DESK,
    PHONE,
    PHOTO,
    STYLE,
    Visit,
    drop,
    findings,
    pick,
    read,
    set_strength,
    shoot,
    wait_for_result,
)
from tests.parts import Setting

SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
LINE = "Blue Nude · unknown, about 1910 · public domain"


def _name(size: tuple[int, int]) -> str:
    return "desk" if size == DESK else "phone"


@pytest.fixture
def hung(tmp_path: Path, setting: Setting) -> None:
    """A picture on the operator's shelf, before the page is made."""
    folder = tmp_path / "hung"
    folder.mkdir()
    (folder / "nude.jpg").write_bytes(read(STYLE))
    credit = {
        "title": "Blue Nude",
        "artist": "unknown",
        "year": "about 1910",
        "licence": "public domain",
    }
    (folder / "nude.json").write_text(json.dumps(credit))
    setting(shelf=folder)


@SIZES
def test_a_picture_of_the_operator_is_on_the_shelf_with_its_credit(
    hung: None, idle: Visit, size: tuple[int, int]
) -> None:
    page = idle(size)
    knob = page.get_by_role("button", name=LINE, exact=True)  # as a screen reader says it
    expect(knob).to_be_visible()
    expect(page.locator("#form .credits")).to_be_hidden()
    pick(page, "styles", "nude")
    page.wait_for_selector("#style-0 img[src*='nude']")
    expect(page.locator("#form .credits")).to_have_text(LINE)
    shoot(page, f"{_name(size)}-hung")
    assert findings(page) == []
    page.click(".views a[href='#batch']")
    page.locator("#batch [data-kind=styles] .shelf").get_by_role("button", name=LINE).click()
    expect(page.locator("#batch [data-kind=styles] .credits")).to_have_text(LINE)
    shoot(page, f"{_name(size)}-hung-batch")


def _strength(page: Page, value: str) -> None:
    expect(page.locator("#strength input[type=number]")).to_have_value(value)


@SIZES
def test_a_preset_sets_the_controls_and_is_undone(idle: Visit, size: tuple[int, int]) -> None:
    page = idle(size)
    set_strength(page, 33)
    presets = page.get_by_role("group", name="Presets")
    bold = presets.get_by_role("button", name="Bold")
    bold.click()
    _strength(page, "100")
    expect(page.locator("#strokes input[type=number]")).to_have_value("200")
    expect(bold).to_have_attribute("aria-pressed", "true")
    presets.scroll_into_view_if_needed()
    shoot(page, f"{_name(size)}-presets")
    assert findings(page) == []
    page.get_by_role("button", name="Undo").click()
    _strength(page, "33")
    expect(bold).to_have_attribute("aria-pressed", "false")
    presets.get_by_role("button", name="True colours").click()
    expect(page.locator("#color input[value=luminance]")).to_be_checked()


@SIZES
def test_a_style_of_ones_own_is_kept_under_a_name(
    visit: Visit, address: str, size: tuple[int, int]
) -> None:
    page = visit(size)
    drop(page, "#photo", PHOTO)
    drop(page, "#style-0", PHOTO)  # a style of their own
    page.click("#send")
    wait_for_result(page)
    page.locator("#recent .shelf button").first.click()
    page.get_by_label("Name of this style").fill("Coffee table")
    page.get_by_role("button", name="Keep under this name").click()
    expect(page.locator("#recent [role=status]")).to_have_text("Coffee table stays on your shelf.")
    expect(page.locator("#recent .named")).to_have_text("Coffee table")
    page.locator("#recent").scroll_into_view_if_needed()
    shoot(page, f"{_name(size)}-named-style")
    assert findings(page) == []
    page.reload()
    page.locator("#recent").get_by_role("button", name="Coffee table").wait_for()
    page.get_by_role("button", name="Take the name away").click()
    expect(page.locator("#recent .named")).to_have_count(0)
