"""Previews that the visitor's own browser paints: what they show, and when the studio is asked."""

import base64
import io
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from adain.request import Request
from adain.stylizer import Stylizer
from tests.journeys.browsing import (
    DESK,
    PHONE,
    PHOTO,
    STYLE,
    Visit,
    drop,
    findings,
    loaded,
    pick,
    set_strength,
    shoot,
    to_canvas,
    until,
)
from tests.journeys.conftest import visits
from tests.parts import Setting
from tests.web.served import served
from web import app

SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
PREVIEW = "#stage[data-state=preview] .preview img"
VALUE = "#value-photo :is(textarea, input)"
ASKED = "**/api/v1/previews/*"  # of the studio, once it took the form
MOST = 2  # of 255, in any channel of any pixel

FILE = """async (address) => {
  const read = new FileReader();
  read.readAsDataURL(await (await fetch(address)).blob());
  await new Promise((done) => read.addEventListener("load", done));
  return read.result.split(",")[1];
}"""
INK = re.compile(r"/live/picture\?.*ink")  # which the browser's engine reads
COMING = """import(new URL("page/studio/preview.js", document.baseURI))
  .then((script) => script.coming())"""
PAINT = """async (looks) => {
  const worker = new Worker("/page/previews/worker.js", {type: "module"});
  const found = [];
  for (const look of looks) {
    worker.postMessage(look);
    const {data} = await new Promise((done) =>
      worker.addEventListener("message", done, {once: true}));
    if (data.failed) throw new Error(data.failed);
    found.push(data.blob && URL.createObjectURL(data.blob));
  }
  worker.terminate();
  return found;
}"""


def _shown(page: Page, before: str = "") -> str:
    """Wait for another preview than the one before; return its address in the page."""
    page.wait_for_function(
        "([one, old]) => (document.querySelector(one)?.src ?? old) !== old", arg=[PREVIEW, before]
    )
    loaded(page, PREVIEW)
    return str(page.get_attribute(PREVIEW, "src"))


def _settled(page: Page, before: str) -> str:
    """Wait for another preview than the one before, until none is on its way; return its address.

    A change of a control may be previewed twice, for what is typed and for what was typed.
    """
    shown = _shown(page, before)
    while True:
        until(page, lambda: not page.evaluate(COMING))
        page.wait_for_timeout(500)  # in which one that has come is decoded
        if (now := _shown(page)) == shown:
            return now
        shown = now


def _patient(route: Route) -> None:
    """Have the page wait longer for what it paints: this machine may be busy."""
    script, limit = route.fetch().text(), "LONGEST = 2000"
    assert limit in script
    route.fulfill(body=script.replace(limit, f"{limit}0"), content_type="text/javascript")


def _own(page: Page, photo: str = PHOTO) -> str:
    """Choose a photo of the visitor's own and a style; return the address of their preview.

    One of the photo in the form's first style may be shown before.
    """
    page.route("**/page/previews/here.js", _patient)
    with page.expect_request(INK):
        drop(page, "#photo", photo)
        pick(page, "styles", "ink")
    return _settled(page, "")


def _requests(page: Page) -> list[str]:
    """Return the list to which the addresses of what the page asks for are added."""
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))
    return asked


def _array(image: Image.Image) -> Any:  # noqa: ANN401, numpy
    return np.asarray(image.convert("RGB")).astype(int)


def _opened(data: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(data)))


def _small(page: Page, value: str, trim: bool) -> Image.Image:
    """Return a picture of the form as a preview of the studio's is made of it."""
    query = urlencode({"value": value, "trim": trim})
    answer = page.request.get(f"{page.url.partition('#')[0]}live/picture?{query}")
    assert answer.status == 200, answer.text()
    return Image.open(io.BytesIO(answer.body()))


def _drag(page: Page) -> None:
    slider = page.locator("#strength input[type=range]")
    slider.hover()  # once it stands still
    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 4, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.3, middle, steps=8)
    page.mouse.up()


@SIZES
def test_a_photo_of_ones_own_is_previewed_without_the_studio(
    idle: Visit, size: tuple[int, int]
) -> None:
    page = idle(size)
    first = _own(page)  # no worker runs: it is the browser's
    asked = _requests(page)
    _drag(page)
    dragged = _settled(page, first)
    set_strength(page, 0)
    plain = _settled(page, dragged)
    data = page.evaluate(FILE, plain)
    set_strength(page, 60)
    assert page.evaluate(FILE, _settled(page, plain)) != data
    assert [one for one in asked if not one.startswith("blob:")] == []
    expect(page.locator(".preview .tag")).to_have_text("Preview")
    shoot(page, f"{'desk' if size == DESK else 'phone'}-preview-here")
    assert findings(page) == []
    if size == PHONE:
        expect(page.locator(".glance img")).to_be_in_viewport()
    before = _shown(page)
    pick(page, "styles", "mosaic")
    _shown(page, before)
    with page.expect_request(ASKED):
        page.locator("#color label", has_text="Mine, luminance").click()


def test_the_pad_mixes_styles_and_regions_are_the_studios(idle: Visit) -> None:
    page = idle()
    before = _own(page)
    page.locator("#shelf-styles button[data-name=mosaic]").click(modifiers=["Shift"])
    before = _settled(page, before)
    asked = _requests(page)
    page.focus(".point:not(.end)")
    page.keyboard.press("ArrowRight")
    _shown(page, before)
    assert [one for one in asked if "/previews/" in one or "/gradio_api/" in one] == []
    page.get_by_role("button", name="Regions").click()
    with page.expect_request(ASKED):
        to_canvas(page).focus()
        page.keyboard.press("Space")


