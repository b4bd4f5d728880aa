"""The form survives reloads, another language, a discarded tab and a studio that was away."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.browsing import (
    DESK,
    PHONE,
    PHOTO,
    Visit,
    choose,
    drop,
    pick,
    set_strength,
    shoot,
)
from tests.journeys.conftest import visits
from tests.parts import free_port
from tests.web.served import begin, served
from web import app

SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
CHECKED = "(name) => document.querySelector(`#${name} input:checked`).value"


def _fill(page: Page) -> None:
    """Fill the form with a photo of the visitor's, two styles and other settings."""
    drop(page, "#photo", PHOTO)
    choose(page, "", "ink", "night")
    share = page.locator("#share-1 input[type=number]")
    share.fill("20")
    share.press("Tab")
    set_strength(page, 35)
    page.locator("#color input[value=content]").click()
    page.locator("#size input[value='256']").click()


def _see_it_filled(page: Page) -> None:
    expect(page.locator("#strength input[type=number]")).to_have_value("35")
    expect(page.locator("#share-1 input[type=number]")).to_have_value("20")
    page.wait_for_function(
        "[...document.querySelectorAll('#photo img, .place img')].filter((one) => one.naturalWidth)"
        ".length === 3"
    )
    for name, value in (("color", "content"), ("size", "256")):
        page.wait_for_function(f"({CHECKED})('{name}') === '{value}'")


def _see_it_sent(page: Page) -> None:
    """Send the form; Gradio has to know what it holds."""
    page.click("#send")
    page.wait_for_selector("#stage[data-state=queued]")
    job = begin()
    asked = {name: job.options[name] for name in ("alpha", "color", "size", "weights")}
    assert asked == {"alpha": 0.35, "color": "content", "size": 256, "weights": [50, 20]}
    assert len(job.style_keys) == 2


@SIZES
def test_the_form_survives_a_reload_and_another_language(
    idle: Visit, size: tuple[int, int]
) -> None:
    page = idle(size)
    _fill(page)
    page.reload()
    _see_it_filled(page)
    page.click("#language")
    expect(page.locator("#send")).to_have_text("다시 그리기")
    _see_it_filled(page)
    shoot(page, f"{'desk' if size == DESK else 'phone'}-form-survived")
    _see_it_sent(page)


def test_a_form_that_was_emptied_stays_empty(idle: Visit) -> None:
    page = idle()
    _fill(page)
    page.get_by_role("button", name="Remove: Your photo").click()
    page.reload()
    expect(page.locator("#strength input[type=number]")).to_have_value("35")
    expect(page.locator("#photo img")).to_have_count(0)
    page.context.new_page().close()
    other = idle()  # another visitor has nothing of it
    expect(other.locator("#strength input[type=number]")).to_have_value("80")


def test_the_form_survives_a_studio_that_was_away(studio: Path, browser: Browser) -> None:
    port = free_port()
    with visits(browser, f"http://127.0.0.1:{port}") as visit:
        with served(port, app.create):
            page = visit()
            _fill(page)
            page.evaluate("window.before = true")
        page.route("**/livez", lambda route: route.fulfill(status=200))  # went away just after
        page.click("#send")
        with served(port, app.create):
            page.wait_for_function("!window.before")  # Gradio's own reconnection
            page.unroute("**/livez")
            _see_it_filled(page)
            pick(page, "photos", "cat")
            _see_it_sent(page)
