"""A small preview follows the controls; recent styles; notifications when a picture is done."""

import pytest
from playwright.sync_api import Page, Route, expect

from tests.journeys.browsing import (
    DESK,
    PHONE,
    STYLE,
    Visit,
    again,
    ask,
    choose,
    drop,
    loaded,
    open_page,
    pick,
    set_strength,
    shoot,
    states,
    to_canvas,
    until,
    wait_for_result,
)
from tests.parts import picture
from tests.web.served import begin, finish
from worker.storage import blobs
from worker.visitors import preview_claims, previews

SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
PREVIEW = "#stage[data-state=preview] .preview img"


def _drag_strength(page: Page, to: float) -> None:
    slider = page.locator("#strength input[type=range]")
    slider.hover()  # once it stands still
    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 4, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * to, middle, steps=8)
    page.mouse.up()


def _shown(page: Page, selector: str) -> str:
    """Wait for a preview's picture; return its address in the page."""
    loaded(page, selector)
    return str(page.get_attribute(selector, "src"))


@SIZES
def test_a_preview_follows_the_controls_and_is_never_kept(
    visit: Visit, address: str, size: tuple[int, int]
) -> None:
    page = visit(size)
    name = "desk" if size == DESK else "phone"
    choose(page, "raccoon", "night", "woodcut")
    uploads: list[str] = []
    page.on("request", lambda sent: uploads.append(sent.url) if "/upload" in sent.url else None)
    _drag_strength(page, 0.5)
    first = _shown(page, PREVIEW)
    expect(page.locator(".preview .tag")).to_have_text("Preview")
    shoot(page, f"{name}-preview")
    if size == PHONE:  # the stage is far below; the preview comes along
        expect(page.locator(".glance img")).to_be_in_viewport()
        page.click(".views a[href='#batch']")
        expect(page.locator(".glance")).to_be_hidden()
        page.click(".views a[href='#studio']")
    page.locator("#color label", has_text="Mine, luminance").click()
    page.wait_for_function(
        "([one, old]) => document.querySelector(one)?.src !== old", arg=[PREVIEW, first]
    )
    assert uploads == []
    assert states(page, address) == []
    expect(page.locator(".tile")).to_have_count(0)

    page.click("#send")
    job_id = wait_for_result(page)
    expect(page.locator(".glance")).to_be_hidden()
    options = ask(page, f"{address}/api/v1/jobs/{job_id}")["options"]
    assert options["color"] == "luminance"
    set_strength(page, 20)
    _shown(page, PREVIEW)
    page.get_by_role("button", name="Back to the picture").click()
    assert wait_for_result(page) == job_id
    assert states(page, address) == ["done"]


def test_a_preview_that_comes_late_does_not_cover_the_result(visit: Visit) -> None:
    page = visit()
    choose(page, "raccoon", "night")
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/gradio_api/run/predict", hold_the_first)
    with page.expect_request("**/gradio_api/run/predict"):
        _drag_strength(page, 0.5)  # asks for a preview
    page.click("#send")
    wait_for_result(page)
    until(page, lambda: held)
    with page.expect_response(lambda got: "/api/v1/previews/" in got.url and got.status == 200):
        held[0].continue_()
    page.wait_for_timeout(300)
    expect(page.locator("#stage")).to_have_attribute("data-state", "done")
    expect(page.locator(".glance")).to_be_hidden()


def test_the_preview_follows_the_pad_and_the_brushes(visit: Visit) -> None:
    page = visit()
    choose(page, "coffee", "night", "woodcut")
    page.focus(".point:not(.end)")
    page.keyboard.press("ArrowRight")
    first = _shown(page, PREVIEW)
    page.get_by_role("button", name="Regions").click()
    to_canvas(page).focus()
    page.keyboard.press("Space")
    page.wait_for_function(
        "([one, old]) => document.querySelector(one)?.src !== old", arg=[PREVIEW, first]
    )


def _make_both(page: Page) -> None:
    """Make the previews of two tabs, as a worker does, each as wide as its strength."""
    for _ in range(2):
        while not (claimed := preview_claims.claim()):
            page.wait_for_timeout(50)
        width = round(100 * claimed.options["alpha"])
        blobs.put(previews.result_key(claimed.key), picture(width, 20, "JPEG"))
        preview_claims.end(claimed, previews.State.MADE)


