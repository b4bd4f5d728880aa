import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update

from tests.adain.film import clips
from tests.journeys.browsing import DESK, PHONE, SECONDS, findings, shoot
from tests.journeys.test_films import LOADED
from tests.parts import Setting, picture, pictured
from tests.web.served import begin, finish, served
from worker import jobs
from worker.errors import Message
from worker.gallery import entries, lists, reports
from worker.jobs import Job, service_state
from worker.storage import blobs, database, processes
from worker.visitors import blocks, limit_overrides

SECRET = "a secret of the admin's"


@pytest.fixture
def studio_address(studio: Path, setting: Setting) -> Iterator[str]:
    setting(admin_secret=SECRET)
    with served() as address:
        yield address


@pytest.fixture
def page(browser: Browser, studio_address: str) -> Iterator[Page]:
    """The admin page without a session; nothing in it violates its strict policy."""
    broken: list[str] = []
    context = browser.new_context(viewport={"width": DESK[0], "height": DESK[1]})
    context.set_default_timeout(SECONDS)
    made = context.new_page()
    made.on("pageerror", lambda error: broken.append(str(error)))
    made.on(
        "console",
        lambda said: broken.append(said.text) if "Content Security Policy" in said.text else None,
    )
    made.goto(f"{studio_address}/admin")
    yield made
    context.close()
    assert broken == []


def enter(page: Page) -> None:
    page.get_by_label("The administrator’s secret").fill(SECRET)
    page.get_by_role("button", name="Go in").click()
    page.wait_for_selector(".figures")


def test_the_admin_goes_in_pauses_resumes_and_leaves(page: Page) -> None:
    page.get_by_label("The administrator’s secret").fill("a guess")
    page.get_by_role("button", name="Go in").click()
    expect(page.get_by_role("alert")).to_have_text("This is not the secret.")
    shoot(page, "admin-sign-in")
    enter(page)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status")).to_have_text("Paused")
    assert service_state.read().state == "paused"
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("status")).to_have_text("Open")
    page.click("a[href='#audit']")
    expect(page.locator(".row strong")).to_have_text(["resume", "pause", "sign in"])
    page.get_by_role("button", name="Leave").click()
    page.wait_for_selector(".sign-in")
    page.reload()
    page.wait_for_selector(".sign-in")


def test_the_admin_sees_what_failed_tries_again_and_blocks(page: Page) -> None:
    assert findings(page) == []
    enter(page)
    processes.touch("studio:1:worker", "worker", {"device": "cpu", "code": True})
    jobs.submit("someone", picture(), [picture()], options={"size": 64})
    failed = begin()
    jobs.fail(failed.id, 1, Message("job.out_of_memory"))
    expect(page.locator(".figure.bad dd")).to_contain_text(["1 / 1"])  # it looks by itself
    expect(page.locator(".row", has_text="studio:1:worker")).to_contain_text(
        "cpu · with machine code"
    )
    shoot(page, "admin-overview")
    assert findings(page) == []
    page.click("a[href='#jobs']")
    page.click("a[href='#jobs/failed']")
    expect(page.locator(".row .error")).to_have_text(
        "The picture needs more memory than there is. Please try a smaller size."
    )
    shoot(page, "admin-jobs")
    assert findings(page) == []
    page.get_by_role("button", name="In line again").click()
    expect(page.locator(".none")).to_have_text("No such job.")
    assert jobs.find(failed.id).status == "queued"
    page.click("a[href='#jobs/queued']")
    page.get_by_role("button", name="Block visitor").click()
    page.get_by_role("button", name="Sure?").click()
    expect(page.locator(".none")).to_have_text("No such job.")
    assert [one.who for one in blocks.listed()] == ["owner:someone"]
    page.click("a[href='#blocks']")
    page.get_by_role("button", name="Delete all of the visitor’s pictures").click()
    page.get_by_role("button", name="Sure?").click()
    expect(page.locator(".quiet.bad")).to_have_count(0)
    assert jobs.mine("someone") == []
    page.get_by_role("button", name="Let in again").click()
    expect(page.locator(".none")).to_have_text("Nobody is blocked.")


