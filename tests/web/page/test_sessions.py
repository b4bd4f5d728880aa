from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from gradio.routes import App

from tests.parts import Setting
from web import app
from web.page import sessions

PREDICT = "/gradio_api/run/predict"


@pytest.fixture
def client(studio: Path, setting: Setting) -> Iterator[TestClient]:
    setting(visitor_events=0, address_events=0)
    with TestClient(app.create(), raise_server_exceptions=False) as made:
        yield made


def page(client: TestClient) -> App:
    [found] = [
        route.app
        for route in client.app.routes  # type: ignore[attr-defined]
        if isinstance(getattr(route, "app", None), App)
    ]
    assert isinstance(found, App)
    return found


def event(client: TestClient, session: str) -> None:
    """Send an event that any page sends when it is opened."""
    networks = [
        number
        for number, function in page(client).get_blocks().fns.items()
        if function.name == "networks"
    ]
    asked = {"data": [], "fn_index": networks[0], "session_hash": session}
    answer = client.post(PREDICT, json=asked)
    assert answer.status_code == 200, answer.text


def test_the_page_keeps_so_many_sessions_the_latest_used(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST", 3)
    for name in "abcda":
        event(client, name)
    assert set(page(client).state_holder.session_data) == {"c", "d", "a"}
    event(client, "b")  # it went, and its visitor notices nothing
    assert set(page(client).state_holder.session_data) == {"d", "a", "b"}


def test_an_idle_session_ends(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    event(client, "old")
    monkeypatch.setattr(sessions, "IDLE", 0.0)
    event(client, "new")
    assert set(page(client).state_holder.session_data) == {"new"}


def test_what_sessions_hold_is_bounded() -> None:
    assert sessions.MOST <= 64
