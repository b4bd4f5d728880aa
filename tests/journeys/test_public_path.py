"""A whole visit to a studio under a path: nothing is missing, and nothing leaves the path."""

from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Response, expect

from tests.journeys.browsing import SECONDS, choose, open_page
from tests.parts import Setting, free_port
from tests.web.served import begin, finish, served
from web import app


def test_the_page_works_under_a_path(
    browser: Browser, queued_studio: Path, setting: Setting
) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    setting(public_url=f"{address}/studio")
    bad: list[str] = []

    def look(answer: Response) -> None:
        path = urlsplit(answer.url).path
        inside = path.startswith("/studio/") or not answer.url.startswith(address)
        if answer.status >= 400 or not inside:
            bad.append(f"{answer.status} {path}")

    context = browser.new_context()
    context.set_default_timeout(SECONDS)
    page = context.new_page()
    page.on("response", look)
    page.on("pageerror", lambda error: bad.append(str(error)))
    with served(port, app.create):
        open_page(page, f"{address}/studio/")
        choose(page, "raccoon", "night")
        page.click("#send")
        page.wait_for_selector("#stage[data-face*='queued']")
        finish(begin())
        expect(page.locator("#stage img[src*='/result']").first).to_be_visible()
        page.click(".views a[href='#gallery']")
        expect(page.locator("#gallery .tile img").first).to_be_visible()
        page.click(".views a[href='#you']")
        page.wait_for_timeout(500)
        page.click(".views a[href='live']")
        page.get_by_role("button", name="Start the camera").click()
        expect(page.locator(".view[data-frames]")).to_be_visible()
    context.close()
    assert bad == []
