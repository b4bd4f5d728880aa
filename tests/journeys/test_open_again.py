"""A picture is opened again as it was made; styles of public pictures are tried."""

from typing import Any

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
    loaded,
    press,
    read,
    set_strength,
    shoot,
    submit,
    to_gallery,
    wait_for_result,
)

SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
HELD = """(name) => document.querySelector(`#value-${name} :is(textarea, input)`).value"""


def _held(page: Page, name: str) -> str:
    return str(page.evaluate(HELD, name))


def _holds(page: Page, name: str, text: str) -> None:
    """Wait until a field holds a text."""
    page.wait_for_function(f"([name, text]) => ({HELD})(name) === text", arg=[name, text])


def _submit_masked(page: Page, address: str) -> str:
    """Make a job whose style has a mask; return its id."""
    photo = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": read(PHOTO)}
    asked: Any = {"content": photo, "style": photo, "options": '{"size": 128, "region": "subject"}'}
    answer = page.request.post(f"{address}/api/v1/jobs", multipart=asked | {"mask": photo})
    assert answer.status == 202, answer.text()
    return str(answer.json()["id"])


def _publish(page: Page, *more: str) -> None:
    """Publish the first entry of the gallery, and press these buttons too."""
    to_gallery(page, 1)
    page.click("#gallery .tile")
    for name in ("Publish", *more):
        press(page, name)
    name = more[-1] if more else "Make private"
    expect(page.locator("dialog").get_by_role("button", name=name, exact=True)).to_be_visible()


@SIZES
def test_a_picture_is_opened_again_and_that_is_undone(
    visit: Visit, address: str, size: tuple[int, int]
) -> None:
    page = visit(size)
    drop(page, "#photo", PHOTO)
    drop(page, "#style-0", STYLE)
    set_strength(page, 35)
    page.click("#send")
    job_id = wait_for_result(page)
    page.get_by_role("button", name="Remove: Your photo").click()
    page.click("#shelf-styles button[data-name=ink]")
    set_strength(page, 90)
    page.locator("#strip .tile").first.click()
    page.locator("#stage").get_by_role("button", name="Open again").click()
    page.wait_for_selector(f"#photo img[src*='{job_id}/content']")
    _holds(page, "style-0", f"job:{job_id}/styles/0")
    expect(page.locator("#strength input[type=number]")).to_have_value("35")
    expect(page.locator(".toast")).to_contain_text("as it was for this picture")
    shoot(page, f"{'desk' if size == DESK else 'phone'}-opened")
    assert findings(page) == []
    page.get_by_role("button", name="Undo").click()
    page.wait_for_selector("#photo .adder")
    _holds(page, "style-0", "shelf:styles/ink")
    expect(page.locator("#strength input[type=number]")).to_have_value("90")


def test_masks_come_back_with_the_picture(visit: Visit, address: str) -> None:
    page = visit()
    job_id = _submit_masked(page, address)
    page.reload()
    wait_for_result(page)
    page.locator("#stage").get_by_role("button", name="Open again").click()
    page.wait_for_selector(f"#mask-0 img[src*='{job_id}/masks/0']")
    page.click("#send")
    page.wait_for_function("document.querySelectorAll('#strip .tile').length === 2")
    again = page.request.get(f"{address}/api/v1/jobs").json()["jobs"][0]
    assert (again["styles"], again["masks"]) == (1, 1)


@SIZES
def test_a_picture_that_is_taken_out_comes_back(idle: Visit, size: tuple[int, int]) -> None:
    page = idle(size)
    drop(page, "#photo", PHOTO)
    held = _held(page, "photo")
    page.get_by_role("button", name="Remove: Your photo").click()
    page.wait_for_selector("#photo .adder")
    page.get_by_role("button", name="Undo").click()
    loaded(page, "#photo img")
    _holds(page, "photo", held)


@SIZES
def test_a_shelf_style_of_a_public_picture_is_tried(
    visit: Visit, address: str, size: tuple[int, int]
) -> None:
    page, other = visit(size), visit(size)
    job_id = submit(page, address, "cat", "fjord", alpha=0.4)
    _publish(page)
    other.goto(f"{address}/#gallery/public")
    other.click(f"#gallery .tile[data-id='{job_id}']")
    expect(other.locator("dialog .before")).to_have_count(0)  # the photo is not shown
    press(other, "Try this style")
    other.wait_for_selector("#style-0 img[src*='fjord']")
    expect(other.locator("#strength input[type=number]")).to_have_value("40")
    expect(other.locator("#photo img")).to_be_visible()


@SIZES
def test_a_link_shows_before_and_after_and_lends_the_style_where_its_owner_says_so(
    visit: Visit, address: str, size: tuple[int, int]
) -> None:
    page, other = visit(), visit(size)
    drop(page, "#photo", PHOTO)
    drop(page, "#style-0", PHOTO)  # a style of their own
    page.click("#send")
    wait_for_result(page)
    to_gallery(page, 1)
    page.click("#gallery .tile")
    press(page, "Share link")
    link = page.locator("dialog .sharing input").input_value()
    other.goto(link)
    expect(other.locator("h1")).to_be_visible()
    expect(other.locator(".before")).to_have_count(0)
    expect(other.get_by_role("button", name="Try this style")).to_have_count(0)
    for what in ("content", "styles/0"):
        shown = other.request.get(f"{link.replace('/share/', '/api/v1/share/')}/{what}")
        assert shown.status == 404, what
    press(page, "Show the photo")
    press(page, "Lend the style")
    expect(
        page.locator("dialog .given").get_by_role("button", name="Lend the style")
    ).to_have_attribute("aria-pressed", "true")
    other.reload()
    loaded(other, ".before")
    assert findings(other) == []
    shoot(other, f"{'desk' if size == DESK else 'phone'}-share-before-after")
    other.get_by_role("button", name="Try this style").click()
    other.wait_for_selector("#style-0 img[src*='/uploads/']")
    other.wait_for_selector("#photo img[src*='raccoon']")


def test_a_picture_of_the_page_is_dragged_onto_a_field(visit: Visit, address: str) -> None:
    page = visit()
    submit(page, address, "cat", "fjord")
    page.reload()
    wait_for_result(page)
    page.locator("#strip .tile img").drag_to(page.locator("#style-0 .inside"))
    page.wait_for_selector("#style-0 img[src*='/uploads/']")
    [shown] = loaded(page, "#style-0 img")
    assert min(shown) == 128  # the picture itself, not its thumbnail
