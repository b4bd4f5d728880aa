"""Authorisation: every route requested by every kind of visitor, as a table.

`python -m tests.web.authorisation` writes docs/authorisation.md; the test compares. What is asked
for is one visitor's finished job: private, then shared by a link, then published.
"""

import io
import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI
from fastapi.testclient import TestClient
from gradio.block_function import BlockFunction
from PIL import Image, UnidentifiedImageError
from sqlalchemy import update
from starlette.responses import PlainTextResponse
from starlette.routing import Mount

from tests.parts import forget_caches, picture
from tests.web.page import page_events
from web import app
from web.operations import admin_session
from web.page import gradio_routes as page
from web.security.body_limits import PageOnly
from web.security.identity import COOKIE, sign
from worker import jobs
from worker.credentials import api_keys
from worker.errors import Message
from worker.gallery import entries, reports
from worker.images import images
from worker.jobs import Job, service_state
from worker.jobs.batches import Batch
from worker.storage import blobs, database
from worker.visitors import blocks, preview_claims, previews, uploads
from worker.visitors.previews import State
from worker.visitors.rate_limits import Visitor
from worker.webhooks import deliveries

FILE = Path(__file__).parents[2] / "docs" / "authorisation.md"
WHO = ("anonymous", "stranger", "owner", "admin")
SECRET = "a secret of the admin's"
STATES = ("private", "shared", "published")
TITLE = "a title of the owner's alone"
SIZE = 33, 21  # of no other picture here
RESULT = picture(*SIZE)
OPTIONS = {"size": 64}
NOTHING_OF_IT = "nothing of it"

_FILE = ("picture.png", picture(), "image/png")
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/v1/jobs"): {"files": [("content", _FILE), ("style", _FILE)]},
    ("POST", "/api/v1/batches"): {"files": [("content", _FILE), ("style", _FILE)]},
    ("POST", "/api/v1/previews"): {"files": [("content", _FILE), ("style", _FILE)]},
    ("POST", "/api/v1/settings"): {"files": [("picture", _FILE)]},
    ("POST", "/api/v1/subject"): {"files": [("picture", _FILE)]},
    ("POST", "/api/v1/uploads"): {"files": [("picture", _FILE)]},
    ("PATCH", "/api/v1/gallery/{job_id}"): {"json": {"favourite": True}},
    ("POST", "/api/v1/gallery/delete"): {"json": {"ids": ["{job_id}"]}},
    ("POST", "/api/v1/bin/restore"): {"json": {"ids": ["{job_id}"]}},
    ("PUT", "/api/v1/jobs/{job_id}/styles/{place}/name"): {"json": {"name": "Mine"}},
    ("POST", "/api/v1/me/keys"): {"json": {"name": "Mine"}},
    ("POST", "/api/v1/admin/session"): {"json": {"secret": "a guess"}},
    ("POST", "/api/v1/admin/blocks"): {"json": {"who": "owner:nobody"}},
    ("PUT", "/api/v1/admin/limits/{name}"): {"json": {"value": None}},
    ("GET", "/live/picture"): {"params": {"value": "job:{job_id}/content"}},
}

HEAD = """# Who may do what

Every route, asked by *anonymous* (no cookie: a newcomer), a *stranger* (another visitor), the
*owner*, and the *admin* (the admin's cookie and no visitor's), about one finished job of the
owner's. "nothing of it" is an answer that holds neither the job's id, nor its title, nor its
picture. Made by `make authorisation` from the application's own routes; a test compares, and a
new route is in here or the test fails. An API key is its
owner, but is answered 403 where a stolen one could do the most: `POST /api/v1/me/keys`,
`DELETE /api/v1/me/keys/{key_id}`, `POST /api/v1/webhook-secret`, `DELETE /api/v1/me`
(`tests/web/test_key_routes.py`). Without STUDIO_ADMIN_SECRET the
admin's routes are 404 for everybody.

Of Gradio's routes only those answer that its page needs
(`web/security/body_limits.py`); what its events take is
below. Routes that change something answer 403 to whatever a browser says another site sent.
"""
GRADIO = """## What answers of Gradio's routes

"""
EVENTS = """## The page's events

Each event that runs on the server, called as Gradio's script calls it, with the owner's upload in
every field for a picture, about the owner's job. An input takes what is written here and nothing
else (`web/page/calls.py`): no event takes a file, a path or an address.

| event | inputs |"""
EXPLAINED = {
    "private": "Private, as every job is at first",
    "shared": "Shared by a link (`{token}`)",
    "published": "Published, and reported by a visitor",
}


@dataclass(frozen=True)
class Route:
    """A method and a path as the application has it, with its places in braces."""

    method: str
    path: str
    call: Any = field(default=None, compare=False)  # the function that answers


