"""What a picture was made from and what was made from it: a tree in the gallery's detail view."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browsing import PHONE, Visit, ask, findings, loaded, shoot, to_gallery
from tests.web.served import begin, finish

NOTEBOOK = 1366, 900


def _again(page: Page, job_id: str) -> str:
    """Make a picture from an earlier one; return its id."""
    address = page.url.partition("#")[0]
    answer = page.request.post(f"{address}api/v1/jobs/{job_id}/again", data={})
    finish(begin())
    return str(answer.json()["id"])


def _open(page: Page, job_id: str) -> None:
    page.click(f"#gallery > .tiles .tile[data-id='{job_id}']")
    page.wait_for_selector("dialog .history .line-of")


def _shown(page: Page, job_id: str) -> None:
    expect(page.locator("dialog img.after")).to_have_attribute(
        "src", f"/api/v1/gallery/{job_id}/picture"
    )


@pytest.mark.parametrize("size", [NOTEBOOK, PHONE], ids=["desk", "phone"])
def test_a_history_is_a_tree_whose_pictures_open(idle: Visit, size: tuple[int, int]) -> None:
    page = idle(size)
    page.click("#send")
    page.wait_for_selector("#stage[data-state=queued]")
    finish(begin())
    first = ask(page, f"{page.url}api/v1/jobs")["jobs"][0]["id"]
    second = _again(page, first)
    third = _again(page, second)
    child, other = _again(page, third), _again(page, third)
    to_gallery(page, 5)
    _open(page, third)
    line, children = page.locator(".history .line-of"), page.locator(".history .children")
    expect(line.locator("button")).to_have_count(2)
    expect(children.locator("button")).to_have_count(2)
    page.locator(".history").scroll_into_view_if_needed()
    loaded(page, ".history img")
    shoot(page, f"{'desk' if size == NOTEBOOK else 'phone'}-history")
    assert findings(page) == []
    for link, wanted, above in (
        (children.locator("button").first, child, 3),
        (line.locator("button").first, first, 0),
    ):
        link.click()
        _shown(page, wanted)
        expect(line.locator("button")).to_have_count(above)
        expect(page).to_have_url(re.compile(f"entry={wanted}"))
    page.go_back()  # one step, however far the tree was walked
    expect(page.locator("dialog[open]")).to_have_count(0)

    page.request.delete(f"{page.url.partition('#')[0]}api/v1/gallery/{second}")
    _open(page, third)
    expect(line.locator(".gone")).to_have_count(1)
    expect(line.locator("button")).to_have_count(1)
    page.request.delete(f"{page.url.partition('#')[0]}api/v1/gallery/{other}")
    children.locator("button").last.click()
    expect(page.locator("dialog .note")).to_contain_text("no picture with this id")
    _shown(page, third)
