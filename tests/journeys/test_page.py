"""A visitor's ways through the page: the whole studio as `adain-studio up` starts it, and a
real browser. Leaves screenshots under screenshots/, which git ignores; look at them."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from tests.parts import free_port
from web import shelf

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "screenshots"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK, PHONE = (1440, 900), (390, 844)
SECONDS = 60_000  # milliseconds a slow machine may take

PHOTO = str(shelf.file("photos", "coffee"))
STYLE = str(shelf.file("styles", "night"))


# ---------------------------------------------------------------- the studio and its visitors


def _well(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running studio's address."""
    data, port = tmp_path_factory.mktemp("studio"), free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STUDIO_")}
    studio = subprocess.Popen(
        [sys.executable, "-m", "web.cli", "up"],
        cwd=ROOT,
        env=kept | {"STUDIO_DATA": str(data), "STUDIO_PORT": str(port)},
    )
    end = time.monotonic() + 120
    while not _well(f"http://127.0.0.1:{port}"):
        assert studio.poll() is None, "the studio ended"
        assert time.monotonic() < end, "the studio never got ready"
        time.sleep(0.2)
    yield f"http://127.0.0.1:{port}"
    studio.send_signal(signal.SIGTERM)
    studio.wait(30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield made
        made.close()


Visit = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """Open the page as a new visitor; whatever it does, it asks nobody but the studio."""
    elsewhere: list[str] = []
    broken: list[str] = []
    contexts = []

    def note(request: Request) -> None:
        if not request.url.startswith((address, "blob:", "data:")):
            elsewhere.append(request.url)

    def opened(size: tuple[int, int] = DESK, scheme: Literal["light", "dark"] = "light") -> Page:
        viewport = {"width": size[0], "height": size[1]}
        context = browser.new_context(
            viewport=viewport,  # type: ignore[arg-type]
            color_scheme=scheme,
            has_touch=size == PHONE,
        )
        contexts.append(context)
        context.set_default_timeout(SECONDS)
        context.on("request", note)
        page = context.new_page()
        page.on("pageerror", lambda error: broken.append(str(error)))
        _open(page, address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert elsewhere == []
    assert broken == []


def _open(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("#stage[data-face]")
    page.wait_for_selector("#photo button")


def _shoot(page: Page, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    whole = page.viewport_size != {"width": DESK[0], "height": DESK[1]}
    page.screenshot(path=SHOTS / f"{name}.png", full_page=whole)


# ---------------------------------------------------------------- what a visitor does


def _drop(page: Page, field: str, file: str) -> None:
    """Drop a file on a field, as from a folder."""
    data = base64.b64encode(Path(file).read_bytes()).decode()
    transfer = page.evaluate_handle(
        """([data, name]) => {
            const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name, {type: "image/jpeg"}));
            return transfer;
        }""",
        [data, Path(file).name],
    )
    page.dispatch_event(f"{field} [data-testid=image] button", "drop", {"dataTransfer": transfer})
    page.wait_for_selector(f"{field} img")


def _pick(page: Page, kind: str, name: str) -> None:
    page.click(f"#shelf-{kind} button[data-name={name}]")


def _picked(page: Page, photo: str = "raccoon", *styles: str) -> None:
    """Choose a photo and styles from the shelf."""
    _pick(page, "photos", photo)
    page.wait_for_selector("#photo img")
    for place, style in enumerate(styles or ("night",)):
        _pick(page, "styles", style)
        page.wait_for_selector(f"#style-{place} img")


def _set_strength(page: Page, value: int) -> None:
    number = page.locator("#strength input[type=number]")
    number.fill(str(value))
    number.press("Tab")


def _wait_for_result(page: Page) -> str:
    """Wait until the stage shows a result that has loaded; return its job's id."""
    page.wait_for_selector("#stage[data-state=done] .compare")
    page.wait_for_function(
        "[...document.querySelectorAll('.compare img')].every((one) => one.naturalWidth > 0)"
    )
    return str(page.get_attribute("#stage", "data-face")).split()[0]


def _ask(page: Page, address: str) -> Any:  # noqa: ANN401, JSON
    return json.loads(page.request.get(address).text())


def _result(page: Page, address: str, job_id: str) -> Image.Image:
    data = page.request.get(f"{address}/api/v1/jobs/{job_id}/result").body()
    return Image.open(io.BytesIO(data))


def _states(page: Page, address: str) -> list[str]:
    return [job["state"] for job in _ask(page, f"{address}/api/v1/jobs")["jobs"]]


# ---------------------------------------------------------------- journeys


def test_a_photo_and_a_style_are_dropped_and_come_out_repainted(visit: Visit, address: str) -> None:
    page = visit(DESK, "light")
    expect(page.locator("#stage h2")).to_have_text("Your picture appears here")
    expect(page.locator("#strip .none")).to_be_visible()
    _shoot(page, "desk-light-empty")
    _drop(page, "#photo", PHOTO)
    _drop(page, "#style-0", STYLE)
    _set_strength(page, 80)
    page.click("#send")
    job_id = _wait_for_result(page)
    _shoot(page, "desk-light-done")

    job = _ask(page, f"{address}/api/v1/jobs/{job_id}")
    assert job["options"]["alpha"] == 0.8
    repainted = _result(page, address, job_id)
    assert repainted.size == (job["width"], job["height"])
    with Image.open(PHOTO) as photo:
        change = np.asarray(repainted, float) - np.asarray(photo.resize(repainted.size), float)
    assert np.abs(change).mean() > 15  # of 255: repainted, not passed through

    page.reload()
    assert _wait_for_result(page) == job_id
    expect(page.locator(f'.tile[data-id="{job_id}"]')).to_have_attribute("aria-current", "true")


def test_on_a_phone_in_the_dark_two_styles_are_mixed(visit: Visit, address: str) -> None:
    page = visit(PHONE, "dark")
    _picked(page, "raccoon", "night", "woodcut")
    share = page.locator("input[type=number][aria-label*='Share 2']")
    share.fill("20")
    share.press("Tab")
    page.locator("#color label", has_text="Mine, matched").click()
    _shoot(page, "phone-dark-form")
    page.click("#send")
    job_id = _wait_for_result(page)
    expect(page.locator(".compare")).to_be_in_viewport()
    _shoot(page, "phone-dark-done")
    options = _ask(page, f"{address}/api/v1/jobs/{job_id}")["options"]
    assert options["weights"] == [50, 20]
    assert options["color"] == "content"
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE[0], "the page scrolls sideways"


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESK, "dark"), (PHONE, "light")], ids=["desk-dark", "phone-light"]
)
def test_it_is_the_same_page_in_the_other_colours(
    visit: Visit, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    page = visit(size, scheme)
    _picked(page, "cat", "fjord")
    page.click("#send")
    _wait_for_result(page)
    _shoot(page, f"{'desk' if size == DESK else 'phone'}-{scheme}-done")


def test_a_waiting_job_tells_its_place_and_is_cancelled(visit: Visit, address: str) -> None:
    page = visit()
    for _ in range(3):  # something for the worker to be busy with
        answer = page.request.post(
            f"{address}/api/v1/jobs",
            multipart={
                "content": {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": _read(PHOTO)},
                "style": {"name": "b.jpg", "mimeType": "image/jpeg", "buffer": _read(STYLE)},
                "options": '{"size": 1400}',
            },
        )
        assert answer.status == 202, answer.text()
    _picked(page)
    page.click("#send")
    expect(page.locator(".standing")).to_contain_text("in line")
    _shoot(page, "desk-light-waiting")
    page.click("#cancel")
    expect(page.locator("#stage h2")).to_have_text("Cancelled")
    _shoot(page, "desk-light-cancelled")
    assert _states(page, address)[0] == "cancelled"
    for job in _ask(page, f"{address}/api/v1/jobs")["jobs"]:
        page.request.delete(f"{address}/api/v1/jobs/{job['id']}")


def _read(file: str) -> bytes:
    return Path(file).read_bytes()


def test_closing_the_tab_loses_nothing(visit: Visit, address: str) -> None:
    page = visit()
    _picked(page)
    page.click("#send")
    page.wait_for_selector("#stage[data-state=queued], #stage[data-state=running], .compare")
    context = page.context
    page.close()
    again = context.new_page()
    _open(again, address)
    _wait_for_result(again)


def test_a_double_click_is_one_job(visit: Visit, address: str) -> None:
    page = visit()
    _picked(page)
    page.dblclick("#send")
    _wait_for_result(page)
    page.wait_for_timeout(500)
    assert len(_states(page, address)) == 1


def test_a_refusal_is_a_sentence_and_the_form_keeps_what_was_chosen(
    visit: Visit, address: str, tmp_path: Path
) -> None:
    page = visit()
    page.click("#send")
    expect(page.locator("#notice [role=alert]")).to_contain_text("Choose a photo first")
    _picked(page, "coffee", "ink")
    _set_strength(page, 35)
    bad = tmp_path / "photo.jpg"
    bad.write_bytes(b"this is no picture")
    with page.expect_file_chooser() as chooser:
        page.click("#style-1 [data-testid=image] button >> nth=0")
    chooser.value.set_files(bad)
    expect(page.locator("#notice [role=alert]")).to_contain_text("PNG, JPEG and WebP are accepted")
    _shoot(page, "desk-light-refused")
    expect(page.locator("#photo img")).to_be_visible()
    expect(page.locator("#strength input[type=number]")).to_have_value("35")
    page.click("#send")
    job_id = _wait_for_result(page)
    assert _ask(page, f"{address}/api/v1/jobs/{job_id}")["options"]["alpha"] == 0.35
    expect(page.locator("#notice [role=alert]")).to_have_count(0)


def test_the_keyboard_alone_makes_and_compares_a_picture(visit: Visit, address: str) -> None:
    page = visit()
    for kind, name in (("photos", "cat"), ("styles", "glass")):
        page.focus(f"#shelf-{kind} button[data-name={name}]")
        page.keyboard.press("Enter")
        page.wait_for_selector("#photo img" if kind == "photos" else "#style-0 img")
    page.focus("#send")
    page.keyboard.press("Enter")
    _wait_for_result(page)
    page.focus(".compare input")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert (
        page.evaluate(
            "getComputedStyle(document.querySelector('.compare')).getPropertyValue('--at')"
        )
        == "55%"
    )


def test_the_settings_of_an_earlier_picture_come_back(visit: Visit) -> None:
    page = visit()
    _picked(page)
    _set_strength(page, 60)
    page.click("#send")
    _wait_for_result(page)
    _set_strength(page, 10)
    page.get_by_role("button", name="Use these settings").click()
    expect(page.locator("#strength input[type=number]")).to_have_value("60")


def test_nobody_sees_anothers_pictures(visit: Visit, address: str) -> None:
    mine = visit()
    _picked(mine)
    mine.click("#send")
    job_id = _wait_for_result(mine)
    other = visit()
    expect(other.locator("#stage h2")).to_have_text("Your picture appears here")
    assert other.request.get(f"{address}/api/v1/jobs/{job_id}/result").status == 404
