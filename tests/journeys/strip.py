"""`make strip`: a visitor's first minute on a studio of its own, as a strip of screenshots.

Prints what a visitor waits for on the way, in seconds: a preview after photo and style are chosen,
the contact sheet of all styles, a picture of 512 px. The times are those of this machine as it is;
the network is not compiled, since that would take the cores in the minute that is measured.
"""

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.hard import whole
from tests.journeys.browsing import PHONE, PHOTO, drop, open_page, pick, wait_for_result
from tests.journeys.conftest import FLAGS
from web.samples import shelf

GAP, GROUND = 16, "#d8d6d0"  # pixels and colour between two screenshots


def _timed(what: str, step: Callable[[], object]) -> None:
    begun = time.perf_counter()
    step()
    print(f"{what}: {time.perf_counter() - begun:.2f} s", flush=True)


def _drop(page: Page) -> None:
    """Drop a photo and wait for its preview."""
    drop(page, "#photo", PHOTO)
    expect(page.locator("#stage")).to_have_attribute("data-state", "preview")


def _style(page: Page, name: str) -> None:
    """Press a style and wait for a preview in place of the one that is shown."""
    shown = page.locator("#stage .preview img")
    before = str(shown.get_attribute("src"))
    pick(page, "styles", name)
    expect(shown).not_to_have_attribute("src", before)


def _sheet(page: Page) -> None:
    page.get_by_role("button", name="All styles on my photo").click()
    expect(page.locator("#stage .sheet .step")).to_have_count(len(shelf.names("styles")))


def _repaint(page: Page) -> None:
    page.get_by_role("button", name="Repaint").click()
    wait_for_result(page)


def _shot(page: Page) -> Image.Image:
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(600)  # what fades in has done so
    return Image.open(io.BytesIO(page.screenshot()))


def recorded(page: Page) -> list[Image.Image]:
    """Walk from the first sight to a result; return the screenshots."""
    page.wait_for_selector("#stage[data-state=sample]")
    shots = [_shot(page)]
    _timed("one's own photo, from its drop to its preview", lambda: _drop(page))
    _timed("preview in another style", lambda: _style(page, "mosaic"))
    shots.append(_shot(page))
    _timed("contact sheet of all styles", lambda: _sheet(page))
    shots.append(_shot(page))
    page.locator("#stage .sheet").get_by_role("button", name="Linocut").click()
    expect(page.locator("#stage")).to_have_attribute("data-state", "preview")
    _timed("picture of 512 px", lambda: _repaint(page))
    return [*shots, _shot(page)]


def strip(shots: list[Image.Image]) -> Image.Image:
    """Return screenshots of one size side by side."""
    width, height = shots[0].size
    step = width + GAP
    whole_strip = Image.new("RGB", (step * len(shots) - GAP, height), GROUND)
    for place, shot in enumerate(shots):
        whole_strip.paste(shot, (step * place, 0))
    return whole_strip


def main() -> None:
    """Record it."""
    parser = argparse.ArgumentParser("python -m tests.journeys.strip", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=Path("docs/images/journey.jpg"))
    file: Path = parser.parse_args().file
    with whole.studio(compile=0) as studio, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport={"width": PHONE[0], "height": PHONE[1]})
        page.set_default_timeout(whole.PATIENCE * 1000)
        expect.set_options(timeout=whole.PATIENCE * 1000)
        open_page(page, studio.address)
        strip(recorded(page)).save(file, quality=85)
        browser.close()
    print(f"strip: {file}")


if __name__ == "__main__":
    main()
