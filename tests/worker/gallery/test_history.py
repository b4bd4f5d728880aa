"""The history of a picture: what it was made from, what was made from it, all of one owner."""

from pathlib import Path

import pytest
from sqlalchemy import update

from tests.parts import picture, statements
from tests.worker.gallery.test_gallery import RED, made
from worker import jobs
from worker.gallery import bins, entries, history
from worker.gallery.history import History
from worker.gallery.model import EntryNotFound, Shown
from worker.jobs import Job
from worker.storage import database


def _point(job_id: str, parent: str) -> str:
    """Note that a job was made from another; return its id."""
    with database.transaction() as session:
        session.execute(update(Job).where(Job.id == job_id).values(parent=parent))
    return job_id


def _from(parent: str, owner: str = "ann") -> str:
    return _point(made(owner), parent)


def _cancelled(parent: str) -> str:
    job = jobs.submit("ann", picture(), [RED])
    jobs.cancel(job.id, "ann")
    return _point(job.id, parent)


def _id(one: Shown | None) -> str | None:
    return one.job.id if one else None


def ids(found: History) -> tuple[list[str | None], list[str | None]]:
    return [_id(one) for one in found.ancestors], [_id(one) for one in found.children]


def test_a_history_has_the_line_of_ancestors_and_the_children_oldest_first(either: Path) -> None:
    first = made()
    second = _from(first)
    third = _from(second)
    one, other = _from(third), _from(third)
    _from(first)  # a branch beside the line
    assert ids(history.of(third, "ann")) == ([first, second], [one, other])
    assert ids(history.of(first, "ann"))[0] == []
    assert len(history.of(first, "ann").children) == 2
    entries.change(second, "ann", title="Dusk")
    assert [one.entry.title for one in history.of(third, "ann").ancestors if one] == ["", "Dusk"]


def test_deleted_ancestors_leave_a_gap_and_deleted_children_nothing(either: Path) -> None:
    first = made()
    second = _from(first)
    third = _from(second)
    child = _from(third)
    bins.put("ann", [second, child])
    assert ids(history.of(third, "ann")) == ([first, None], [])  # it may come back
    bins.remove("ann", [second])
    assert ids(history.of(third, "ann")) == ([None], [])
    bins.put("ann", [third])
    with pytest.raises(EntryNotFound):
        history.of(third, "ann")


def test_what_has_no_picture_is_left_out(either: Path) -> None:
    first = made()
    failed = _cancelled(first)
    last = _from(failed)
    assert ids(history.of(last, "ann")) == ([first], [])
    assert ids(history.of(first, "ann")) == ([], [])


def test_pictures_of_others_are_in_no_history(either: Path) -> None:
    first = made("ann")
    entries.publish(first, "ann")
    foreign = _from(first, "ben")
    assert ids(history.of(first, "ann")) == ([], [])
    assert ids(history.of(foreign, "ben")) == ([None], [])
    for job_id in (first, "none", "\0"):
        with pytest.raises(EntryNotFound):
            history.of(job_id, "ben")


def test_a_row_that_leads_to_itself_ends_the_line(either: Path) -> None:
    first = made()
    second = _from(first)
    _point(first, second)
    assert ids(history.of(first, "ann")) == ([second], [second])
    _point(first, first)
    assert ids(history.of(second, "ann")) == ([first], [])


def test_a_long_history_is_shown_in_part(either: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "ANCESTORS", 2)
    monkeypatch.setattr(history, "CHILDREN", 2)
    line = [made()]
    for _ in range(3):
        line.append(_from(line[-1]))
    found = history.of(line[3], "ann")
    assert ids(found) == (line[1:3], [])
    assert found.earlier
    assert not history.of(line[2], "ann").earlier
    children = [line[1], _from(line[0]), _from(line[0])]
    found = history.of(line[0], "ann")
    assert ids(found) == ([], sorted(children)[:2])
    assert found.later


def test_a_history_is_read_by_as_many_statements_however_long_it_is(either: Path) -> None:
    first = made()
    second = _from(first)
    last = second
    for _ in range(8):
        last = _cancelled(last)
    third = _from(last)
    with statements() as short:
        assert ids(history.of(second, "ann"))[0] == [first]
    with statements() as long:
        assert ids(history.of(third, "ann"))[0] == [first, second]
    assert len(long) == len(short)


def test_there_may_be_more_beyond_the_jobs_that_are_looked_at(
    either: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "STEPS", 3)
    line = [made()]
    for _ in range(3):
        line.append(_cancelled(line[-1]))
    far, near = history.of(_from(line[3]), "ann"), history.of(_from(line[2]), "ann")
    assert (ids(far)[0], far.earlier) == ([], True)
    assert (ids(near)[0], near.earlier) == ([line[0]], False)
