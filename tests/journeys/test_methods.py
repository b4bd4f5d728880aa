"""A picture is refined: chosen in the form, shown step by step, named beside it, opened again."""

from playwright.sync_api import expect

from tests.journeys.browsing import (
    PHOTO,
    STYLE,
    Visit,
    drop,
    findings,
    shoot,
    to_gallery,
)


def test_a_refined_picture_shows_its_steps_and_comes_back(visit: Visit, address: str) -> None:
    page = visit()
    drop(page, "#photo", PHOTO)
    drop(page, "#style-0", STYLE)
    page.locator("#size label", has_text="256").click()
    page.locator("#how label", has_text="Refined a little").click()
    expect(page.locator("#how")).to_contain_text("quick pictures go first")
    page.locator("#program summary").click()
    expect(page.locator("[data-program=command] pre")).to_contain_text("--method refine")
    expect(page.locator("[data-program=python] pre")).to_contain_text('effort="little"')
    page.click("#send")
    expect(page.locator("#stage .progress-text")).to_contain_text("Refining, step", timeout=120_000)
    shoot(page, "desk-refining")
    page.click(".views a[href='#gallery']")  # which knows of it, and shows it once it is done
    said = page.locator("#gallery .said h2")
    expect(said).to_have_text("Your first picture is being made")
    expect(page.locator("#gallery .tile")).to_have_count(1, timeout=150_000)
    page.click(".views a[href='#studio']")
    page.wait_for_selector("#stage[data-state=done] .compare", timeout=150_000)
    expect(page.locator("#stage")).to_contain_text("Refined a little")
    page.locator("#how label", has_text="Quick").click()
    page.locator("#stage").get_by_role("button", name="Open again").click()
    expect(page.locator("#how input[value='refine-little']")).to_be_checked()
    to_gallery(page, 1)
    page.click("#gallery .tile")
    expect(page.locator("dialog .made")).to_contain_text("Refined a little")
    assert findings(page) == []
