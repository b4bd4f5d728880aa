"""Deletions: the folders of jobs and previews whose rows were deleted on purpose.

The sweep deletes pictures in such a folder whenever it finds some: a worker may have stored one
too late, or a process may have died between deleting rows and files.
"""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from worker.storage import database
from worker.storage.database import Base, now

LASTS = 7 * 86400.0  # seconds a deletion is remembered; longer than any job may run


class Deletion(Base):
    """A folder that no row names any more, by intention."""

    __tablename__ = "deletions"

    folder: Mapped[str] = mapped_column(primary_key=True)
    made: Mapped[float] = mapped_column(default=now(), index=True)


def note(session: Session, folders: Sequence[str]) -> None:
    """Remember that these folders' rows are deleted in this transaction."""
    ordered = sorted(folders)  # as every statement on many rows locks them
    for some in database.parts(ordered):
        session.execute(
            delete(Deletion).where(Deletion.folder.in_(some)),
            execution_options={"synchronize_session": False},
        )
        session.execute(insert(Deletion), [{"folder": folder} for folder in some])


def noted(folders: Sequence[str]) -> set[str]:
    """Return those of the folders that were deleted on purpose."""
    found: set[str] = set()
    with database.reading() as session:
        for some in database.parts(folders):
            found.update(session.scalars(select(Deletion.folder).where(Deletion.folder.in_(some))))
    return found


@database.retried
def forget() -> None:
    """Delete the notes that are too old to be needed."""
    with database.transaction() as session:
        session.execute(
            delete(Deletion).where(Deletion.made < now() - LASTS),
            execution_options={"synchronize_session": False},
        )
