"""Batches in the browser: choose, send, watch, stop, download."""

import io
import zipfile
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browsing import DESK, PHONE, PHOTO, SECONDS, Visit, ask, shoot
from tests.web.served import begin, finish
from web.samples import shelf

SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])


def _open(page: Page) -> None:
    page.click(".views a[href='#batch']")
    page.wait_for_selector("#batch .send")


def _take(page: Page, kind: str, *names: str) -> None:
    for name in names:
        page.click(f"#batch [data-kind={kind}] .shelf [data-key='sample {name}']")


def _size(page: Page, size: int) -> None:
    page.locator("#batch .segments label", has_text=str(size)).click()


@SIZES
def test_many_photos_in_many_styles_come_as_a_table_and_a_zip(
    visit: Visit, address: str, size: tuple[int, int]
) -> None:
    page = visit(size)
    name = "desk" if size == DESK else "phone"
    _open(page)
    expect(page.locator("#batch .send")).to_be_disabled()
    shoot(page, f"{name}-batch-empty")
    page.set_input_files(
        "#batch [data-kind=photos] input", [PHOTO, str(shelf.file("photos", "cat"))]
    )
    _take(page, "styles", "night", "woodcut")
    _size(page, 256)
    shoot(page, f"{name}-batch-form")
    page.dblclick("#batch .send")  # which is one batch
    expect(page.locator(".batch .counts")).to_contain_text("4 of 4 done", timeout=SECONDS)
    expect(page.locator(".batch .tile img")).to_have_count(4)
    expect(page.locator(".batch .head.side").first).to_have_text("coffee")
    shoot(page, f"{name}-batch-done")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= size[0], "the page scrolls sideways"

    [batch] = ask(page, f"{address}/api/v1/batches")["batches"]
    assert (batch["photos"], batch["styles"]) == (["coffee", "cat"], ["night", "woodcut"])
    zipped = page.request.get(f"{address}{page.get_attribute('.batch .zip', 'href')}").body()
    with zipfile.ZipFile(io.BytesIO(zipped)) as found:
        assert found.testzip() is None
        assert sorted(found.namelist())[0] == "01-coffee--01-night.png"
        assert len(found.namelist()) == 4

    page.click(".batch .tile >> nth=3")
    expect(page.locator("dialog.entry h2")).to_have_text("cat · woodcut")
    shoot(page, f"{name}-batch-picture")


def test_a_closed_tab_loses_no_batch_and_the_rest_is_cancelled(idle: Visit) -> None:
    page = idle(PHONE, "dark")
    address = page.url.rstrip("/")
    _open(page)
    _take(page, "photos", "cat", "coffee", "raccoon", "rocket")
    _take(page, "styles", "night", "ink", "fjord")
    page.click("#batch .send")
    page.wait_for_selector(".batch .rest")
    context = page.context
    page.close()
    for _ in range(2):
        finish(begin())
    again = context.new_page()
    again.goto(f"{address}/#batch")
    expect(again.locator(".batch .counts")).to_contain_text("2 of 12 done")
    again.click(".batch .rest")
    expect(again.locator(".batch .rest")).to_be_hidden()
    expect(again.locator(".batch .counts")).to_contain_text("cancelled")
    shoot(again, "phone-dark-batch-cancelled")
    [batch] = ask(again, f"{address}/api/v1/batches")["batches"]
    assert batch["counts"]["queued"] == batch["counts"]["running"] == 0
    assert (batch["counts"]["done"], batch["counts"]["cancelled"]) == (2, 10)


def test_a_refused_batch_keeps_what_was_chosen(visit: Visit, address: str) -> None:
    page = visit(locale="ko-KR")
    _open(page)
    bad: Any = {"name": "둘.png", "mimeType": "image/png", "buffer": b"no picture"}
    _take(page, "photos", "cat")
    page.set_input_files("#batch [data-kind=photos] input", bad)
    _take(page, "styles", "night")
    page.set_input_files("#batch [data-kind=styles] input", bad | {"name": "b.png"})
    page.click("#batch .send")
    expect(page.locator("#batch .said")).to_contain_text("사진 2(둘), 스타일 2(b)")
    expect(page.locator("#batch .said p")).to_be_in_viewport()
    expect(page.locator("#batch .pick")).to_have_count(4)
    refused = page.locator("#batch .pick.refused")
    expect(refused).to_have_count(2)
    shoot(page, "desk-batch-refused")
    for kind in ("photos", "styles"):
        page.click(f"#batch [data-kind={kind}] .pick >> nth=1 >> button")
    _size(page, 256)
    page.click("#batch .send")
    page.wait_for_selector(".batch .tile img")
    expect(page.locator("#batch .said")).to_be_empty()
    assert len(ask(page, f"{address}/api/v1/batches")["batches"]) == 1
