from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Table, insert, select

from tests.parts import picture, pictured
from worker import jobs, tables
from worker.gallery import entries, reports
from worker.jobs import Hold, Job, batches, idempotency
from worker.storage import database, deletions
from worker.storage.database import Base
from worker.visitors import accounts, admission
from worker.visitors.rate_limits import Allowance, Visitor
from worker.webhooks import deliveries


def submit(owner: str) -> Job:
    return admission.submit(Visitor(owner, "here"), picture(), [picture()])


def done(owner: str) -> Job:
    job = submit(owner)
    claimed = jobs.claim("worker")
    assert claimed
    assert jobs.finish(
        claimed.id,
        claimed.attempt,
        result_key="",
        thumbnail_key="",
        width=1,
        height=1,
        device="",
        weights_sha256="",
        version="",
        timings={},
    )
    return job


def rows_that_name(who: str) -> dict[str, int]:
    """Return, by table, how many rows have this owner, visitor or job anywhere.

    But for the deletions themselves, which say nothing more than which ids are gone.
    """
    found = {}
    with database.reading() as session:
        for table in set(Base.metadata.sorted_tables) - {deletions.Deletion.__table__}:
            rows = session.execute(select(table)).all()
            found[table.name] = sum(who in map(str, row) for row in rows)
    return {name: count for name, count in found.items() if count}


def test_nothing_is_left_of_an_account(either: Path) -> None:
    deliveries.make_secret("ann")
    finished, others, running = done("ann"), done("bob"), submit("ann")
    claimed = jobs.claim("worker")
    assert claimed is not None
    assert claimed.id == running.id
    entries.change(finished.id, "ann", title="mine", favourite=True)
    entries.publish(others.id, "bob")
    reports.report(others.id, "ann", "a reason")
    one = batches.Source("photo.png", len(picture()), picture)
    admission.submit_batch(Visitor("ann", "here"), [one], [one])
    with database.transaction() as session:
        idempotency._keep("ann", "key", "digest")(session, finished.id)
        session.add(deliveries.Delivery(job_id=finished.id, owner="ann", url="http://x"))

    assert accounts.remove("ann") == 3
    for name in ("ann", finished.id, running.id):
        assert rows_that_name(name) == {}
    assert pictured() == {others.id}
    assert jobs.renew(claimed, "", 0.5) == Hold.LOST
    assert jobs.get(others.id, "bob").id == others.id
    assert accounts.remove("ann") == 0


# Every table: who its rows belong to, and whether knowing a row gives access. Those
# end at a sign-in: the anonymous visitor's cookie may be known to others.
OPENS: dict[str, bool | None] = {  # None: rows belong to no visitor
    "allowances": False,
    "acts": None,
    "batches": False,
    "blocks": False,
    "ceilings": None,
    "deletions": None,
    "deliveries": False,
    "entries": None,  # a share link opens one picture, which its maker could see before
    "gate": None,
    "jobs": False,
    "keys": True,
    "leases": None,
    "parts": None,
    "people": False,  # of one who signed in, and never an anonymous visitor's
    "previews": False,
    "processes": None,
    "receipts": False,
    "reports": False,
    "storage_marker": None,
    "styles": None,
    "uploads": False,
    "webhook_secrets": True,
}
WHOSE = {"owner", "visitor", "who"}


def whose(table: Table) -> Column[Any] | None:
    return next((column for column in table.columns if column.name in WHOSE), None)


def test_of_every_table_it_is_known_whether_its_rows_open_something() -> None:
    assert set(OPENS) == set(tables.metadata().tables)
    for name, table in tables.metadata().tables.items():
        assert (whose(table) is None) == (OPENS[name] is None), name


def filled(table: Table, owner: str) -> dict[str, Any]:
    """Return a row of an owner's, something in every column."""
    usual = {str: "x", int: 1, float: 1.0, bool: True, dict: {}, bytes: b"x"}
    row = {column.name: usual[column.type.python_type] for column in table.columns}
    mine = whose(table)
    assert mine is not None
    return row | {mine.name: owner}


@pytest.mark.parametrize("name", [name for name, opens in OPENS.items() if opens])
def test_credentials_of_the_anonymous_owner_end_at_sign_in(either: Path, name: str) -> None:
    table = tables.metadata().tables[name]
    with database.transaction() as session:
        session.execute(insert(table), [filled(table, "planted")])
    assert rows_that_name("planted") == {name: 1}
    person = accounts.sign_in("https://p.example", "ada", "Ada", "planted", "fresh")
    assert rows_that_name("planted") == {}
    assert rows_that_name(person) == {"people": 1}


def test_deleting_an_account_is_no_way_around_the_limits(either: Path) -> None:
    submit("ann")
    accounts.remove("ann")
    with database.reading() as session:
        assert session.scalars(select(Allowance)).all()
