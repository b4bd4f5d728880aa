"""Which tables of a database are the studio's own; those of other programs are left alone."""

from collections.abc import Callable
from functools import cache

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, inspect

from worker import tables
from worker.storage import database

VERSIONS = "alembic_version"  # the revision of the tables


class ForeignTables(Exception):
    """The studio's own tables may be mixed with others; a sentence for the operator."""


def names() -> set[str]:
    """Return the names of the studio's tables, of this revision and of all before it."""
    return {*tables.metadata().tables, VERSIONS}


@cache
def revisions() -> frozenset[str]:
    """Return the revisions of the tables that this program knows."""
    script = ScriptDirectory(str(database.MIGRATIONS))
    return frozenset(one.revision for one in script.walk_revisions())


def _heads(connection: Connection) -> set[str]:
    return set(MigrationContext.configure(connection).get_current_heads())


def reflected(connection: Connection) -> MetaData:
    """Return the studio's tables as the database has them.

    Where a later program has been, all tables: which of them are its own is not known here.
    """
    own, known = names(), _heads(connection) <= revisions()
    only: Callable[[str, object], bool] = lambda name, _: name in own or not known  # noqa: E731
    found = MetaData()
    found.reflect(connection, only=only, resolve_fks=False)
    return found


def check(connection: Connection) -> None:
    """Raise `ForeignTables` where a table of another program might be dropped, or one be left."""
    there, heads = set(inspect(connection).get_table_names()), _heads(connection)
    if not heads and (odd := there & names() - {VERSIONS}):
        raise ForeignTables(
            f"The database has a table {min(odd)!r} of another program; name another database."
        )
    if not heads <= revisions() and (odd := there - names()):
        raise ForeignTables(
            f"The database was used by a later version, and has a table {min(odd)!r} that this one "
            "does not know: restore with that version, or into another database."
        )


def drop(connection: Connection) -> None:
    """Drop the studio's tables; raises `ForeignTables`."""
    check(connection)
    reflected(connection).drop_all(connection)


def in_order(connection: Connection, without: set[str]) -> list[Table]:
    """Return the studio's tables but for some, each after those that it refers to."""
    found = reflected(connection).sorted_tables
    return [table for table in found if table.name not in without]
