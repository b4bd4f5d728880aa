"""A share link is handed on, and what it shows is tried with the shares of its styles."""

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browsing import Visit, again, choose, press, shoot, to_gallery
from tests.web.served import begin, finish

SHEET = """
window.shared = [];
Object.defineProperty(navigator, "share", {value: async (given) => {
    if (%s) throw new DOMException("no", %r);
    window.shared.push(given);
}});
"""
CLIPBOARD = ["clipboard-read", "clipboard-write"]


def _make(page: Page) -> None:
    """Make a picture of two styles with shares of 50 and 20, and show it in the gallery."""
    choose(page, "cat", "ink", "night")
    share = page.locator("#share-1 input[type=number]")
    share.fill("20")
    share.press("Tab")
    page.click("#send")
    page.wait_for_selector("#stage[data-state=queued]")
    finish(begin())
    page.wait_for_selector("#stage[data-state=done] .compare")
    to_gallery(page, 1)
    page.click("#gallery .tile")


def _link(page: Page) -> str:
    return page.locator("dialog .sharing input").input_value()


def _see_shares(page: Page) -> None:
    for place, style in enumerate(("ink", "night")):
        page.wait_for_selector(f"#style-{place} img[src*='{style}']")
    for place, share in enumerate(("71", "29")):
        expect(page.locator(f"#share-{place} input[type=number]")).to_have_value(share)


def test_styles_that_are_tried_bring_their_shares(idle: Visit) -> None:
    page, other = idle(), idle()
    _make(page)
    press(page, "Share link")
    press(page, "Publish")
    address = other.url
    other.goto(_link(page))
    other.get_by_role("button", name="Try this style").click()
    _see_shares(other)
    third = idle()
    third.goto(f"{address}#gallery/public")
    third.click("#gallery .tile")
    press(third, "Try this style")
    _see_shares(third)
    third.click("#send")  # Gradio knows of them too
    third.wait_for_selector("#stage[data-state=queued]")
    assert begin().options["weights"] == [71, 29]


def test_a_style_that_is_tried_is_previewed_though_a_picture_is_shown(idle: Visit) -> None:
    page = idle()
    _make(page)
    press(page, "Share link")
    page.goto(_link(page))
    with page.expect_request("**/api/v1/previews/*"):
        page.get_by_role("button", name="Try this style").click()
    page.reload()
    page.wait_for_selector("#stage[data-state=done] .compare")  # the tab's own picture


def test_a_new_tab_shows_no_cancelled_job_but_this_one_does(idle: Visit) -> None:
    page = idle()
    choose(page, "cat", "ink")
    page.click("#send")
    page.wait_for_selector("#stage[data-state=queued]")
    page.click("#cancel")
    page.wait_for_selector("#stage[data-state=cancelled]")
    page.reload()
    page.wait_for_selector("#stage[data-state=cancelled]")
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector("#stage:not([aria-busy]):not([data-state=cancelled])")


def test_a_share_link_goes_to_the_systems_share_sheet(idle: Visit) -> None:
    page = idle()
    page.add_init_script(SHEET % ("false", ""))
    again(page)
    _make(page)
    press(page, "Share link")
    page.wait_for_function("window.shared.length === 1")
    link = _link(page)
    assert page.evaluate("window.shared[0].url") == link
    shoot(page, "desk-share-sheet")
    press(page, "Pass it on")
    page.wait_for_function("window.shared.length === 2")
    page.goto(link)
    page.get_by_role("button", name="Pass it on").click()
    page.wait_for_function("window.shared.length === 1")
    assert page.evaluate("window.shared[0].url") == link


@pytest.mark.parametrize("sheet", ["none", "refuses", "is closed"])
def test_without_a_share_sheet_the_link_is_copied(idle: Visit, sheet: str) -> None:
    page = idle(permissions=CLIPBOARD)
    error = {"refuses": "NotAllowedError", "is closed": "AbortError"}.get(sheet)
    if error:
        page.add_init_script(SHEET % ("true", error))
        again(page)
    page.evaluate("navigator.clipboard.writeText('before')")
    _make(page)
    press(page, "Share link")
    expect(page.locator("dialog .sharing input")).to_be_visible()
    if error == "AbortError":  # the visitor wants none
        page.wait_for_timeout(300)
        assert page.evaluate("navigator.clipboard.readText()") == "before"
        return
    expect(page.locator("dialog .note")).to_have_text("The link is copied.")
    assert page.evaluate("navigator.clipboard.readText()") == _link(page)
