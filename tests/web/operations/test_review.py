from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from tests.parts import Setting, picture
from tests.web.served import begin, finish
from web import app
from worker import jobs
from worker.gallery import entries, reports
from worker.jobs import Job
from worker.storage import blobs, database

REPORTS = "/api/v1/admin/reports"
SECRET = "a secret of the admin's"
FILM = b"a film, painted"


@pytest.fixture
def admin(studio: Path, setting: Setting) -> Iterator[TestClient]:
    setting(admin_secret=SECRET)
    bearer = {"Authorization": f"Bearer {SECRET}"}
    with TestClient(app.without_page(), headers=bearer) as client:
        yield client


def reported(*, film: bool = False, beside: bool = False) -> Job:
    """Return the job of an entry that was reported; `beside`: that shows photo and styles."""
    job = jobs.submit("owner", picture(), [picture(), picture(20, 20)], options={"size": 64})
    finish(begin())
    if film:
        key = f"{job.id}/film-1.mp4"
        blobs.put(key, FILM)
        with database.transaction() as session:
            session.execute(update(Job).where(Job.id == job.id).values(film_key=key))
    entries.change(job.id, "owner", shows_photo=beside, lends_styles=beside)
    entries.publish(job.id, "owner")
    reports.report(job.id, "a visitor")
    return jobs.find(job.id)


def test_all_that_visitors_see_of_a_reported_entry_is_shown_to_the_admin(admin: TestClient) -> None:
    job = reported(film=True, beside=True)
    [one] = admin.get(REPORTS).json()
    entry = one["entry"]
    styles = [style["address"] for style in entry["offered"]]
    kept = {
        entry["picture"]: job.result_key,
        entry["thumbnail"]: job.thumbnail_key,
        entry["film"]: job.film_key,
        entry["content"]: job.content_key,
        **dict(zip(styles, job.style_keys, strict=True)),
    }
    for address, key in kept.items():
        answer = admin.get(address)
        assert answer.status_code == 200, address
        assert answer.content == blobs.get(key or "")
        assert answer.headers["cache-control"] == "no-store"
        assert TestClient(admin.app).get(address).status_code == 401
    part = admin.get(entry["film"], headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, FILM[2:6])
    assert part.headers["content-type"] == "video/mp4"
    assert admin.get(f"{REPORTS}/{job.id}/styles/2").status_code == 404
    reports.judge(job.id, stays=True)
    assert {admin.get(address).status_code for address in kept} == {404}


def test_what_its_owner_does_not_show_is_not_shown_to_the_admin(admin: TestClient) -> None:
    job = reported()
    [one] = admin.get(REPORTS).json()
    assert (one["entry"]["film"], one["entry"]["content"], one["entry"]["offered"]) == (
        None,
        None,
        [],
    )
    for part in ("film", "content", "styles/0", "masks/0", "source"):
        assert admin.get(f"{REPORTS}/{job.id}/{part}").status_code == 404
