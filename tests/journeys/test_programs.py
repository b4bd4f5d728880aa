"""What the drawer says of the form, run as it stands, makes the job that the form makes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browsing import (
    PHONE,
    PHOTO,
    STYLE,
    Visit,
    ask,
    choose,
    drop,
    empty,
    findings,
    set_strength,
    shoot,
    states,
    wait_for_result,
)

ROOT = Path(__file__).parents[2]


def texts(page: Page) -> dict[str, str]:
    page.locator("#program summary").click()
    expect(page.locator("[data-program] pre")).to_have_count(3)
    return {
        str(box.get_attribute("data-program")): box.locator("pre").inner_text()
        for box in page.locator("[data-program]").all()
    }


def run(name: str, text: str, folder: Path, key: str) -> None:
    """Run a text as a visitor would, in a folder, with the project's programs on the path."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    (tools / "adain-studio").write_text(f'#!/bin/sh\nexec {sys.executable} -m web.cli "$@"\n')
    (tools / "adain-studio").chmod(0o755)
    command = [sys.executable, "-c", text] if name == "python" else ["sh", "-ec", text]
    kept = {word: value for word, value in os.environ.items() if not word.startswith("STUDIO_")}
    path = f"{tools}{os.pathsep}{kept['PATH']}"
    ended = subprocess.run(
        command,
        cwd=folder,
        env=kept | {"PATH": path, "PYTHONPATH": str(ROOT), "STUDIO_API_KEY": key},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, f"{name}: {ended.stdout}{ended.stderr}\n{text}"


def as_made(job: dict[str, Any], entry: dict[str, Any]) -> Any:  # noqa: ANN401, JSON
    """Return what a job was made of: settings and styles, by their digests."""
    digests = [style["digest"] for style in entry["own"]["styles"]]
    return job["options"], digests, job["styles"], job["masks"], job["width"]


def made_here(page: Page, address: str) -> list[Any]:
    found = []
    for job in ask(page, f"{address}/api/v1/jobs")["jobs"]:
        entry = ask(page, f"{address}/api/v1/gallery/{job['id']}")
        found.append(as_made(job, entry))
    return found


def fill_simple(page: Page) -> None:
    choose(page, "cat", "ink")
    set_strength(page, 60)
    page.locator("#size label", has_text="256").click()


def fill_all(page: Page) -> None:
    """Two styles with shares, a file of one's own with a quote in its name, other controls."""
    empty(page)
    drop(page, "#photo", PHOTO)
    drop(page, "#style-0", STYLE)
    page.click("#shelf-styles button[data-name=ink]", modifiers=["Shift"])
    page.wait_for_selector("#style-1 img")
    page.locator("#share-0 input[type=number]").fill("75")
    page.locator("#share-0 input[type=number]").press("Tab")
    page.locator("#color label", has_text="Mine, matched").click()
    page.locator("#margins label", has_text="Keep").click()
    page.locator("#size label", has_text="256").click()


@pytest.mark.parametrize("fill", [fill_simple, fill_all])
def test_each_text_makes_the_job_that_the_form_makes(
    visit: Visit, address: str, tmp_path: Path, fill: Callable[[Page], None]
) -> None:
    page = visit(PHONE) if fill is fill_simple else visit()
    for file in (PHOTO, STYLE):
        shutil.copy(file, tmp_path)
    key = page.request.post(f"{address}/api/v1/me/keys", data={"name": "programs"}).json()["key"]
    fill(page)
    found = texts(page)
    assert findings(page) == []
    shoot(page, f"program-{'phone' if fill is fill_simple else 'desk'}")
    page.click("#send")
    wait_for_result(page)
    for name in ("command", "python"):
        run(name, found[name], tmp_path, key)
        assert (tmp_path / "painted.png").read_bytes().startswith(b"\x89PNG")
        (tmp_path / "painted.png").unlink()
    run(
        "curl",
        found["curl"].replace("-c studio.cookies", f"-H 'Authorization: Bearer {key}'"),
        tmp_path,
        key,
    )
    while set(states(page, address)) != {"done"}:
        page.wait_for_timeout(100)
    assert len(states(page, address)) == 4
    first, *others = made_here(page, address)
    assert others == [first] * 3