def test_a_preview_that_does_not_come_is_named_and_asked_for_again(visit: Visit) -> None:
    page = visit()
    choose(page, "coffee", "night")
    page.wait_for_selector(PREVIEW)
    page.route("**/api/v1/previews/*", lambda route: route.abort())
    page.reload()
    knob = page.locator("#stage button", has_text="Preview again")
    expect(page.locator("#stage [role=status]")).to_contain_text("The preview has not come")
    page.unroute("**/api/v1/previews/*")
    knob.click()
    page.wait_for_selector(PREVIEW)


def test_each_of_two_tabs_gets_its_own_preview(idle: Visit) -> None:
    tabs = [page := idle(), page.context.new_page()]
    open_page(tabs[1], page.url)
    for tab, strength in zip(tabs, (30, 60), strict=True):
        tab.wait_for_selector("#stage[data-state=sample]")
        with tab.expect_request("**/api/v1/previews/*"):  # it was taken
            set_strength(tab, strength)
    _make_both(page)
    for tab, strength in zip(tabs, (30, 60), strict=True):
        [[width, _]] = loaded(tab, PREVIEW)
        assert width == strength


@SIZES
def test_the_visitors_own_styles_come_again(
    visit: Visit, address: str, size: tuple[int, int]
) -> None:
    page = visit(size)
    name = "desk" if size == DESK else "phone"
    expect(page.locator("#recent")).to_be_hidden()
    pick(page, "photos", "cat")
    page.wait_for_selector("#photo img")
    drop(page, "#style-0", str(STYLE).replace("styles/night", "photos/rocket"))
    page.locator("#size label", has_text="256").click()
    page.click("#send")
    wait_for_result(page)
    expect(page.locator("#recent button:not(.plus)")).to_have_count(1)
    again(page)
    page.click("#recent button:not(.plus)")
    page.wait_for_selector("#style-0 img")
    page.locator("#recent").scroll_into_view_if_needed()
    shoot(page, f"{name}-recent")
    page.click(".views a[href='#batch']")
    expect(page.locator("#batch [data-kind=styles] .shelf button")).to_have_count(11)


ASIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
FROZEN = """() => {
    for (let timer = setTimeout(() => {}); timer; timer--) clearTimeout(timer);
    window.setTimeout = () => 0;
}"""
NOTIFICATIONS = """
window.shown = [];
window.Notification = class {
    static permission = "default";
    static async requestPermission() { return (this.permission = "granted"); }
    constructor(title, more) { window.shown.push(`${title}: ${more.body}`); }
    close() {}
};
"""


def test_a_notification_is_shown_if_allowed(idle: Visit) -> None:
    page = idle()
    page.add_init_script(NOTIFICATIONS)
    again(page)
    choose(page)
    page.click("#send")
    page.get_by_role("button", name="Tell me when it is done").click()
    expect(page.get_by_role("button", name="You will be told")).to_be_visible()
    shoot(page, "desk-notice")
    page.evaluate(ASIDE, True)
    finish(begin())
    page.wait_for_function("window.shown.length > 0")
    expect(page).to_have_title("Done · AdaIN Studio")
    assert page.evaluate("window.shown.at(-1)") == "AdaIN Studio: Done"
    page.evaluate(ASIDE, False)
    expect(page).to_have_title("AdaIN Studio")
    wait_for_result(page)


def test_a_tab_that_slept_is_up_to_date_at_once_when_it_wakes(idle: Visit) -> None:
    page = idle()
    choose(page)
    page.click("#send")
    page.wait_for_selector("#stage[data-state=queued]")
    page.evaluate(ASIDE, True)
    page.evaluate(FROZEN)
    page.wait_for_timeout(1000)  # in which what it has asked for is answered
    finish(begin())
    page.wait_for_timeout(1000)  # longer than from one look to the next
    expect(page.locator("#stage")).to_have_attribute("data-state", "queued")
    page.evaluate(ASIDE, False)
    wait_for_result(page)
