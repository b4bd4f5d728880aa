"""What a request may carry, how long it may take, and how much comes at once."""

import asyncio
import io
import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from PIL import Image, PngImagePlugin
from starlette.types import Message

from tests.parts import Setting, picture
from tests.web.served import served
from web import app
from web.http import in_flight, request_bodies
from web.security import body_limits
from web.security.identity import COOKIE
from worker.jobs import service_state
from worker.settings import KIB, MIB, settings

ID = "019abc6e-4b1f-7c52-9d0e-2f6a1c3b5d7e"
FORM = "multipart/form-data; boundary=x"
EVENTS = ("/gradio_api/run/predict",)


post = partial(httpx.post, timeout=60)  # the machine may be busy
get = partial(httpx.get, timeout=60)


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.without_page()) as made:
        yield made


def _in_chunks(
    address: str, size: int, count: int, extension: bytes = b"", filling: bytes = b"a"
) -> bytes:
    """Send a body in chunks of so many bytes; return what is answered."""
    host, _, port = address.removeprefix("http://").partition(":")
    head = f"POST /livez HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"
    one = (filling * size)[:size]
    chunks = (b"%x%b\r\n" % (size, extension) + one + b"\r\n") * count
    with closing(socket.create_connection((host, int(port)), 60)) as wire, suppress(OSError):
        wire.sendall(head.encode() + chunks + b"0\r\n\r\n")
        return wire.recv(1000)
    return b""


def test_a_body_of_very_small_chunks_is_given_up(studio: Path) -> None:
    with served() as address:
        assert _in_chunks(address, 1, 60_000) == b""  # closed
        assert _in_chunks(address, 1, 60_000, b";" + b"x" * 70) == b""
        assert _in_chunks(address, 4096, 10, filling=b"\r\n").startswith(b"HTTP/1.1 405")
        assert _in_chunks(address, 1, 900).startswith(b"HTTP/1.1 405")
        assert _in_chunks(address, 256, 200).startswith(b"HTTP/1.1 405")


@contextmanager
def sending(
    address: str,
    path: str,
    announced: int,
    begin: bytes = b"",
    kind: str = FORM,
    method: str = "POST",
    sender: str = "127.0.0.1",
) -> Iterator[socket.socket]:
    """Announce a body and send only its beginning; yields the connection."""
    host, _, port = address.removeprefix("http://").partition(":")
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {announced}\r\n"
        f"Content-Type: {kind}\r\nX-Forwarded-For: {sender}\r\n\r\n"
    )
    with closing(socket.create_connection((host, int(port)), 20)) as wire:
        wire.sendall(head.encode() + begin)
        yield wire


def answer(wire: socket.socket) -> tuple[int, str]:
    """Return status and text of the answer, as far as it came at once."""
    text = wire.recv(65536).decode()
    return int(text.split()[1]), text


def without_files() -> list[tuple[str, str]]:
    """Return method and path of every operation of the API that takes no file."""
    description = app.without_page().openapi()
    return [
        (method.upper(), path.replace("{", "").replace("}", ""))
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
        if "multipart/form-data" not in operation.get("requestBody", {}).get("content", {})
    ]


# ---------------------------------------------------------------- how large


def test_a_large_body_is_refused_by_every_route_without_files_before_it_is_sent(
    studio: Path,
) -> None:
    found = {}
    with served() as address:
        for method, path in without_files():
            with sending(address, path, 2 * MIB, kind="application/json", method=method) as wire:
                found[method, path] = answer(wire)[0]
    assert len(found) > 20
    assert {one: status for one, status in found.items() if status != 413} == {}


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/api/v1/jobs/", "/api/v1/admin/blocks", "/page"]
)
def test_a_large_body_is_refused_where_no_route_takes_one(studio: Path, path: str) -> None:
    with served() as address, sending(address, path, 2 * MIB) as wire:
        assert answer(wire)[0] == 413


def test_a_large_body_without_an_announcement_is_refused_as_it_arrives(client: TestClient) -> None:
    chunks = iter([b" " * KIB] * 100)
    answered = client.post(
        "/api/v1/me/keys", content=chunks, headers={"content-type": "application/json"}
    )
    assert answered.status_code == 413


