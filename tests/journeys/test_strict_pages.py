from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.journeys.browsing import SECONDS
from tests.parts import picture
from tests.web.served import begin, finish, served
from web.api.gallery import views as links
from worker import jobs
from worker.gallery import entries


def test_a_shared_picture_and_a_picture_alone_show_under_the_strict_policy(
    browser: Browser, studio: Path
) -> None:
    job = jobs.submit("owner", picture(), [picture()], options={"size": 64})
    finish(begin())
    link = links.link(entries.share(job.id, "owner"))
    assert link is not None
    said: list[str] = []
    context = browser.new_context()
    context.set_default_timeout(SECONDS)
    page = context.new_page()
    page.on("console", lambda line: said.append(line.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    with served() as address:
        page.goto(f"{address}/share/{link.rpartition('/')[2]}")
        expect(page.locator(".compare img")).to_have_js_property("naturalWidth", 32)
        assert [line for line in said if "Content Security Policy" in line] == []
        page.goto(f"{address}{link}/picture")  # the browser's own style for it is left out
        expect(page.locator("img")).to_have_js_property("naturalWidth", 32)
    context.close()
