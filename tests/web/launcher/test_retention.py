"""`adain-studio up` keeps pictures for ever where no other machine gets to them."""

import pytest

from tests.parts import Setting, forget_caches
from web.launcher import launcher, retention
from web.page import form
from worker.settings import settings


@pytest.mark.parametrize(
    ("chosen", "days"),
    [
        ({}, 0),
        ({"host": "::1"}, 0),
        ({"host": "localhost"}, 0),
        ({"host": "0.0.0.0"}, 30),
        ({"host": "192.168.1.7"}, 30),
        ({"public_url": "https://studio.example"}, 30),
        ({"trusted_proxies": "127.0.0.1"}, 30),
        ({"retention_days": 30}, 30),
        ({"retention_days": 7}, 7),
        ({"host": "0.0.0.0", "retention_days": 0}, 0),
    ],
)
def test_pictures_are_kept_for_ever_only_where_no_other_machine_gets_here(
    setting: Setting, chosen: dict[str, object], days: float
) -> None:
    setting(**chosen)
    assert retention.days(settings()) == days
    passed_on = launcher._environment(7860).get("STUDIO_RETENTION_DAYS", "30")
    assert float(passed_on) == days


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({}, 'data-text="kept.forever"'),
        ({"host": "0.0.0.0"}, 'data-text="kept.days" data-count="30"'),
        ({"public_url": "https://studio.example"}, 'data-text="kept.days" data-count="30"'),
        ({"host": "0.0.0.0", "retention_days": 7}, 'data-text="kept.days" data-count="7"'),
        ({"host": "0.0.0.0", "retention_days": 0}, 'data-text="kept.forever"'),
    ],
)
def test_the_foot_of_the_page_says_how_long_pictures_are_kept(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, object], said: str
) -> None:
    setting(**chosen)
    for name, value in launcher._environment(7860).items():
        monkeypatch.setenv(name, value)  # as the web server is started
    forget_caches()
    assert said in form.foot()


def test_the_start_says_how_long_pictures_are_kept(setting: Setting) -> None:
    assert "until you delete them" in retention.sentence(settings())
    setting(host="0.0.0.0")
    assert "deleted 30 days after" in retention.sentence(settings())
