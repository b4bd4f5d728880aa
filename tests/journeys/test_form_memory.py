"""The form survives reloads, another language, a discarded tab and a studio that was away."""

import base64
import io
import json
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import APIResponse, Browser, Page, Route, TimeoutError, expect

from tests.journeys.browsing import (
    DESK,
    PHONE,
    PHOTO,
    Visit,
    choose,
    drop,
    loaded,
    pick,
    set_strength,
    shoot,
    to_canvas,
)
from tests.journeys.conftest import visits
from tests.parts import free_port
from tests.web.served import begin, served
from web import app

SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
PAINTED = "(document.querySelector('#regions :is(textarea, input)')?.value ?? '')"
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
    expect(page.locator("#photo img, .place img")).to_have_count(3)
    loaded(page, "#photo img, .place img")
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


def _reload(page: Page, script: str) -> None:
    """Load the page once more; one script comes after everything else."""
    late: list[tuple[Route, APIResponse]] = []
    passes = False

    def hold(route: Route) -> None:
        response = route.fetch()
        if passes:
            route.fulfill(response=response)
        else:
            late.append((route, response))

    page.route(script, hold)
    page.reload(wait_until="commit")
    with suppress(TimeoutError):  # which is so where it holds the button itself
        page.wait_for_selector("#send", timeout=4000)
    page.wait_for_timeout(500)
    passes = True
    for route, response in late:
        route.fulfill(response=response)
    page.wait_for_selector("#stage[data-face]")
    page.unroute_all(behavior="wait")


def test_the_form_survives_a_reload_whichever_controls_are_drawn_last(idle: Visit) -> None:
    """Gradio fetches each kind of control by itself, and draws it when it is there."""
    page, fetched, broken = idle(DESK), set[str](), list[str]()
    page.on("request", lambda request: fetched.add(request.url))
    page.on("pageerror", lambda error: broken.append(str(error)))
    _fill(page)
    page.reload()
    _see_it_filled(page)
    scripts = sorted(url for url in fetched if "/assets/Index-" in url and url.endswith(".js"))
    assert len(scripts) > 5
    for script in scripts:
        _reload(page, script)
        _see_it_filled(page)
        assert broken == [], script


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


def _masks(page: Page) -> list[Image.Image]:
    """Wait until something is painted; return the masks that the form has."""
    page.wait_for_function(f"{PAINTED} !== ''")
    masks = json.loads(page.evaluate(PAINTED))["masks"]
    return [Image.open(io.BytesIO(base64.b64decode(masks[key]))).convert("L") for key in masks]


def _paint(page: Page) -> list[Image.Image]:
    """Paint for the second style, which acts at half strength there; return the masks."""
    page.click("#parts > button")
    to_canvas(page).click(position={"x": 120, "y": 90})
    _masks(page)
    before = page.evaluate(PAINTED)
    page.locator("#paint .strength").fill("50")
    page.wait_for_function(f"(old) => {PAINTED} !== old", arg=before)
    return _masks(page)


def _same(masks: list[Image.Image], others: list[Image.Image]) -> bool:
    """Tell whether masks are the same, but for how their levels are rounded."""
    return all(
        not any(ImageChops.difference(*both).histogram()[3:])
        for both in zip(masks, others, strict=True)
    )


def test_painted_regions_survive_a_reload_and_another_language(idle: Visit) -> None:
    page = idle()
    _fill(page)
    painted = _paint(page)
    assert [mask.getextrema()[1] for mask in painted] == [255, 128]
    page.reload()
    assert _same(_masks(page), painted)
    expect(page.locator("#paint canvas")).to_be_visible()  # what will be sent can be seen
    expect(page.locator("#paint .lost")).to_contain_text("here again")
    expect(page.locator("#paint .strength")).to_have_value("50")
    page.click("#language")
    expect(page.locator("#send")).to_have_text("다시 그리기")
    assert _same(_masks(page), painted)
    page.locator("#paint").scroll_into_view_if_needed()
    shoot(page, "desk-regions-survived")
    page.click("#send")
    page.wait_for_selector("#stage[data-state=queued]")
    assert len(begin().mask_keys) == 2


def test_painted_regions_come_back_with_their_photo_unless_they_were_cleared(idle: Visit) -> None:
    page = idle()
    _fill(page)
    painted = _paint(page)
    page.get_by_role("button", name="Remove: Your photo").click()
    page.wait_for_function(f"{PAINTED} === ''")
    page.get_by_role("button", name="Undo").first.click()
    assert _same(_masks(page), painted)
    page.get_by_role("button", name="Start again").click()
    page.wait_for_function(f"{PAINTED} === ''")
    page.reload()
    _see_it_filled(page)
    page.wait_for_timeout(300)  # longer than painting again takes
    assert page.evaluate(PAINTED) == ""


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
            page.wait_for_selector("#stage[data-face]")
            pick(page, "photos", "cat")
            _see_it_sent(page)
