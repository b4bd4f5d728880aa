"""How many files and connections the web process may have open."""

import asyncio
import logging
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPResponse
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.parts import Setting
from tests.web.served import served
from web.http import connection, descriptors


@pytest.fixture
def limit() -> Iterator[int]:
    """The hard limit; the soft one is put back."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limit_of_files_is_raised(studio: Path, limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, limit))
    descriptors.install()
    now = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert now == (descriptors.MOST if limit < 0 else min(limit, descriptors.MOST))


def test_too_low_a_limit_of_files_is_warned_of(
    studio: Path, setting: Setting, limit: int, caplog: pytest.LogCaptureFixture
) -> None:
    setting(spool_bytes=1 << 40)
    with caplog.at_level(logging.WARNING):
        descriptors.install()
    assert "LimitNOFILE" in caplog.text


def test_files_are_left_for_requests_whatever_the_limit(studio: Path, limit: int) -> None:
    for soft in (256, 1024, min(limit, 16_384) if limit > 0 else 16_384):
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, limit))
        assert descriptors.connections() <= soft / 2


def test_a_connection_too_many_is_closed_at_once_and_the_others_go_on(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(descriptors, "connections", lambda: 5)
    with (
        served() as address,
        ExitStack() as held,
        httpx.Client(base_url=address, timeout=60) as early,
    ):
        assert early.get("/livez").status_code == 200
        host, _, port = address.removeprefix("http://").partition(":")
        wires = [
            held.enter_context(closing(socket.create_connection((host, int(port)), 20)))
            for _ in range(8)
        ]
        assert wires[-1].recv(1) == b""  # closed
        assert early.get("/livez").status_code == 200


def _open(address: str, source: str, held: ExitStack) -> socket.socket:
    """Return a connection to a server from an address of this machine."""
    host, _, port = address.removeprefix("http://").partition(":")
    wire = socket.create_connection((host, int(port)), 20, source_address=(source, 0))
    return held.enter_context(closing(wire))


def _answers(wire: socket.socket) -> bool:
    """Tell whether the server answers on a connection, rather than having closed it."""
    with suppress(ConnectionError):
        wire.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = HTTPResponse(wire)
        answer.begin()
        answer.read()  # whole: the next answer begins after it
        return answer.status == 200
    return False


def test_one_address_holds_a_part_of_the_connections_and_others_get_in(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(descriptors, "connections_of_address", lambda: 5)
    with served() as address, ExitStack() as held:
        with ExitStack() as first:
            wires = [_open(address, "127.0.0.1", first) for _ in range(8)]
            assert [_answers(wire) for wire in wires] == [True] * 5 + [False] * 3
            assert _answers(_open(address, "127.0.0.2", held))
        # those that were closed are soon counted no longer
        assert all(_gets_in(address, "127.0.0.1", held) for _ in range(5))
        assert not _answers(_open(address, "127.0.0.1", held))


def _gets_in(address: str, source: str, held: ExitStack) -> bool:
    """Tell whether a new connection is answered after some tries."""
    for _ in range(100):
        if _answers(_open(address, source, held)):
            return True
        time.sleep(0.1)
    return False


def test_connections_of_a_trusted_proxy_are_capped_in_all_only(
    studio: Path, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(trusted_proxies="127.0.0.0/30")
    monkeypatch.setattr(descriptors, "connections_of_address", lambda: 5)
    with served() as address, ExitStack() as held:
        wires = [_open(address, "127.0.0.1", held) for _ in range(8)]
        assert all(map(_answers, wires))


def test_an_idle_connection_of_a_trusted_proxy_is_kept_for_a_time_of_its_own(
    studio: Path, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(trusted_proxies="127.0.0.1")
    monkeypatch.setattr(connection, "PROXY_IDLE", 1)
    with served(idle=600) as address, ExitStack() as held:
        proxy, other = (_open(address, source, held) for source in ("127.0.0.1", "127.0.0.2"))
        assert _answers(proxy)
        assert _answers(other)
        assert proxy.recv(1) == b""  # closed
        assert _answers(other)


def test_an_address_may_hold_what_a_browser_needs_and_a_quarter_of_all(
    studio: Path, limit: int
) -> None:
    for soft in (64, 256, 1024, 4096):
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, limit))
        of_one = descriptors.connections_of_address()
        assert of_one >= 16
        assert of_one == 16 or 4 * of_one <= descriptors.connections()


@pytest.mark.parametrize("begin", [b"", b"GET /livez HTTP/1.1\r\nX: "], ids=["nothing", "a part"])
@pytest.mark.parametrize("second", [False, True], ids=["first", "second"])
def test_a_connection_whose_request_does_not_begin_in_time_is_closed(
    studio: Path, monkeypatch: pytest.MonkeyPatch, begin: bytes, second: bool
) -> None:
    with served(idle=1) as address:
        host, _, port = address.removeprefix("http://").partition(":")
        if not second:
            monkeypatch.setattr(connection, "HEAD", 1.0)
        with closing(socket.create_connection((host, int(port)), 30)) as wire:
            if second:
                wire.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
                assert b"200 OK" in wire.recv(65536)
                monkeypatch.setattr(connection, "HEAD", 1.0)
            wire.sendall(begin)
            with suppress(ConnectionError):
                while wire.recv(65536):  # times out, which fails, if it is not closed
                    wire.sendall(b"x")


def test_an_answer_that_lasts_longer_than_a_head_may_is_not_cut(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD", 0.5)
    slow = FastAPI()

    @slow.get("/")
    async def answer() -> str:
        await asyncio.sleep(1.5)
        return "here"

    with served(made=lambda: slow) as address, httpx.Client(base_url=address, timeout=60) as me:
        for _ in range(2):
            assert me.get("/").json() == "here"


def test_connections_that_can_not_be_accepted_are_logged_once_with_their_number(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """asyncio complains each second and connection, with a traceback."""
    monkeypatch.setattr(logging.getLogger("asyncio"), "filters", [descriptors.Seldom()])
    loop = asyncio.new_event_loop()
    try:
        for message in (*[descriptors.REFUSED] * 50, "something else"):
            loop.call_exception_handler({"message": message, "exception": OSError(24, "many")})
        monkeypatch.setattr(descriptors, "SELDOM", 0.0)
        loop.call_exception_handler({"message": descriptors.REFUSED})
    finally:
        loop.close()
    said = [record.getMessage().partition("\n")[0] for record in caplog.records]
    once, again = f"{descriptors.REFUSED}, 1 times", f"{descriptors.REFUSED}, 50 times"
    assert said == [once, "something else", again]
