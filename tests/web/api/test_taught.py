"""Taught styles through the API: asked for, listed, fetched, used; none of it by others."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.parts import picture
from tests.web import served
from web import app
from web.security.identity import COOKIE, sign
from worker import jobs
from worker.jobs import Job
from worker.storage import blobs

FILE = ("picture.png", picture(), "image/png")
WEIGHTS = b"a style's file"


@pytest.fixture
def ann(studio: Path) -> TestClient:
    return TestClient(app.without_page(), cookies={COOKIE: sign("ann")})


def ask(client: TestClient, styles: int = 1, **options: object) -> Any:  # noqa: ANN401
    files = [("content", FILE), *[("style", FILE)] * styles]
    return client.post("/api/v1/jobs", files=files, data={"options": json.dumps(options)})


def finish(job_id: str) -> Job:
    """Have a worker report that a job taught a style."""
    job = jobs.claim("worker")
    assert job is not None
    assert job.id == job_id
    keys = [f"{job.id}/result-1.png", f"{job.id}/thumbnail-1.jpg"]
    taught = f"{job.id}/taught-1.safetensors"
    blobs.put_all({key: picture() for key in keys} | {taught: WEIGHTS})
    assert jobs.finish(
        job.id, 1, result_key=keys[0], thumbnail_key=keys[1], width=64, height=48,
        device="cpu", weights_sha256="0" * 64, version="1", timings={}, taught_key=taught,
    )  # fmt: skip
    return jobs.find(job.id)


def test_a_style_is_asked_for_listed_fetched_and_used(ann: TestClient) -> None:
    asked = ask(ann, 8, teach="feedforward", steps=9)
    assert asked.status_code == 202
    job = asked.json()
    assert (job["styles"], job["options"]["teach"], job["options"]["steps"]) == (
        8,
        "feedforward",
        9,
    )
    address = f"/api/v1/jobs/{job['id']}"
    assert ann.get("/api/v1/taught").json() == []
    for name, code in (("taught", "taught.none"), ("sample", "taught.no_sample")):
        answer = ann.get(f"{address}/{name}")
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    blobs.put(f"{job['id']}/sample.jpg", picture(kind="JPEG"))
    assert ann.get(f"{address}/sample").headers["content-type"] == "image/jpeg"
    finish(job["id"])
    ann.patch(f"/api/v1/gallery/{job['id']}", json={"title": "Hers"})
    [mine] = ann.get("/api/v1/taught").json()
    assert (mine["id"], mine["title"], mine["kind"]) == (job["id"], "Hers", "feedforward")
    assert len(mine["paintings"]) == 8
    assert ann.get(mine["file"]).content == WEIGHTS
    assert ann.get(mine["picture"]).content == picture()
    used = ask(ann, 0, taught=job["id"])
    assert used.status_code == 202
    assert used.json()["styles"] == 4  # as many as a job takes
    assert ann.get(f"/api/v1/gallery/{job['id']}").json()["own"]["kept_until"] is None


def test_a_job_without_a_style_picture_is_refused_unless_it_names_a_taught_one(
    ann: TestClient,
) -> None:
    answer = ask(ann, 0)
    assert (answer.status_code, answer.json()["code"]) == (422, "job.style_count")
    answer = ask(ann, 9, teach="feedforward")
    assert answer.status_code == 422


def test_another_visitor_can_neither_see_nor_use_it(ann: TestClient) -> None:
    job = ask(ann, teach="conditional").json()["id"]
    finish(job)
    bob = TestClient(ann.app, cookies={COOKIE: sign("bob")})
    for name in ("taught", "sample"):
        assert bob.get(f"/api/v1/jobs/{job}/{name}").status_code == 404
    assert bob.get("/api/v1/taught").json() == []
    theirs, missing = ask(bob, taught=job), ask(bob, taught="nothing")
    assert theirs.status_code == 422
    assert theirs.json()["detail"] == missing.json()["detail"]
    deleted = ann.post("/api/v1/gallery/delete", json={"ids": [job]})
    assert deleted.status_code < 300
    assert ann.get("/api/v1/taught").json() == []
    assert ask(ann, 0, taught=job).status_code == 422


def test_others_do_not_see_which_taught_style_painted_a_published_picture(
    ann: TestClient,
) -> None:
    style = ask(ann, teach="feedforward", steps=5).json()["id"]
    finish(style)
    painted = ask(ann, 0, taught=style).json()["id"]
    served.finish(served.begin())
    bob = TestClient(ann.app, cookies={COOKIE: sign("bob")})
    for job_id in (style, painted):
        assert ann.post(f"/api/v1/gallery/{job_id}/publish").status_code < 300
        address = f"/api/v1/gallery/{job_id}"
        link = ann.post(f"{address}/share").json()["own"]["link"]
        for seen in (bob.get(address).text, bob.get(link).text, bob.get("/api/v1/gallery").text):
            assert f'"taught":"{style}"' not in seen
            assert '"teach":"feedforward"' not in seen
        mine = ann.get(address).json()["options"]
        assert (mine["taught"], mine["teach"]) in ((style, ""), ("", "feedforward"))
