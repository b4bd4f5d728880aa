"""Keys of the page, the switch for light and dark, pictures pasted or dropped beside the fields."""

import base64
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browsing import (
    DESK,
    PHONE,
    PHOTO,
    STYLE,
    Visit,
    ask,
    choose,
    empty,
    findings,
    shoot,
    to_gallery,
)
from tests.web.served import begin, finish

# Files that are pasted or dropped on an element, as a hand would.
GIVE = """([where, kind, files]) => {
    const given = new DataTransfer();
    for (const data of files) {
        const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
        given.items.add(new File([bytes], "a.jpg", {type: "image/jpeg"}));
    }
    const all = {bubbles: true, cancelable: true};
    const event = kind === "paste"
        ? new ClipboardEvent("paste", {clipboardData: given, ...all})
        : new DragEvent("drop", {dataTransfer: given, ...all});
    (where ? document.querySelector(where) : document).dispatchEvent(event);
    return event.defaultPrevented;
}"""
SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])


def _give(page: Page, kind: str, where: str, *files: bytes) -> bool:
    """Paste or drop files on an element, "" is the document; tells whether the page takes them."""
    data = [base64.b64encode(one).decode() for one in files]
    taken: bool = page.evaluate(GIVE, [where, kind, data])
    return taken


def _made(page: Page, count: int) -> list[str]:
    """Make the form's picture so often; return the ids, the newest first."""
    address = page.url.partition("#")[0]
    page.click("#send")
    page.wait_for_selector("#stage[data-state=queued]")
    finish(begin())
    [first] = ask(page, f"{address}api/v1/jobs")["jobs"]
    for _ in range(count - 1):
        page.request.post(f"{address}api/v1/jobs/{first['id']}/again", data={})
        finish(begin())
    page.reload()
    expect(page.locator("#strip .tile img")).to_have_count(count)
    return [job["id"] for job in ask(page, f"{address}api/v1/jobs")["jobs"]]


def test_keys_of_the_studio(idle: Visit) -> None:
    page = idle()
    page.focus("#shelf-styles button[data-name=ink]")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#shelf-styles button[data-name=watercolour]")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#shelf-styles button[data-name=ink]")).to_be_focused()
    page.keyboard.press("Tab")  # a row is one stop
    expect(page.locator("#shelf-styles .shelf :focus")).to_have_count(0)
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#shelf-styles button[data-name=ink]")).to_be_focused()
    page.locator("#color input:checked").focus()
    page.keyboard.press("ArrowRight")  # of several choices one is chosen by the arrows
    expect(page.locator("#color label.selected")).to_contain_text("Mine, matched")
    page.keyboard.press("Tab")
    expect(page.locator("#color :focus")).to_have_count(0)
    page.focus("#skip")
    expect(page.locator("#skip")).to_have_text("Skip to Repaint")
    page.keyboard.press("Enter")
    expect(page.locator("#send")).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("dialog.keys")).to_contain_text("Ctrl + Enter")
    assert findings(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("dialog.keys")).to_have_count(0)

    choose(page, "cat", "ink", "night")
    page.click("#parts > button")
    thick = page.locator("#paint .thick")
    before = int(thick.input_value())
    page.keyboard.press("]")
    expect(thick).to_have_value(str(before + 4))
    page.keyboard.press("[")
    page.keyboard.press("[")
    expect(thick).to_have_value(str(before - 4))

    number = page.locator("#strength input[type=number]")
    number.fill("5")
    number.press("?")  # where something is typed a key is a letter
    expect(page.locator("dialog.keys")).to_have_count(0)
    page.get_by_role("button", name="Remove: Style 2").click()
    expect(page.locator("#style-1 img")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(page.locator("#style-1 img")).to_have_count(1)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#stage[data-state=queued]")


def test_arrows_go_along_the_strip_the_gallery_and_its_open_picture(idle: Visit) -> None:
    page = idle()
    newest, middle, oldest = _made(page, 3)
    for rows in ("#strip .tile", "#gallery > .tiles .tile"):
        if "gallery" in rows:
            to_gallery(page, 3)
        tiles = page.locator(rows)
        tiles.nth(1).focus()
        page.keyboard.press("ArrowRight")
        expect(tiles.nth(2)).to_be_focused()
        page.keyboard.press("ArrowRight")  # there is none
        expect(tiles.nth(2)).to_be_focused()
        page.keyboard.press("ArrowLeft")
        expect(tiles.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    for key, shown in ("", middle), ("ArrowRight", oldest), ("ArrowLeft", middle):
        page.keyboard.press(key) if key else None
        expect(page.locator("dialog img.after")).to_have_attribute(
            "src", f"/api/v1/gallery/{shown}/picture"
        )
    page.keyboard.press("ArrowLeft")
    expect(page.locator("dialog img.after")).to_have_attribute(
        "src", f"/api/v1/gallery/{newest}/picture"
    )
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator("#gallery > .tiles .tile").nth(0)).to_be_focused()


def test_the_switch_for_light_and_dark_is_remembered(idle: Visit) -> None:
    page = idle()
    page.get_by_role("button", name="Light or dark").click()
    page.wait_for_selector("body.dark")
    page.reload()
    page.wait_for_selector("body.dark #stage[data-face]")


@SIZES
def test_pictures_pasted_or_dropped_beside_the_fields_go_into_them(
    idle: Visit, size: tuple[int, int]
) -> None:
    page = idle(size)
    photo, style = Path(PHOTO).read_bytes(), Path(STYLE).read_bytes()
    for kind, where in ("paste", ""), ("drop", "#strip"):
        empty(page)
        assert _give(page, kind, where, photo)
        page.wait_for_selector("#photo img[src*='/uploads/']")
        expect(page.locator("#style-0 img")).to_have_count(0)
        assert _give(page, kind, where, photo, style)
        page.wait_for_selector("#style-0 img[src*='/uploads/']")
    assert not _give(page, "paste", "#strength input[type=number]", photo)  # it takes text

    page.locator("#program").scroll_into_view_if_needed()
    _give(page, "paste", "", b"no picture")
    wrong = page.locator("#photo .wrong")
    expect(wrong).to_contain_text("GIF, TIFF and BMP are accepted")
    expect(wrong).to_be_in_viewport(ratio=1)
    shoot(page, f"{'desk' if size == DESK else 'phone'}-pasted-refused")
    _give(page, "drop", "#strip", photo)
    expect(wrong).to_be_empty()
