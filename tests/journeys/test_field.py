"""The picture field: drop, paste, file, refusal, removal; and interrupted connections."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.journeys.browsing import (
    DESK,
    PHONE,
    PHOTO,
    Visit,
    choose,
    drop,
    findings,
    loaded,
    pick,
    shoot,
    to_gallery,
    until,
)
from tests.web.served import begin, finish
from worker import jobs

HELD = "(name) => document.querySelector(`#value-${name} textarea, #value-${name} input`).value"
PASTE = """([where, data]) => {
    const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([bytes], "pasted.jpg", {type: "image/jpeg"}));
    const event = new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true});
    document.querySelector(where).dispatchEvent(event);
}"""


def _held(page: Page, name: str) -> str:
    return str(page.evaluate(HELD, name))


def _sent(page: Page) -> None:
    page.click("#send")
    page.wait_for_selector("#stage[data-state=queued]")


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"]
)
def test_a_picture_is_dropped_pasted_taken_and_taken_away(
    idle: Visit, size: tuple[int, int], scheme: str
) -> None:
    page = idle(size, scheme)
    drop(page, "#photo", PHOTO)
    assert _held(page, "photo").startswith("upload:")
    page.get_by_role("button", name="Remove: Your photo").click()
    expect(page.locator("#photo img")).to_have_count(0)
    expect(page.locator("#photo input[type=file]")).to_be_focused()
    assert _held(page, "photo") == ""

    data = base64.b64encode(Path(PHOTO).read_bytes()).decode()
    page.evaluate(PASTE, ["#photo input", data])
    page.wait_for_selector("#photo img")
    page.get_by_role("button", name="Remove: Style 1").click()
    page.get_by_role("button", name="Take a photo: Style 1").click()
    page.wait_for_function("document.querySelector('dialog.camera video')?.videoWidth > 0")
    assert findings(page) == []
    shoot(page, f"field-camera-{scheme}")
    page.get_by_role("button", name="Take this one").click()
    page.wait_for_selector("#style-0 img")
    expect(page.locator("dialog.camera")).to_have_count(0)
    page.locator("#shelf-styles button[data-name=ink]").click(modifiers=["Shift"])
    page.wait_for_selector("#style-1 img")
    shoot(page, f"field-full-{scheme}")
    _sent(page)
    assert len(begin().style_keys) == 2


def test_a_refusal_is_said_where_it_happened_and_goes_with_the_next_picture(idle: Visit) -> None:
    page = idle(PHONE, "light", locale="ko-KR")
    bad = {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"}
    choose(page, "cat", "night")
    page.set_input_files("#style-1 input[type=file]", bad)  # type: ignore[arg-type]
    refused = page.locator("#style-1 [role=alert]")
    expect(refused).to_contain_text("GIF, TIFF, BMP를 받습니다")
    expect(refused).to_be_in_viewport(ratio=1)
    expect(page.locator("#photo img")).to_be_visible()
    assert findings(page) == []
    shoot(page, "field-refused-korean")
    page.evaluate("document.querySelector('#photo .field').dataset.most = 1000")
    page.get_by_role("button", name="빼기: 내 사진").click()
    large = {
        "name": "a.jpg",
        "mimeType": "image/jpeg",
        "buffer": bytes(2000),
    }  # not to be made smaller
    page.set_input_files("#photo input[type=file]", large)  # type: ignore[arg-type]
    large_one = page.locator("#photo [role=alert]")
    expect(large_one).to_contain_text("너무 큽니다")
    expect(large_one).to_be_in_viewport(ratio=1)
    page.locator("#program").scroll_into_view_if_needed()
    page.click("#send")  # there is no photo
    expect(large_one).to_contain_text("먼저 사진을 골라")
    expect(large_one).to_be_in_viewport(ratio=1)
    pick(page, "photos", "cat")
    expect(large_one).to_be_empty()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_mask_of_the_wrong_shape_is_refused_in_its_field_until_the_photo_is_another(
    idle: Visit, size: tuple[int, int]
) -> None:
    page = idle(size)
    drop(page, "#photo", PHOTO)
    page.get_by_role("button", name="Regions").click()
    mask = _file("PNG", Image.new("L", (40, 90), 255))
    page.set_input_files("#mask-0 input[type=file]", mask)
    page.wait_for_selector("#mask-0 img")
    page.click("#send")
    wrong = page.locator("#mask-0 .wrong")
    expect(wrong).to_contain_text("must have its photo's shape")
    expect(wrong).to_be_in_viewport(ratio=1)
    expect(page.locator("#notice")).to_be_hidden()
    assert findings(page) == []
    shoot(page, f"{'desk' if size == DESK else 'phone'}-mask-refused")
    page.get_by_role("button", name="Remove: Your photo").click()
    expect(wrong).to_be_empty()


def _file(kind: str, image: Image.Image, size: int = 0, **options: object) -> Any:  # noqa: ANN401
    """Return a picture as a file to be chosen, at least so many bytes long."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    padding = bytes(max(0, size - out.tell()))
    return {"name": "a", "mimeType": f"image/{kind.lower()}", "buffer": out.getvalue() + padding}