@pytest.mark.parametrize("charset", ["punycode", "undefined", "idna", "utf-16", '"PunyCode"'])
@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/batches", "/api/v1/uploads", "/x"])
def test_text_in_another_charset_than_utf_8_is_refused_before_it_is_read(
    studio: Path, path: str, charset: str
) -> None:
    kind = f"{FORM}; charset={charset}"
    with served() as address, sending(address, path, 2000, kind=kind) as wire:
        assert answer(wire)[0] == 415


@pytest.mark.parametrize("as_file", [True, False])
def test_options_are_limited_to_64_kib(client: TestClient, as_file: bool) -> None:
    long = json.dumps({"alpha": 1, "x": "y" * 65 * KIB})
    files: list[Any] = [("content", picture()), ("style", picture())]
    if as_file:
        files.append(("options", ("options.json", long.encode())))
    data = {} if as_file else {"options": long}
    refused = client.post("/api/v1/jobs", files=files, data=data)
    assert refused.status_code in {400, 422}
    assert "64" in refused.json()["detail"]


def _most_files(path: str) -> int:
    """Return how many files a form of a route may have."""
    if path.endswith("/batches"):
        return settings().max_batch + 2
    return 2 * settings().max_styles + 3 if path.endswith(("/jobs", "/previews")) else 1


@pytest.mark.parametrize("path", [path for path, rule in body_limits.RULES.items() if rule.spooled])
def test_a_form_has_no_more_files_than_its_route_can_use(client: TestClient, path: str) -> None:
    most = _most_files(path)
    files = [("picture", (f"{n}.png", b"x")) for n in range(most + 1)]
    answered = client.post(path, files=files)
    if path.endswith("/batches"):
        assert "60 pictures at most" in answered.json()["detail"]
        return
    assert answered.status_code == 400
    assert f"Maximum number of files is {most}." in answered.json()["detail"]


def test_every_route_that_takes_a_file_has_a_rule() -> None:
    description = app.without_page().openapi()
    with_files = {
        path
        for path, operations in description["paths"].items()
        for operation in operations.values()
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
    }
    assert with_files <= set(body_limits.RULES)
    assert all(body_limits.RULES[path].spooled for path in with_files)


@pytest.mark.parametrize("path", EVENTS)
def test_an_event_of_the_page_may_carry_1_mib(studio: Path, path: str) -> None:
    with served(made=app.create) as address:
        with sending(address, path, MIB + 1) as wire:
            assert answer(wire)[0] == 413
        body = json.dumps({"data": ["x" * 1_000_000], "fn_index": 99999, "session_hash": "s"})
        taken = post(address + path, content=body, headers={"content-type": "application/json"})
        assert taken.status_code not in {413, 429}, taken.text


def test_a_refused_client_that_sends_all_of_its_body_reads_the_answer(studio: Path) -> None:
    with served() as address:
        for _ in range(3):
            refused = post(f"{address}/api/v1/me/keys", content=bytes(20 * MIB))
            assert refused.status_code == 413
            assert "at most 64 KiB" in refused.json()["detail"]


# ---------------------------------------------------------------- asked before it is read


def test_a_visitor_over_the_limit_is_refused_before_the_body_is_sent(
    studio: Path, setting: Setting
) -> None:
    setting(address_submissions=1)
    with served() as address:
        files = {"content": picture(), "style": picture()}
        assert post(f"{address}/api/v1/jobs", files=files).status_code == 202
        with sending(address, "/api/v1/jobs", MIB) as wire:
            status, text = answer(wire)
    assert status == 429
    assert "retry-after" in text.lower()


def test_a_body_over_the_days_bytes_is_refused_before_it_is_sent(
    studio: Path, setting: Setting
) -> None:
    setting(daily_bytes=100_000)
    with served() as address:
        for path in ("jobs", "batches", "previews"):
            with sending(address, f"/api/v1/{path}", 90_000, b"--x--"):
                pass
        files = {"content": picture(), "style": os.urandom(90_000)}
        assert post(f"{address}/api/v1/jobs", files=files).status_code == 422
        for path in ("jobs", "batches", "previews"):
            with sending(address, f"/api/v1/{path}", MIB) as wire:
                assert answer(wire)[0] == 429, path


def test_a_draining_studio_refuses_jobs_before_their_bodies_are_sent(studio: Path) -> None:
    service_state.change(service_state.State.DRAINING)
    with served() as address:
        for path in ("jobs", "batches"):
            with sending(address, f"/api/v1/{path}", MIB) as wire:
                assert answer(wire)[0] == 503, path


