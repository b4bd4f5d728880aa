"""/live in a browser with WebGPU on a card that is a program (SwiftShader): slow, but exact."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.adain.live.pairs import MOST
from tests.journeys.browsing import SECONDS
from tests.journeys.camera import differences, live, start, until, wait_for_frames
from tests.journeys.conftest import FLAGS

CARD = "document.querySelector('.view').dataset.card"
PAINT = Path(__file__).with_name("live_gpu.js")
LOST = Path(__file__).with_name("live_lost.js")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=SECONDS)
    with sync_playwright() as playwright:
        flags = [*FLAGS, "--enable-unsafe-webgpu"]
        made = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        yield made
        made.close()


def test_the_graphics_card_paints_as_adain_does_in_float32(browser: Browser, studio: Path) -> None:
    with live(browser) as page:
        found = differences(page, PAINT, scale=1 / 2)  # a quarter of the time
    assert {name: far for name, far in found.items() if far > MOST} == {}


def test_the_processor_paints_where_it_is_quicker_than_the_card(
    browser: Browser, studio: Path
) -> None:
    with live(browser) as page:
        start(page)
        until(page, f"{CARD} === 'slower'")
        wait_for_frames(page, 10)
        expect(page.locator(".rate")).to_contain_text("processor")
        expect(page.get_by_role("status")).to_contain_text("No picture leaves it.")


def test_a_card_that_is_lost_while_it_paints_hands_the_frame_to_the_processor(
    browser: Browser, studio: Path
) -> None:
    with live(browser) as page:
        found = page.evaluate(LOST.read_text("utf-8"))
    assert found["said"] == ["ready", "kept", "lost", "lost"]
    assert max(found["apart"]) <= MOST
    assert found["apart"][2:] == [0, 0]  # painted by the processor
    assert found["levels"] == 3
    assert found["gone"]


def test_the_page_paints_on_and_says_so_when_the_card_is_lost(
    browser: Browser, studio: Path
) -> None:
    with live(browser, locale="ko-KR") as page:
        page.get_by_role("button", name="카메라 켜기", exact=True).click()
        until(page, f"{CARD} === 'ready'")
        session = browser.new_browser_cdp_session()
        session.send("Browser.crashGpuProcess")
        until(page, f"{CARD} === 'lost'")
        expect(page.get_by_role("status")).to_contain_text("그래픽 카드")
        wait_for_frames(page, 10)
        expect(page.locator(".rate")).to_contain_text("프로세서")
