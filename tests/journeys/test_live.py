"""The page /live in a browser with a made camera: what is painted, taken along and let go of."""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, expect

from tests.adain.live.pairs import MOST
from tests.journeys.browsing import PHONE, STYLE, findings
from tests.journeys.camera import button, differences, live, start, tracks, until, wait_for_frames
from worker import jobs
from worker.storage import blobs

LOOK = "JSON.parse(document.querySelector('.view').dataset.look)"  # of the frame that is shown
PAINT = Path(__file__).with_name("live_paint.js")


def test_chromium_paints_as_adain_does_in_float32(browser: Browser, studio: Path) -> None:
    with live(browser) as page:
        found = differences(page, PAINT)
    assert {name: far for name, far in found.items() if far > MOST} == {}


def test_a_camera_is_painted_in_styles_that_are_mixed_at_a_strength(
    browser: Browser, studio: Path
) -> None:
    with live(browser) as page:
        assert page.evaluate("crossOriginIsolated")
        start(page)
        threads = page.evaluate("Math.min(4, navigator.hardwareConcurrency)")
        expect(page.locator(".view")).to_have_attribute("data-threads", str(threads))
        expect(page.get_by_role("status")).to_have_text(
            "The camera is painted on this device. No picture leaves it."
        )
        page.locator(".choices button[data-name=mosaic]").click()
        point = page.get_by_role("slider", name="Style pad")
        expect(point).to_have_attribute("aria-valuenow", "50")
        point.press("ArrowRight")
        expect(point).to_have_attribute("aria-valuenow", "55")
        until(page, f"{LOOK}.shares.map((one) => one.toFixed(2)).join() === '0.45,0.55'")
        own = page.get_by_label("A style picture of your own")
        own.set_input_files(STYLE)
        expect(page.locator(".choices button[aria-pressed=true]")).to_have_count(3)
        expect(page.locator(".square")).to_have_attribute("data-count", "3")
        broken = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
        own.set_input_files(broken)  # type: ignore[arg-type]
        expect(page.get_by_role("alert")).to_contain_text("can't read that picture")
        expect(page.locator(".choices button[aria-pressed=true]")).to_have_count(3)
        page.get_by_label("Strength").fill("40")
        wait_for_frames(page, 12)
        until(page, f"{LOOK}.alpha === 0.4")
        expect(page.locator(".rate")).to_contain_text("frames a second")
        expect(page.locator(".rate")).to_contain_text("processor")
        expect(page.locator(".view")).to_have_attribute("data-card", "none")
        assert findings(page) == []


def test_a_snapshot_sends_the_unpainted_frame_and_the_styles_as_a_job(
    browser: Browser, studio: Path
) -> None:
    with live(browser) as page:
        expect(button(page, "Snapshot")).to_be_disabled()
        start(page)
        page.locator(".choices button[data-name=mosaic]").click()
        expect(page.locator("#pad")).to_be_visible()
        expect(button(page, "Snapshot")).to_have_accessible_description(
            "A snapshot leaves this device: the unpainted picture and the styles go to the "
            "studio, which paints them as a picture of yours. A recording stays on this device."
        )
        button(page, "Snapshot").click()
        link = page.get_by_role("link", name="See it in the studio")
        job_id = link.get_attribute("data-job")
        sides = page.evaluate(
            "(({videoWidth, videoHeight}) => [videoWidth, videoHeight])"
            "(document.querySelector('video.source'))"
        )
    job = jobs.find(str(job_id))
    assert len(job.style_keys) == 2
    assert job.options["weights"] == [0.5, 0.5]
    with Image.open(io.BytesIO(blobs.get(job.content_key))) as content:
        assert [*content.size] == sides


def test_a_recording_plays_and_has_a_duration(browser: Browser, studio: Path) -> None:
    with live(browser) as page:
        start(page)
        button(page, "Record").click()
        wait_for_frames(page, 8)
        page.wait_for_timeout(500)  # so long at least, however quickly frames come
        button(page, "Stop recording").click()
        film = page.get_by_label("Your recording")
        expect(film).to_be_visible()
        until(page, "document.querySelector('.recording video').readyState >= 1")
        duration, width = film.evaluate("(one) => [one.duration, one.videoWidth]")
        assert 0.3 < duration < 600
        assert width > 0
        film.evaluate("(one) => one.play()")
        expect(page.get_by_role("link", name="Save the recording")).to_have_attribute(
            "download", "live.mp4"
        )


def test_the_camera_stops_and_starts_ten_times_and_while_the_page_is_hidden(
    browser: Browser, studio: Path
) -> None:
    with live(browser) as page:
        for _ in range(10):
            start(page)
            assert tracks(page) == ["live"]
            button(page, "Stop the camera").click()
            assert tracks(page) == []
        start(page)
        hidden = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true})"
        changed = "document.dispatchEvent(new Event('visibilitychange'))"
        page.evaluate(f"{hidden % 'true'}; {changed}")
        expect(page.get_by_role("status")).to_have_text(
            "The camera is off while this page is hidden."
        )
        assert tracks(page) == []
        page.evaluate(f"{hidden % 'false'}; {changed}")
        wait_for_frames(page, 2)
        assert tracks(page) == ["live"]


def test_a_video_file_is_painted_where_there_is_no_camera(
    browser: Browser, studio: Path, tmp_path: Path
) -> None:
    with live(browser) as page:  # a film to paint, made by the page itself
        start(page)
        button(page, "Record").click()
        wait_for_frames(page, 5)
        button(page, "Stop recording").click()
        with page.expect_download() as download:
            page.get_by_role("link", name="Save the recording").click()
        film = tmp_path / "film.mp4"
        download.value.save_as(film)
    text = tmp_path / "text.mp4"
    text.write_text("no film")
    with live(browser, PHONE, locale="ko-KR") as page:
        page.evaluate("delete Navigator.prototype.mediaDevices")  # as on http from another host
        button(page, "카메라 켜기").click()
        expect(page.get_by_role("alert")).to_contain_text("https")
        page.get_by_label("동영상 파일").set_input_files(text)
        expect(page.get_by_role("alert")).to_contain_text("MP4")
        page.get_by_label("동영상 파일").set_input_files(film)
        wait_for_frames(page, 3)
        expect(page.locator(".wrong")).to_be_hidden()
        assert findings(page) == []
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE[0]
