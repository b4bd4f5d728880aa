"""The page /live as people complain of such pages: http, two tabs, a frozen page, recordings."""

from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, expect

from tests.journeys.camera import button, live, start, tracks, until, wait_for_frames
from tests.journeys.conftest import FLAGS
from tests.web.served import served

LONG = """new PerformanceObserver((list) => {
  for (const one of list.getEntries()) window.held = (window.held ?? 0) + one.duration / 1000;
}).observe({type: "longtask"})"""
SOUGHT = """(one) => new Promise((done) => {
  one.onseeked = () => done(one.currentTime / one.duration);
  one.currentTime = one.duration / 2;
})"""


def test_http_from_another_host_gets_a_sentence_about_https(browser: Browser, studio: Path) -> None:
    rules = "--host-resolver-rules=MAP studio.example 127.0.0.1"
    other = browser.browser_type.launch(executable_path="/usr/bin/chromium", args=[*FLAGS, rules])
    with served() as address:
        page = other.new_page()
        broken: list[str] = []
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(f"http://studio.example:{urlsplit(address).port}/live")
        assert not page.evaluate("isSecureContext")
        button(page, "Start the camera").click()
        expect(page.get_by_role("alert")).to_contain_text("https")
        other.close()
    assert broken == []


def test_two_tabs_paint_the_camera_and_one_is_stopped_alone(browser: Browser, studio: Path) -> None:
    with live(browser) as first:
        second = first.context.new_page()
        second.goto(first.url)
        for page in (first, second):
            page.bring_to_front()
            start(page)
        button(second, "Stop the camera").click()
        assert tracks(second) == []
        first.bring_to_front()
        wait_for_frames(first, 3)
        assert tracks(first) == ["live"]
        second.close()
        wait_for_frames(first, 3)


def test_the_page_is_free_while_frames_are_painted(browser: Browser, studio: Path) -> None:
    with live(browser) as page:
        start(page)
        wait_for_frames(page, 3)
        page.evaluate(LONG)
        before = page.evaluate("performance.now()")
        wait_for_frames(page, 20)
        seconds = (page.evaluate("performance.now()") - before) / 1000
        held = page.evaluate("window.held ?? 0")
    # one that painted on the page's own thread would hold it nearly all the time
    assert held < seconds / 3, f"held {held:.1f} s of {seconds:.1f} s"


def test_a_recording_can_be_sought(browser: Browser, studio: Path) -> None:
    with live(browser) as page:
        start(page)
        button(page, "Record").click()
        wait_for_frames(page, 8)
        button(page, "Stop recording").click()
        film = page.get_by_label("Your recording")
        expect(film).to_be_visible()
        until(page, "document.querySelector('.recording video').readyState >= 1")
        assert 0.3 < film.evaluate(SOUGHT) < 0.7
