"""Accessibility: axe-core's rules in every view, and all of it by keyboard."""

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browsing import (
    NARROW,
    PHONE,
    Visit,
    choose,
    empty,
    findings,
    press,
    shoot,
    to_canvas,
    to_gallery,
)
from tests.web.served import begin, finish

# What has the focus and whether that can be seen: how it, what it lies in and what lies beside it
# are drawn with the focus and without.
FOCUSED = """() => {
  const drawn = (one) => {
    const told = [];
    for (let up = one, far = 0; up && far < 4; up = up.parentElement, far += 1)
      for (const part of [up, ...(far === 1 ? up.children : [])])
        for (const pseudo of [null, "::before", "::after"]) {
          const face = getComputedStyle(part, pseudo);
          const outline = face.outlineStyle === "none" ? 0 : face.outlineWidth;
          told.push(outline, face.boxShadow, face.borderColor, face.backgroundColor);
        }
    return told.join();
  };
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const bright = drawn(one);
  one.blur(); // the button in a date's field keeps it; the field was drawn at the stop before
  if (document.activeElement !== one) window.reached.set(one, drawn(one));
  return {seen: bright !== window.reached.get(one), what: one.outerHTML.slice(0, 200)};
}"""
UNREACHED = """(root) => {
  const all = "a[href], button, input, select, summary, [tabindex='0']";
  const shown = (one) => one.checkVisibility({visibilityProperty: true}) && one.offsetWidth;
  const meant = (one) =>
    !one.disabled && one.tabIndex >= 0 && !(one.type === "radio" && !one.checked);
  return [...document.querySelector(root).querySelectorAll(all)]
    .filter((one) => shown(one) && meant(one) && !window.reached.has(one))
    .map((one) => one.outerHTML.slice(0, 200));
}"""


def _walk(page: Page, root: str) -> None:
    """Go through the page by Tab; everything in `root` must be reached and be seen to be."""
    page.add_style_tag(content="*, ::before, ::after { transition: none !important }")
    page.evaluate("window.reached = new Map()")
    stops = [page.evaluate(FOCUSED)]
    while len(stops) < 200:
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUSED))
        if stops[-1] is None:  # once through
            break
    assert [stop["what"] for stop in stops if stop and not stop["seen"]] == []
    assert page.evaluate(UNREACHED, root) == []


def _fill_form(page: Page) -> None:
    choose(page, "raccoon", "night", "ink")
    page.get_by_role("button", name="Regions").click()
    to_canvas(page)


def _make(page: Page) -> None:
    page.click("#send")
    page.wait_for_selector("#stage[data-state=queued]")
    finish(begin())
    page.wait_for_selector("#stage[data-state=done] .compare")


def _open_batch(page: Page, photo: str = "cat") -> None:
    page.click(".views a[href='#batch']")
    for kind, name in (("photos", photo), ("styles", "ink")):
        knob = page.locator(f"#batch [data-kind={kind}] button[data-key='sample {name}']")
        if knob.get_attribute("aria-pressed") == "false":
            knob.click()
    expect(page.locator("#batch .send")).to_be_enabled()


def _make_batch(page: Page) -> None:
    page.click("#batch .send")
    expect(page.locator(".batch .tile[data-state=queued]")).to_have_count(1)
    finish(begin())
    page.wait_for_selector(".batch .tile img")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [NARROW, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_serious_in_any_view(
    idle: Visit, size: tuple[int, int], scheme: str
) -> None:
    page = idle(size, scheme)
    found = {"empty": findings(page)}
    empty(page)
    page.click("#send")
    expect(page.locator("#photo [role=alert]")).to_be_visible()
    found["refused"] = findings(page)
    _fill_form(page)
    found["form"] = findings(page)
    page.click("#send")
    page.wait_for_selector("#stage[data-state=queued]")
    found["waiting"] = findings(page)
    finish(begin())
    page.wait_for_selector("#stage[data-state=done] .compare")
    found["done"] = findings(page)
    to_gallery(page, 1)
    page.click("#gallery .tile")
    press(page, "Publish")
    press(page, "Share link")
    expect(page.locator("dialog .sharing")).to_be_visible()
    found["entry"] = findings(page)
    link = page.locator("dialog .sharing input").input_value()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Select").click()
    page.click("#gallery .tile")
    found["mine"] = findings(page)
    page.get_by_role("link", name="Public").click()
    expect(page.locator("#gallery .tile img")).to_have_count(1)
    page.get_by_role("searchbox").fill("nowhere")
    expect(page.locator("#gallery .said h2")).to_have_text("Nothing fits")
    found["public"] = findings(page)
    _open_batch(page)
    found["batch form"] = findings(page)
    _make_batch(page)
    found["batch"] = findings(page)
    page.click(".batch .tile")
    found["batch picture"] = findings(page)
    page.goto(link)
    expect(page.locator("#shared h1")).to_be_visible()
    found["share"] = findings(page)
    page.goto(link[:-1])
    expect(page.locator("#shared h1")).to_have_text("Nothing to see here")
    found["dead link"] = findings(page)
    assert {view: what for view, what in found.items() if what} == {}


def test_everything_is_reached_by_tab_and_seen_to_be(idle: Visit) -> None:
    page = idle(NARROW)
    _fill_form(page)
    _make(page)
    page.mouse.click(1, 1)
    _walk(page, "body")
    to_gallery(page, 1)
    page.mouse.click(1, 1)
    _walk(page, "body")
    page.focus("#gallery .tile")
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open] .compare")).to_be_visible()
    _walk(page, "dialog")
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator("#gallery .tile")).to_be_focused()
    shoot(page, "keyboard-gallery")
    _open_batch(page)
    _make_batch(page)
    _open_batch(page, "rocket")  # what was sent is not sent again
    page.mouse.click(1, 1)
    _walk(page, "body")
