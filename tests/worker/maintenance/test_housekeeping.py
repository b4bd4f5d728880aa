"""Every table: who writes into it, how many rows there can be, and who deletes them."""

from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import Float, delete, func, select, update

from tests import rows
from tests.parts import picture
from worker import jobs, tables
from worker.credentials import api_keys
from worker.credentials.api_keys import Key
from worker.errors import Refused
from worker.gallery import entries, model, reports
from worker.maintenance import sweep
from worker.storage import database
from worker.visitors.rate_limits import Allowance
from worker.webhooks import deliveries
from worker.webhooks.deliveries import Secret

YEARS = 3 * 365 * 86400.0  # seconds; older than anything that is deleted by its age


class Held(NamedTuple):
    """What keeps a table from growing without bound."""

    writer: str
    most: str
    deleted: str  # "": never; its number of rows is bounded by `most` alone


HELD = {
    "jobs": Held("any visitor", "visitor_bytes, total_bytes", "sweep: retention_days; its owner"),
    "parts": Held("workers", "most_parts a film", "with the end of its job; sweep"),
    "batches": Held("any visitor", "as jobs", "sweep: without jobs; its owner"),
    "entries": Held("a job's owner", "one a job", "with its job"),
    "reports": Held(
        "any visitor", "reports_to_hide an entry and judgement", "with its job; a year"
    ),
    "receipts": Held("any visitor", "one a submission", "sweep: a day"),
    "deliveries": Held("any visitor", "one a job", "with its job"),
    "webhook_secrets": Held("any visitor", "one an owner, 100,000", "sweep: a year without use"),
    "keys": Held("any visitor", "20 an owner, 100,000", "sweep: a year without use; its owner"),
    "previews": Held("any visitor", "one an owner", "sweep: five minutes"),
    "allowances": Held("any visitor", "one a limit, owner and address", "sweep: once it came back"),
    "uploads": Held(
        "any visitor", "uploads_bytes, 64 KiB each at least", "sweep: uploads_hours; its owner"
    ),
    "styles": Held("workers", "styles_kept", "sweep: styles_days"),
    "processes": Held("processes", "one a process", "sweep: a day"),
    "acts": Held("the administrator", "one an act", "sweep: a year"),
    "blocks": Held("the administrator", "one a name", ""),
    "ceilings": Held("the administrator", "one a setting", ""),
    "people": Held("who signs in", "one a person of the provider", ""),
    "gate": Held("a migration", "one", ""),
    "leases": Held("a migration", "one a role", ""),
    "storage_marker": Held("the sweep", "one", ""),
    "deletions": Held("whoever deletes jobs", "one a deleted job", "sweep: a week"),
}


def _count(name: str) -> int:
    table = tables.metadata().tables[name]
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def _age(age: float) -> None:
    """Set every time in every row to so long ago."""
    now = database.time()
    with database.engine().begin() as connection:
        for table in tables.metadata().sorted_tables:
            for column in table.columns:
                if isinstance(column.type, Float) and column.name != "clock_read":
                    past = column > 1e9
                    connection.execute(update(table).where(past).values({column: now - age}))


def _fill(age: float) -> None:
    """Put one row into each table, all of whose times are so long ago."""
    with database.engine().begin() as connection:
        rows.fill(connection)
    _age(age)


def test_every_table_is_named_here() -> None:
    assert set(HELD) == set(tables.metadata().tables)


def test_sweep_empties_every_table_that_visitors_or_processes_fill(either: Path) -> None:
    _fill(YEARS)
    sweep.tidy()
    _age(YEARS)  # what was noted of that deletion
    sweep.tidy()
    with database.transaction() as session:  # the tidying itself takes a lock, a row for a minute
        session.execute(delete(Allowance).where(Allowance.what == "lock"))
    left = {name for name in tables.metadata().tables if _count(name)}
    assert left == {name for name, held in HELD.items() if not held.deleted}


def test_sweep_keeps_what_is_in_use(either: Path) -> None:
    _fill(60.0)
    with database.transaction() as session:
        session.execute(update(jobs.Job).values(binned=None))
    sweep.tidy()
    for name in ("jobs", "entries", "reports", "deliveries", "webhook_secrets", "keys", "receipts"):
        assert _count(name) == 1, name


def _older(table: type[Key | Secret], owner: str, seconds: float) -> None:
    """Have what an owner has been made earlier, and used as it was."""
    with database.transaction() as session:
        session.execute(update(table).where(table.owner == owner).values(made=table.made - seconds))


def test_keys_used_longest_ago_go_when_there_are_too_many(
    either: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [api_keys.make(f"owner-{number}", "one") for number in range(4)]
    assert api_keys.owner_of(made[0].secret) == "owner-0"  # used last
    monkeypatch.setattr(api_keys, "TOTAL", 2)
    api_keys.forget()
    there = [number for number in range(4) if api_keys.listed(f"owner-{number}")]
    assert there == [0, 3]


def test_keys_made_in_numbers_do_not_displace_those_that_are_relied_on(
    either: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = api_keys.make("uses it", "one").secret
    assert api_keys.owner_of(used) == "uses it"
    api_keys.make("with a job", "one")
    jobs.submit("with a job", picture(), [picture()])
    _older(Key, "uses it", 200_000.0)
    _older(Key, "with a job", 200_000.0)
    for number in range(5):
        api_keys.make(f"stranger-{number}", "one")
    monkeypatch.setattr(api_keys, "TOTAL", 3)
    api_keys.forget()
    assert api_keys.owner_of(used) == "uses it"
    assert api_keys.listed("with a job")
    assert [number for number in range(5) if api_keys.listed(f"stranger-{number}")] == [4]
    monkeypatch.setattr(api_keys, "TOTAL", 1)
    api_keys.forget()
    assert api_keys.owner_of(used) == "uses it"
    assert api_keys.listed("with a job")
    with pytest.raises(Refused, match="as many keys as it can"):
        api_keys.make("one more", "one")
    assert api_keys.listed("one more") == []


def test_newest_secrets_of_owners_without_jobs_and_keys_go_when_there_are_too_many(
    either: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = ("first", "nobody", "with a job", "with a key", "just now")
    for number, owner in enumerate(owners):
        deliveries.make_secret(owner)
        _older(Secret, owner, 40_000.0 - number * 10_000.0)
    jobs.submit("with a job", picture(), [picture()])
    api_keys.make("with a key", "one")
    monkeypatch.setattr(deliveries, "SECRETS", 1)
    deliveries.forget()
    assert [owner for owner in owners if deliveries.secret_made(owner) is None] == ["nobody"]


def test_a_report_that_was_not_dealt_with_is_kept(either: Path) -> None:
    _fill(YEARS)
    with database.transaction() as session:
        session.execute(update(model.Entry).values(cleared=None))
    entries.forget()
    assert _count("reports") == 1
    reports.judge(rows.JOB, stays=True)
    entries.forget()
    assert _count("reports") == 0
