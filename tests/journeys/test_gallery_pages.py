"""A gallery of ten thousand entries in the browser: endless scrolling, pages, going back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.bench import gallery_pages
from tests.journeys.browsing import DESK, PHONE, SECONDS, Visit, loaded, shoot
from tests.journeys.conftest import visits
from tests.web.served import served
from web import app
from web.security.identity import COOKIE, sign

ENTRIES, PAGES = 5000, 209  # of its owner; half of all


@pytest.fixture
def rich(studio: Path, browser: Browser) -> Iterator[Visit]:
    """Visit a studio with 10,000 pictures, half of them the visitor's."""
    gallery_pages.fill(2 * ENTRIES, thumbnails=True)
    with served(made=app.create) as address, visits(browser, address) as opened:

        def as_owner(size: tuple[int, int]) -> Page:
            page = opened(size)
            cookie = {"name": COOKIE, "value": sign(gallery_pages.OWNER), "url": address}
            page.context.add_cookies([cookie])  # type: ignore[list-item]
            page.goto(f"{address}/#gallery")
            page.reload()
            _loaded(page)
            return page

        yield as_owner


def _loaded(page: Page) -> None:
    """Wait until the tiles in sight have their pictures."""
    expect(page.locator("#gallery .tile").first).to_be_visible()
    loaded(page, "#gallery .tile:nth-child(-n+6) img")


def _first(page: Page) -> str:
    return str(page.locator("#gallery .tile").first.get_attribute("data-id"))


def _has_more_tiles(page: Page, than: int) -> None:
    page.wait_for_function(
        "(many) => document.querySelectorAll('#gallery .tile').length > many", arg=than
    )


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_ten_thousand_are_walked_without_end_and_found_again_after_a_reload(
    rich: Visit, size: tuple[int, int]
) -> None:
    page = rich(size)
    for _ in range(4):
        tiles = page.locator("#gallery .tile").count()
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        _has_more_tiles(page, tiles)
    tiles = page.locator("#gallery .tile").count()
    seen = page.locator("#gallery .tile").nth(tiles - 30)
    seen_id = seen.get_attribute("data-id")
    seen.scroll_into_view_if_needed()
    page.wait_for_function(
        "() => history.state?.top > 0 && history.state.top === Math.round(scrollY)"
    )
    top = page.evaluate("scrollY")
    page.reload()
    page.wait_for_function("(top) => Math.abs(scrollY - top) < 3", arg=top)
    expect(page.locator(f"#gallery .tile[data-id='{seen_id}']")).to_be_in_viewport()
    ids = page.locator("#gallery .tile").evaluate_all("all => all.map((one) => one.dataset.id)")
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_pages_are_turned_and_going_back_comes_to_the_same_place(
    rich: Visit, size: tuple[int, int]
) -> None:
    page = rich(size)
    newest = _first(page)
    page.get_by_role("button", name="Pages", exact=True).click()
    expect(page.locator(".pager .of")).to_have_text(f"of {PAGES}")
    expect(page.locator("#gallery .tile")).to_have_count(24)
    shoot(page, f"gallery-pages-{size[0]}")
    page.get_by_role("button", name="Next").click()
    expect(page.locator(f"#gallery .tile[data-id='{newest}']")).to_have_count(0)
    second = _first(page)
    page.locator(".pager .number").fill(str(PAGES))
    page.locator(".pager .number").press("Enter")
    expect(page.locator("#gallery .tile")).to_have_count(ENTRIES % 24)
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    expect(page).to_have_url(re.compile(rf"#gallery\?page={PAGES}$"))
    page.go_back()
    expect(page.locator(f"#gallery .tile[data-id='{second}']")).to_be_visible()
    page.reload()
    expect(page.locator(f"#gallery .tile[data-id='{second}']")).to_be_visible()
    expect(page.locator(".pager .number")).to_have_value("2")
    if size == PHONE:
        page.get_by_role("button", name="Filters").click()
    page.get_by_label("Colours", exact=True).last.select_option("content")
    expect(page).to_have_url(re.compile(r"#gallery\?color=content&page=1$"))
    expect(page.locator(".pager .of")).not_to_have_text(f"of {PAGES}")
    page.go_back()
    expect(page.locator(".pager .of")).to_have_text(f"of {PAGES}")
    expect(page.locator("#gallery [name=color]")).to_have_value("")


def test_an_open_picture_is_in_the_address_and_back_closes_it(rich: Visit) -> None:
    page = rich(PHONE)
    page.click("#gallery .tile >> nth=3")
    expect(page.locator("dialog[open]")).to_be_visible()
    expect(page).to_have_url(re.compile(r"#gallery\?entry=[0-9a-f-]{36}$"))
    page.reload()
    expect(page.locator("dialog[open]")).to_be_visible(timeout=SECONDS)
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"#gallery$"))
    page.click("#gallery .tile >> nth=3")
    expect(page.locator("dialog[open]")).to_be_visible()
    page.go_back()
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.go_forward()
    expect(page.locator("dialog[open]")).to_be_visible()


def test_a_list_is_turned_round_narrowed_down_and_shown_whole_again(rich: Visit) -> None:
    page = rich(PHONE)
    newest = _first(page)
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Order", exact=True).select_option("oldest")
    expect(page.locator(f"#gallery .tile[data-id='{newest}']")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"#gallery\?order=oldest$"))
    page.get_by_label("Network", exact=True).last.select_option("vgg19")
    page.get_by_label("Size", exact=True).last.select_option("256")
    page.get_by_role("searchbox").fill("sea")
    expect(page).to_have_url(re.compile("text=sea.*size=256.*network=vgg19.*order=oldest"))
    page.click("#gallery .tile >> nth=0")
    expect(page.locator("dialog .made")).to_contain_text("vgg19")
    expect(page.locator("dialog h2, dialog .tags").filter(has_text="sea").first).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_label("From", exact=True).fill("2001-01-01")
    page.get_by_label("to", exact=True).fill("2001-01-02")
    expect(page.locator("#gallery .said h2")).to_have_text("Nothing fits")
    page.get_by_role("button", name="Show all").click()
    expect(page.locator(f"#gallery .tile[data-id='{newest}']")).to_be_visible()
    expect(page).to_have_url(re.compile("#gallery$"))
    shoot(page, "gallery-phone-filters")
