import hmac
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.parts import Setting, picture, pictured
from tests.web.served import begin, finish
from web import app
from web.operations import admin_session
from web.security.identity import COOKIE, sign
from worker import jobs
from worker.admin import audit
from worker.credentials import api_keys
from worker.errors import Message
from worker.gallery import entries, reports
from worker.jobs import Job, Status, service_state
from worker.settings import settings

ADMIN = "/api/v1/admin"
SECRET = "a secret of the admin's"


@pytest.fixture
def application(studio: Path, setting: Setting) -> Any:  # noqa: ANN401, FastAPI
    setting(admin_secret=SECRET)
    return app.without_page()


@pytest.fixture
def admin(application: Any) -> Iterator[TestClient]:  # noqa: ANN401
    """A script of the admin's."""
    with TestClient(application, headers={"Authorization": f"Bearer {SECRET}"}) as client:
        yield client


@pytest.fixture
def browser(application: Any) -> TestClient:  # noqa: ANN401
    """A browser without an admin session."""
    return TestClient(application)


def visitor(application: Any, name: str = "owner") -> TestClient:  # noqa: ANN401
    return TestClient(application, cookies={COOKIE: sign(name)})


def send(client: TestClient) -> Any:  # noqa: ANN401, httpx or httpx2
    files = [(name, ("a.png", picture(), "image/png")) for name in ("content", "style")]
    return client.post("/api/v1/jobs", files=files, data={"options": json.dumps({"size": 64})})


def made(owner: str = "owner") -> Job:
    """Return a finished job."""
    job = jobs.submit(owner, picture(), [picture()], options={"size": 64})
    finish(begin())
    return job


def acts() -> list[tuple[str, str, str]]:
    """Return what is written down, oldest first: what, about, outcome."""
    return [(one.what, one.about, one.outcome) for one in reversed(audit.written())]


# ---------------------------------------------------------------- signing in


def test_without_a_secret_there_is_no_admin_at_all(studio: Path) -> None:
    client = TestClient(app.without_page(), headers={"Authorization": "Bearer "})
    for path in ("/admin", f"{ADMIN}/state", f"{ADMIN}/jobs"):
        assert client.get(path).status_code == 404
    assert client.post(f"{ADMIN}/session", json={"secret": ""}).status_code == 404
    assert client.post(f"{ADMIN}/pause").status_code == 404
    assert service_state.read().state == "open"


def test_a_short_secret_ends_the_process_at_start(setting: Setting) -> None:
    setting(admin_secret="too short")
    with pytest.raises(SystemExit, match="STUDIO_ADMIN_SECRET=…: wanted at least 16 characters"):
        settings()


def test_the_secret_is_traded_for_a_cookie_that_scripts_of_a_page_never_see(
    browser: TestClient,
) -> None:
    assert browser.get(f"{ADMIN}/state").status_code == 401
    answer = browser.post(f"{ADMIN}/session", json={"secret": SECRET})
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=strict", "max-age=3600"))
    assert SECRET not in cookie
    assert browser.get(f"{ADMIN}/state").json()["state"] == "open"
    browser.delete(f"{ADMIN}/session")
    assert browser.get(f"{ADMIN}/state").status_code == 401


