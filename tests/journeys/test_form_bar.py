"""The bar with the button that sends covers no control of the form that has the focus."""

import pytest
from playwright.sync_api import Page

from tests.journeys.browsing import PHONE, Visit, choose, shoot, to_canvas

LAPTOP, ZOOMED = (1366, 900), (683, 450)  # zoomed: the laptop at 200 %

# Where the focus is: "" beyond the form, else what it has and what lies over that.
FOCUSED = """() => {
  const one = document.activeElement, label = one.closest("label");
  if (!one.closest("#form")) return ["", ""];
  const {left, top, bottom, width, height} = one.getBoundingClientRect();
  const middle = (top + bottom) / 2;
  const heights = height < innerHeight / 2 ? [top + 2, middle, bottom - 2] : [middle];
  const over = (hit) => !one.contains(hit) && !hit?.contains(one) && !label?.contains(hit);
  const hits = heights.map((y) => document.elementFromPoint(left + width / 2, y));
  const found = hits.filter(over).map((hit) => hit?.outerHTML.slice(0, 80) ?? "out of sight");
  return [one.outerHTML.slice(0, 120), found.join(" and ")];
}"""


def _covered(page: Page, key: str) -> tuple[int, list[str]]:
    """Go through the form by a key; return how many controls it has, and which are covered."""
    controls = 0
    found: list[str] = []
    while True:
        control, over = page.evaluate(FOCUSED)
        if not control:
            return controls, found
        controls += 1
        found += [f"{control} is under {over}"] if over else []
        page.keyboard.press(key)


@pytest.mark.parametrize("size", [LAPTOP, PHONE, ZOOMED], ids=["laptop", "phone", "200 %"])
def test_no_control_that_has_the_focus_is_covered(idle: Visit, size: tuple[int, int]) -> None:
    page = idle(size)
    choose(page, "cat", "ink", "night")
    page.get_by_role("button", name="Regions").click()
    to_canvas(page)
    page.locator("#program summary").click()
    page.evaluate("window.scrollTo(0, 0)")
    page.locator("#photo .inside :is(button, input)").first.focus()
    controls, found = _covered(page, "Tab")
    shoot(page, f"{size[0]}-bar")
    assert controls > 40
    page.locator("#send").focus()
    _, back = _covered(page, "Shift+Tab")
    assert not found + back, "\n".join(found + back)
