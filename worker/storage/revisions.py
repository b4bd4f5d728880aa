"""Revisions: whether the tables are recent enough for this program.

Revisions only add to the tables, so a program runs on newer ones; on older ones it does not.
"""

import logging
import time
from functools import cache

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from worker.storage import database

log = logging.getLogger(__name__)


@cache
def _known() -> tuple[str, ...]:
    """Return the revisions that this program knows, the newest first."""
    script = ScriptDirectory(str(database.MIGRATIONS))
    return tuple(one.revision for one in script.walk_revisions())


def of_program() -> str:
    """Return the revision that this program expects."""
    return _known()[0]


def of_tables() -> str | None:
    """Return the tables' revision; None: there are none. Raises DBAPIError."""
    with database.engine().connect().execution_options(reading=True) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def too_old() -> str:
    """Return a sentence if this program can't run on the tables, "" if it can."""
    found = of_tables()
    if found is None:
        return "The database has no tables yet; make them: adain-studio migrate"
    if found in _known()[1:]:
        return (
            f"The tables are of revision {found} and this program needs {of_program()}; "
            "bring them up to date: adain-studio migrate"
        )
    return ""


def newer() -> str:
    """Return a sentence if the tables are of a later program, "" otherwise."""
    found = of_tables()
    if found is None or found in _known():
        return ""
    return (
        f"The tables are of revision {found}, which this program does not know; it expects "
        f"{of_program()} and runs on them, since revisions only add."
    )


def warn() -> None:
    """Log what does not fit, if anything."""
    try:
        said = too_old() or newer()
    except DBAPIError as error:
        said = f"The revision of the tables can't be read: {error.orig}"
    if said:
        log.warning("%s", said)


def wait(seconds: float = 1.0) -> None:
    """Return once the tables are recent enough, or while the database can't say."""
    warn()
    try:
        while too_old():
            time.sleep(seconds)
    except DBAPIError:
        return
