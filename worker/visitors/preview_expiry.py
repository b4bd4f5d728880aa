"""Expiry of previews: what the sweep deletes of their rows and files."""

import time
from collections.abc import Collection, Mapping

from sqlalchemy import delete, select

from worker.storage import blobs, database
from worker.storage.database import now
from worker.visitors.previews import LASTS, START, Preview, folder, result_key

FILES_LAST = 2 * LASTS  # seconds; files of this age have no use, whatever the rows say


def named(folders: Collection[str]) -> dict[str, set[str]]:
    """Return, for those folders that are a preview's, the keys of the pictures in it."""
    with database.reading() as session:
        rows = session.execute(select(Preview.key, Preview.pictures)).all()
    found = {folder(key): {*pictures, result_key(key)} for key, pictures in rows}
    return {name: keys for name, keys in found.items() if name in folders}


def abandoned(changed: Mapping[str, float]) -> set[str]:
    """Return those folders without a row that are a preview's and old.

    `changed`: when something in a folder was written last.
    """
    old = database.time() - FILES_LAST
    return {name for name, last in changed.items() if name.startswith(START) and last < old}


@database.retried
def forget() -> None:
    """Delete the previews that were followed by none for a while."""
    statement = delete(Preview).where(Preview.asked < now() - LASTS).returning(Preview.key)
    with database.transaction() as session:
        keys = session.scalars(statement, execution_options={"synchronize_session": False}).all()
    # one that is asked for meanwhile fails, and the next one works
    blobs.delete_jobs(map(folder, keys))


def delete_old_files() -> None:
    """Delete pictures of previews by the age of their files alone.

    Writes nothing, so that a full disk does not keep it from being emptied.
    """
    blobs.delete_old(START, time.time() - FILES_LAST)
