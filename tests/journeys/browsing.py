"""What a visitor does in the page by hand; screenshots go to screenshots/, which git ignores."""

import base64
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from web.samples import shelf

SHOTS = Path(__file__).parents[2] / "screenshots"
DESK, NARROW, PHONE = (1440, 900), (1280, 800), (390, 844)
SECONDS = 60_000  # milliseconds a slow machine may take
SERIOUS = {"serious", "critical"}  # to axe-core

LOADED = """(pictures) => {
  const found = [...document.querySelectorAll(pictures)];
  const all = found.length && found.every((one) => one.complete && one.naturalWidth);
  return all && found.map((one) => [one.naturalWidth, one.naturalHeight]);
}"""

SETTLED = """async () => {
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
  const ends = (one) => one.effect?.getComputedTiming().endTime < Infinity;
  const moving = document.getAnimations().filter((one) => one.playState === "running" && ends(one));
  await Promise.all(moving.map((one) => one.finished.catch(() => {})));
}"""

PHOTO = str(shelf.file("photos", "coffee"))
STYLE = str(shelf.file("styles", "night"))

Visit = Callable[..., Page]


def open_page(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("#stage[data-face]")
    page.wait_for_selector("#photo input[type=file]", state="attached")


def again(page: Page) -> None:
    """Load the studio's page once more; wait until it takes presses."""
    page.reload()
    page.wait_for_selector("#stage[data-face]")


def until(page: Page, happened: Callable[[], object]) -> None:
    """Wait until it happens, while what the page sends is attended to."""
    end = time.monotonic() + SECONDS / 1000
    while not happened():
        assert time.monotonic() < end, "it never happened"
        page.wait_for_timeout(20)


def shoot(page: Page, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    assert page.viewport_size
    whole = page.viewport_size["width"] < NARROW[0]
    page.screenshot(path=SHOTS / f"{name}.png", full_page=whole)


def drop(page: Page, field: str, file: str) -> None:
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
    page.dispatch_event(f"{field} .inside", "drop", {"dataTransfer": transfer})
    page.wait_for_selector(f"{field} img[src*='/uploads/']")


def pick(page: Page, kind: str, name: str) -> None:
    page.click(f"#shelf-{kind} button[data-name={name}]")


def choose(page: Page, photo: str = "raccoon", *styles: str) -> None:
    """Choose a photo, unless there is one, and styles from the shelf, in place of the others."""
    if photo:
        pick(page, "photos", photo)
    page.wait_for_selector("#photo img")
    for place, style in enumerate(styles or ("night",)):
        button = page.locator(f"#shelf-styles button[data-name={style}]")
        if place or button.get_attribute("aria-pressed") != "true":
            button.click(modifiers=["Shift"] if place else [])
        page.wait_for_selector(f"#style-{place} img")


def empty(page: Page) -> None:
    """Take the sample out of the form."""
    for name in ("Your photo", "Style 1"):
        page.get_by_role("button", name=f"Remove: {name}").click()


def set_strength(page: Page, value: int) -> None:
    number = page.locator("#strength input[type=number]")
    number.fill(str(value))
    number.press("Tab")


def loaded(page: Page, pictures: str) -> list[list[int]]:
    """Wait until all pictures that match, at least one, have loaded; return widths and heights."""
    sizes: list[list[int]] = page.wait_for_function(LOADED, arg=pictures).json_value()
    return sizes


def to_canvas(page: Page) -> Locator:
    """Wait until the regions can be painted on the photo; return their canvas, in view."""
    canvas = page.locator("#paint canvas")
    expect(canvas).to_be_visible()
    loaded(page, "#paint .under")  # the photo, which has gone to the canvas too
    loaded(page, "#photo img, .place img, #paint .brush img")  # which may move it
    canvas.scroll_into_view_if_needed()
    return canvas


def wait_for_result(page: Page) -> str:
    """Wait until the stage shows a result that has loaded; return its job's id."""
    page.wait_for_selector("#stage[data-state=done] .compare")
    loaded(page, ".compare img")
    return str(page.get_attribute("#stage", "data-face")).split()[0]


def ask(page: Page, address: str) -> Any:  # noqa: ANN401, JSON
    return json.loads(page.request.get(address).text())


def result(page: Page, address: str, job_id: str) -> Image.Image:
    data = page.request.get(f"{address}/api/v1/jobs/{job_id}/result").body()
    return Image.open(io.BytesIO(data))


def states(page: Page, address: str) -> list[str]:
    return [job["state"] for job in ask(page, f"{address}/api/v1/jobs")["jobs"]]


def read(file: str) -> bytes:
    """Return a file's bytes."""
    return Path(file).read_bytes()


def submit(page: Page, address: str, photo: str, style: str, **options: object) -> str:
    """Make a job of the visitor's by the API; return its id once it is done."""
    pictures = {
        name: {"name": f"{name}.jpg", "mimeType": "image/jpeg", "buffer": read(str(file))}
        for name, file in (
            ("content", shelf.file("photos", photo)),
            ("style", shelf.file("styles", style)),
        )
    }
    asked: Any = pictures | {"options": json.dumps({"size": 128} | options)}
    answer = page.request.post(f"{address}/api/v1/jobs", multipart=asked)
    assert answer.status == 202, answer.text()
    job_id = str(answer.json()["id"])
    while ask(page, f"{address}/api/v1/jobs/{job_id}")["state"] != "done":
        page.wait_for_timeout(100)
    return job_id


def to_gallery(page: Page, tiles: int) -> None:
    """Turn to the gallery and wait for so many pictures."""
    page.click(".views a[href='#gallery']")
    expect(page.locator("#gallery .tile img")).to_have_count(tiles)


def press(page: Page, name: str) -> None:
    """Press a button in an entry's detail view."""
    page.locator("dialog").get_by_role("button", name=name, exact=True).click()


def findings(page: Page) -> list[str]:
    """Return what axe-core finds serious or critical, each with the first place it stands at."""
    page.evaluate(SETTLED)  # colours fade in; half faded they have too little contrast
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in SERIOUS
    ]
