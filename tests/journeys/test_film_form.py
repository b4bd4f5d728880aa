"""A film in the form: moving pictures as films, styles that change on the way, marks on films."""

from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.adain.film import clips
from tests.journeys.browsing import DESK, PHONE, Visit, ask, findings, pick, shoot, to_gallery
from tests.journeys.test_films import PLAYED

SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])


def _give(page: Page, file: Path) -> None:
    page.set_input_files("#photo input[type=file]", file)
    page.wait_for_selector("#photo img[src*='/uploads/'][src$='/shown']")


def _painted(page: Page, address: str) -> dict[str, object]:
    """Send the form; return the job once its film is on the stage."""
    page.check("#size input[value='256']")
    page.click("#send")
    page.wait_for_selector("#stage[data-state=done] video", timeout=180_000)
    page.locator("#stage video").evaluate(PLAYED)
    job: dict[str, object] = ask(page, f"{address}/api/v1/jobs")["jobs"][0]
    return job


@SIZES
def test_a_moving_picture_is_painted_as_a_film_where_that_is_chosen(
    visit: Visit, address: str, tmp_path: Path, size: tuple[int, int]
) -> None:
    frames = [Image.fromarray(one) for one in clips.moving(12, 128, 96)]
    gif = tmp_path / "moves.gif"
    gif.write_bytes(clips.animation("GIF", frames, duration=160, loop=0))
    page = visit(size)
    expect(page.locator("#moving")).to_be_hidden()
    _give(page, gif)
    expect(page.locator("#moving")).to_be_visible()
    expect(page.locator("#steady")).to_be_hidden()
    expect(page.locator("#moving input[value=picture]")).to_be_checked()
    page.check("#moving input[value=film]")
    expect(page.locator("#steady")).to_be_visible()
    expect(page.locator("#strokes")).to_be_hidden()
    shoot(page, f"{'desk' if size == DESK else 'phone'}-moving-picture")
    assert findings(page) == []
    page.reload()
    expect(page.locator("#moving input[value=film]")).to_be_checked()
    expect(page.locator("#steady")).to_be_visible()
    job = _painted(page, address)
    assert job["options"]["moving"] is True  # type: ignore[index]
    pick(page, "photos", "cat")
    expect(page.locator("#moving")).to_be_hidden()
    expect(page.locator("#strokes")).to_be_visible()
    expect(page.locator("#moving input[value=picture]")).to_be_checked()


@SIZES
def test_a_films_styles_change_from_one_point_of_the_pad_to_another(
    visit: Visit, address: str, tmp_path: Path, size: tuple[int, int]
) -> None:
    clip = clips.write(tmp_path / "clip.mp4", clips.moving(12, 160, 120), Fraction(6))
    page = visit(size)
    _give(page, clip)
    expect(page.locator("#mixture")).to_be_hidden()  # there is one style
    page.locator("#shelf-styles button[data-name=mosaic]").click(modifiers=["Shift"])
    page.wait_for_selector("#style-1 img")
    expect(page.locator("#mixture")).to_be_visible()
    end = page.get_by_role("slider", name="Style pad: the point at the end of the film")
    expect(end).to_be_hidden()
    page.check("#mixture input[value=changes]")
    expect(end).to_be_visible()
    expect(page.locator("#until-0 input[type=number]")).to_be_visible()
    begin = page.get_by_role("slider", name="Style pad: the point between the styles")
    for _ in range(10):
        begin.press("ArrowLeft")
        end.press("ArrowRight")
    expect(page.locator("#share-0 input[type=number]")).to_have_value("100")
    expect(page.locator("#until-1 input[type=number]")).to_have_value("100")
    box = page.locator("#pad .square").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.locator("#pad .square").click(
        position={"x": box["width"] * 0.75, "y": middle - box["y"]}
    )  # nearer to the end's point
    expect(page.locator("#until-1 input[type=number]")).not_to_have_value("100")
    chosen = int(page.locator("#until-1 input[type=number]").input_value())
    assert 70 < chosen < 80
    expect(page.locator("#share-0 input[type=number]")).to_have_value("100")
    page.locator("#pad").scroll_into_view_if_needed()
    shoot(page, f"{'desk' if size == DESK else 'phone'}-film-mixture")
    assert findings(page) == []
    job = _painted(page, address)
    options: dict[str, object] = job["options"]  # type: ignore[assignment]
    assert (options["weights"], options["weights_end"]) == ([100, 0], [100 - chosen, chosen])
    page.reload()
    expect(page.locator("#until-1 input[type=number]")).to_have_value(str(chosen))
    page.fill("#until-1 input[type=number]", "10")
    page.check("#mixture input[value=same]")
    expect(end).to_be_hidden()
    page.locator("#stage").get_by_role("button", name="Open again").click()
    page.wait_for_selector(f"#photo img[src*='{job['id']}/content']")
    expect(page.locator("#mixture input[value=changes]")).to_be_checked()
    expect(page.locator("#until-1 input[type=number]")).to_have_value(str(chosen))
    page.click("#send")
    page.wait_for_function("document.querySelectorAll('#strip .tile').length === 2")
    page.wait_for_selector("#stage[data-state=done] video", timeout=180_000)
    to_gallery(page, 2)
    page.locator("#gallery .tile").first.click()
    expect(page.locator("dialog .history .relative .badge.film").first).to_be_visible()
    shoot(page, f"{'desk' if size == DESK else 'phone'}-film-history")
