import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.parts import Setting
from web import app
from web.security.identity import COOKIE
from worker.visitors import uploads


@pytest.fixture
def client(studio: Path) -> Iterator[TestClient]:
    with TestClient(app.create()) as made:
        yield made


def _loaded(code: str) -> set[str]:
    """Return the modules that a fresh interpreter has after running the code."""
    tell = "; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code + tell], capture_output=True, check=True)
    return set(done.stdout.decode().split())


def test_the_web_process_never_loads_the_network(studio: Path) -> None:
    loaded = _loaded("import web.app; web.app.create()")
    assert "web.page.form" in loaded
    assert not loaded & {"torch", "torchvision", "safetensors", "adain.model", "adain.stylizer"}


def test_importing_the_application_needs_nothing_running() -> None:
    assert "gradio" not in _loaded("import web.app")


def test_the_page_is_served_and_its_visitor_gets_a_cookie(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert "AdaIN Studio" in answer.text
    assert COOKIE in answer.cookies


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("GET", "/gradio_api/info"),
        ("POST", "/gradio_api/call/repaint"),
        ("POST", "/gradio_api/call/v2/repaint"),
        ("POST", "/gradio_api/run/repaint"),
        ("POST", "/gradio_api/api/repaint"),
        ("GET", "/gradio_api/mcp/schema"),
        ("GET", "/gradio_api/proxy=http://127.0.0.1/"),
        ("POST", "/call/repaint"),
        ("POST", "/run/repaint"),
    ],
)
def test_the_pages_events_are_no_second_api(client: TestClient, method: str, address: str) -> None:
    answer = client.request(method, address, json={"data": []})
    assert answer.status_code in {404, 405}, answer.text


@pytest.mark.parametrize(
    "address",
    [
        "/login",
        "/logout",
        "/openapi.json",
        "/pwa_icon",
        "/pwa_icon/512",
        "/manifest.json",
        "/robots.txt",
        "/monitoring",
        "/monitoring/summary",
        "/svelte/x",
        "/gradio_api/openapi.json",
        "/gradio_api/deep_link",
    ],
)
def test_routes_of_gradio_that_the_page_does_not_need_answer_404(
    client: TestClient, address: str
) -> None:
    for method in ("GET", "POST"):
        assert client.request(method, address).status_code in {404, 405}, method


def test_nothing_of_the_data_folder_is_served(client: TestClient, studio: Path) -> None:
    (studio / "cookie-secret").write_text("secret")
    for file in (studio / "cookie-secret", studio / "studio.sqlite3", Path(app.__file__)):
        assert client.get(f"/gradio_api/file={file}").status_code in {403, 404}


def test_a_weak_cookie_secret_is_warned_of_at_the_start(
    studio: Path,
    setting: Setting,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(app, "mount_page", lambda _: None)
    setting(cookie_secret="hunter2")
    app.create()
    [received] = [one for one in caplog.messages if "STUDIO_COOKIE_SECRET" in one]
    assert "is weak" in received
    assert "hunter2" not in received


def test_uploads_are_tidied_while_the_server_runs(studio: Path) -> None:
    stray = uploads.folder() / ("0" * 32)  # as an upload is named
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"of a process that was killed")
    os.utime(stray, (0, 0))
    with TestClient(app.without_page()):
        end = time.monotonic() + 60
        while stray.exists() and time.monotonic() < end:
            time.sleep(0.05)
    assert not stray.exists()