@pytest.mark.parametrize("path", EVENTS)
def test_events_of_the_page_are_limited_by_address(
    studio: Path, setting: Setting, path: str
) -> None:
    setting(address_events=3)
    with TestClient(app.create(), raise_server_exceptions=False) as client:
        found = []
        for _ in range(4):
            client.cookies.delete(COOKIE)
            found.append(client.post(path, json={"data": [], "fn_index": 99999}).status_code)
        last = client.post(path, json={"data": []})
    assert 429 not in found[:3]
    assert found[3] == 429
    assert "Please wait" in last.json()["error"]


# ---------------------------------------------------------------- how slow


def test_a_body_that_stalls_ends_in_408(studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_bodies, "WINDOW", 0.5)
    with served() as address:
        for path, kind in (("/api/v1/jobs", FORM), ("/api/v1/me/keys", "application/json")):
            with sending(address, path, 60_000, b"--x\r\n", kind) as wire:
                status, text = answer(wire)
            assert status == 408, path
            assert "connection: close" in text.lower()


@pytest.mark.parametrize("path", EVENTS)
def test_an_event_of_the_page_that_stalls_ends_in_408(
    studio: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(request_bodies, "WINDOW", 0.5)
    with (
        served(made=app.create) as address,
        sending(address, path, 60_000, b"{", "application/json") as wire,
    ):
        assert answer(wire)[0] == 408


def test_a_body_slower_than_the_least_rate_ends_in_408(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_bodies, "WINDOW", 1.0)
    with served() as address, sending(address, "/api/v1/jobs", 10 * MIB, b"--x\r\n") as wire:
        wire.settimeout(0.05)
        status = 0
        for _ in range(400):  # some bytes all the time, and never enough
            try:
                status = answer(wire)[0]
                break
            except TimeoutError:
                wire.sendall(b"a" * 16)
        assert status == 408


def test_a_slow_body_above_the_least_rate_is_taken(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_bodies, "WINDOW", 6.0)
    request = httpx.Request(
        "POST", "http://x/", files={"content": os.urandom(260_000), "style": picture()}
    )
    body, kind = request.read(), request.headers["content-type"]
    with served() as address, sending(address, "/api/v1/jobs", len(body), kind=kind) as wire:
        for start in range(0, len(body), 8000):  # 40 kB/s, for longer than the window
            wire.sendall(body[start : start + 8000])
            time.sleep(0.2)
        assert answer(wire)[0] == 422  # it was read: noise is no picture


def test_a_body_that_came_whole_is_not_timed_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_bodies, "WINDOW", 0.2)
    came: list[Message] = [{"type": "http.request", "body": b"x", "more_body": False}]

    async def receive() -> Message:
        if came:
            return came.pop()
        await asyncio.sleep(0.6)
        return {"type": "http.disconnect"}

    async def read() -> Message:
        body = request_bodies.Body(receive, body_limits.DEFAULT)
        await body()
        return await body()

    assert asyncio.run(read()) == {"type": "http.disconnect"}


# ---------------------------------------------------------------- how much at once


def test_bodies_beyond_the_budget_are_refused_before_they_are_read_and_later_taken(
    studio: Path, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "PATIENCE", 0.1)
    monkeypatch.setattr(request_bodies, "GRACE", 600.0)  # however busy the machine is
    setting(spool_bytes=8 * MIB)  # of which one address may have half
    files = {"content": picture(), "style": os.urandom(3 * MIB)}
    with served() as address:
        with sending(address, "/api/v1/jobs", 3 * MIB):
            until = time.monotonic() + 60
            while (busy := post(f"{address}/api/v1/jobs", files=files)).status_code != 503:
                assert time.monotonic() < until
            assert int(busy.headers["retry-after"]) >= 1
            assert busy.headers["content-type"] == "application/problem+json"
            small = {"content": picture(), "style": picture()}
            assert post(f"{address}/api/v1/jobs", files=small).status_code == 202
        until = time.monotonic() + 60
        while (taken := post(f"{address}/api/v1/jobs", files=files)).status_code == 503:
            assert time.monotonic() < until
            time.sleep(0.05)
    assert taken.status_code == 422  # read, and no picture


