"""Films in the page: chosen, painted, played in studio and gallery and behind a link, saved."""

import base64
import io
import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.adain.film import clips
from tests.journeys.browsing import (
    DESK,
    PHONE,
    STYLE,
    Visit,
    ask,
    findings,
    loaded,
    press,
    read,
    shoot,
    to_gallery,
)

SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
SECONDS = 2.0
LOADED = """(video) => new Promise((done) => {
  const look = () => video.readyState >= 1 ? done() : setTimeout(look, 50);
  look();
})"""
PLAYED = """async (video) => {
  video.muted = true;
  await video.play();
  while (video.currentTime < 0.2) await new Promise((go) => setTimeout(go, 50));
}"""


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    frames = clips.moving(12, 160, 120)
    return clips.write(tmp_path / "clip.mp4", frames, Fraction(6))


def _submit(page: Page, address: str, clip: Path) -> str:
    """Have a film painted by the API; return its job's id."""
    sent: Any = {
        "content": {"name": "clip.mp4", "mimeType": "video/mp4", "buffer": clip.read_bytes()},
        "style": {"name": "style.jpg", "mimeType": "image/jpeg", "buffer": read(STYLE)},
        "options": json.dumps({"size": 128, "steady": 0.5}),
    }
    answer = page.request.post(f"{address}/api/v1/jobs", multipart=sent)
    assert answer.status == 202, answer.text()
    job = f"{address}/api/v1/jobs/{answer.json()['id']}"
    while (state := ask(page, job)["state"]) != "done":
        assert state in {"queued", "running"}, ask(page, job)
        page.wait_for_timeout(100)
    return str(answer.json()["id"])


def _check_plays(video: Locator) -> None:
    """Check that a film is all there, with its first frame until it plays, and plays."""
    video.evaluate(LOADED)
    assert abs(video.evaluate("(one) => one.duration") - SECONDS) < 0.1
    assert video.evaluate("(one) => [one.paused, one.controls, one.playsInline, one.preload]") == [
        True, True, True, "metadata"
    ]  # fmt: skip
    assert "/picture" in str(video.get_attribute("poster"))
    video.evaluate(PLAYED)


def _save(page: Page, within: str) -> bytes:
    """Press Download within a part of the page; return the file, which is called as a film."""
    with page.expect_download() as coming:
        page.locator(within).get_by_role("link", name="Download", exact=True).click()
    assert coming.value.suggested_filename.startswith("adain-studio-")
    assert coming.value.suggested_filename.endswith(".mp4")
    return Path(coming.value.path()).read_bytes()


STOPPED = """async (video) => {
  video.pause();
  await new Promise((done) => { video.onseeked = done; video.currentTime = 1.25; });
}"""
DATA = """async (image) => {
  const data = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
  return btoa(String.fromCharCode(...data));
}"""


def _check_compares(page: Page, within: str) -> None:
    """Turn a film to the slider over the frame it stands at, and back: it has stopped meanwhile."""
    part = page.locator(within)
    part.locator("video").evaluate(STOPPED)
    part.get_by_role("button", name="Compare this frame").click()
    expect(part.locator(".compare img")).to_have_count(2)
    loaded(page, ".compare img")
    shown = Image.open(
        io.BytesIO(base64.b64decode(part.locator(".compare img.before").evaluate(DATA)))
    )
    wanted = [Image.fromarray(one).resize(shown.size) for one in clips.moving(12, 160, 120)]
    apart = [np.abs(np.asarray(shown.convert("RGB"), int) - np.asarray(one)) for one in wanted]
    assert np.argmin([one.mean() for one in apart]) == 7  # of 6 frames a second, at 1.25 s
    shoot(page, f"film-compared-{within.strip('#')}")
    part.get_by_role("button", name="Back to the film").click()
    expect(part.locator("video")).to_have_js_property("paused", True)


