"""The page /live in a browser with a made camera: opened, started, watched."""

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page

from adain.stylizer import Stylizer
from tests.adain.live.pairs import PAIRS, TINY, Pair, apart, expected, painted, rgba
from tests.journeys.browsing import DESK, PHONE, SECONDS
from tests.web.served import served

FRAMES = "document.querySelector('.view').dataset.frames"


@contextmanager
def live(browser: Browser, size: tuple[int, int] = DESK, **more: object) -> Iterator[Page]:
    """Open /live of a studio without workers; its console says nothing but of a lost card."""
    said: list[str] = []
    viewport: Any = {"width": size[0], "height": size[1]}
    context = browser.new_context(viewport=viewport, has_touch=size == PHONE, **more)  # type: ignore[arg-type]
    context.set_default_timeout(SECONDS)
    page = context.new_page()
    page.on("console", lambda line: said.append(line.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    with served() as address:
        page.goto(f"{address}/live")
        yield page
        context.close()
    others = [line for line in said if not line.startswith("webgpu: ")]
    assert others == [], others


def button(page: Page, name: str) -> Any:  # noqa: ANN401, a locator
    return page.get_by_role("button", name=name, exact=True)


def frames(page: Page) -> int:
    return int(page.evaluate(FRAMES) or 0)


def until(page: Page, script: str) -> None:
    """Wait until a script is true; the page's policy allows Playwright's own way no `eval`."""
    end = time.monotonic() + SECONDS / 1000
    while not page.evaluate(script):
        assert time.monotonic() < end, script
        page.wait_for_timeout(50)


def wait_for_frames(page: Page, more: int) -> None:
    """Wait until so many more frames were painted."""
    until(page, f"({FRAMES} ?? 0) >= {frames(page) + more}")


def start(page: Page) -> None:
    button(page, "Start the camera").click()
    until(page, "document.querySelector('video.source').srcObject !== null")
    wait_for_frames(page, 1)


def tracks(page: Page) -> list[str]:
    """Return the states of the camera's tracks, [] once it is let go of."""
    script = "(document.querySelector('video.source').srcObject?.getTracks() ?? [])"
    found: list[str] = page.evaluate(f"{script}.map((one) => one.readyState)")
    return found


def _task(pair: Pair) -> dict[str, object]:
    asked = pair.request()
    pictures = [one for one in (asked.content, *asked.styles) if isinstance(one, Image.Image)]
    coded = [
        {
            "data": base64.b64encode(rgba(one)).decode(),
            "width": one.width,
            "height": one.height,
        }
        for one in pictures
    ]
    return {"pictures": coded, "shares": pair.shares, "alpha": pair.alpha}


def scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return int(size[0] * scale), int(size[1] * scale)


def differences(page: Page, script: Path, scale: float = 1) -> dict[str, int]:
    """Have a script paint the pairs, photos at a scale; return by how much of 255 each is not
    `adain`'s in float32."""
    stylizer = Stylizer.load(device="cpu", exact=True)
    pairs = [replace(pair, size=scaled(pair.size, scale)) for pair in PAIRS] + [TINY]
    made = page.evaluate(script.read_text("utf-8"), [_task(pair) for pair in pairs])
    return {
        f"{pair.photo} {pair.size}": apart(
            painted(base64.b64decode(data), pair), expected(stylizer, pair)
        )
        for pair, data in zip(pairs, made, strict=True)
    }
