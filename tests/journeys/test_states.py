"""Error states of the page: what can't be done, or not now."""

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import update

from tests.journeys.browsing import NARROW, PHONE, SETTLED, Visit, choose, shoot, until
from tests.parts import Setting
from tests.web.served import begin
from worker import jobs
from worker.errors import Message
from worker.jobs import Job
from worker.storage import database

FACES = pytest.mark.parametrize(
    ("size", "scheme"), [(NARROW, "light"), (PHONE, "dark")], ids=["desk-light", "phone-dark"]
)


def _send(page: Page) -> None:
    page.click("#send")
    page.wait_for_selector("#stage[data-state=queued]")


def _refused(page: Page, sentence: str) -> None:
    """The sentence stands under the form, and the form is as it was."""
    page.click("#send")
    expect(page.locator("#notice [role=alert]")).to_contain_text(sentence)
    expect(page.locator("#notice [role=alert]")).to_be_in_viewport()
    expect(page.locator("#photo img")).to_be_visible()
    expect(page.locator("#style-0 img")).to_be_visible()


@FACES
def test_a_job_without_a_worker_waits_and_says_so(
    idle: Visit, size: tuple[int, int], scheme: str
) -> None:
    page = idle(size, scheme)
    choose(page)
    _send(page)
    with database.transaction() as session:
        session.execute(update(Job).values(submitted=Job.submitted - 30))
    expect(page.locator(".progress-text")).to_have_text("Next in line; waiting for a worker")
    shoot(page, f"state-nobody-{scheme}")
    page.click("#cancel")
    expect(page.locator("#stage h2")).to_have_text("Cancelled")
    shoot(page, f"state-cancelled-{scheme}")


@FACES
def test_a_job_that_failed_says_why_and_may_be_tried_again(
    idle: Visit, size: tuple[int, int], scheme: str
) -> None:
    page = idle(size, scheme)
    choose(page)
    _send(page)
    job = begin()
    jobs.fail(job.id, job.attempt, Message("job.out_of_memory"))
    expect(page.locator("#stage .message p")).to_contain_text("more memory than there is")
    shoot(page, f"state-failed-{scheme}")
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector("#stage[data-state=queued]")


@FACES
def test_too_many_requests_are_refused_with_the_limit(
    setting: Setting, idle: Visit, size: tuple[int, int], scheme: str
) -> None:
    setting(visitor_submissions=1)
    page = idle(size, scheme)
    choose(page)
    _send(page)
    page.wait_for_timeout(1500)  # pressed twice at once is one press
    several = "one by a slow method counts as several"
    _refused(page, f"You may send 1 jobs a minute; {several}. Please wait a little.")
    shoot(page, f"state-often-{scheme}")


@FACES
def test_a_studio_without_room_says_so(
    setting: Setting, idle: Visit, size: tuple[int, int], scheme: str
) -> None:
    setting(total_bytes=1000)
    page = idle(size, scheme)
    choose(page)
    _refused(page, "There is no room for more pictures right now.")
    shoot(page, f"state-full-{scheme}")


@FACES
def test_a_gallery_that_takes_its_time_shows_that_it_looks(
    idle: Visit, size: tuple[int, int], scheme: str
) -> None:
    page = idle(size, scheme)
    held: list[Route] = []
    page.route("**/api/v1/gallery?*", lambda route: held.append(route))
    page.click(".views a[href='#gallery']")
    expect(page.locator("#gallery .said")).to_have_text("Looking …")
    expect(page.locator("#gallery .ghost")).to_have_count(12)
    page.evaluate(SETTLED)  # they fade in
    shoot(page, f"state-looking-{scheme}")
    until(page, lambda: held)
    held[0].continue_()
    expect(page.locator("#gallery .said h2")).to_have_text("Nothing made yet")
    expect(page.locator("#gallery .ghost")).to_have_count(0)