@SIZES
def test_a_film_plays_in_the_studio_the_gallery_and_behind_a_link(
    visit: Visit, address: str, clip: Path, size: tuple[int, int]
) -> None:
    name = "desk" if size == DESK else "phone"
    page = visit(size)
    asked: list[tuple[str, str]] = []
    page.context.on("request", lambda one: asked.append((one.resource_type, one.url)))
    job_id = _submit(page, address, clip)
    page.reload()
    _check_plays(page.locator("#stage[data-state=done] video"))
    expect(page.locator("#strip .tile .badge.film")).to_have_count(1)
    expect(page.locator("#strip .tile")).to_have_attribute("aria-label", re.compile("Film"))
    shoot(page, f"{name}-film")
    assert findings(page) == []
    _check_compares(page, "#stage")
    film = _save(page, "#stage")
    assert film == page.request.get(f"{address}/api/v1/jobs/{job_id}/result").body()

    to_gallery(page, 1)
    expect(page.locator("#stage video")).to_have_js_property("paused", True)
    expect(page.locator("#gallery .tile .badge.film")).to_have_count(1)
    shoot(page, f"{name}-film-gallery")
    page.click("#gallery .tile")
    _check_plays(page.locator("dialog video"))
    expect(page.locator("dialog .made")).to_contain_text("Steadiness")
    expect(page.locator("dialog .made")).not_to_contain_text("timing.")
    expect(page.locator("dialog .made")).not_to_contain_text("Brush strokes")
    shoot(page, f"{name}-film-entry")
    assert findings(page) == []
    _check_compares(page, "dialog")
    assert _save(page, "dialog .download") == film

    press(page, "Share link")
    link = page.locator("dialog .sharing input")
    shared = str(link.input_value())
    other = visit(size)
    other.context.on("request", lambda one: asked.append((one.resource_type, one.url)))
    said: list[str] = []
    other.on("console", lambda line: said.append(line.text))
    other.goto(shared)
    _check_plays(other.locator("#shared video"))
    shoot(other, f"{name}-film-shared")
    assert findings(other) == []
    assert _save(other, "#shared .download") == film
    assert [line for line in said if "Content Security Policy" in line] == []
    assert [
        url for kind, url in asked if kind == "image" and url.endswith(("/result", "/film"))
    ] == []


def _drop(page: Page, field: str, clip: Path) -> None:
    """Drop a film on a field, as from a folder."""
    transfer = page.evaluate_handle(
        """([data, name]) => {
          const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], name, {type: "video/mp4"}));
          return transfer;
        }""",
        [base64.b64encode(clip.read_bytes()).decode(), clip.name],
    )
    page.dispatch_event(f"{field} .inside", "drop", {"dataTransfer": transfer})


@SIZES
def test_a_film_is_chosen_as_the_photo_and_painted(
    visit: Visit, address: str, clip: Path, size: tuple[int, int]
) -> None:
    page = visit(size)
    said = page.locator("#film-said")
    expect(said).to_contain_text("up to 60 seconds and 200 MiB")
    expect(page.locator("#steady")).to_be_hidden()
    page.check("#how input[value=gatys-little]")  # which films don't have
    _drop(page, "#style-0", clip)
    expect(page.locator("#style-0 .wrong")).to_contain_text("not a style")
    _drop(page, "#photo", clip)
    page.wait_for_selector("#photo img[src*='/uploads/'][src$='/shown']")
    expect(said).to_contain_text("keeps its sound")
    expect(page.locator("#photo .field")).to_have_attribute("data-length", "2.0 s")
    expect(page.locator("#steady")).to_be_visible()
    for hidden in ("#how", "#strokes", "#transparency", "#photo .tool.crop", "#program"):
        expect(page.locator(hidden)).to_be_hidden()
    page.check("#size input[value='256']")
    page.locator("#steady input[type=number]").fill("30")
    page.locator("#steady input[type=number]").press("Tab")
    shoot(page, f"{'desk' if size == DESK else 'phone'}-film-form")
    assert findings(page) == []
    page.click("#send")
    page.wait_for_selector("#stage[data-state=done] video", timeout=180_000)
    _check_plays(page.locator("#stage[data-state=done] video"))
    job = ask(page, f"{address}/api/v1/jobs")["jobs"][0]
    assert (job["options"]["steady"], job["options"]["size"]) == (0.3, 256)
    assert job["options"]["method"] == "adain"
    page.get_by_role("button", name="Remove: Your photo").click()
    expect(page.locator("#steady")).to_be_hidden()
    page.locator("#stage").get_by_role("button", name="Open again").click()
    page.wait_for_selector(f"#photo img[src*='{job['id']}/content']")
    expect(page.locator("#steady input[type=number]")).to_have_value("30")
    expect(page.locator("#steady")).to_be_visible()
    page.reload()
    expect(page.locator("#steady")).to_be_visible()
    page.click("#send")
    page.wait_for_function("document.querySelectorAll('#strip .tile').length === 2")
    second = ask(page, f"{address}/api/v1/jobs")["jobs"][0]
    assert second["film"]["seconds"] == SECONDS
    assert second["parent"] == job["id"]
