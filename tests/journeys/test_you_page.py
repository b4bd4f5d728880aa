"""The account view: sign-in, API keys, deleting everything."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.journeys.browsing import DESK, PHONE, Visit, ask, findings, shoot
from tests.journeys.conftest import visits
from tests.parts import Setting, picture
from tests.web.provider import CLIENT, SECRET, provided
from tests.web.served import served
from web import app


@pytest.fixture
def signing(studio: Path, setting: Setting, browser: Browser) -> Iterator[Visit]:
    """Visit a studio where people may sign in."""
    with provided() as provider:
        setting(oidc_issuer=provider.address, oidc_client_id=CLIENT, oidc_client_secret=SECRET)
        with (
            served(made=app.create) as address,
            visits(browser, address, provider.address) as opened,
        ):
            yield opened


def _address(page: Page) -> str:
    return page.url.split("#")[0].rstrip("/")


def _make_something(page: Page) -> None:
    """Submit a job as this page's visitor."""
    file: FilePayload = {"name": "a.png", "mimeType": "image/png", "buffer": picture()}
    answer = page.request.post(
        f"{_address(page)}/api/v1/jobs", multipart={"content": file, "style": file}
    )
    assert answer.status == 202, answer.text()


def _open_you(page: Page) -> None:
    page.click(".views a[href='#you']")
    expect(page.locator("#you h2")).to_have_count(4)


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"]
)
def test_a_key_is_shown_once_works_and_is_revoked(
    idle: Visit, size: tuple[int, int], scheme: str
) -> None:
    page = idle(size, scheme)
    _make_something(page)
    _open_you(page)
    expect(page.locator("#you")).to_contain_text("Nobody in particular")
    expect(page.locator("#you")).to_contain_text("No keys yet.")
    expect(page.locator("#you a[href='/sign-in']")).to_have_count(0)
    page.get_by_label("What the key is for").fill("My server")
    page.get_by_role("button", name="Make a key").click()
    key = page.get_by_label("My server").input_value()
    shoot(page, f"you-key-{scheme}")
    assert findings(page) == []
    api, said = f"{_address(page)}/api/v1", {"Authorization": f"Bearer {key}"}
    assert len(httpx.get(f"{api}/jobs", headers=said, timeout=60).json()["jobs"]) == 1
    page.reload()
    expect(page.locator("#you .row")).to_contain_text("last used")
    expect(page.get_by_label("My server")).to_have_count(0)
    assert key not in page.content()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("button", name="Revoke for good?").click()
    expect(page.locator("#you")).to_contain_text("No keys yet.")
    assert httpx.get(f"{api}/jobs", headers=said, timeout=60).status_code == 401
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= size[0], "the page scrolls sideways"


def test_everything_goes_and_the_visitor_gets_a_new_identity(idle: Visit) -> None:
    page = idle(PHONE, "light", locale="ko-KR")
    _make_something(page)
    _open_you(page)
    shoot(page, "you-korean")
    page.get_by_role("button", name="내 모든 것 삭제").click()
    page.get_by_role("button", name="정말 모두 삭제할까요?").click()
    page.wait_for_url(lambda url: "#" not in url)
    page.wait_for_selector("#stage[data-state=sample]")
    expect(page.locator("#strip")).to_contain_text("아직")
    assert ask(page, f"{_address(page)}/api/v1/jobs")["jobs"] == []


def test_a_key_too_many_is_refused_in_a_sentence(idle: Visit) -> None:
    page = idle()
    for number in range(20):
        made = page.request.post(f"{_address(page)}/api/v1/me/keys", data={"name": f"k{number}"})
        assert made.status == 201
    _open_you(page)
    page.get_by_label("What the key is for").fill("one more")
    page.get_by_role("button", name="Make a key").click()
    expect(page.locator("#you [role=alert]")).to_contain_text("You have 20 keys")
    expect(page.get_by_label("What the key is for")).to_have_value("one more")
    expect(page.locator("#you .row")).to_have_count(20)


def test_who_signs_in_takes_their_pictures_along_and_signs_out(signing: Visit) -> None:
    page = signing()
    _make_something(page)
    _open_you(page)
    shoot(page, "you-sign-in")
    page.get_by_role("link", name="Sign in").click()
    _open_you(page)
    expect(page.locator("#you")).to_contain_text("You are signed in as Ada.")
    shoot(page, "you-signed-in")
    assert len(ask(page, f"{_address(page)}/api/v1/jobs")["jobs"]) == 1
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("#you")).to_contain_text("Nobody in particular")
    assert ask(page, f"{_address(page)}/api/v1/jobs")["jobs"] == []
    page.get_by_role("link", name="Sign in").click()
    expect(page.locator("#strip .tile")).to_have_count(1)