def _chosen(page: Page, field: str, file: Any) -> Image.Image:  # noqa: ANN401
    """Put a file into a field; returns what the studio got of it."""
    before = _held(page, field)
    page.set_input_files(f"#{field} input[type=file]", file)
    held = f"([name, old]) => !['', old].includes(({HELD})(name))"
    page.wait_for_function(held, arg=[field, before], timeout=120_000)
    upload = _held(page, field).removeprefix("upload:")
    answer = page.request.get(f"{page.url.partition('#')[0]}api/v1/uploads/{upload}")
    return Image.open(io.BytesIO(answer.body()))


def test_what_is_too_large_is_made_smaller_before_it_is_sent_but_for_masks(idle: Visit) -> None:
    page = idle(DESK, "light")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    picture = Image.new("RGB", (400, 300), "teal")
    picture.paste("white", (0, 0, 200, 300))
    long = 26 << 20  # bytes, which are more than may be sent
    photo = _chosen(page, "photo", _file("JPEG", picture, long, exif=exif))
    assert (photo.format, photo.size) == ("JPEG", (300, 400))
    assert photo.getpixel((150, 50)) == pytest.approx((255, 255, 255), abs=3)
    assert photo.getpixel((150, 350)) == pytest.approx((0, 128, 128), abs=3)

    clear = Image.new("RGBA", (8000, 6500), (200, 40, 40, 128))  # too large for a decoder
    style = _chosen(page, "style-0", _file("PNG", clear))
    assert (style.format, style.mode) == ("PNG", "RGBA")
    assert 16_000_000 < style.width * style.height <= 1 << 24
    assert style.getpixel((9, 9)) == pytest.approx((200, 40, 40, 128), abs=2)

    page.get_by_role("button", name="Regions").click()
    mask = _file("PNG", picture.convert("L"), long)
    page.set_input_files("#mask-0 input[type=file]", mask)
    expect(page.locator("#mask-0 [role=alert]")).to_contain_text("at most 25 MiB")


def test_a_field_shows_what_the_studio_uses_of_a_picture(idle: Visit) -> None:
    page = idle(DESK, "light")
    exif = Image.Exif()
    exif[0x0112] = 6
    _chosen(page, "photo", _file("TIFF", Image.new("RGB", (40, 30)), exif=exif))
    assert loaded(page, "#photo img") == [[30, 40]]


def test_repaint_waits_for_a_picture_that_is_being_sent(idle: Visit) -> None:
    page = idle()
    held: list[Route] = []
    page.route("**/api/v1/uploads", lambda route: held.append(route))
    pick(page, "styles", "night")
    page.set_input_files("#photo input[type=file]", PHOTO)
    expect(page.locator("#photo .waits")).to_be_visible()
    page.click("#send")
    page.wait_for_timeout(700)
    expect(page.locator("#stage")).not_to_have_attribute("data-state", "queued")
    until(page, lambda: held)
    held[0].continue_()
    page.wait_for_selector("#stage[data-state=queued]")


def test_repaint_in_a_gap_of_the_network_says_so_and_keeps_the_form(idle: Visit) -> None:
    page = idle()
    choose(page)
    page.context.set_offline(True)
    pick(page, "styles", "mosaic")
    page.click("#send")
    expect(page.get_by_text("The studio does not answer. Please try again")).to_be_visible()
    expect(page.get_by_text("This picture is no longer here.")).to_have_count(0)
    shoot(page, "field-gap")
    page.context.set_offline(False)
    _sent(page)
    expect(page.get_by_text("The studio does not answer.")).to_have_count(0)
    expect(page.locator("#photo img")).to_be_visible()


def test_after_a_call_was_lost_on_its_way_the_page_comes_back_by_itself(idle: Visit) -> None:
    page = idle()
    with page.expect_response("**/gradio_api/run/predict*"):
        choose(page)  # asks for a preview
    page.evaluate("window.before = true")
    page.route("**/gradio_api/run/predict*", lambda route: route.abort(), times=1)
    page.click("#send")
    page.wait_for_function("!window.before")
    page.wait_for_selector("#style-0 img")
    _sent(page)


def test_repaint_pressed_after_a_call_was_lost_is_carried_out_on_the_new_page(idle: Visit) -> None:
    page = idle()
    page.route("**/gradio_api/app_id*", lambda route: route.abort())  # no reload of Gradio's own
    page.route("**/gradio_api/run/predict*", lambda route: route.abort(), times=1)
    with page.expect_event("requestfailed", lambda call: "predict" in call.url):
        choose(page)  # asks for a preview
    page.evaluate("window.before = true")
    _sent(page)
    assert not page.evaluate("window.before")
    assert len(page.evaluate("fetch('/api/v1/jobs').then((answer) => answer.json())")["jobs"]) == 1


def test_a_double_click_confirms_no_deletion(idle: Visit) -> None:
    page = idle()
    choose(page)
    _sent(page)
    job = begin()
    finish(job)
    page.click(".views a[href='#you']")
    page.locator("#you button", has_text="Delete everything").dblclick()
    expect(page.locator("#you button.bad")).to_have_text("Really everything?")
    to_gallery(page, 1)
    page.wait_for_timeout(500)
    assert [one.id for one in jobs.mine(job.owner)] == [job.id]
