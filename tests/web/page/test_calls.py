"""Calls of the page's events: text, numbers and choices are taken, files never."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import gradio as gr
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from gradio.block_function import BlockFunction

from tests.parts import Setting, picture
from tests.web.page.page_events import JSON, call, events_of, filled, inputs_of, page_of, refuses
from web import app
from web.page import calls
from web.security.identity import COOKIE, sign
from worker import jobs
from worker.settings import settings
from worker.storage import blobs, database
from worker.visitors import previews, uploads
from worker.visitors.uploads import Upload

ROUTES = ("run/predict",)
LINK = "a" * 32
SENTENCE = re.compile(r"[A-Z][^<>]{10,200}\.")


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    """Mallory's browser, with the page open."""
    with TestClient(app.create(), cookies={COOKIE: sign("mallory")}) as made:
        yield made


def _events(client: TestClient) -> dict[str, BlockFunction]:
    return events_of(cast(FastAPI, client.app))


def _filled(client: TestClient, event: BlockFunction, *kinds: str) -> list[Any]:
    """Return an event's inputs with an upload of mallory's own in photo, styles and these."""
    own = client.post("/api/v1/uploads", files={"picture": picture()}).json()["id"]
    return filled(event, f"upload:{own}", "photo", "style", *kinds)


def _hostile(victim: str, theirs: str) -> dict[str, Any]:
    """Values that no field of the page ever has, by what they try."""
    stored = str(settings().data / "blobs" / victim)
    fields: dict[str, Any] = {"meta": {"_type": "gradio.FileData"}}
    return {
        "a file outside": "/etc/passwd",
        "a way up": "../../../etc/passwd",
        "a way up from the uploads": "upload:../../../etc/passwd",
        "a way up from the shelf": "shelf:photos/../../../../etc/passwd",
        "a way up from a job": f"job:{victim}/../../etc",
        "another visitor's upload": f"upload:{theirs}",
        "another visitor's style": f"job:{victim}/styles/0",
        "a stored picture": stored,
        "an environment": "/proc/self/environ",
        "a device": "/dev/zero",
        "a link among the uploads": f"upload:{LINK}",
        "an address": "http://127.0.0.1:1/picture.png",
        "an address of a file": "file:///etc/passwd",
        "a very long one": "upload:" + "a" * 500_000,
        "a zero byte": "upload:\0",
        "an upload's id with a line": f"upload:{theirs}\n",
        "digits of another script": "job:" + "a" * 36 + "/styles/٣",
        "no such sample": "shelf:photos/nobody",
        "a file's description": fields | {"path": stored},
        "an address's description": fields
        | {"path": "http://127.0.0.1:1/", "url": "http://[::1]/"},
        "a description inside": {"background": fields | {"path": "/etc/passwd"}},
        "a list": ["/etc/passwd"],
        "a list of descriptions": [fields | {"path": "/etc/passwd"}] * 8,
        "a number": 12,
        "a truth": True,
        "an endless number": 1e400,
        "a number beyond every float": 10**400,
        "one below every float": -(10**400),
        "no number": float("nan"),
    }


def test_no_event_takes_a_hostile_value_in_any_of_its_inputs(
    client: TestClient, setting: Setting
) -> None:
    setting(visitor_uploads=0, address_uploads=0, visitor_previews=0, address_previews=0)
    setting(visitor_events=0, address_events=0)
    victim = jobs.submit("ada", picture(), [picture()])
    theirs = uploads.keep("ada", picture())
    (uploads.folder() / LINK).symlink_to("/etc/passwd")
    with database.transaction() as session:  # even if a row named the link
        session.add(Upload(id=LINK, owner="mallory", bytes=1, media_type="image/png"))
    hostile = _hostile(victim.id, theirs)
    found = {name: event for name, event in _events(client).items() if event.inputs}
    assert found.keys() == {"repaint", "preview", "sheet"}
    walked = 0
    for name, event in found.items():
        masked, painted = _filled(client, event, "mask"), _filled(client, event)
        for place, part in enumerate(event.inputs):
            for what, value in hostile.items():
                if isinstance(part, gr.Slider) and value == 12:
                    continue  # which it may well have
                data = list(painted if part.elem_id == "regions" else masked)
                data[place] = value
                status, reported = call(client, event, data)
                where = f"{name}, {part.elem_id}, {what}: {status} {reported[:400]}"
                assert status in {200, 422}, where
                assert "root:" not in reported, where
                assert jobs.mine("mallory") == [], where
                assert status == 200 or str(calls.NOT_TAKEN) in reported, where
                assert refuses(event, status, reported), where
                walked += 1
    assert walked > 20 * 2 * 15
    assert blobs.get(victim.content_key)


@pytest.mark.parametrize("route", ROUTES)
def test_a_file_of_the_server_makes_no_job(client: TestClient, route: str) -> None:
    victim = jobs.submit("ada", picture(), [picture()])
    path = Path(os.environ["STUDIO_DATA"]) / "blobs" / victim.content_key
    assert path.read_bytes() == blobs.get(victim.content_key)
    fields = {"path": str(path), "meta": {"_type": "gradio.FileData"}}
    for name in ("repaint", "preview"):
        event = _events(client)[name]
        inputs = inputs_of(event)
        data = [fields if "value" in part.elem_id else part.value for part in inputs]
        body = {"data": data, "fn_index": event._id, "session_hash": "abc"}
        answer = client.post(f"/gradio_api/{route}", json=body)
        assert answer.status_code == 422
        assert SENTENCE.fullmatch(answer.json()["error"])
    assert jobs.mine("mallory") == []


def test_the_page_takes_nothing_but_text_numbers_and_choices(client: TestClient) -> None:
    kinds = {type(part) for event in _events(client).values() for part in event.inputs}
    assert kinds <= {gr.Textbox, gr.Slider, gr.Radio}


