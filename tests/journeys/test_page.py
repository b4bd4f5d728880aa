"""The page in a real browser, of a studio that `adain-studio up` started.

Leaves screenshots under screenshots/, which git ignores; look at them."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.journeys.browsing import (
    DESK,
    PHONE,
    PHOTO,
    SECONDS,
    STYLE,
    Visit,
    ask,
    choose,
    drop,
    empty,
    loaded,
    open_page,
    pick,
    read,
    result,
    set_strength,
    shoot,
    states,
    submit,
    to_canvas,
    wait_for_result,
)

# ---------------------------------------------------------------- journeys


def test_a_photo_and_a_style_are_dropped_and_come_out_repainted(visit: Visit, address: str) -> None:
    page = visit(DESK, "light")
    expect(page.locator("#strip .none")).to_be_visible()
    empty(page)
    expect(page.locator("#stage h2")).to_have_text("Your picture appears here")
    shoot(page, "desk-light-empty")
    drop(page, "#photo", PHOTO)
    drop(page, "#style-0", STYLE)
    set_strength(page, 80)
    page.click("#send")
    job_id = wait_for_result(page)
    shoot(page, "desk-light-done")

    job = ask(page, f"{address}/api/v1/jobs/{job_id}")
    assert job["options"]["alpha"] == 0.8
    repainted = result(page, address, job_id)
    assert repainted.size == (job["width"], job["height"])
    with Image.open(PHOTO) as photo:
        change = np.asarray(repainted, float) - np.asarray(photo.resize(repainted.size), float)
    assert np.abs(change).mean() > 15  # of 255: repainted, not passed through

    page.reload()
    assert wait_for_result(page) == job_id
    expect(page.locator(f'.tile[data-id="{job_id}"]')).to_have_attribute("aria-current", "true")


def test_two_styles_are_mixed_on_a_phone_in_dark_mode(visit: Visit, address: str) -> None:
    page = visit(PHONE, "dark")
    choose(page, "raccoon", "night", "woodcut")
    share = page.locator("input[type=number][aria-label*='Share 2']")
    share.fill("20")
    share.press("Tab")
    page.locator("#color label", has_text="Mine, matched").click()
    shoot(page, "phone-dark-form")
    page.click("#send")
    job_id = wait_for_result(page)
    expect(page.locator(".compare")).to_be_in_viewport()
    shoot(page, "phone-dark-done")
    options = ask(page, f"{address}/api/v1/jobs/{job_id}")["options"]
    assert options["weights"] == [50, 20]
    assert options["color"] == "content"
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE[0], "the page scrolls sideways"


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESK, "dark"), (PHONE, "light")], ids=["desk-dark", "phone-light"]
)
def test_a_picture_is_made_on_every_screen_in_every_scheme(
    visit: Visit, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    page = visit(size, scheme)
    choose(page, "cat", "fjord")
    page.click("#send")
    wait_for_result(page)
    shoot(page, f"{'desk' if size == DESK else 'phone'}-{scheme}-done")


def test_a_waiting_job_tells_its_place_and_is_cancelled(idle: Visit) -> None:
    page = idle()
    address = page.url.rstrip("/")
    for _ in range(3):  # in front of it
        answer = page.request.post(
            f"{address}/api/v1/jobs",
            multipart={
                "content": {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": read(PHOTO)},
                "style": {"name": "b.jpg", "mimeType": "image/jpeg", "buffer": read(STYLE)},
            },
        )
        assert answer.status == 202, answer.text()
    choose(page)
    page.click("#send")
    expect(page.locator("#stage .progress-text")).to_contain_text("in line")
    shoot(page, "desk-light-waiting")
    page.click("#cancel")
    expect(page.locator("#stage h2")).to_have_text("Cancelled")
    shoot(page, "desk-light-cancelled")
    assert states(page, address)[0] == "cancelled"
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector("#stage[data-state=queued]")
    assert states(page, address)[:2] == ["queued", "cancelled"]


def test_closing_the_tab_loses_nothing(visit: Visit, address: str) -> None:
    page = visit()
    choose(page)
    page.click("#send")
    page.wait_for_selector("#stage[data-state=queued], #stage[data-state=running], .compare")
    context = page.context
    page.close()
    again = context.new_page()
    open_page(again, address)
    wait_for_result(again)


def test_a_double_click_is_one_job(visit: Visit, address: str) -> None:
    page = visit()
    choose(page)
    page.dblclick("#send")
    wait_for_result(page)
    page.wait_for_timeout(500)
    assert len(states(page, address)) == 1


def test_a_refusal_is_a_sentence_and_the_form_keeps_what_was_chosen(
    visit: Visit, address: str, tmp_path: Path
) -> None:
    page = visit()
    empty(page)
    page.click("#send")
    expect(page.locator("#photo [role=alert]")).to_contain_text("Choose a photo first")
    choose(page, "coffee", "ink")
    set_strength(page, 35)
    bad = tmp_path / "photo.jpg"
    bad.write_bytes(b"this is no picture")
    with page.expect_file_chooser() as chooser:
        page.click("#style-1 .adder")
    chooser.value.set_files(bad)
    refused = page.locator("#style-1 [role=alert]")
    expect(refused).to_contain_text("GIF, TIFF and BMP are accepted")
    shoot(page, "desk-light-refused")
    expect(page.locator("#photo img")).to_be_visible()
    expect(page.locator("#strength input[type=number]")).to_have_value("35")
    page.click("#send")
    job_id = wait_for_result(page)
    assert ask(page, f"{address}/api/v1/jobs/{job_id}")["options"]["alpha"] == 0.35
    expect(page.locator("#notice [role=alert]")).to_have_count(0)


def test_the_keyboard_alone_makes_and_compares_a_picture(visit: Visit, address: str) -> None:
    page = visit()
    for kind, name in (("photos", "cat"), ("styles", "mosaic")):
        page.focus(f"#shelf-{kind} button[data-name={name}]")
        page.keyboard.press("Enter")
        page.wait_for_selector("#photo img" if kind == "photos" else "#style-0 img")
    page.focus("#send")
    page.keyboard.press("Enter")
    wait_for_result(page)
    page.focus(".compare input")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".compare")).to_have_css("--at", "55%")


def test_the_settings_of_an_earlier_picture_come_back(visit: Visit, address: str) -> None:
    page = visit()
    submit(page, address, "raccoon", "night", alpha=0.6)
    open_page(page, address)  # no photo is chosen, so no preview takes the picture's place
    wait_for_result(page)
    set_strength(page, 10)
    page.get_by_role("button", name="Use these settings").click()
    expect(page.locator("#strength input[type=number]")).to_have_value("60")


def test_a_downloaded_picture_gives_its_settings_back(visit: Visit, address: str) -> None:
    page = visit()
    job_id = submit(page, address, "cat", "ink", alpha=0.3, color="luminance", size=256)
    kept = page.request.get(f"{address}/api/v1/gallery/{job_id}/download?format=webp").body()
    page.set_input_files(
        "#read input", {"name": "a.webp", "mimeType": "image/webp", "buffer": kept}
    )
    expect(page.locator("#strength input[type=number]")).to_have_value("30")
    expect(page.locator("#read [role=status]")).to_have_text("Its settings are in the form.")
    page.set_input_files("#read input", PHOTO)
    expect(page.locator("#read [role=status]")).to_contain_text("carries no settings")
    shoot(page, "desk-light-read")


def test_no_visitor_sees_anothers_pictures(visit: Visit, address: str) -> None:
    mine = visit()
    choose(mine)
    mine.click("#send")
    job_id = wait_for_result(mine)
    other = visit()
    expect(other.locator("#stage")).to_have_attribute("data-state", "sample")
    assert other.request.get(f"{address}/api/v1/jobs/{job_id}/result").status == 404


def test_the_point_between_four_styles_sets_their_shares(visit: Visit, address: str) -> None:
    page = visit()
    choose(page, "raccoon", "night", "woodcut", "ink", "fjord")
    shares = [page.locator(f"#share-{place} input[type=number]") for place in range(4)]
    loaded(page, "#photo img, .place img")
    square = page.locator(".square")
    box = square.bounding_box()
    assert box is not None
    square.click(position={"x": box["width"] * 0.7, "y": box["height"] / 2})
    expect(shares[0]).to_have_value("15")
    expect(shares[1]).to_have_value("35")
    page.locator("#pad").scroll_into_view_if_needed()
    shoot(page, "desk-light-pad")
    shares[3].fill("100")  # the point follows what is typed
    expect(page.locator(".point:not(.end)")).to_have_attribute("aria-valuenow", "82")
    page.focus(".point:not(.end)")
    for key in ["ArrowLeft"] * 20 + ["ArrowUp"] * 20:
        page.keyboard.press(key)
    for share, value in zip(shares, ("100", "0", "0", "0"), strict=True):
        expect(share).to_have_value(value)
    page.click("#send")
    job_id = wait_for_result(page)
    options = ask(page, f"{address}/api/v1/jobs/{job_id}")["options"]
    assert options["weights"] == [100, 0, 0, 0]


def test_one_press_shows_five_strengths(visit: Visit, address: str) -> None:
    page = visit()
    choose(page)
    page.locator("#size label", has_text="256").click()
    page.click("#send")
    wait_for_result(page)
    page.get_by_role("button", name="Five strengths").click()
    expect(page.locator(".step img")).to_have_count(5, timeout=SECONDS)
    alphas = [job["options"]["alpha"] for job in ask(page, f"{address}/api/v1/jobs")["jobs"]]
    assert alphas == [1.0, 0.8, 0.6, 0.4, 0.2, 0.8]
    page.get_by_role("button", name="Strength 80, Done").click()
    expect(page.locator(".step[aria-current=true]")).to_have_text("80")
    wait_for_result(page)
    shoot(page, "desk-light-strengths")
    page.reload()
    page.wait_for_selector("#stage[data-state=done]")
    expect(page.locator(".step img")).to_have_count(5)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_regions_are_painted_with_a_brush_a_style(
    visit: Visit, address: str, size: tuple[int, int]
) -> None:
    page = visit(size)
    name = "desk" if size == DESK else "phone"
    empty(page)
    page.get_by_role("button", name="Regions").click()
    expect(page.locator("#paint .wanting")).to_be_visible()
    choose(page, "coffee", "night", "woodcut", "ink")
    canvas = to_canvas(page)
    box = canvas.bounding_box()
    assert box is not None
    canvas.drag_to(  # which looks again where it is
        canvas,
        source_position={"x": box["width"] * 0.6, "y": box["height"] * 0.3},
        target_position={"x": box["width"] * 0.9, "y": box["height"] * 0.6},
        steps=4,
    )
    page.click("#send")
    expect(page.locator("#notice [role=alert]")).to_contain_text("is left for style 3")
    page.get_by_role("button", name="Style 3", exact=True).click()
    canvas.focus()
    for key in ("ArrowLeft", "ArrowLeft", "Space"):  # the keyboard paints too
        page.keyboard.press(key)
    shoot(page, f"{name}-regions")
    page.click("#send")
    job_id = wait_for_result(page)
    assert ask(page, f"{address}/api/v1/jobs/{job_id}")["masks"] == 3
    shoot(page, f"{name}-regions-done")
    pick(page, "photos", "cat")
    expect(page.locator("#paint .lost")).to_contain_text("paint them again")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_subject_is_found_and_gets_the_style_of_the_brush(
    visit: Visit, address: str, size: tuple[int, int]
) -> None:
    page = visit(size)
    choose(page, "coffee", "night", "woodcut")
    page.get_by_role("button", name="Regions").click()
    page.get_by_role("button", name="Find the subject").click()
    expect(page.locator("#paint .lost")).to_contain_text("Mend the edge")
    page.wait_for_function(PAINTED, arg=True)
    page.locator("#paint .canvas").scroll_into_view_if_needed()
    shoot(page, f"{'desk' if size == DESK else 'phone'}-subject")
    page.click("#send")
    job = _newest(page, address, 1)
    assert job["masks"] == 2


@pytest.mark.parametrize("brush", ["Style 1", "Photo as it is"])
def test_one_style_paints_the_subject_alone_or_the_background_alone(
    visit: Visit, address: str, brush: str
) -> None:
    page = visit()
    choose(page, "coffee", "night")
    page.get_by_role("button", name="Regions").click()
    page.get_by_role("button", name=brush, exact=True).click()
    page.get_by_role("button", name="Find the subject").click()
    expect(page.locator("#paint .lost")).to_contain_text("Mend the edge")
    page.wait_for_function(PAINTED, arg=True)
    page.click("#send")
    job = _newest(page, address, 1)
    assert (job["styles"], job["masks"]) == (1, 1)


def _newest(page: Page, address: str, count: int) -> Any:  # noqa: ANN401, JSON
    """Wait until there are so many jobs and the newest is done; return it."""
    while True:
        found = ask(page, f"{address}/api/v1/jobs")["jobs"]
        if len(found) == count and found[0]["state"] == "done":
            return found[0]
        page.wait_for_timeout(100)


PAINTED = (
    "(some) => Boolean(document.querySelector('#regions textarea, #regions input').value) === some"
)


def test_after_the_painting_was_lost_nothing_of_it_is_sent_until_it_is_painted_again(
    visit: Visit, address: str
) -> None:
    page = visit()
    choose(page, "coffee", "night", "woodcut")
    page.get_by_role("button", name="Regions").click()
    to_canvas(page).focus()
    page.keyboard.press("Space")
    page.wait_for_function(PAINTED, arg=True)
    pick(page, "photos", "cat")
    expect(page.locator("#paint .lost")).to_contain_text("paint them again")
    page.wait_for_function(PAINTED, arg=False)
    page.click("#send")
    assert _newest(page, address, 1)["masks"] == 0
    wait_for_result(page)  # longer than a double click takes
    to_canvas(page).focus()
    page.keyboard.press("Space")
    page.wait_for_function(PAINTED, arg=True)
    expect(page.locator("#paint .lost")).to_be_hidden()
    page.click("#send")
    assert _newest(page, address, 2)["masks"] == 2


def _colors_have_pictures(page: Page, where: str, first: str) -> None:
    """Each way to keep colours shows what it does, in a picture with a name of its own."""
    pictures = page.locator(where).get_by_role("img")
    expect(pictures).to_have_count(3)
    expect(pictures.first).to_have_accessible_name(first)
    assert len({one.get_attribute("alt") for one in pictures.all()}) == 3
    for one in pictures.all():
        one.scroll_into_view_if_needed()
        expect(one).not_to_have_js_property("naturalWidth", 0)


def test_the_page_speaks_korean_and_switches_to_english(visit: Visit) -> None:
    page = visit(PHONE, "dark", locale="ko-KR")
    expect(page.locator("#send")).to_have_text("다시 그리기")
    expect(page.locator("#photo")).to_contain_text("내 사진")
    expect(page.locator("#color label").first).to_have_text("스타일의 색")
    _colors_have_pictures(page, "#color", "스타일의 색으로 칠한 사진")
    page.get_by_role("button", name="빼기: 내 사진").click()
    page.click("#send")
    expect(page.locator("#photo [role=alert]")).to_contain_text("먼저 사진을 골라 주세요")
    page.set_input_files(
        "#photo input[type=file]", {"name": "a.png", "mimeType": "image/png", "buffer": b"no"}
    )
    expect(page.locator("#photo [role=alert]")).to_contain_text("GIF, TIFF, BMP를 받습니다")
    shoot(page, "phone-dark-korean")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE[0], "the page scrolls sideways"
    page.click("#language")
    expect(page.locator("#send")).to_have_text("Repaint")
    expect(page.locator("#stage h2")).to_have_text("Your picture appears here")
    expect(page.locator("#photo img")).to_have_count(0)
    _colors_have_pictures(page, "#color", "A photo in the colours of the style")
    page.click(".views a[href='#batch']")
    _colors_have_pictures(page, "#batch .pictured", "A photo in the colours of the style")
