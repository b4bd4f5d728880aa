"""Two results under the slider, and where a result comes from."""

import pytest
from playwright.sync_api import expect

from tests.journeys.browsing import (
    DESK,
    PHONE,
    Visit,
    ask,
    findings,
    shoot,
    submit,
    wait_for_result,
)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_two_results_are_compared_and_a_result_says_what_it_was_made_from(
    visit: Visit, address: str, size: tuple[int, int]
) -> None:
    page = visit(size)
    first = submit(page, address, "cat", "ink")
    second = submit(page, address, "cat", "woodcut")
    page.reload()
    wait_for_result(page)
    stage = page.locator("#stage")
    stage.get_by_role("button", name="Compare with another").click()
    expect(stage).to_contain_text("Press another finished picture")
    page.locator("#strip .tile").nth(1).click()
    expect(stage.locator(".compare .before")).to_have_attribute(
        "src", f"/api/v1/jobs/{second}/result"
    )
    expect(stage.locator(".compare .after")).to_have_attribute(
        "src", f"/api/v1/jobs/{first}/result"
    )
    expect(stage.locator(".compare .tag")).to_have_text(["A", "B"])
    shoot(page, f"{'desk' if size == DESK else 'phone'}-versus")
    assert findings(page) == []
    stage.get_by_role("button", name="Compare with the photo").click()
    expect(stage.locator(".compare .before")).to_have_attribute(
        "src", f"/api/v1/jobs/{second}/content"
    )

    stage.get_by_role("button", name="Open again").click()
    page.wait_for_selector(f"#photo img[src*='{second}/content']")
    page.click("#send")
    page.wait_for_function(
        "(id) => !document.querySelector('#stage').dataset.face.startsWith(id)", arg=second
    )
    third = wait_for_result(page)
    assert ask(page, f"{address}/api/v1/jobs/{third}")["parent"] == second
    stage.get_by_role("button", name="Made from an earlier picture").click()
    page.wait_for_selector(f"#stage[data-face='{second} done']")
