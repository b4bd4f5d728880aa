"""Restore: a studio from a back-up, all of it or, if anything is wrong with the file, nothing.

The whole file is checked first (`worker/maintenance/check_backup.py`). Then pictures are stored
beside what is there, and the rows take the place of the old ones in one transaction; tables of
other programs in the same database stay as they are.
"""

import logging
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Connection,
    Integer,
    Table,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.exc import DBAPIError

from worker import settings
from worker.maintenance import own_tables
from worker.maintenance.backup import (
    AT_ONCE,
    PICTURES,
    SECRET,
    BackupError,
    tables,
)
from worker.maintenance.check_backup import Checked, checked, rows
from worker.storage import blobs, database, marker, processes

log = logging.getLogger(__name__)
HELD = 16 << 20  # bytes of rows that are loaded at once
_KINDS = ("worker", "sweep", "web")


def _stored() -> Iterator[str]:
    """Yield the keys of the studio's own pictures; other files in the storage are left alone."""
    yield from filter(blobs.is_own, (key for key, _ in blobs.files()))


def _check_free(replace: bool) -> None:
    """Raise `BackupError` where a restore would do harm."""
    with database.engine().connect() as connection:
        try:
            own_tables.check(connection)
        except own_tables.ForeignTables as error:
            raise BackupError(str(error)) from error
        there = {table.name: table for table in tables(connection)}
        used = "jobs" in there and connection.scalar(select(func.count(there["jobs"].c.id)))
    if there and any(map(processes.alive, _KINDS)):
        raise BackupError("The studio is running, or was until just now. Stop all of it first.")
    if not replace and (used or any(True for _ in _stored())):
        raise BackupError(
            "This studio is not empty. To delete all that is in it, say --replace; or name another "
            "by STUDIO_DATA, or by STUDIO_DATABASE_URL and STUDIO_BLOBS_URL."
        )


def _put_pictures(back_up: Checked) -> Iterator[str]:
    """Store the pictures that are not there yet; yield the key of each before it is stored."""
    there = set(_stored())
    for key in back_up.pictures():
        data = back_up.open(PICTURES + key).read()
        if key not in there:
            yield key
            blobs.put(key, data)
        elif blobs.get(key) != data:
            raise BackupError(f"The studio has another picture called {key!r}.")


def _some_rows(back_up: Checked, name: str) -> Iterator[list[dict[str, Any]]]:
    """Yield a table's rows, `AT_ONCE` at once or some `HELD` bytes."""
    some: list[dict[str, Any]] = []
    held = 0
    for size, row in rows(back_up, name):
        some.append(row)
        held += size
        if len(some) == AT_ONCE or held >= HELD:
            yield some
            some, held = [], 0
    if some:
        yield some


def _put_rows(connection: Connection, back_up: Checked, table: Table) -> None:
    connection.execute(delete(table))  # what the migrations put there
    for column in table.columns:
        if isinstance(column.type, JSON) and column.nullable:
            column.type = JSON(none_as_null=True)
    for some in _some_rows(back_up, table.name):
        connection.execute(insert(table), some)
    if connection.dialect.name == "postgresql":  # what counts up goes on behind what came
        for column in table.primary_key:
            if isinstance(column.type, Integer):
                counter = func.pg_get_serial_sequence(table.name, column.name)
                connection.execute(select(func.setval(counter, func.max(column))))


def _replace_rows(back_up: Checked) -> None:
    """Put the back-up's tables in place of those that are there, in one transaction."""
    with database.engine().begin() as connection:
        database.allow_idle(connection)
        own_tables.drop(connection)
        database.migrate(back_up.head.revision, connection)
        for table in tables(connection):
            if table.name in back_up.counts:
                _put_rows(connection, back_up, table)
        database.migrate("head", connection)


def _secret_aside(back_up: Checked) -> Path | None:
    """Write the secret that signs cookies beside the one in use; visitors find what is theirs."""
    if SECRET not in back_up.members:
        return None
    aside = settings.settings().data / f".{SECRET}.{os.getpid()}"
    aside.parent.mkdir(parents=True, exist_ok=True)
    aside.touch(mode=0o600)
    aside.write_bytes(back_up.open(SECRET).read())
    return aside


def _put(back_up: Checked) -> None:
    """Put pictures and rows into the studio: all or, if a picture or row fails, none."""
    put: list[str] = []
    aside = _secret_aside(back_up)
    try:
        for key in _put_pictures(back_up):
            put.append(key)
        _replace_rows(back_up)
        put.clear()  # the rows name them from now on
        if aside:
            aside.replace(aside.with_name(SECRET))
    except BaseException as error:
        blobs.delete(put)
        if aside:
            aside.unlink(missing_ok=True)
        if isinstance(error, DBAPIError):
            raise BackupError(f"The rows can't be loaded: {error.orig}") from error
        raise


def _delete_others(back_up: Checked) -> None:
    """Delete the pictures that were there before; those that can't be are the sweep's."""
    kept = back_up.pictures()
    try:
        blobs.delete([key for key in _stored() if key not in kept])
    except (OSError, blobs.StorageAway):
        log.exception("pictures of the studio before are left to the sweep")


def restore(source: Path, replace: bool = False) -> Counter[str]:
    """Fill an empty studio from a back-up; `replace`: in place of all that is in it.

    An older one is brought up to date. Returns how many rows of each table came.
    Raises `BackupError`, OSError, `StorageAway` and `StorageFull`; then the studio is as it was.
    """
    with checked(source) as back_up:
        _check_free(replace)
        _put(back_up)
        marker.renew()
        _delete_others(back_up)
        return back_up.counts