def test_a_body_larger_than_the_budget_is_taken_alone(studio: Path, setting: Setting) -> None:
    setting(spool_bytes=8000)
    padded, text = io.BytesIO(), PngImagePlugin.PngInfo()
    text.add_text("Comment", "x" * 16_000)
    Image.open(io.BytesIO(picture())).save(padded, "PNG", pnginfo=text)
    files = {"content": padded.getvalue(), "style": picture()}
    with served() as address:
        assert post(f"{address}/api/v1/jobs", files=files).status_code == 202


Admitted = tuple[str, int]  # an address, and bytes


async def _refused(line: in_flight.InFlight, held: list[Admitted], asked: Admitted) -> bool:
    """Tell whether a request is refused while others are under way; all end afterwards."""
    async with AsyncExitStack() as stack:
        for who, size in held:
            await stack.enter_async_context(line.admitted(who, size))
        try:
            await stack.enter_async_context(line.admitted(*asked))
        except in_flight.Busy:
            return True
    return False


@pytest.mark.parametrize(
    ("held", "asked", "refused"),
    [
        ([("one", 40)], ("one", 20), True),  # more than half
        ([("one", 40)], ("one", 10), False),
        ([("one", 40), ("other", 30)], ("one", 1), True),  # more than half of what is left
        ([("one", 20), ("other", 40)], ("one", 10), False),
        ([("one", 40)], ("other", 47), False),
        ([("one", 40)], ("other", 48), True),  # the last eighth is for small ones
        ([("one", 80), ("other", 7)], ("third", 6), False),
        ([("one", 80), ("other", 7)], ("third", 7), True),
        ([], ("one", 1000), False),  # alone
        ([("one", 1)], ("other", 1000), True),
        ([("one", 0)] * in_flight.OF_ADDRESS, ("one", 0), True),
        ([("one", 0)] * in_flight.OF_ADDRESS, ("other", 0), False),
        ([(str(n), 0) for n in range(in_flight.IN_ALL)], ("one", 0), True),
    ],
    ids=range(13),
)
def test_so_many_bodies_and_bytes_are_under_way(
    monkeypatch: pytest.MonkeyPatch, held: list[Admitted], asked: Admitted, refused: bool
) -> None:
    monkeypatch.setattr(in_flight, "PATIENCE", 0.01)
    line = in_flight.InFlight(lambda: 100)
    assert asyncio.run(_refused(line, held, asked)) == refused
    assert line.requests == line.bytes == 0


async def _order(line: in_flight.InFlight, asked: list[Admitted]) -> list[str]:
    """Return the order in which requests that come while there is no room are let in."""
    begun: list[str] = []

    async def come(who: str, size: int) -> None:
        async with line.admitted(who, size):
            begun.append(who)

    async with line.admitted("first", 60):
        coming = [asyncio.create_task(come(*one)) for one in asked]
        await asyncio.sleep(0.05)
    await asyncio.gather(*coming)
    return begun


def test_who_waits_for_room_is_let_in_in_the_order_of_arrival() -> None:
    line = in_flight.InFlight(lambda: 100)
    assert asyncio.run(_order(line, [("large", 90), ("small", 10)])) == ["large", "small"]
    asked = [("first", 10), ("other", 20)]  # the first one's half is taken
    assert asyncio.run(_order(line, asked)) == ["other", "first"]
    assert line.requests == line.bytes == 0


def test_a_small_body_overtakes_a_large_one_that_waits() -> None:
    line = in_flight.InFlight(lambda: 100)
    assert asyncio.run(_order(line, [("large", 90), ("small", 6)])) == ["small", "large"]


def test_small_bodies_find_room_beside_two_addresses_that_hold_as_much_as_they_can(
    studio: Path, setting: Setting
) -> None:
    setting(spool_bytes=8 * MIB)
    with served() as address, ExitStack() as held:
        for who in ("203.0.113.5", "203.0.113.6"):
            for size in (7, 4, 2, 1):
                asked = sending(address, "/api/v1/jobs", size * MIB, b"--x\r\n", sender=who)
                held.enter_context(asked)
                time.sleep(0.1)
        small = {"content": picture(), "style": picture()}
        assert post(f"{address}/api/v1/jobs", files=small).status_code == 202


def test_a_slow_body_gives_way_when_another_waits(
    studio: Path, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_bodies, "GRACE", 0.5)
    setting(spool_bytes=8 * MIB)
    files = {"content": picture(), "style": os.urandom(3 * MIB)}
    with (
        served() as address,
        sending(address, "/api/v1/jobs", 7 * MIB, b"--x\r\n", sender="203.0.113.5") as slow,
    ):
        time.sleep(0.3)
        taken = post(f"{address}/api/v1/jobs", files=files)
        assert taken.status_code == 422  # read, and no picture
        assert answer(slow)[0] == 408