def _walk(routes: Sequence[Any]) -> Iterator[Route]:
    for route in routes:
        if hasattr(route, "original_router"):
            yield from _walk(route.original_router.routes)
        elif "{anything" not in route.path and not isinstance(route, Mount):
            for method in sorted(route.methods - {"HEAD"}):
                yield Route(method, route.path, route.endpoint)


def routes(application: FastAPI) -> list[Route]:
    """Return every route of the application but the one for what is no address."""
    return sorted(_walk(application.routes), key=lambda route: (route.path, route.method))


def _batch_of(job: Job) -> str:
    return f"batch-of-{job.id}"


def _put_in_batch(job: Job) -> None:
    with database.transaction() as session:
        row = Batch(id=_batch_of(job), owner="owner", photos=["one"], styles=["one"], options={})
        session.add(row)
        session.execute(update(Job).where(Job.id == job.id).values(batch=row.id, cell=0))


def _preview() -> str:
    """Return the id of a preview of the owner's that is made."""
    small = images.small(picture(), previews.SIDE)
    previews.ask(Visitor("owner"), small, [small])
    while (claimed := preview_claims.claim()) and claimed.owner != "owner":
        preview_claims.end(claimed, State.FAILED)
    assert claimed is not None
    blobs.put(previews.result_key("owner"), RESULT)
    preview_claims.end(claimed, State.MADE)
    return claimed.id


def done() -> Job:
    """Return a finished job of the owner's, with all that can be noted of one."""
    deliveries.make_secret("owner")
    promise = deliveries.promise("owner", "https://example.org/told")
    job = jobs.submit("owner", picture(), [picture(20, 20)], options=OPTIONS, beside=promise)
    while (claimed := jobs.claim("worker")) and claimed.id != job.id:
        jobs.fail(claimed.id, claimed.attempt, Message("job.out_of_memory"))
    result, thumbnail = f"{job.id}/result-1.png", f"{job.id}/thumbnail-1.jpg"
    for key in (result, thumbnail):
        blobs.put(key, RESULT)
    assert jobs.finish(
        job.id, 1, result_key=result, thumbnail_key=thumbnail, width=33, height=21,
        device="cpu", weights_sha256="0" * 64, version="0", timings={},
    )  # fmt: skip
    entries.change(job.id, "owner", title=TITLE)
    _put_in_batch(job)
    return job


def _shows(content: bytes, job: Job) -> bool:
    """Tell whether an answer holds anything of the job: its id, its title, its picture."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.size == SIZE
    except UnidentifiedImageError:
        return job.id.encode() in content or TITLE.encode() in content


COOKIES: dict[str, Callable[[], dict[str, str]]] = {
    "anonymous": dict,
    "stranger": lambda: {COOKIE: sign("stranger")},
    "owner": lambda: {COOKIE: sign("owner")},
    "admin": lambda: {admin_session.COOKIE: admin_session.sign()},
}


def _parameters(application: FastAPI, route: Route, job: Job, state: str) -> dict[str, str]:
    """Bring the job into a state; return what stands in the places of a path about it."""
    owner = TestClient(application, cookies={COOKIE: sign("owner")})
    link = owner.post(f"/api/v1/gallery/{job.id}/share").json()["own"]["link"]
    if state == "private":
        entries.revoke(job.id, "owner")
    if state == "published":
        entries.publish(job.id, "owner")
        reports.report(job.id, "a visitor")
    return {
        "job_id": job.id, "token": link.rpartition("/")[2], "place": "0",
        "batch_id": _batch_of(job),
        "upload_id": uploads.keep("owner", RESULT) if "{upload_id}" in route.path else "",
        "preview_id": _preview() if "{preview_id}" in route.path else "",
        "kind": "photos", "name": "daily_bytes" if "/limits/" in route.path else "cat",
        "size": "picture", "who": "owner:nobody", "owner": "nobody", "code": "picture.too_large",
        "key_id": api_keys.make("owner", TITLE).key.id,
    }  # fmt: skip


def ask(
    application: FastAPI, route: Route, client: TestClient, job: Job, state: str = "private"
) -> Any:  # noqa: ANN401, httpx or httpx2
    """Return what a client gets who asks for a job of the owner's in this state."""
    places = _parameters(application, route, job, state)
    body = BODIES.get((route.method, route.path), {})
    for kind in body.keys() & {"json", "params"}:
        body = {kind: json.loads(json.dumps(body[kind]).replace("{job_id}", job.id))}
    blocks.put("owner:nobody")
    answer = client.request(route.method, route.path.format(**places), **body)
    blocks.lift("owner:nobody")
    with suppress(api_keys.KeyNotFound):
        api_keys.revoke("owner", places["key_id"])
    service_state.change(service_state.State.OPEN)
    return answer


