"""The bin keeps what its owner deleted for some days, counted in the quota."""

import time
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.parts import Setting, pictured
from tests.worker.gallery.test_gallery import ids, made, set_finished
from worker.errors import Refused
from worker.gallery import bins, entries, lists, recent_styles, reports
from worker.jobs import Job
from worker.maintenance import sweep
from worker.storage import database
from worker.visitors import quota


def _age(days: float) -> None:
    with database.transaction() as session:
        session.execute(update(Job).values(binned=Job.binned - days * 86400))


def test_a_bin_counts_in_the_quota_and_is_emptied_after_thirty_days(either: Path) -> None:
    one, two, foreign = made(), made(), made("ben")
    kept = quota.kept("ann")
    assert bins.put("ann", [one, foreign]) == [one]
    assert bins.put("ann", [one]) == []
    assert quota.kept("ann") == kept
    assert ids(lists.mine("ann")) == [two]
    assert {style.job_id for style in recent_styles.recent("ann")} <= {two}
    _age(29.9)
    bins.forget()
    assert [shown.job.id for shown in bins.listed("ann")] == [one]
    _age(0.2)
    bins.forget()
    assert bins.listed("ann") == []
    assert pictured() == {two, foreign}


def test_where_pictures_are_kept_for_less_than_thirty_days_those_in_the_bin_are_too(
    either: Path, setting: Setting
) -> None:
    setting(retention_days=3)
    old, young, favourite = made(), made(), made()
    entries.change(favourite, "ann", favourite=True)
    bins.put("ann", [old, young, favourite])
    [day] = {entries.kept_until(one) for one in bins.listed("ann") if one.job.id == young}
    assert day == pytest.approx(time.time() + 3 * 86400, abs=60)
    for job_id, days in (old, 3.1), (young, 2.9), (favourite, 3.1):
        set_finished(job_id, time.time() - days * 86400)
    sweep.tidy()
    assert {one.job.id for one in bins.listed("ann")} == {young, favourite}
    assert pictured() == {young, favourite}


def test_a_pinned_picture_in_the_bin_gives_way_before_one_outside(
    either: Path, setting: Setting
) -> None:
    one, two = made(), made()
    for each in (one, two):
        entries.change(each, "ann", favourite=True)
    bins.put("ann", [two])
    with database.transaction() as session:
        session.execute(update(Job).values(bytes=1000))
    setting(visitor_bytes=1500)
    with database.transaction() as session:
        assert quota.enforce(session, "ann") == [two]


def test_a_reported_entry_comes_out_of_the_bin_taken_down_and_under_review(either: Path) -> None:
    one, other = made(), made()
    for each in (one, other):
        entries.publish(each, "ann")
    reports.report(one, "ben")
    bins.put("ann", [one, other])
    assert bins.restore("ann", [one, other]) == sorted([one, other])
    assert ids(lists.public()) == [other]
    assert [listed.shown.job.id for listed in reports.reported()] == [one]
    with pytest.raises(Refused, match="was taken down"):
        entries.publish(one, "ann")
    reports.judge(one, stays=True)
    assert set(ids(lists.public())) == {one, other}
    bins.put("ann", [one])
    bins.restore("ann", [one])
    assert set(ids(lists.public())) == {one, other}  # those reports the admin has seen


def test_an_entry_that_was_public_once_and_reported_stays_private(either: Path) -> None:
    one = made()
    entries.publish(one, "ann")
    reports.report(one, "ben")
    entries.unpublish(one, "ann")
    bins.put("ann", [one])
    bins.restore("ann", [one])
    with pytest.raises(Refused, match="was taken down"):
        entries.publish(one, "ann")
