"""Several pictures at once in the gallery; and what takes the place of a deleted one."""

import io
import zipfile

import pytest
from playwright.sync_api import expect

from tests.journeys.browsing import (
    DESK,
    PHONE,
    Visit,
    ask,
    findings,
    press,
    shoot,
    submit,
    to_gallery,
)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_selected_pictures_are_favourites_tagged_published_and_downloaded(
    visit: Visit, address: str, size: tuple[int, int]
) -> None:
    page = visit(size)
    name = "desk" if size == DESK else "phone"
    ids = {submit(page, address, photo, "ink", size=64) for photo in ("cat", "coffee")}
    to_gallery(page, 2)
    page.get_by_role("button", name="Select", exact=True).click()
    for tile in page.locator("#gallery > .tiles .tile").all():
        tile.click()
    tools = page.locator("#gallery .chosen")
    expect(tools).to_contain_text("2 selected")
    tools.get_by_role("button", name="Favourite").click()
    expect(page.locator("#gallery .badge.star")).to_have_count(2)
    tools.get_by_role("button", name="Tags").click()
    page.get_by_label("Add to 2 pictures").fill("sea, dusk")
    page.keyboard.press("Enter")
    expect(page.locator("#gallery .said")).to_have_text("2 changed.")
    tools.get_by_role("button", name="Publish").click()
    expect(page.locator("#gallery .badge.world")).to_have_count(2)
    shoot(page, f"selection-{name}")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator("#gallery .badge.world")).to_have_count(0)
    for one in ids:
        entry = ask(page, f"{address}/api/v1/gallery/{one}")
        assert (entry["tags"], entry["own"]["favourite"], entry["published"]) == (
            ["sea", "dusk"], True, None,
        )  # fmt: skip
    tools.get_by_role("button", name="Download").click()
    page.get_by_label("The photos they were made from").check()
    assert findings(page) == []
    shoot(page, f"archive-{name}")
    with page.expect_download() as kept:
        page.locator("dialog").get_by_role("link", name="2 pictures").click()
    with zipfile.ZipFile(io.BytesIO(kept.value.path().read_bytes())) as found:
        assert len(found.namelist()) == 4
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Select", exact=True).click()
    page.get_by_role("button", name="Download all").click()
    with page.expect_download() as kept:
        page.locator("dialog").get_by_role("link", name="2 pictures").click()
    with zipfile.ZipFile(io.BytesIO(kept.value.path().read_bytes())) as found:
        assert len(found.namelist()) == 2


def test_a_deleted_picture_on_the_stage_gives_way_to_the_next(visit: Visit, address: str) -> None:
    page = visit()
    older = submit(page, address, "cat", "ink", size=64)
    newer = submit(page, address, "coffee", "ink", size=64)
    page.reload()
    page.wait_for_selector(f"#stage[data-face^='{newer}']")
    to_gallery(page, 2)
    page.click(f"#gallery .tile[data-id='{newer}']")
    press(page, "Delete")
    expect(page.locator("#gallery .tile img")).to_have_count(1)
    page.click(".views a[href='#studio']")
    page.wait_for_selector(f"#stage[data-face^='{older}'] .compare")
    expect(page.locator("#strip .tile")).to_have_count(1)
