"""Styles that their owner named stay on the owner's shelf, with the job that has them."""

from pathlib import Path

import pytest

from tests.parts import Setting, picture
from tests.worker.gallery.test_gallery import BLUE, RED, made, set_finished
from worker.errors import Refused
from worker.gallery import bins, entries, recent_styles
from worker.gallery.model import STYLE_NAME, EntryNotFound
from worker.maintenance import retention
from worker.storage import database
from worker.visitors import quota


def shelf(owner: str = "ann") -> list[tuple[str, str, int]]:
    return [(one.name, one.job_id, one.place) for one in recent_styles.recent(owner)]


def test_named_styles_come_first_by_name_however_old_they_are(
    either: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = made(styles=[RED]), made(styles=[BLUE, RED])
    monkeypatch.setattr(recent_styles, "LOOKED_AT", 1)
    recent_styles.keep(first, "ann", 0, "  Rose   red ")
    latest = made(styles=[picture(color="pink")])
    assert shelf() == [("Rose red", first, 0), ("", latest, 0)]
    recent_styles.keep(second, "ann", 0, "ocean")
    assert shelf() == [("ocean", second, 0), ("Rose red", first, 0), ("", latest, 0)]
    assert shelf("ben") == []


def test_the_same_picture_has_one_name_whichever_job_is_asked(either: Path) -> None:
    first, second = made(styles=[RED]), made(styles=[BLUE, RED])
    recent_styles.keep(first, "ann", 0, "rose")
    recent_styles.keep(second, "ann", 1, "ruby")
    assert shelf() == [("ruby", first, 0), ("", second, 0)]


def test_a_name_is_taken_away_and_the_style_is_a_recent_one(either: Path) -> None:
    job_id = made(styles=[RED, BLUE])
    recent_styles.keep(job_id, "ann", 0, "rose")
    recent_styles.keep(job_id, "ann", 1, "sea")
    recent_styles.forget(job_id, "ann", 0)
    recent_styles.forget(job_id, "ann", 0)
    assert shelf() == [("sea", job_id, 1), ("", job_id, 0)]
    recent_styles.forget(job_id, "ann", 1)
    assert entries.own(job_id, "ann").entry.named_styles is None


@pytest.mark.parametrize("name", ["", " \u200b", "a" * (STYLE_NAME + 1)], ids=len)
def test_a_name_that_is_none_is_refused(either: Path, name: str) -> None:
    job_id = made()
    with pytest.raises(Refused, match="1 to 40 characters"):
        recent_styles.keep(job_id, "ann", 0, name)


def test_only_a_style_of_ones_own_can_be_named(either: Path) -> None:
    job_id = made()
    with pytest.raises(EntryNotFound):
        recent_styles.keep(job_id, "ben", 0, "stolen")
    with pytest.raises(EntryNotFound):
        recent_styles.forget(job_id, "ben", 0)
    for place in (-1, 1):
        with pytest.raises(Refused, match="counted from 0"):
            recent_styles.keep(job_id, "ann", place, "nothing")


def test_there_are_only_so_many_names(either: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_styles, "MOST_NAMED", 1)
    job_id = made(styles=[RED, BLUE])
    recent_styles.keep(job_id, "ann", 0, "rose")
    recent_styles.keep(job_id, "ann", 0, "ruby")
    with pytest.raises(Refused, match="Up to 1 styles"):
        recent_styles.keep(job_id, "ann", 1, "sea")


def test_a_named_style_goes_with_its_picture_and_comes_back_from_the_bin(either: Path) -> None:
    job_id = made()
    recent_styles.keep(job_id, "ann", 0, "rose")
    bins.put("ann", [job_id])
    assert shelf() == []
    bins.restore("ann", [job_id])
    assert shelf() == [("rose", job_id, 0)]


def test_a_job_with_a_named_style_is_not_deleted_for_the_quota(
    either: Path, setting: Setting
) -> None:
    first, second = made(), made()
    recent_styles.keep(first, "ann", 0, "rose")
    setting(visitor_bytes=quota.kept("ann") - 1)
    with database.transaction() as session:
        assert quota.enforce(session, "ann") == [second]
    assert shelf()[0] == ("rose", first, 0)
    with pytest.raises(EntryNotFound):
        entries.own(second, "ann")


def test_a_job_with_a_named_style_does_not_go_by_age(either: Path, setting: Setting) -> None:
    setting(retention_days=1)
    first, second = made(), made()
    recent_styles.keep(first, "ann", 0, "rose")
    for job_id in (first, second):
        set_finished(job_id, database.time() - 2 * 86400)
    assert entries.kept_until(entries.own(first, "ann")) is None
    assert retention.forget() == [second]
