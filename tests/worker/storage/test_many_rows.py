"""However many rows a verb is about, no statement names more of them than a database takes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uuid_utils
from sqlalchemy import event, insert

from tests.parts import Setting
from worker import jobs
from worker.gallery import bins
from worker.jobs import Job, Status
from worker.storage import database, deletions
from worker.visitors import accounts, previews, quota, uploads
from worker.visitors.previews import Preview, State
from worker.visitors.rate_limits import Visitor
from worker.visitors.uploads import Upload

COUNT = 3000
MOST = 2 * database.AT_ONCE + 50  # `in_order` names them twice


@contextmanager
def parameters() -> Iterator[list[int]]:
    """Count the parameters of every statement meanwhile, but for rows that are inserted."""
    found: list[int] = []

    def note(_: Any, __: Any, statement: str, given: Any, ___: Any, many: bool) -> None:  # noqa: ANN401
        if not many and not statement.lstrip().startswith("INSERT"):
            found.append(len(given))

    event.listen(database.engine(), "before_cursor_execute", note)
    yield found
    event.remove(database.engine(), "before_cursor_execute", note)


def _write(**values: object) -> list[str]:
    same: dict[str, object] = {
        "owner": "ann", "options": {}, "content_key": "", "style_keys": [], "mask_keys": [],
        "content_width": 1, "content_height": 1,
    }  # fmt: skip
    ids = [str(uuid_utils.uuid7()) for _ in range(COUNT)]
    with database.transaction() as session:
        session.execute(insert(Job), [{"id": one, **same, **values} for one in ids])
    return ids


def _ended(**values: object) -> list[str]:
    return _write(status=Status.CANCELLED, finished=1.0, **values)


def clear_bin() -> None:
    _ended(binned=1.0)
    bins.clear("ann")


def forget_bins() -> None:
    _ended(binned=1.0)
    bins.forget()


def remove_account() -> None:
    _ended()
    accounts.remove("ann")


def delete_rows() -> None:
    ids = _ended()
    with database.transaction() as session:
        quota.delete_rows(session, ids)


def end_stuck() -> None:
    _write(status=Status.QUEUED, cancel_requested=True)
    assert jobs.repair() == COUNT


def evict_uploads() -> None:
    same = {"owner": "ann", "bytes": 10, "media_type": ""}
    with database.transaction() as session:
        session.execute(insert(Upload), [{"id": f"{n:032}", **same} for n in range(COUNT)])
        gone = uploads._evict(session, "ben", 10 * COUNT // 2, 10 * COUNT)
    assert len(gone) > database.AT_ONCE


VERBS: tuple[Callable[[], None], ...] = (
    clear_bin,
    forget_bins,
    remove_account,
    delete_rows,
    end_stuck,
    evict_uploads,
)


@pytest.mark.parametrize("verb", VERBS)
def test_no_statement_names_more_rows_than_a_database_takes(
    studio: Path, verb: Callable[[], None]
) -> None:
    with parameters() as found:
        verb()
    assert max(found) <= MOST


def test_previews_of_many_owners_give_way_in_parts(studio: Path, setting: Setting) -> None:
    setting(previews_bytes=10 * COUNT)
    same = {
        "id": "1", "state": State.MADE, "asked": 0.0, "queue": "light", "options": {},
        "pictures": {}, "bytes": 10, "origin": "here",
    }  # fmt: skip
    with database.transaction() as session, parameters() as found:
        session.execute(insert(Preview), [{"key": str(n), **same} for n in range(COUNT)])
        gone = previews._evict(session, Visitor("ben", "there"), "ben", 10 * COUNT // 2)
    assert len(gone) > database.AT_ONCE
    assert max(found) <= MOST


def test_deletions_of_many_folders_are_looked_up_in_parts(studio: Path) -> None:
    folders = [f"folder {number}" for number in range(COUNT)]
    with database.transaction() as session:
        deletions.note(session, folders)
    with parameters() as found:
        assert deletions.noted(folders) == set(folders)
    assert max(found) <= MOST
