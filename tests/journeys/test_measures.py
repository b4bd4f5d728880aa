"""Sizes that every view keeps to: no sideways scroll, targets to hit, bytes of the first load."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.bench.page_load import LOADED, is_ours
from tests.journeys.browsing import (
    PHONE,
    PHOTO,
    Visit,
    choose,
    drop,
    findings,
    pick,
    shoot,
    to_canvas,
)
from tests.web.served import begin, finish

NARROWEST, ZOOMED, DESK = (320, 640), (640, 400), (1280, 800)  # zoomed: 1280 × 800 at 200 %
MOST = 300_000  # bytes of ours that the first load takes beyond Gradio's

SIDEWAYS = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.querySelectorAll("body *")]
    .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > wide + 1)
    .map((one) => one.outerHTML.slice(0, 160));
}"""

# What is pressed, or the label around it; links within a sentence are as high as its lines.
SMALL = """(least) => {
  const all = "a[href], button, input, select, summary, textarea, [role=slider], [role=tab]";
  const sizes = (one) => {
    const { width, height } = one.getBoundingClientRect();
    return [Math.round(width), Math.round(height)];
  };
  const label = (one) =>
    one.closest("label") ?? (one.id ? document.querySelector(`label[for="${one.id}"]`) : null);
  const fits = (one) => one && Math.min(...sizes(one)) >= least;
  const within = (one) =>
    one.closest("p, dd, li, td, h1") && getComputedStyle(one).display === "inline";
  const shown = (one) => one.checkVisibility({visibilityProperty: true}) && one.offsetWidth;
  return [...document.querySelectorAll(all)]
    .filter((one) => shown(one) && !one.disabled && one.tabIndex >= 0)
    .filter((one) => !within(one) && !fits(one) && !fits(label(one)))
    .map((one) => `${sizes(one).join(" × ")}: ${one.outerHTML.slice(0, 140)}`);
}"""


def _views(page: Page) -> Iterator[str]:
    """Show one view after the other, each with something in it; yield their names."""
    address = page.url.partition("#")[0].rstrip("/")
    yield "studio"
    choose(page, "raccoon", "night", "ink")
    page.get_by_role("button", name="Regions").click()
    to_canvas(page)
    page.locator("#program summary").click()
    yield "form"
    page.click("#send")
    page.wait_for_selector("#stage[data-state=queued]")
    finish(begin())
    page.wait_for_selector("#stage[data-state=done] .compare")
    yield "done"
    page.click(".views a[href='#batch']")
    page.wait_for_selector("#batch .send")
    yield "batch"
    page.click(".views a[href='#gallery']")
    expect(page.locator("#gallery .tile img")).to_have_count(1)
    page.get_by_role("button", name="Select").click()
    page.click("#gallery .tile")
    yield "gallery"
    page.get_by_role("button", name="Select").click()
    page.click("#gallery .tile")
    page.locator("dialog").get_by_role("button", name="Share link", exact=True).click()
    link = page.locator("dialog .sharing input").input_value()
    yield "entry"
    page.keyboard.press("Escape")
    page.click(".views a[href='#you']")
    page.wait_for_selector("#you h2")
    yield "you"
    page.goto(link)
    expect(page.locator("#shared h1")).to_be_visible()
    yield "share"
    page.goto(f"{address}/api")
    page.locator("#reference summary").nth(8).click()
    yield "api"


@pytest.mark.parametrize("size", [NARROWEST, ZOOMED], ids=["320 px", "200 %"])
def test_no_view_scrolls_sideways(idle: Visit, size: tuple[int, int]) -> None:
    page = idle(size)
    expect(page.locator(".masthead .to-live")).to_be_visible()
    found = []
    for view in _views(page):
        shoot(page, f"{size[0]}-{view}")
        found += [f"{view}: {one}" for one in page.evaluate(SIDEWAYS)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("size", "least"), [(DESK, 24), (PHONE, 44)], ids=["desk", "touch"])
def test_every_target_can_be_hit(idle: Visit, size: tuple[int, int], least: int) -> None:
    page = idle(size)
    found = []
    for view in _views(page):
        if size == PHONE:
            shoot(page, f"phone-view-{view}")
        found += [f"{view}: {one}" for one in page.evaluate(SMALL, least)]
        if view in {"you", "api"}:  # the others: `test_access.py`
            assert findings(page) == [], view
    assert not found, "\n".join(found)


def test_the_first_load_is_small(idle: Visit) -> None:
    page = idle(DESK)
    page.wait_for_load_state("networkidle")
    loaded: list[tuple[str, str, int]] = page.evaluate(LOADED)
    sizes = {name: size for name, kind, size in loaded if is_ours(name, kind)}
    assert sum(sizes.values()) < MOST, sorted(sizes.items(), key=lambda one: -one[1])[:9]


def test_the_first_picture_of_ones_own_takes_three_actions(idle: Visit) -> None:
    page = idle(PHONE)
    drop(page, "#photo", PHOTO)
    pick(page, "styles", "ink")
    page.click("#send")
    page.wait_for_selector("#stage[data-state=queued]")
    finish(begin())
    page.wait_for_selector("#stage[data-state=done] .compare")
