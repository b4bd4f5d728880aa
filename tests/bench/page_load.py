"""How soon the page is there, in a real browser; `tests.bench.studio` starts the studio and asks.

Each figure is one line, with the target it has. Gradio's own share is measured on a page
of one picture and one button, served and opened the same way.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright

from tests.bench import gallery_pages

TIMES = 5
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
OURS = ("/page/", "/shelf/", "/texts.js", "/api/v1/")  # the rest is Gradio's
WAIT = 60_000  # milliseconds
DOUBLE = 1500  # milliseconds after which a second press is no double click

# What a visitor needs: the form drawn and its events bound, the stage has what to show.
USABLE = """() => document.querySelector("#stage[data-face]")
  && document.querySelector("#photo input")
  && document.querySelector("#shelf-photos button img")?.complete && performance.now()"""
BARE = "() => document.querySelector('#go') && performance.now()"
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
LOADED = """() => performance.getEntriesByType("resource").map((one) =>
  [one.name, one.initiatorType, one.encodedBodySize])"""
SHOWN = """(id) => document.querySelector("#stage")?.dataset.face === `${id} done`
  && [...document.querySelectorAll("#stage .compare img")].every((one) => one.naturalWidth)
  && Date.now() / 1000"""


@dataclass(frozen=True)
class Opening:
    """How a page opened for a new visitor: milliseconds, and bytes by whose they are."""

    painted: float
    usable: float
    ours: int  # scripts and pictures
    theirs: int


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield made
        made.close()


def _visitor(browser: Browser, address: str) -> Page:
    page = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(WAIT)
    return page


def is_ours(address: str, kind: str) -> bool:
    counted = kind in {"script", "img", "link", "other", "fetch"} or address.endswith(".js")
    return counted and urlsplit(address).path.startswith(OURS)


def _open(browser: Browser, address: str, usable: str) -> Opening:
    page = _visitor(browser, address)
    page.goto("/")
    took = page.wait_for_function(usable).json_value()
    painted = page.wait_for_function(PAINTED).json_value()
    loaded: list[tuple[str, str, int]] = page.evaluate(LOADED)
    ours = sum(size for name, kind, size in loaded if is_ours(name, kind))
    page.context.close()
    return Opening(painted, took, ours, sum(size for _, _, size in loaded) - ours)


def _opened(browser: Browser, address: str, usable: str) -> Opening:
    """Open a page several times, each as a new visitor, once more before; return the medians."""
    seen = [_open(browser, address, usable) for _ in range(1 + TIMES)][1:]
    return Opening(
        median(one.painted for one in seen),
        median(one.usable for one in seen),
        seen[-1].ours,
        seen[-1].theirs,
    )


def _bare() -> FastAPI:
    """Return an application with as little of Gradio as a page can have."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio as gr

    with gr.Blocks(analytics_enabled=False) as made:
        gr.Image()
        gr.Button("Go", elem_id="go")
    app: FastAPI = gr.mount_gradio_app(FastAPI(), made, path="/", ssr_mode=False, footer_links=[])
    return app


def _until_shown(page: Page) -> float:
    """Repaint what is in the form; return the seconds from the job's end to the page showing it."""
    before = page.get_attribute("#stage", "data-face")
    page.wait_for_timeout(DOUBLE)
    page.click("#send")
    page.wait_for_function(
        "(before) => !['empty', before].includes(document.querySelector('#stage').dataset.face)",
        arg=before,
    )
    job_id = str(page.get_attribute("#stage", "data-face")).split()[0]
    shown: float = page.wait_for_function(SHOWN, arg=job_id).json_value()
    job: dict[str, Any] = page.request.get(f"/api/v1/jobs/{job_id}").json()
    return shown - float(job["finished"])


def _shown(browser: Browser, address: str) -> float:
    page = _visitor(browser, address)
    page.goto("/")
    page.wait_for_function(USABLE)
    for kind, field in (("photos", "#photo img"), ("styles", "#style-0 img")):
        page.click(f"#shelf-{kind} button >> nth=0")
        page.wait_for_selector(field)
    took = median(_until_shown(page) for _ in range(TIMES))
    page.context.close()
    return took


def measure(address: str) -> None:
    """Print the page's figures, a line each."""
    with _browser() as browser:
        page = _opened(browser, address, USABLE)
        with gallery_pages.served(_bare) as (host, port):
            bare = _opened(browser, f"http://{host}:{port}", BARE)
        shown = _shown(browser, address)
    print(f"\npage, opened {TIMES} times by somebody new, medians; in brackets Gradio alone")
    for what, mine, theirs, wanted in (
        ("first contentful paint", page.painted, bare.painted, 2),
        ("usable", page.usable, bare.usable, 5),
    ):
        line = f"{mine / 1000:.2f} s ({theirs / 1000:.2f} s); wanted: under {wanted} s"
        print(f"page {what}: {line}")
    kilo = f"{page.ours / 1000:.0f} kB ({page.theirs / 1000:.0f} kB, {bare.theirs / 1000:.0f} kB)"
    print(f"page bytes of ours beyond Gradio's (its own, bare): {kilo}; wanted: under 300 kB")
    print(f"page shows a finished job after: {shown:.2f} s; wanted: within 1 s")
