"""The gallery and share links in the browser."""

import io

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.journeys.browsing import (
    DESK,
    PHONE,
    Visit,
    ask,
    choose,
    pick,
    press,
    shoot,
    submit,
    to_gallery,
    until,
)


def _open_first(page: Page) -> None:
    page.click("#gallery .tile")
    expect(page.locator("dialog[open] .compare")).to_be_visible()


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"]
)
def test_a_picture_is_named_published_found_and_reported(
    visit: Visit, address: str, size: tuple[int, int], scheme: str
) -> None:
    name = f"Evening {scheme}"
    page = visit(size, scheme)
    page.click(".views a[href='#gallery']")
    expect(page.locator("#gallery .said h2")).to_have_text("Nothing made yet")
    shoot(page, f"gallery-{scheme}-empty")
    submit(page, address, "rocket", "ink")
    job_id = submit(page, address, "coffee", "night", alpha=0.5)
    page.click(".views a[href='#studio']")
    to_gallery(page, 2)
    _open_first(page)
    page.get_by_label("Title", exact=True).fill(name)
    page.get_by_label("Title", exact=True).press("Enter")
    expect(page.locator("dialog .note")).to_have_text("Saved.")
    page.get_by_label("Tags", exact=True).fill("sea, dusk")
    page.get_by_label("Tags", exact=True).press("Enter")
    expect(page.locator("dialog .tags span")).to_have_text(["sea", "dusk"])
    press(page, "Favourite")
    press(page, "Publish")
    expect(page.locator("dialog").get_by_role("button", name="Make private")).to_be_visible()
    shoot(page, f"gallery-{scheme}-detail")
    page.keyboard.press("Escape")
    shoot(page, f"gallery-{scheme}")
    page.get_by_role("searchbox").fill("DUSK even")
    expect(page.locator("#gallery .tile")).to_have_count(1)
    page.get_by_role("searchbox").fill("no such")
    expect(page.locator("#gallery .said h2")).to_have_text("Nothing fits")
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("#gallery .tile")).to_have_count(2)
    if size == PHONE:
        page.get_by_role("button", name="Filters").click()
    page.get_by_text("Favourites only").click()
    expect(page.locator("#gallery .tile")).to_have_count(1)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= size[0], "the page scrolls sideways"

    other = visit(size, scheme)
    other.click(".views a[href='#gallery']")
    other.get_by_role("link", name="Public").click()
    other.click(f"#gallery .tile[data-id='{job_id}']")
    expect(other.locator("dialog h2")).to_have_text(name)
    expect(other.locator("dialog .sources, dialog .typed")).to_have_count(0)
    press(other, "Report")
    other.get_by_label("What is wrong with it?").fill("not nice")
    press(other, "Send the report")
    expect(other.locator("dialog .note")).to_contain_text("Thank you")
    shoot(other, f"gallery-{scheme}-public")

    _open_first(page)
    press(page, "Make private")
    other.reload()
    expect(other.locator(f"#gallery .tile[data-id='{job_id}']")).to_have_count(0)


def test_a_link_shows_one_picture_until_it_is_taken_back(visit: Visit, address: str) -> None:
    page = visit()
    submit(page, address, "cat", "fjord")
    to_gallery(page, 1)
    _open_first(page)
    press(page, "Share link")
    link = page.locator("dialog .sharing input").input_value()
    other = visit(PHONE, "dark", locale="ko-KR")
    other.goto(link)
    expect(other.locator("h1")).to_have_text("제목 없음")
    shoot(other, "share-phone")
    other.select_option("select", "jpeg")
    with other.expect_download() as kept:
        other.get_by_role("link", name="내려받기").click()
    with Image.open(io.BytesIO(kept.value.path().read_bytes())) as picture:
        assert picture.format == "JPEG"
        assert picture.getexif()
    press(page, "Take back")
    expect(page.locator("dialog .note")).to_have_text("The link shows nothing any more.")
    other.reload()
    expect(other.locator("h1")).to_have_text("볼 것이 없습니다")
    expect(other.locator("main img")).to_have_count(0)
    shoot(other, "share-phone-gone")


def test_an_answer_that_arrives_during_a_press_keeps_the_press(visit: Visit, address: str) -> None:
    page = visit()
    submit(page, address, "cat", "ink", size=64)
    to_gallery(page, 1)
    _open_first(page)
    held: list[Route] = []
    page.route("**/publish", lambda route: held.append(route))
    press(page, "Publish")
    page.locator("dialog").get_by_role("button", name="Share link", exact=True).hover()
    page.mouse.down()
    until(page, lambda: held)
    with page.expect_response("**/publish"):
        held[0].continue_()
    page.wait_for_timeout(200)  # the button is drawn again only after the press
    page.mouse.up()
    expect(page.locator("dialog .sharing")).to_be_visible()
    expect(page.locator("dialog").get_by_role("button", name="Make private")).to_be_visible()


def test_the_same_style_waits_for_a_new_photo(visit: Visit, address: str) -> None:
    page = visit()
    submit(page, address, "cat", "fjord", alpha=0.4, color="content")
    choose(page, "coffee", "ink")
    to_gallery(page, 1)
    _open_first(page)
    press(page, "Use these settings")
    expect(page.locator("#strength input[type=number]")).to_have_value("40")
    expect(page.locator("#photo img")).to_be_visible()
    to_gallery(page, 1)
    _open_first(page)
    press(page, "Same style, new photo")
    expect(page.locator("#photo img")).to_have_count(0)
    pick(page, "photos", "raccoon")
    page.locator("#shelf-styles button[data-name=mosaic]").click(modifiers=["Shift"])  # beside it
    page.wait_for_selector("#style-1 img")
    page.click("#send")
    page.wait_for_selector("#stage[data-state=done] .compare")
    assert ask(page, f"{address}/api/v1/jobs")["jobs"][0]["styles"] == 2


def test_several_are_deleted_and_the_list_goes_on_without_end(visit: Visit, address: str) -> None:
    page = visit()
    for style in ("ink", "night", "fjord"):
        submit(page, address, "cat", style, size=64)
    page.route(
        "**/api/v1/gallery?*", lambda route: route.continue_(url=f"{route.request.url}&limit=2")
    )
    to_gallery(page, 3)
    page.get_by_role("button", name="Select").click()
    page.focus("#gallery .tile >> nth=0")
    page.keyboard.press("Space")
    page.click("#gallery .tile >> nth=2")
    expect(page.locator(".count")).to_have_text("2 selected")
    shoot(page, "gallery-select")
    page.click("#gallery .bin")
    expect(page.locator("#gallery .tile")).to_have_count(1)
    assert len(ask(page, f"{address}/api/v1/jobs")["jobs"]) == 1
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#gallery .tile")).to_have_count(3)


def test_a_gallery_that_does_not_answer_says_so_and_tries_again(visit: Visit) -> None:
    page = visit()
    page.route("**/api/v1/gallery?*", lambda route: route.abort())
    page.click(".views a[href='#gallery']")
    expect(page.locator("#gallery .said h2")).to_have_text("The studio does not answer")
    shoot(page, "gallery-away")
    page.unroute("**/api/v1/gallery?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#gallery .said h2")).to_have_text("Nothing made yet")
