"""Large answers: sent in pieces by every route, counted, aborted when read too slowly."""

import asyncio
import io
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import update
from starlette.types import Message, Receive, Scope, Send

from tests.parts import Setting, painted_part, picture
from tests.waiting import until
from tests.web.served import begin, finish, served
from web import app
from web.http import connection, stored
from web.security import identity
from worker.gallery import taught_styles
from worker.jobs import Job
from worker.settings import KIB, MIB
from worker.storage import blobs, database
from worker.visitors import preview_claims, previews
from worker.visitors.previews import State

PREFIX = "/api/v1"


@pytest.fixture(scope="session")
def noise() -> bytes:
    """A picture of more than 1 MiB, whatever it is encoded as."""
    out = io.BytesIO()
    Image.frombytes("RGB", (1400, 1400), os.urandom(1400 * 1400 * 3)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    cookies = {identity.COOKIE: identity.sign("ada")}
    with TestClient(app.without_page(), cookies=cookies) as made:
        yield made


def _preview(client: TestClient) -> str:
    files = [("content", picture()), ("style", picture())]
    preview_id = client.post(f"{PREFIX}/previews", files=files).json()["id"]
    claimed = preview_claims.claim()
    assert claimed is not None
    blobs.put(previews.result_key(claimed.owner), picture())
    preview_claims.end(claimed, State.MADE)
    return str(preview_id)


def _addresses(client: TestClient, noise: bytes) -> dict[str, str]:
    """Make one of each thing that has a picture, all of them large; return the gaps' fillings."""
    files = [("content", picture()), ("style", picture())]
    batch = client.post(f"{PREFIX}/batches", files=files).json()
    masked = [*files, ("mask", picture())]
    job, binned = (client.post(f"{PREFIX}/jobs", files=masked).json()["id"] for _ in range(2))
    for _ in range(3):
        finish(begin())
    client.post(f"{PREFIX}/jobs", files=files)
    upload = client.post(f"{PREFIX}/uploads", files={"picture": noise}).json()["id"]
    shared = client.post(f"{PREFIX}/gallery/{job}/share").json()["own"]["link"]
    preview = _preview(client)
    client.get(f"{PREFIX}/jobs/{job}/styles/0/thumbnail")  # which makes its file
    blobs.put_all({f"{job}/{taught_styles.SAMPLE}": noise, f"{job}/film-1.mp4": noise})
    painted = begin().id  # a film, of which the first part is painted
    film = {"seconds": 6.0, "most": 1, "clean": f"{painted}/clean-1.mp4", "codec": "h264"}
    painted_part(painted, noise)
    blobs.put(f"{painted}/clean-1.mp4", noise)
    with database.transaction() as session:
        session.execute(update(Job).where(Job.id == job).values(film_key=f"{job}/film-1.mp4"))
        session.execute(update(Job).where(Job.id == painted).values(film=film))
    for key, _ in list(blobs.files()):
        blobs.put(key, noise)
    assert client.delete(f"{PREFIX}/gallery/{binned}").status_code == 204
    return {
        "/bin/{job_id}": f"/bin/{binned}",
        "{job_id}/beginning": f"{painted}/beginning",
        "{job_id}/unpainted": f"{painted}/unpainted",
        "{batch_id}": batch["id"],
        "{job_id}": job,
        "{upload_id}": upload,
        "{token}": shared.rpartition("/")[2],
        "{preview_id}": preview,
        "{place}": "0",
    }


def picture_routes(made: FastAPI) -> list[str]:
    """Return the path of every GET of the API that answers with pictures."""
    return [
        path
        for path, operations in made.openapi()["paths"].items()
        if any(
            kind.startswith(("image/", "video/")) or kind == "application/zip"
            for kind in operations.get("get", {})
            .get("responses", {})
            .get("200", {})
            .get("content", {})
        )
    ]


def _filled(path: str, fillings: dict[str, str]) -> str:
    for gap, filling in fillings.items():
        path = path.replace(gap, filling)
    assert "{" not in path, f"a new kind of picture: {path}"
    return path


def messages(made: FastAPI, path: str, who: str = "ada") -> list[Message]:
    """Return what an application sends for a GET."""
    found: list[Message] = []
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
        "query_string": b"", "root_path": "", "scheme": "http", "http_version": "1.1",
        "headers": [(b"cookie", f"{identity.COOKIE}={identity.sign(who)}".encode())],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip

    async def receive() -> Message:
        await asyncio.sleep(600)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        found.append(message)

    asyncio.run(made(scope, receive, send))
    return found


def test_no_route_holds_a_large_picture_in_memory_while_it_is_sent(
    client: TestClient, noise: bytes
) -> None:
    assert isinstance(client.app, FastAPI)
    fillings = _addresses(client, noise)
    routes = picture_routes(client.app)
    assert len(routes) >= 14
    largest = {}
    for route in routes:
        start, *bodies = messages(client.app, _filled(route, fillings))
        assert start["status"] == 200, (route, bodies)
        sizes = [len(body.get("body", b"")) for body in bodies]
        assert sum(sizes) > MIB, route
        largest[route] = max(sizes)
    assert {route: size for route, size in largest.items() if size > stored.WHOLE} == {}


def test_every_route_with_large_pictures_counts_its_answers(
    client: TestClient, noise: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(client.app, FastAPI)
    fillings = _addresses(client, noise)
    monkeypatch.setattr(stored, "OF_ADDRESS", 0)
    found = {}
    for route in picture_routes(client.app):
        start, body = messages(client.app, _filled(route, fillings))
        found[route] = start["status"]
        assert (b"retry-after", b"5") in start["headers"], route
        assert "The studio sends as much as it can just now." in body["body"].decode()
    assert set(found.values()) == {503}
    assert stored.under_way.answers == 0


@pytest.mark.parametrize(
    ("under_way", "refused"),
    [
        (["one"] * stored.OF_ADDRESS, True),
        (["other"] * stored.OF_ADDRESS, False),
        ([str(number) for number in range(stored.IN_ALL)], True),
        (["one"] * (stored.OF_ADDRESS - 1), False),
        ([str(n % 4) for n in range(4 * 39)] + ["one"] * 22, True),
        ([str(n % 4) for n in range(4 * 39)] + ["one"] * 21, False),
        ([str(n % 4) for n in range(4 * 39)] + ["other"] * 22, False),
    ],
    ids=range(7),
)
def test_so_many_large_answers_are_under_way(under_way: list[str], refused: bool) -> None:
    counted = stored.UnderWay()
    with ExitStack() as held:
        for who in under_way:
            held.enter_context(counted.counted(who))
        if refused:
            with pytest.raises(HTTPException) as error, counted.counted("one"):
                pass
            assert error.value.status_code == 503
        else:
            with counted.counted("one"):
                assert counted.answers == len(under_way) + 1
    assert counted.answers == 0


@pytest.mark.parametrize(
    ("under_way", "size", "refused"),
    [
        ([], 500, False),  # alone it may be as large as it is
        ([("one", 40)], 10, False),  # of the half that the others leave
        ([("one", 40)], 11, True),
        ([("one", 20)], 30, False),
        ([("one", 20)], 31, True),
        ([("other", 50)], 50, False),
        ([("other", 50)], 51, True),
        ([("other", 50), ("one", 10)], 15, False),
        ([("other", 50), ("one", 10)], 16, True),
        ([("other", 100)], 0, False),  # a file that is kept anyway
    ],
    ids=range(10),
)
def test_files_made_for_one_answer_have_so_many_bytes(
    under_way: list[tuple[str, int]], size: int, refused: bool
) -> None:
    counted = stored.UnderWay(lambda: 100)
    with ExitStack() as held:
        for who, made in under_way:
            held.enter_context(counted.counted(who, made))
        with ExitStack() as last:
            if refused:
                last.enter_context(pytest.raises(HTTPException))
            last.enter_context(counted.counted("one", size))
            assert counted.made == sum(made for _, made in under_way) + size
    assert counted.made == 0


def test_a_picture_made_for_one_answer_leaves_free_space_and_is_counted(
    client: TestClient, noise: bytes, setting: Setting
) -> None:
    assert isinstance(client.app, FastAPI)
    fillings = _addresses(client, noise)
    download = _filled(f"{PREFIX}/gallery/{{job_id}}/download", fillings)
    counted = []

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            counted.append(stored.under_way.made)
            await send(message)

        await client.app(scope, receive, noted)

    setting(spool_bytes=1)  # nothing else is under way
    cookies = {identity.COOKIE: identity.sign("ada")}
    answer = TestClient(watched, cookies=cookies).get(download)
    assert answer.status_code == 200
    assert max(counted) == len(answer.content) > MIB
    assert stored.under_way.made == 0
    setting(min_free_bytes=1 << 60)
    assert client.get(download).status_code == 507


# ---------------------------------------------------------------- how slowly


def _stuck(address: str, path: str, cookie: str) -> socket.socket:
    """Ask for something and read nothing of it."""
    host, _, port = address.removeprefix("http://").partition(":")
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wire.settimeout(60)
    wire.connect((host, int(port)))
    cookie = f"{identity.COOKIE}={cookie}"
    wire.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n".encode())
    return wire


def _rest(wire: socket.socket) -> int:
    """Read what still comes, until the other side closes; return how many bytes that was."""
    got = 0
    with suppress(ConnectionResetError):
        while piece := wire.recv(MIB):
            got += len(piece)
    return got


def _uploaded(address: str, size: int) -> tuple[str, str]:
    """Upload a picture of so many bytes; return its path and the cookie it is seen with."""
    with httpx.Client(base_url=address, timeout=60) as me:
        me.get(f"{PREFIX}/me")
        data = picture() + os.urandom(size - len(picture()))
        upload = me.post(f"{PREFIX}/uploads", files={"picture": data}).json()["id"]
        return f"{PREFIX}/uploads/{upload}", me.cookies[identity.COOKIE]


def test_a_client_that_takes_nothing_of_a_large_answer_is_given_up(
    studio: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(connection, "WINDOW", 1.0)
    with served() as address, ExitStack() as held:
        path, cookie = _uploaded(address, 20 * MIB)
        wires = [held.enter_context(closing(_stuck(address, path, cookie))) for _ in range(3)]
        until(lambda: caplog.text.count("takes too little of its answer was given up") == 3)
        until(lambda: stored.under_way.answers == 0)
        assert all(_rest(wire) < 20 * MIB for wire in wires)  # and each of them ends


def test_a_client_that_reads_slowly_gets_all_of_a_large_answer(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "WINDOW", 2.0)
    with served() as address:
        path, cookie = _uploaded(address, 4 * MIB)
        got = 0
        with closing(_stuck(address, path, cookie)) as wire:
            while got < 4 * MIB:
                piece = wire.recv(128 * KIB)
                assert piece, got
                got += len(piece)
                time.sleep(0.005)