def test_a_slow_body_goes_on_while_no_other_waits(
    studio: Path, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_bodies, "GRACE", 0.0)
    monkeypatch.setattr(request_bodies, "WHOLE", 0.1)
    setting(spool_bytes=8 * MIB)
    request = httpx.Request(
        "POST", "http://x/", files={"content": picture(), "style": os.urandom(90_000)}
    )
    body, kind = request.read(), request.headers["content-type"]
    with served() as address, sending(address, "/api/v1/jobs", len(body), kind=kind) as wire:
        for start in range(0, len(body), 20_000):
            wire.sendall(body[start : start + 20_000])
            time.sleep(0.3)
            small = {"content": picture(), "style": picture()}
            assert post(f"{address}/api/v1/jobs", files=small).status_code == 202
        assert answer(wire)[0] == 422


def _slowness(patch: pytest.MonkeyPatch, pieces: list[tuple[float, int]], announced: int) -> float:
    """Return the slowness of a body whose pieces came after so many seconds each, by our clock."""
    now = 0.0
    patch.setattr(request_bodies, "time", SimpleNamespace(monotonic=lambda: now))

    async def read() -> float:
        waiting = iter(pieces)

        async def receive() -> Message:
            nonlocal now
            seconds, size = next(waiting)
            now += seconds
            return {"type": "http.request", "body": bytes(size), "more_body": True}

        body = request_bodies.Body(receive, body_limits.RULES["/api/v1/batches"])
        body.expect(announced)
        with suppress(RuntimeError):  # the pieces came to an end
            await body()
        return body.slowness()

    return asyncio.run(read())


def test_how_slow_a_body_is_is_measured_by_all_that_was_announced(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_bodies, "GRACE", 0.1)
    assert _slowness(monkeypatch, [(0.2, 100 * KIB)], 64 * MIB) > 0.4
    assert _slowness(monkeypatch, [(0.2, 100 * KIB)], MIB) < 0.1
    assert _slowness(monkeypatch, [(0.0, 1)], 64 * MIB) == 0.0


def test_stalled_bodies_leave_room_for_idle_connections_and_for_other_addresses(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "OF_ADDRESS", 3)
    with served() as address, ExitStack() as held:
        for _ in range(3):
            held.enter_context(sending(address, "/api/v1/me/keys", 100, kind="application/json"))
        until = time.monotonic() + 60
        while True:
            refused = post(f"{address}/api/v1/me/keys", json={"name": "x"})
            if refused.status_code == 503:
                break
            assert time.monotonic() < until
        assert get(f"{address}/api/v1/jobs").status_code == 200
        other = {"X-Forwarded-For": "203.0.113.5"}
        taken = post(f"{address}/api/v1/me/keys", json={"name": "x"}, headers=other)
        assert taken.status_code != 503


def test_large_options_are_not_parsed(studio: Path) -> None:
    options = b'{"x": [' + b"[]," * (5 * MIB) + b"[]]}"
    files = [("content", picture()), ("style", picture()), ("options", options)]
    with served() as address:
        refused = post(f"{address}/api/v1/jobs", files=files)
    assert refused.status_code == 422
    assert refused.json()["detail"] == "`options` may have 64 KiB."


# ---------------------------------------------------------------- who gives way to whom


def _keys(address: str, sender: str) -> int:
    """Return the status of a small request of an address."""
    headers = {"X-Forwarded-For": sender}
    return post(f"{address}/api/v1/me/keys", json={"name": "x"}, headers=headers).status_code


def _stalled(held: ExitStack, address: str, sender: str, begin: bytes = b"") -> socket.socket:
    path, kind = "/api/v1/me/keys", "application/json"
    asked = sending(address, path, 30_000, begin, kind=kind, sender=sender)
    wire = held.enter_context(asked)
    time.sleep(0.1)
    return wire