def test_a_cookie_ends_with_its_secret_and_with_its_time(
    browser: TestClient, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.post(f"{ADMIN}/session", json={"secret": SECRET})
    assert browser.get(f"{ADMIN}/state").status_code == 200
    monkeypatch.setattr(admin_session, "LASTS", -1)
    assert browser.get(f"{ADMIN}/state").status_code == 401
    monkeypatch.undo()
    setting(admin_secret="another secret of the admin's")
    assert browser.get(f"{ADMIN}/state").status_code in {401, 404}


def test_a_visitors_cookie_opens_nothing_and_the_admins_is_no_visitors(
    application: Any,  # noqa: ANN401
) -> None:
    job = made()
    assert visitor(application).get(f"{ADMIN}/state").status_code == 401
    forged = TestClient(application, cookies={admin_session.COOKIE: sign("admin")})
    assert forged.get(f"{ADMIN}/state").status_code == 401
    admins = TestClient(application)
    admins.post(f"{ADMIN}/session", json={"secret": SECRET})
    assert admins.get(f"/api/v1/jobs/{job.id}").status_code == 404


def test_another_site_can_not_act_through_the_admins_browser(browser: TestClient) -> None:
    browser.post(f"{ADMIN}/session", json={"secret": SECRET})
    answer = browser.post(f"{ADMIN}/pause", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert service_state.read().state == "open"


def test_after_many_wrong_secrets_even_the_right_one_is_refused(
    application: Any,  # noqa: ANN401
    browser: TestClient,
) -> None:
    guesses = [browser.post(f"{ADMIN}/session", json={"secret": f"{n}"}) for n in range(6)]
    assert [one.status_code for one in guesses] == [401] * 5 + [429]
    assert int(guesses[-1].headers["Retry-After"]) > 0
    right = {"Authorization": f"Bearer {SECRET}"}
    assert browser.get(f"{ADMIN}/state", headers=right).status_code == 429
    elsewhere = TestClient(application, headers=right, client=("192.0.2.7", 1))
    assert elsewhere.get(f"{ADMIN}/state").status_code == 200


@pytest.mark.parametrize("served", ["SQLite", "PostgreSQL"])
def test_of_many_guesses_at_once_only_five_are_compared(
    request: pytest.FixtureRequest, served: str, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    request.getfixturevalue("studio" if served == "SQLite" else "postgres")
    setting(admin_secret=SECRET)
    client, compared = TestClient(app.without_page()), []
    compare = hmac.compare_digest

    def slow(given: bytes, wanted: bytes) -> bool:
        if given.startswith(b"guess"):
            compared.append(given)
            time.sleep(0.05)
        return compare(given, wanted)

    def guess(number: int) -> int:
        return client.post(f"{ADMIN}/session", json={"secret": f"guess {number}"}).status_code

    monkeypatch.setattr(hmac, "compare_digest", slow)
    with ThreadPoolExecutor(20) as guessers:
        statuses = list(guessers.map(guess, range(20)))
    assert (statuses.count(401), statuses.count(429)) == (5, 15)
    assert len(compared) == 5


def test_a_script_with_the_right_secret_asks_often_at_once(admin: TestClient) -> None:
    with ThreadPoolExecutor(20) as askers:
        asked = askers.map(lambda _: admin.get(f"{ADMIN}/blocks").status_code, range(20))
    assert set(asked) == {200}


# ---------------------------------------------------------------- what the admin does


def test_every_admin_action_is_in_the_audit_log_failed_ones_too(admin: TestClient) -> None:
    job = made()
    for path in ("pause", "drain", "resume", f"jobs/{job.id}/requeue"):
        admin.post(f"{ADMIN}/{path}")
    assert acts() == [
        ("pause", "", "done"),
        ("drain", "", "done"),
        ("resume", "", "done"),
        ("requeue", job.id, "not done: The job is done; it needs no second try."),
    ]
    first, second = (admin.get(f"{ADMIN}/audit?limit=2").json() for _ in range(2))
    assert first == second
    rest = admin.get(f"{ADMIN}/audit?limit=2&before={first['next']}").json()
    assert [one["what"] for one in first["acts"] + rest["acts"]] == [
        "requeue", "resume", "drain", "pause",
    ]  # fmt: skip
    assert rest["next"] is None
    assert admin.get(f"{ADMIN}/jobs").status_code == 200
    assert len(acts()) == 4  # looking is no act


def test_the_admin_sees_queue_workers_and_failures_with_their_reason(admin: TestClient) -> None:
    from worker.storage import processes

    made()
    jobs.submit("owner", picture(), [picture()], options={"size": 64})
    failed = begin()
    jobs.fail(failed.id, 1, Message("job.out_of_memory"))
    jobs.submit("owner", picture(), [picture()], options={"size": 64})
    running = begin()
    processes.touch("a worker", "worker", {"device": "cpu", "code": True, "version": "1"})
    jobs.submit("owner", picture(), [picture()], options={"size": 64})

    body = admin.get(f"{ADMIN}/state").json()
    assert body["jobs"] == {"queued": 1, "running": 1, "done": 1, "failed": 1, "cancelled": 0}
    assert body["oldest"] >= 0
    assert body["pace"]["hour"]["done"] == body["pace"]["hour"]["failed"] == 1
    assert body["pace"]["hour"]["seconds"] >= 0
    [worker] = body["workers"]
    assert (worker["name"], worker["code"], worker["jobs"]) == ("a worker", True, [running.id])
    assert body["queue"] == {"ok": False}
    assert body["kept"] > 0

    [row] = admin.get(f"{ADMIN}/jobs?status=failed").json()["jobs"]
    assert (row["id"], row["error"]) == (
        failed.id,
        "The picture needs more memory than there is. Please try a smaller size.",
    )
    page = admin.get(f"{ADMIN}/jobs?limit=3").json()
    rest = admin.get(f"{ADMIN}/jobs?limit=3&before={page['next']}").json()
    assert len({one["id"] for one in page["jobs"] + rest["jobs"]}) == 4


def _failed() -> Job:
    jobs.submit("owner", picture(), [picture()], options={"size": 64})
    job = begin()
    jobs.fail(job.id, job.attempt, Message("job.out_of_memory"))
    return job


def _cancelled() -> Job:
    job = jobs.submit("owner", picture(), [picture()], options={"size": 64})
    return jobs.cancel(job.id, "owner")


def _stuck() -> Job:
    jobs.submit("owner", picture(), [picture()], options={"size": 64})
    return begin()


@pytest.mark.parametrize("end", [_failed, _cancelled, _stuck])
def test_a_job_put_in_line_again_is_made_once_and_its_old_attempt_is_void(
    admin: TestClient, end: Callable[[], Job]
) -> None:
    job = end()
    body = admin.post(f"{ADMIN}/jobs/{job.id}/requeue").json()
    assert (body["status"], body["error"], body["finished"]) == ("queued", None, None)
    assert jobs.renew(job, "transfer", 0.5) == jobs.Hold.LOST
    assert not jobs.fail(job.id, job.attempt, Message("job.out_of_memory"))
    again = begin()
    assert (again.id, again.attempt) == (job.id, job.attempt + 1)
    finish(again)
    assert jobs.find(job.id).status == Status.DONE


def test_a_job_that_wore_its_attempts_out_may_be_tried_as_often_again(
    admin: TestClient, setting: Setting
) -> None:
    setting(max_attempts=1, admin_secret=SECRET)
    job = _failed()
    admin.post(f"{ADMIN}/jobs/{job.id}/requeue")
    assert begin().id == job.id


def test_the_admin_cancels_anybodys_job(admin: TestClient) -> None:
    job = jobs.submit("somebody", picture(), [picture()], options={"size": 64})
    assert admin.post(f"{ADMIN}/jobs/{job.id}/cancel").json()["status"] == "cancelled"
    assert admin.post(f"{ADMIN}/jobs/none/cancel").status_code == 404


def test_who_is_blocked_sends_and_shows_nothing_more_but_keeps_what_is_theirs(
    application: Any,  # noqa: ANN401
    admin: TestClient,
) -> None:
    bad, other = visitor(application, "bad"), visitor(application, "other")
    entry = made("bad")
    waiting = send(bad).json()["id"]
    answer = admin.post(f"{ADMIN}/blocks", json={"who": "owner:bad", "reason": "Spam."})
    assert answer.json() == {"cancelled": 1}
    assert jobs.find(waiting).status == Status.CANCELLED
    assert admin.get(f"{ADMIN}/blocks").json()[0]["reason"] == "Spam."

    refused = send(bad)
    assert refused.status_code == 403
    assert "takes nothing more from you" in refused.json()["detail"]
    for act in ("publish", "share", "report"):
        assert bad.post(f"/api/v1/gallery/{entry.id}/{act}").status_code == 403
    assert bad.get(f"/api/v1/jobs/{entry.id}/result").status_code == 200
    assert send(other).status_code == 202

    admin.delete(f"{ADMIN}/blocks/owner:bad")
    assert send(bad).status_code == 202
    assert admin.delete(f"{ADMIN}/blocks/owner:bad").status_code == 404
    assert admin.post(f"{ADMIN}/blocks", json={"who": "everybody"}).status_code == 422


def test_the_admins_delete_goes_past_the_bin_and_ends_every_way_to_read_a_picture(
    application: Any,  # noqa: ANN401
    admin: TestClient,
) -> None:
    owner, stranger = visitor(application), visitor(application, "stranger")
    shown, binned, kept = made(), made(), made()
    for job in (shown, binned):
        entries.publish(job.id, "owner")
        reports.report(job.id, "a visitor")
    link = owner.post(f"/api/v1/gallery/{shown.id}/share").json()["own"]["link"]
    assert owner.delete(f"/api/v1/gallery/{binned.id}").status_code == 204
    rows = {one["id"]: one["binned"] for one in admin.get(f"{ADMIN}/jobs").json()["jobs"]}
    assert [rows[job.id] is not None for job in (shown, binned, kept)] == [False, True, False]

    for job in (shown, binned):
        assert admin.delete(f"{ADMIN}/jobs/{job.id}").status_code == 204
        assert admin.delete(f"{ADMIN}/jobs/{job.id}").status_code == 404
    for what in (f"gallery/{shown.id}", f"gallery/{shown.id}/picture", f"jobs/{shown.id}/result"):
        assert [who.get(f"/api/v1/{what}").status_code for who in (owner, stranger)] == [404, 404]
    assert stranger.get(link).status_code == 410
    assert stranger.get(f"{link}/picture").status_code == 410
    assert stranger.get("/api/v1/gallery?scope=public").json()["entries"] == []
    assert owner.get("/api/v1/bin").json() == []
    ids = {"ids": [shown.id, binned.id]}
    assert owner.post("/api/v1/bin/restore", json=ids).json() == {"restored": []}
    assert admin.get(f"{ADMIN}/reports").json() == []
    assert pictured() == {kept.id}
    assert acts() == [
        ("delete", shown.id, "done"),
        ("delete", shown.id, "not done: There is no picture with this id in the gallery."),
        ("delete", binned.id, "done"),
        ("delete", binned.id, "not done: There is no picture with this id in the gallery."),
    ]


def test_the_admin_deletes_all_of_a_visitor_with_the_bin_and_the_block_still_holds(
    application: Any,  # noqa: ANN401
    admin: TestClient,
) -> None:
    bad, other = visitor(application, "bad"), made()
    binned = made("bad")
    waiting = send(bad).json()["id"]
    key = {"Authorization": f"Bearer {api_keys.make('bad', 'Mine').secret}"}
    bad.delete(f"/api/v1/gallery/{binned.id}")
    admin.post(f"{ADMIN}/blocks", json={"who": "owner:bad"})
    assert admin.delete(f"{ADMIN}/owners/bad/jobs").json() == {"deleted": 2}
    assert bad.get("/api/v1/bin").json() == []
    assert bad.get(f"/api/v1/jobs/{waiting}").status_code == 404
    assert pictured() == {other.id}
    for client in (bad, TestClient(application, headers=key)):
        assert send(client).status_code == 403
    assert admin.delete(f"{ADMIN}/owners/bad/jobs").json() == {"deleted": 0}
    assert acts()[-1] == ("delete all", "owner:bad", "done")


def test_a_new_cookie_does_not_lift_the_block_of_an_address(
    application: Any,  # noqa: ANN401
    admin: TestClient,
) -> None:
    sent = send(visitor(application, "first")).json()["id"]
    [row] = admin.get(f"{ADMIN}/jobs").json()["jobs"]
    assert row["id"] == sent
    who = f"origin:{row['origin']}"
    assert admin.post(f"{ADMIN}/blocks", json={"who": who}).json() == {"cancelled": 1}
    assert send(visitor(application, "second")).status_code == 403
    elsewhere = TestClient(application, client=("192.0.2.7", 1))
    assert send(elsewhere).status_code == 202


def test_a_limit_set_at_run_time_holds_at_once_and_is_taken_back(
    application: Any,  # noqa: ANN401
    admin: TestClient,
) -> None:
    client = visitor(application)
    assert send(client).status_code == 202
    path = f"{ADMIN}/limits/visitor_waiting"
    assert admin.put(path, json={"value": 1}).status_code == 204
    refused = send(client)
    assert refused.status_code == 429
    assert "You have 1 jobs in line" in refused.json()["detail"]
    body = {one["name"]: one for one in admin.get(f"{ADMIN}/limits").json()}
    assert (body["visitor_waiting"]["set"], body["visitor_waiting"]["changed"]) == (200, 1)
    admin.put(path, json={"value": None})
    assert send(client).status_code == 202
    for name, value in (("visitor_waiting", -1), ("port", 1)):
        assert admin.put(f"{ADMIN}/limits/{name}", json={"value": value}).status_code == 422


def test_reported_pictures_are_reviewed_and_no_others_are_seen(
    application: Any,  # noqa: ANN401
    admin: TestClient,
) -> None:
    private, first, second = made(), made(), made()
    for job in (first, second):
        entries.publish(job.id, "owner")
        for number in range(3):
            reports.report(job.id, f"visitor-{number}", f"Reason {number}.")
    listed = admin.get(f"{ADMIN}/reports").json()
    assert [one["entry"]["id"] for one in listed] == [first.id, second.id]
    assert listed[0]["hidden"]
    assert [word["reason"] for word in listed[0]["reports"]] == [f"Reason {n}." for n in range(3)]
    seen = admin.get(listed[0]["entry"]["picture"])
    assert seen.status_code == 200
    assert seen.headers["content-type"] == "image/png"
    assert seen.headers["cache-control"] == "no-store"
    assert admin.get(f"{ADMIN}/reports/{private.id}/picture").status_code == 404
    assert admin.get(f"{ADMIN}/state").json()["reported"]

    stranger = visitor(application, "stranger")
    assert admin.post(f"{ADMIN}/reports/{first.id}/stay").status_code == 204
    assert admin.post(f"{ADMIN}/reports/{second.id}/down").status_code == 204
    assert stranger.get(f"/api/v1/gallery/{first.id}").status_code == 200
    assert stranger.get(f"/api/v1/gallery/{second.id}").status_code == 404
    assert admin.get(f"{ADMIN}/reports").json() == []
    assert admin.get(f"{ADMIN}/reports/{first.id}/picture").status_code == 404
    assert not admin.get(f"{ADMIN}/state").json()["reported"]