@pytest.fixture
def photos(tmp_path: Path) -> list[str]:
    """Files of a wide, a high and a small photo."""
    made = []
    with Image.open(PHOTO) as photo:
        for name, size in (("wide", (900, 420)), ("high", (300, 433)), ("small", (150, 170))):
            photo.convert("RGB").resize(size).save(file := tmp_path / f"{name}.jpg", quality=95)
            made.append(str(file))
    return made


def test_what_is_painted_here_is_what_the_studio_paints(
    idle: Visit, photos: list[str], tmp_path: Path
) -> None:
    page = idle()
    _own(page)
    grey = tmp_path / "grey.jpg"
    with Image.open(STYLE) as style:
        style.convert("L").convert("RGB").save(grey)
    values = [page.input_value(VALUE)]
    for file in [*photos, str(grey)]:
        drop(page, "#photo", file)
        page.wait_for_function(
            "([one, old]) => document.querySelector(one).value !== old", arg=[VALUE, values[-1]]
        )
        values.append(page.input_value(VALUE))
    coffee, wide, high, small, plain = values
    ink, mosaic = "shelf:styles/ink", "shelf:styles/mosaic"
    looks: list[dict[str, Any]] = [
        {"photo": coffee, "styles": [ink], "alpha": 0.8},
        {"photo": coffee, "styles": [ink], "alpha": 0.3},  # of what is held of the photo
        {"photo": coffee, "styles": [mosaic], "alpha": 1.0},
        {"photo": coffee, "styles": [ink, mosaic], "shares": [70, 30], "alpha": 0.5},
        {"photo": wide, "styles": [ink], "alpha": 0.8},
        {"photo": f"{wide}@0.1,0,0.6,1", "styles": [mosaic], "alpha": 0.8, "strokes": 1.5},
        {"photo": high, "styles": [ink], "alpha": 1.0, "strokes": 2.0},
        {"photo": small, "styles": [mosaic], "alpha": 0.8, "trim": False},
        {"photo": plain, "styles": [plain], "alpha": 0.9},  # no colour: its chroma is limited
        {"photo": coffee, "styles": [ink], "alpha": 0.0},
        {"photo": coffee, "styles": [ink], "alpha": 0.8, "strokes": 3.0},  # painted in steps
        {"photo": "upload:" + 32 * "0", "styles": [ink], "alpha": 0.8},  # there is none
    ]
    usual = {"shares": [1], "strokes": 1.0, "trim": True}
    looks = [usual | look for look in looks]
    found = page.evaluate(PAINT, looks)
    assert [bool(one) for one in found] == 10 * [True] + 2 * [False]
    stylizer = Stylizer.load(device="cpu", exact=True)
    apart = {}
    for look, address in zip(looks[:10], found, strict=False):
        styles = [_small(page, one, look["trim"]) for one in look["styles"]]
        photo = _small(page, look["photo"], False)
        asked = Request(
            photo, styles, look["shares"], alpha=look["alpha"], size=256, strokes=look["strokes"]
        )
        [wanted] = stylizer.stylize([asked])
        made = _opened(page.evaluate(FILE, address))
        assert made.size == wanted.size
        apart[str(look)] = int(np.abs(_array(made) - _array(wanted)).max())
    assert {name: far for name, far in apart.items() if far > MOST} == {}


def _asks_the_studio(page: Page) -> None:
    with page.expect_request(ASKED):
        drop(page, "#photo", PHOTO)
        pick(page, "styles", "ink")


def test_a_browser_without_the_engine_asks_the_studio(idle: Visit) -> None:
    page = idle()
    with page.expect_console_message(lambda said: "previews are the studio's" in said.text):
        page.route("**/*.wasm", lambda route: route.abort())
        drop(page, "#photo", PHOTO)
    pick(page, "styles", "ink")
    with page.expect_request(ASKED):
        set_strength(page, 40)
    expect(page.locator(PREVIEW)).to_have_count(0)  # no worker runs


def test_who_saves_data_is_not_sent_the_engine(idle: Visit) -> None:
    page = idle()
    page.evaluate("Object.defineProperty(navigator, 'connection', {value: {saveData: true}})")
    asked = _requests(page)
    _asks_the_studio(page)
    assert [one for one in asked if "/engine/" in one or "/live/" in one] == []


def test_weights_that_no_browser_can_run_leave_previews_to_the_studio(idle: Visit) -> None:
    page = idle()
    with page.expect_console_message(lambda said: "Error: 503" in said.text):
        page.route("**/live/network", lambda route: route.fulfill(status=503))
        drop(page, "#photo", PHOTO)
    _asks_the_studio(page)


def test_while_the_engine_is_on_its_way_the_studio_is_asked(idle: Visit) -> None:
    page = idle()
    held: list[Route] = []
    page.route("**/live/network", lambda route: held.append(route))
    drop(page, "#photo", PHOTO)
    with page.expect_request(ASKED):
        pick(page, "styles", "ink")
    until(page, lambda: held)
    held[0].continue_()
    set_strength(page, 40)
    _shown(page)


def test_samples_are_previewed_by_the_studio(idle: Visit) -> None:
    page = idle()
    asked = _requests(page)
    with page.expect_request(ASKED):
        pick(page, "photos", "cat")
    assert [one for one in asked if "/page/previews/" in one or "/engine/" in one] == []


def test_a_studio_with_another_network_previews_by_itself(
    browser: Browser, studio: Path, setting: Setting
) -> None:
    setting(network="vgg19")
    with served(made=app.create) as address, visits(browser, address) as visit:
        _asks_the_studio(visit())
