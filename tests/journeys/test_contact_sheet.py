"""All styles of the shelf on one's own photo at once, and a style by chance."""

import json

import pytest
from playwright.sync_api import Page, Request, expect

from tests.journeys.browsing import (
    DESK,
    PHONE,
    PHOTO,
    SECONDS,
    Visit,
    drop,
    empty,
    findings,
    shoot,
    states,
)
from tests.parts import picture
from web.samples import shelf
from worker.storage import blobs
from worker.visitors import preview_claims, previews

SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
STYLE = "document.querySelector('#value-style-0 :is(textarea, input)').value"


def _event(sent: Request) -> list[int]:
    """Return the number of the page's event that a request is for, if it is for one."""
    if not sent.url.endswith("/run/predict"):
        return []
    return [json.loads(sent.post_data or "{}")["fn_index"]]


def _preview(page: Page) -> None:
    expect(page.locator("#stage")).to_have_attribute("data-state", "preview")


@SIZES
def test_all_styles_are_shown_on_the_photo_and_one_goes_on(
    visit: Visit, address: str, size: tuple[int, int]
) -> None:
    page = visit(size)
    asked: list[int] = []
    page.on("request", lambda sent: asked.extend(_event(sent)))
    drop(page, "#photo", PHOTO)
    _preview(page)
    previews = set(asked)
    page.get_by_role("button", name="All styles on my photo").click()
    tiles = page.locator("#stage .sheet .step")
    expect(tiles).to_have_count(len(shelf.names("styles")), timeout=3 * SECONDS)
    assert len([event for event in asked if event not in previews]) == 1
    expect(tiles.first).to_be_in_viewport()
    shoot(page, f"{'desk' if size == DESK else 'phone'}-sheet")
    assert findings(page) == []
    page.locator("#stage .sheet").get_by_role("button", name="Ink").click()
    _preview(page)
    assert page.evaluate(STYLE) == "shelf:styles/ink"
    page.locator("#stage").get_by_role("button", name="All styles").click()
    current = page.locator("#stage .sheet [aria-current=true]")
    expect(current).to_have_text("Ink")
    page.locator("#stage").get_by_role("button", name="Close").click()
    expect(page.locator("#stage .sheet")).to_have_count(0)
    assert states(page, address) == []


def test_a_press_is_answered_at_once_while_a_preview_is_under_way(idle: Visit) -> None:
    page = idle()
    with page.expect_request("**/api/v1/previews/*"):
        drop(page, "#photo", PHOTO)
    page.get_by_role("button", name="All styles on my photo").click()
    expect(page.locator("#stage")).to_contain_text("Painting your photo in every style")


@SIZES
def test_a_style_comes_by_chance_and_is_another_each_time(
    visit: Visit, size: tuple[int, int]
) -> None:
    page = visit(size)
    before = page.evaluate(STYLE)
    for _ in range(3):
        page.get_by_role("button", name="Surprise me").click()
        _preview(page)
        now = page.evaluate(STYLE)
        assert now != before
        before = now


def _make_sheet(page: Page) -> None:
    """Make the contact sheet that the page asks for, as a worker does."""
    while not (claimed := preview_claims.claim()):
        page.wait_for_timeout(50)
    result = picture(96, 64 * len(claimed.sheet), "JPEG")
    blobs.put(previews.result_key(claimed.key), result)
    preview_claims.end(claimed, previews.State.MADE)


@SIZES
def test_a_long_shelf_is_shown_in_pages(
    idle: Visit, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "SHEET", 6)
    page, count = idle(size), len(shelf.names("styles"))
    assert 6 < count <= 12
    page.get_by_role("button", name="All styles on my photo").click()
    _make_sheet(page)
    stage = page.locator("#stage")
    expect(stage.locator(".sheet .step")).to_have_count(6)
    expect(stage).to_contain_text(f"Styles 1 to 6 of {count}.")
    shoot(page, f"{'desk' if size == DESK else 'phone'}-sheet-page")
    stage.get_by_role("button", name="More styles").click()
    _make_sheet(page)
    expect(stage).to_contain_text(f"Styles 7 to {count} of {count}.")
    expect(stage.locator(".sheet .step")).to_have_count(count - 6)
    stage.get_by_role("button", name="More styles").click()
    _make_sheet(page)
    expect(stage).to_contain_text(f"Styles 1 to 6 of {count}.")


@SIZES
def test_without_a_photo_the_field_says_so(idle: Visit, size: tuple[int, int]) -> None:
    page = idle(size)
    empty(page)
    page.get_by_role("button", name="All styles on my photo").click()
    expect(page.locator("#photo .wrong")).to_contain_text("photo")
    expect(page.locator("#photo .wrong")).to_be_in_viewport(ratio=1)
