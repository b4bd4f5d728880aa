"""Batches in the browser that are more than the studio takes at once."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.journeys.browsing import SECONDS, Visit, ask
from tests.parts import Setting
from tests.web.served import begin, finish


def _open(page: Page, photos: str, styles: str) -> None:
    page.click(".views a[href='#batch']")
    page.wait_for_selector("#batch .send")
    for kind, names in (("photos", photos), ("styles", styles)):
        for name in names.split():
            page.click(f"#batch [data-kind={kind}] .shelf [data-key='sample {name}']")


def _cells(page: Page) -> list[list[list[str]]]:
    """Return photos and styles of the visitor's batches, the oldest first."""
    address = page.url.partition("/#")[0].partition("/?")[0].rstrip("/")
    found = ask(page, f"{address}/api/v1/batches?limit=24")["batches"]
    return [[batch["photos"], batch["styles"]] for batch in reversed(found)]


def _says(page: Page, text: str) -> None:
    expect(page.locator("#batch .send span")).to_have_text(text)


def test_what_is_too_much_for_one_batch_becomes_several_and_stays_in_the_form(
    idle: Visit, setting: Setting
) -> None:
    setting(max_batch=4)
    page = idle()
    _open(page, "cat coffee rocket", "night ink")
    _says(page, "Repaint: 6 pictures")
    page.click("#batch .send")
    expect(page.locator(".batch")).to_have_count(2)
    assert _cells(page) == [[["cat", "coffee"], ["night", "ink"]], [["rocket"], ["night", "ink"]]]
    _says(page, "All of it is sent")
    expect(page.locator("#batch .send")).to_be_disabled()
    expect(page.locator("#batch .pick")).to_have_count(5)

    page.click("#batch [data-kind=styles] .shelf [data-key='sample fjord']")
    _says(page, "Repaint: 3 pictures")  # only what is new
    page.click("#batch .send")
    expect(page.locator(".batch")).to_have_count(3)
    assert _cells(page)[2] == [["cat", "coffee", "rocket"], ["fjord"]]

    page.click("#batch [data-kind=photos] .emptier")
    expect(page.locator("#batch [data-kind=photos] .pick")).to_have_count(0)
    _says(page, "Choose photos and styles")


def test_the_page_waits_until_the_studio_takes_the_next_part(idle: Visit, setting: Setting) -> None:
    setting(max_batch=2, visitor_waiting=2)
    page = idle()
    _open(page, "cat coffee rocket", "night")
    page.click("#batch .send")
    notice = page.locator("#batch .sending[role=status]")
    expect(notice).to_contain_text("2 of 3 are sent. The next ones go in about 10 s")
    for _ in range(2):
        finish(begin())
    expect(page.locator(".batch")).to_have_count(2, timeout=2 * SECONDS)
    assert _cells(page) == [[["cat", "coffee"], ["night"]], [["rocket"], ["night"]]]
    expect(notice).to_be_empty()


def test_sending_can_be_stopped_and_goes_on_with_the_rest(idle: Visit, setting: Setting) -> None:
    setting(max_batch=2, visitor_waiting=2)
    page = idle()
    _open(page, "cat coffee rocket", "night")
    page.click("#batch .send")
    expect(page.locator("#batch .sending[role=status]")).to_contain_text("2 of 3")
    page.get_by_role("button", name="Stop sending").click()
    _says(page, "Repaint: 1 pictures")
    for _ in range(2):
        finish(begin())
    page.click("#batch .send")
    expect(page.locator(".batch")).to_have_count(2)
    assert _cells(page)[1] == [["rocket"], ["night"]]


def test_a_refused_part_is_named_and_what_was_accepted_is_not_sent_again(
    idle: Visit, setting: Setting
) -> None:
    setting(max_batch=2)
    page = idle()
    _open(page, "cat coffee", "night")
    bad: Any = {"name": "bad.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.set_input_files("#batch [data-kind=photos] input", bad)
    page.click("#batch .send")
    said = page.locator("#batch .said")
    expect(said).to_contain_text("Part 2 of 2: Photo 1 (bad): This file is not a picture")
    _says(page, "Repaint: 1 pictures")
    page.click("#batch [data-kind=photos] .pick >> nth=2 >> button")
    _says(page, "All of it is sent")
    assert _cells(page) == [[["cat", "coffee"], ["night"]]]