WRONG: dict[str, dict[str, Any]] = {
    "an event that is none": {"fn_index": 10_000},
    "an event that runs in the browser": {"fn_index": -1},
    "too few values": {"data": []},
    "a batch": {"batched": True},
    "a word of a service": {"oauth_token": "word"},
    "a long session": {"session_hash": "a" * 65},
    "a path for a job": {"event_data": {"id": "../" * 30}},
    "a file for a job": {"event_data": {"id": {"path": "/etc/passwd"}}},
    "options that are none": {"event_data": {"options": {"alpha": "/etc/passwd"}}},
    "something unknown": {"event_data": {"path": "/etc/passwd"}},
    "crops without end": {"event_data": {"options": {"style_crops": [[]] * 17}}},
    "weights without end": {"event_data": {"options": {"weights": [1] * 17}}},
    "lists of almost a megabyte": {"event_data": {"options": {"weights": [1] * 300_000}}},
    "a page before the first": {"event_data": {"page": -1}},
    "a page that is none": {"event_data": {"page": "/etc/passwd"}},
    "a list": {"event_data": ["a"]},
}


def test_a_call_that_the_page_never_makes_is_refused(client: TestClient) -> None:
    event = _events(client)["repaint"]
    usual = _filled(client, event)
    for what, wrong in WRONG.items():
        status, reported = call(client, event, **{"data": usual} | wrong)
        assert status == 422, what
        assert json.loads(reported)["error"] == str(calls.NOT_TAKEN)
    for body in (b"", b"[]", b"{", b"[" * 5000, b"\xff", b"9" * 5000):
        answer = client.post("/gradio_api/run/predict", content=body, headers=JSON)
        assert answer.json()["error"] == str(calls.NOT_TAKEN)
    assert jobs.mine("mallory") == []


def test_events_about_a_job_are_its_owners_alone(client: TestClient) -> None:
    theirs = jobs.submit("ada", picture(), [picture()]).id
    events = _events(client)
    for name in ("again", "reuse", "strengths", "retry"):
        for reported in ({"id": theirs}, {"id": "\0"}, {"id": ""}, {}, None):
            status, said = call(client, events[name], [], event_data=reported)
            assert status == 200, (name, reported, said)
            assert "alert" in said, (name, reported, said)
    assert jobs.mine("mallory") == []


def test_what_the_page_sends_makes_a_job(client: TestClient) -> None:
    event = _events(client)["repaint"]
    status, reported = call(client, event, _filled(client, event, "mask"))
    assert status == 200
    [job] = jobs.mine("mallory")
    assert job.id in reported


def test_what_the_page_sends_makes_a_preview(client: TestClient) -> None:
    event = _events(client)["preview"]
    _, reported = call(client, event, _filled(client, event, "mask"))
    [preview_id] = json.loads(reported)["data"]
    assert previews.look(preview_id, "mallory") is not None


@pytest.mark.parametrize("route", ["upload", "file=/etc/passwd", "upload_progress", "stream/a"])
def test_gradios_own_files_are_closed(client: TestClient, route: str) -> None:
    for method in ("GET", "POST"):
        answer = client.request(method, f"/gradio_api/{route}", files={"files": picture()})
        assert answer.status_code == 404


def test_no_event_of_the_page_waits_in_gradios_queue(client: TestClient) -> None:
    """It is one line of a fixed length for all visitors, and never forgets who joined it."""
    assert [name for name, event in _events(client).items() if event.queue] == []
    for route in ("queue/join", "queue/data", "cancel"):
        assert client.post(f"/gradio_api/{route}", json={}).status_code == 404


def test_gradio_does_not_look_a_thousand_times_a_second_whether_an_event_waits(
    client: TestClient,
) -> None:
    gradios, ours = (vars(one._queue) for one in (gr.Blocks(), page_of(cast(FastAPI, client.app))))
    pauses = [name for name in gradios if "sleep_when_free" in name]
    assert len(pauses) == 2
    assert all(ours[name] >= 0.1 > gradios[name] for name in pauses)


def test_gradio_may_ask_whether_it_still_talks_to_the_same_page(client: TestClient) -> None:
    assert client.get("/gradio_api/app_id").json() == {
        "app_id": page_of(cast(FastAPI, client.app)).app_id
    }


def test_a_body_is_small_but_for_its_texts() -> None:
    large = b"a" * 900_000
    assert calls.is_plain(b'{"data": ["' + large + b'", "\\"' + large + b'"]}')
    assert not calls.is_plain(b'{"data": [' + b"[]," * 30_000 + b"1]}")
    assert not calls.is_plain(b'"' + large)  # a text without an end
    assert not calls.is_plain(b'""' + b" " * 100_000)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_body_in_another_encoding_than_utf_8_is_not_parsed(encoding: str) -> None:
    body = ('{"data": ["' + "\u2222" * 5 + '", ' + "[]," * 100_000 + "1]}").encode(encoding)
    assert not calls.is_plain(body)
    assert not calls.is_plain(b'"' + b'\\"' * 500_000)  # each quote could begin a text
    assert not calls.is_plain(b'"' + b"\\a" * 500_000)
    assert not calls.is_plain(b'"' * 1_000_000)
    assert calls.is_plain(b'["' + b"\\a" * 400_000 + b'"]')


def test_a_large_event_counts_as_several(client: TestClient, setting: Setting) -> None:
    setting(visitor_events=30)
    body = b'{"fn_index": 0, "data": ["' + b"a" * 900_000 + b'"]}'
    answers = [
        client.post("/gradio_api/run/predict", content=body, headers=JSON).status_code
        for _ in range(3)
    ]
    assert answers == [422, 422, 429]