def test_the_admin_sets_a_limit_and_takes_it_back(page: Page) -> None:
    enter(page)
    page.click("a[href='#limits']")
    page.wait_for_selector(".row input")
    assert findings(page) == []
    row = page.locator(".row", has_text="visitor_waiting")
    row.get_by_label("visitor_waiting").fill("3")
    row.get_by_role("button", name="Set").click()
    row.get_by_role("button", name="Back to 200").wait_for()
    assert limit_overrides.of("visitor_waiting") == [3]
    row.get_by_role("button", name="Back to 200").click()
    row.get_by_role("button", name="Back to 200").wait_for(state="detached")
    assert limit_overrides.of("visitor_waiting") == [200]


def test_the_admin_reviews_what_was_reported(page: Page) -> None:
    for number in range(3):
        job = jobs.submit("owner", picture(), [picture()], options={"size": 64})
        finish(begin())
        entries.change(job.id, "owner", title=f"Picture {number}")
        entries.publish(job.id, "owner")
        for visitor in range(3):
            reports.report(job.id, f"visitor-{visitor}", "<b>Not</b> mine to show.")
    enter(page)
    page.get_by_role("link", name="Reported pictures wait for you").click()
    for place in range(3):
        shown = page.locator(".row img").nth(place)
        expect(shown).to_have_js_property("complete", True)
        expect(shown).not_to_have_js_property("naturalWidth", 0)
    expect(page.locator("blockquote").first).to_have_text("<b>Not</b> mine to show.")
    shoot(page, "admin-reports")
    assert findings(page) == []
    page.locator(".row", has_text="Picture 0").get_by_role("button", name="Let stay").click()
    expect(page.locator(".row")).to_have_count(2)
    page.locator(".row", has_text="Picture 2").get_by_role("button", name="Delete for ever").click()
    page.get_by_role("button", name="Sure?").click()
    expect(page.locator(".row")).to_have_count(1)
    assert pictured() == {one.id for one in jobs.mine("owner")}
    assert len(jobs.mine("owner")) == 2
    page.get_by_role("button", name="Take down").click()
    page.get_by_role("button", name="Sure?").click()
    expect(page.locator(".none")).to_have_text("Nothing is reported.")
    assert [one.entry.title for one in lists.public().entries] == ["Picture 0"]


def test_the_admin_reviews_a_film_with_its_photo_and_its_styles(page: Page, tmp_path: Path) -> None:
    job = jobs.submit("owner", picture(), [picture(20, 20)], options={"size": 64})
    finish(begin())
    film = clips.write(tmp_path / "film.webm", clips.moving(12, 128, 96), codec="libvpx-vp9")
    blobs.put(f"{job.id}/film-1.webm", film.read_bytes())
    with database.transaction() as session:
        session.execute(
            update(Job).where(Job.id == job.id).values(film_key=f"{job.id}/film-1.webm")
        )
    entries.change(job.id, "owner", title="A film", shows_photo=True, lends_styles=True)
    entries.publish(job.id, "owner")
    reports.report(job.id, "a visitor")
    enter(page)
    page.click("a[href='#reports']")
    page.get_by_label("A film").evaluate(LOADED)
    expect(page.get_by_label("A film")).to_have_js_property("controls", True)
    for name in ("Photo", "Style 1"):
        expect(page.get_by_role("img", name=name)).not_to_have_js_property("naturalWidth", 0)
    assert findings(page) == []
    shoot(page, "admin-reported-film")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_korean_too_and_fits_a_phone(
    browser: Browser, studio_address: str, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": PHONE[0], "height": PHONE[1]},
        color_scheme=scheme,  # type: ignore[arg-type]
        locale="ko-KR",
        has_touch=True,
    )
    context.set_default_timeout(SECONDS)
    page = context.new_page()
    answer = page.request.post(
        f"{studio_address}/api/v1/admin/session",
        data=json.dumps({"secret": SECRET}),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status == 204
    jobs.submit("owner", picture(), [picture()], options={"size": 64})
    page.goto(f"{studio_address}/admin")
    expect(page.get_by_role("status")).to_have_text("열림")
    shoot(page, f"admin-phone-{scheme}")
    page.click("a[href='#jobs']")
    page.wait_for_selector(".row code")
    assert findings(page) == []
    shoot(page, f"admin-phone-jobs-{scheme}")
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(wide)
    context.close()
