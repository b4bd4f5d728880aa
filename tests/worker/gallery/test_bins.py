"""The bin keeps what its owner deleted for some days, counted in the quota."""

from pathlib import Path

from sqlalchemy import update

from tests.parts import Setting, pictured
from tests.worker.gallery.test_gallery import ids, made
from worker.gallery import bins, entries, lists, recent_styles
from worker.jobs import Job
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
