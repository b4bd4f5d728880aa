import asyncio
import os
import uuid
from collections import Counter
from pathlib import Path

import pytest
from fastapi import Response
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from tests.parts import S3, Setting
from tests.web.authorisation import routes
from web import app
from web.http import stored
from web.samples import shelf
from worker.settings import MIB
from worker.storage import blobs
from worker.storage.blobs import BlobMissing

LARGE, SMALL = os.urandom(5 * MIB), os.urandom(1000)


def kept(data: bytes) -> str:
    """Keep the bytes; return their key."""
    key = f"preview-{uuid.uuid4().hex}/content.png"
    blobs.put(key, data)
    return key


def sent(answer: Response) -> list[Message]:
    """Return the messages of an answer."""
    messages: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        messages.append(message)

    asyncio.run(answer({"type": "http", "method": "GET", "headers": []}, receive, send))
    return messages


def check(data: bytes) -> list[int]:
    """Check that an answer is these bytes; return the sizes of its pieces."""
    begin, *pieces = sent(stored.answer(kept(data), {"ETag": '"1"'}))
    headers = dict(begin["headers"])
    assert headers[b"content-length"] == str(len(data)).encode()
    assert (headers[b"content-type"], headers[b"etag"]) == (b"image/png", b'"1"')
    bodies = [piece["body"] for piece in pieces]
    assert b"".join(bodies) == data
    return [len(body) for body in bodies]


def test_a_large_picture_is_sent_in_pieces(studio: Path) -> None:
    assert max(check(LARGE)) <= stored.PIECE


def test_a_small_picture_is_sent_at_once(studio: Path) -> None:
    assert check(SMALL) == [1000]


def test_pictures_in_an_object_store_are_sent_as_well(
    studio: Path, s3: S3, setting: Setting
) -> None:
    setting(blobs_url=f"s3://studio-{uuid.uuid4().hex}/blobs")
    assert max(check(LARGE)) <= stored.PIECE
    assert check(SMALL) == [1000]


def test_a_picture_that_is_gone_is_said_before_anything_is_sent(studio: Path) -> None:
    with pytest.raises(BlobMissing):
        stored.answer(f"preview-{uuid.uuid4().hex}/content.png", {})


def test_no_answer_above_the_limit_goes_out_in_one_piece(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that reads slowly would keep all of it in memory, once for each connection."""
    monkeypatch.setattr(shelf, "data", lambda kind, name: LARGE)
    served, most = app.without_page(), Counter[str]()

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            most[scope.get("path", "")] = max(
                most[scope.get("path", "")], len(message.get("body", b""))
            )
            await send(message)

        await served(scope, receive, noted)

    found = {route.path for route in routes(served) if route.method == "GET"}
    plain = {path for path in found if "{" not in path}
    files = {f"/page/{one.relative_to(app.ASSETS)}" for one in app.ASSETS.rglob("*.*")}
    streams = {path for path in plain if path.endswith("/events")}  # they do not end
    with TestClient(watched) as client:
        for path in (plain - streams) | files | {"/shelf/styles/ink.jpg"}:
            client.get(path)
    assert most["/live/network"] > 0
    assert most["/shelf/styles/ink.jpg"] > 0
    assert {path: size for path, size in most.items() if size > stored.WHOLE} == {}
