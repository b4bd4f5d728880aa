"""What is read of a request's cookies."""

from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from tests.web.served import served
from web import app
from web.security.cookies import Unquoted
from web.security.identity import COOKIE, sign

LONG = "\\" * 12_000


async def _seen(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the cookies that a request has."""
    await JSONResponse(Request(scope).cookies)(scope, receive, send)


QUOTED = ['a="b"', 'a= "b"', f'a="{LONG}"', 'a="', '"b"="c"', 'a=""', '"b"', f'"{LONG}', 'a=b"c"']
SPACES = [f'a={chr(one)}"b"' for one in (9, 11, 12, 28, 29, 30, 31, 133, 160)]  # to some parsers


@pytest.mark.parametrize("quoted", [*QUOTED, *SPACES])
def test_cookies_in_quotes_are_dropped_unread_and_the_others_count(quoted: str) -> None:
    """Python before 3.11.10 takes time that grows with the square of their backslashes."""
    client = TestClient(Unquoted(_seen))
    cookie = f"x=1; {quoted};y=2".encode("latin-1")
    seen = client.get("/", headers={b"Cookie": cookie}).json()
    assert seen == {"x": "1", "y": "2"}


def test_a_visitor_is_known_beside_a_cookie_in_quotes(studio: Path) -> None:
    with TestClient(app.without_page()) as client:
        answer = client.get(
            "/api/v1/jobs", headers={"Cookie": f'a="{LONG}"; {COOKIE}={sign("ann")}'}
        )
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers


def test_a_head_of_more_than_32_kib_is_refused(studio: Path) -> None:
    with served() as address:
        for size, status in ((12_000, 200), (40_000, 400)):
            answer = httpx.get(f"{address}/livez", headers={"Cookie": "a" * size}, timeout=60)
            assert answer.status_code == status