def test_at_the_limit_connections_of_addresses_that_have_more_are_closed(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "IN_ALL", 8)
    monkeypatch.setattr(request_bodies, "GRACE", 600.0)
    with served() as address, ExitStack() as held:
        begun = [_stalled(held, address, "203.0.113.5", b" " * 10_000) for _ in range(2)]
        idle = _stalled(held, address, "203.0.113.5")
        for _ in range(5):
            _stalled(held, address, "203.0.113.6")
        for _ in range(20):
            assert _keys(address, "203.0.113.7") == 201
        assert _keys(address, "203.0.113.6") == 201  # one's own place is free again
        _stalled(held, address, "203.0.113.8")
        _stalled(held, address, "203.0.113.8")
        assert _keys(address, "203.0.113.7") == 201
        assert answer(idle)[0] == 503
        for wire in begun:
            wire.setblocking(False)
            with pytest.raises(BlockingIOError):
                wire.recv(1)


def test_a_connection_of_the_address_that_has_most_is_refused_at_the_limit(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "IN_ALL", 3)
    monkeypatch.setattr(request_bodies, "GRACE", 600.0)
    with served() as address, ExitStack() as held:
        for sender in ("203.0.113.5", "203.0.113.6", "203.0.113.7"):
            _stalled(held, address, sender)
        assert _keys(address, "203.0.113.7") == 503


def test_stalled_bodies_of_as_many_addresses_as_there_is_room_for_give_way(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "IN_ALL", 3)
    monkeypatch.setattr(request_bodies, "GRACE", 0.1)
    with served() as address, ExitStack() as held:
        for sender in ("203.0.113.5", "203.0.113.6", "203.0.113.7"):
            _stalled(held, address, sender)
        time.sleep(0.2)
        assert _keys(address, "203.0.113.8") == 201


def test_networks_of_one_customer_count_together(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "OF_NETWORK", 4)
    with served() as address, ExitStack() as held:
        for network in range(4):
            _stalled(held, address, f"2001:db8:1:{network}::1")
        assert _keys(address, "2001:db8:1:9::1") == 503
        assert _keys(address, "2001:db8:2::1") == 201


def test_many_networks_of_one_customer_leave_half_of_the_room(
    studio: Path, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_flight, "PATIENCE", 0.1)
    setting(spool_bytes=8 * MIB)
    with served() as address, ExitStack() as held:
        for network in range(3):
            asked = sending(
                address, "/api/v1/jobs", 3 * MIB, b"--x\r\n", sender=f"2001:db8:1:{network}::1"
            )
            held.enter_context(asked)
            time.sleep(0.2)
        files = {"content": picture(), "style": os.urandom(3 * MIB)}
        headers = {"X-Forwarded-For": "203.0.113.5"}
        assert post(f"{address}/api/v1/jobs", files=files, headers=headers).status_code == 422


# ---------------------------------------------------------------- who goes away


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        *((path, FORM) for path, rule in body_limits.RULES.items() if rule.spooled),
        ("/api/v1/me/keys", "application/json"),
        *((path, "application/json") for path in EVENTS),
    ],
)
def test_a_client_that_goes_away_leaves_one_line_in_the_log_at_most(
    studio: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    path: str,
    kind: str,
) -> None:
    caplog.set_level(logging.INFO)
    begin = b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n\r\nabc'
    with served(made=app.create if path in EVENTS else app.without_page) as address:
        caplog.clear()
        with sending(address, path, 5000, begin, kind):
            time.sleep(0.3)  # until it is being read
    said = [one for one in caplog.records if one.name != "httpx"]
    assert len(said) <= 1
    assert [one for one in said if one.levelno > logging.INFO or one.exc_info] == []
    assert capsys.readouterr().err == ""  # where the server itself logs


@pytest.mark.parametrize("path", [path for path, rule in body_limits.RULES.items() if rule.spooled])
def test_pictures_are_refused_before_they_are_sent_where_the_disk_has_no_room(
    studio: Path, setting: Setting, path: str
) -> None:
    setting(min_free_bytes=1 << 60)
    with served() as address, sending(address, path, MIB) as wire:
        assert answer(wire)[0] == 507


def test_a_body_is_handed_on_in_pieces_that_are_soon_parsed(studio: Path) -> None:
    """What is parsed at once, all other visitors wait for."""
    left = [b"a" * (64 * KIB)] * 40

    async def receive() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": bool(left)}

    async def sizes() -> list[int]:
        body, found = request_bodies.Body(receive, body_limits.RULES["/api/v1/batches"]), []
        while body.received() is not None:
            found.append(len((await body())["body"]))
        return found

    found = asyncio.run(sizes())
    assert sum(found) == 40 * 64 * KIB
    assert max(found) <= 128 * KIB
