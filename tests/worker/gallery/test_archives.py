"""Archives: an owner's pictures in parts that are bounded, under names that no two share."""

from pathlib import Path

import pytest
from sqlalchemy import update

from tests.worker.gallery.test_gallery import made
from worker.gallery import archives, bins, entries
from worker.jobs import Job
from worker.storage import database


def set_bytes(size: int) -> None:
    with database.transaction() as session:
        session.execute(update(Job).values(bytes=size))


def ids(owner: str, before: str) -> list[str]:
    return [one.job.id for one in archives.part(owner, before)]


@pytest.mark.parametrize(("most", "size", "counts"), [(2, 10, [2, 2, 1]), (9, 60, [1] * 5)])
def test_the_parts_together_have_each_picture_once(
    either: Path, monkeypatch: pytest.MonkeyPatch, most: int, size: int, counts: list[int]
) -> None:
    monkeypatch.setattr(archives, "MOST", most)
    monkeypatch.setattr(archives, "MOST_BYTES", 100)
    all_of_them = [made() for _ in range(5)]
    made("ben")
    bins.put("ann", [made()])
    set_bytes(size)
    parts = archives.parts("ann")
    assert [part.pictures for part in parts] == counts
    assert [part.bytes for part in parts] == [count * size for count in counts]
    assert [one for part in parts for one in ids("ann", part.before)] == all_of_them[::-1]


def test_a_picture_larger_than_an_archive_is_one_by_itself(
    studio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 1)
    one = made()
    set_bytes(1000)
    assert ids("ann", "") == [one]


def test_only_pictures_of_the_owner_are_chosen(either: Path) -> None:
    one, foreign = made(), made("ben")
    found = archives.chosen("ann", [foreign, one, "nonsense", "\0"])
    assert [shown.job.id for shown in found] == [one]
    assert archives.parts("nobody") == []


def test_names_hold_day_and_title_and_no_two_are_equal(studio: Path) -> None:
    one, two = made(), made()
    for each in (one, two):
        entries.change(each, "ann", title="Mr. Fox / ../evening")
    files = dict(archives.files(archives.part("ann", ""), photos=True))
    assert len(files) == 4
    for name, key in files.items():
        day, rest = name[:10], name[11:]
        assert len(day.split("-")) == 3
        assert rest.startswith("Mr-Fox-evening-"), name
        assert "/" not in name
        assert ("photo" in name) == ("content" in key)
    assert len(dict(archives.files(archives.part("ann", ""), photos=False))) == 2
