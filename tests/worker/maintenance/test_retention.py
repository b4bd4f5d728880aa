"""Retention: favourites stay, and a studio that kept all is never emptied unasked."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts import Setting, forget_caches, pictured
from tests.worker.maintenance.test_brake import DAY, ended, move_clock, run
from worker.maintenance import adoption, brake, sweep


@pytest.fixture(autouse=True)
def new_process(setting: Setting) -> Iterator[None]:
    brake._last = None
    yield
    brake._last = None


def unset() -> None:
    """Start the studio without a retention age, as another process would."""
    del os.environ["STUDIO_RETENTION_DAYS"]
    forget_caches()


def test_a_studio_that_kept_all_deletes_nothing_until_an_age_is_set(
    either: Path, setting: Setting
) -> None:
    setting(retention_days=0)
    made = ended(3)
    assert sweep.tidy() == []
    unset()
    move_clock(400 * DAY)
    assert "STUDIO_RETENTION_DAYS is set" in " ".join(sweep.tidy())
    adoption.adopt(orphans=False)  # which ends the brake's hold, and not this
    [warning] = run(2 * DAY)
    assert "kept its pictures for ever" in warning
    assert pictured() == set(made)
    setting(retention_days=30)
    sweep.tidy()
    run(2 * DAY)
    assert pictured() == set()
    unset()
    assert sweep.tidy() == []


def test_a_studio_with_an_age_from_the_beginning_says_nothing(studio: Path) -> None:
    ended(1)
    assert sweep.tidy() == []
    run(31 * DAY, 31 * DAY)
    assert pictured() == set()
