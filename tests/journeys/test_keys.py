"""Keys of the page, the switch for light and dark, and pictures dropped beside the fields."""

import base64
from pathlib import Path

from playwright.sync_api import expect

from tests.journeys.browsing import PHOTO, Visit, findings

DROP = """(data) => {
    const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], "a.jpg", {type: "image/jpeg"}));
    const given = {dataTransfer, bubbles: true, cancelable: true};
    document.querySelector("#strip").dispatchEvent(new DragEvent("drop", given));
}"""


def test_keys_send_move_and_list_themselves(idle: Visit) -> None:
    page = idle()
    page.focus("#shelf-styles button[data-name=ink]")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#shelf-styles button[data-name=watercolour]")).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("dialog.keys")).to_contain_text("Ctrl + Enter")
    assert findings(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("dialog.keys")).to_have_count(0)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#stage[data-state=queued]")


def test_the_switch_for_light_and_dark_is_remembered(idle: Visit) -> None:
    page = idle()
    page.get_by_role("button", name="Light or dark").click()
    page.wait_for_selector("body.dark")
    page.reload()
    page.wait_for_selector("body.dark #stage[data-face]")


def test_a_picture_dropped_beside_the_fields_is_the_photo(idle: Visit) -> None:
    page = idle()
    page.evaluate(DROP, base64.b64encode(Path(PHOTO).read_bytes()).decode())
    page.wait_for_selector("#photo img[src*='/uploads/']")
