"""A running studio and real browsers, for the journeys that need them."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from tests.journeys.browsing import DESK, PHONE, SECONDS, Visit, open_page
from tests.parts import free_port
from tests.web.served import served
from web import app

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def _well(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def check_backup(environment: dict[str, str], folder: Path) -> str:
    """Back up a studio that runs, and restore it into an empty one; returns what was restored."""
    second = environment | {"STUDIO_DATA": str(folder / "second")}
    file = folder / "studio.tar"
    said = []
    for given, word in ((environment, "backup"), (second, "verify"), (second, "restore")):
        ended = subprocess.run(
            [sys.executable, "-m", "web.cli", word, str(file)],
            cwd=ROOT,
            env=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        said.append(ended.stdout.partition(": ")[2])
    assert said[0] == said[2]  # the counts of all tables
    return said[2]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running studio's address."""
    data, port = tmp_path_factory.mktemp("studio"), free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STUDIO_")}
    chosen = kept | {"STUDIO_DATA": str(data), "STUDIO_PORT": str(port), "STUDIO_COMPILE": "0"}
    studio = subprocess.Popen([sys.executable, "-m", "web.cli", "up"], cwd=ROOT, env=chosen)
    end = time.monotonic() + 120
    while not _well(f"http://127.0.0.1:{port}"):
        assert studio.poll() is None, "the studio ended"
        assert time.monotonic() < end, "the studio never got ready"
        time.sleep(0.2)
    yield f"http://127.0.0.1:{port}"
    check_backup(chosen, tmp_path_factory.mktemp("backup"))  # what lived through the journey
    studio.send_signal(signal.SIGTERM)
    studio.wait(30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=SECONDS)
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield made
        made.close()


@contextmanager
def visits(browser: Browser, address: str, *others: str) -> Iterator[Visit]:
    """Open the page as a new visitor; it may load from the studio and these others only."""
    elsewhere: list[str] = []
    broken: list[str] = []
    contexts = []

    def note(request: Request) -> None:
        if not request.url.startswith((address, *others, "blob:", "data:")):
            elsewhere.append(request.url)

    def opened(
        size: tuple[int, int] = DESK,
        scheme: Literal["light", "dark"] = "light",
        **more: Any,  # noqa: ANN401
    ) -> Page:
        viewport = {"width": size[0], "height": size[1]}
        context = browser.new_context(
            viewport=viewport,  # type: ignore[arg-type]
            color_scheme=scheme,
            has_touch=size == PHONE,
            **more,
        )
        contexts.append(context)
        context.set_default_timeout(SECONDS)
        context.on("request", note)
        page = context.new_page()
        page.on("pageerror", lambda error: broken.append(str(error)))
        open_page(page, address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert elsewhere == []
    assert broken == []


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """Visit the running studio."""
    with visits(browser, address) as opened:
        yield opened


@pytest.fixture
def idle(studio: Path, browser: Browser) -> Iterator[Visit]:
    """Visit a studio without workers and queue: the test changes its jobs' states itself."""
    with served(made=app.create) as address, visits(browser, address) as opened:
        yield opened