def _cell(application: FastAPI, route: Route, who: str, state: str) -> str:
    """Return what a kind of visitor gets who asks for a job in this state."""
    job, cookies = done(), COOKIES[who]()
    client = TestClient(application, cookies=cookies, raise_server_exceptions=False)
    answer = ask(application, route, client, job, state)
    empty = answer.status_code == 200 and not _shows(answer.content, job)
    job_is_there = job.id in [one.id for one in jobs.mine("owner", 100)]
    cell = str(answer.status_code) + (f", {NOTHING_OF_IT}" if empty and who != "owner" else "")
    return cell if job_is_there or who == "owner" else f"{cell}, and DELETED IT"


def table(application: FastAPI) -> dict[tuple[str, Route], tuple[str, ...]]:
    """Return what each of `WHO` gets, by the job's state and the route."""
    found = {}
    for route in routes(application):
        about_it = "{job_id}" in route.path or "{token}" in route.path or "gallery" in route.path
        for state in STATES if about_it else STATES[:1]:
            found[state, route] = tuple(_cell(application, route, who, state) for who in WHO)
    return found


def text(found: dict[tuple[str, Route], tuple[str, ...]]) -> str:
    """Return the table as it stands in the documentation; what does not change stands once."""
    lines = [HEAD]
    for state in STATES:
        lines += [
            f"## {EXPLAINED[state]}",
            "",
            f"| route | {' | '.join(WHO)} |",
            "|---|---|---|---|---|",
        ]
        for (when, route), cells in found.items():
            if when == state and (state == "private" or cells != found["private", route]):
                lines.append(f"| `{route.method} {route.path}` | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _kinds(event: BlockFunction) -> str:
    """Return how many inputs of each kind an event has."""
    kinds: dict[object, str] = {gr.Slider: "numbers", gr.Radio: "choices"}
    found = Counter(
        "pictures" if part.elem_id.startswith("value-") else kinds.get(type(part), "texts")
        for part in page_events.inputs_of(event)
    )
    return ", ".join(f"{count} {kind}" for kind, count in found.items()) or "none"


def _event(client: TestClient, event: BlockFunction, who: str) -> str:
    """Return what a kind of visitor gets who calls an event with what is the owner's."""
    job = done()
    picked = f"upload:{uploads.keep('owner', picture())}"
    fields = {"id": job.id, "options": job.options} if not event.inputs else None
    data = page_events.filled(event, picked, "photo", "style", "mask")
    client.cookies.clear()
    client.cookies.update(COOKIES[who]())
    status, answer = page_events.call(client, event, data, event_data=fields)
    return "refused" if page_events.refuses(event, status, answer) else "answered"


def events(application: FastAPI) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return what each of `WHO` gets, by an event's name and its kinds of inputs."""
    with TestClient(application) as client:  # one, since Gradio's queue works in one loop alone
        return {
            (name, _kinds(event)): tuple(_event(client, event, who) for who in WHO)
            for name, event in page_events.events_of(application).items()
        }


def events_text(found: dict[tuple[str, str], tuple[str, ...]]) -> str:
    """Return the table of the page's events as it stands in the documentation."""
    lines = [f"{EVENTS} {' | '.join(WHO)} |", "|---|---|---|---|---|---|"]
    lines += [
        f"| `{name}` | {kinds} | {' | '.join(cells)} |" for (name, kinds), cells in found.items()
    ]
    return "\n".join([*lines, ""])


def _filled(path: str) -> str:
    """Return an address of a route of Gradio's; of the events, that which the page calls."""
    return re.sub("{.*?}", "x", path.replace("{api_name}", "predict"))


def gradio_routes(application: FastAPI) -> list[Route]:
    """Return Gradio's routes that are reached, in whose place one answer stands."""
    client = TestClient(PageOnly(PlainTextResponse("reached")))
    found = [
        route
        for route in set(_walk(page.page_of(application).routes))
        if client.get(_filled(route.path)).text == "reached"
    ]
    return sorted(found, key=lambda route: (route.path, route.method))


def gradio_text(found: Sequence[Route]) -> str:
    """Return the list of Gradio's routes as it stands in the documentation."""
    return GRADIO + "\n".join(f"- `{route.method} {route.path}`" for route in found) + "\n"


def main() -> None:
    """Write the table."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STUDIO_DATA"] = folder
        os.environ["STUDIO_REDIS_URL"] = "redis://127.0.0.1:1/0"
        os.environ["STUDIO_ADMIN_SECRET"] = SECRET
        forget_caches()
        database.migrate()
        routes = text(table(app.without_page()))
        whole = app.create()
        gradio = gradio_text(gradio_routes(whole))
        FILE.write_text(f"{routes}\n{gradio}\n{events_text(events(whole))}")
    print(f"{FILE} written")


if __name__ == "__main__":
    main()
