"""The marker: what shows that a database and a storage of pictures belong together.

The same id and generation stand in a row and in a file beside the jobs' folders. The generation
is raised in both before every tidying, so that a database of last week no longer matches. While
they differ, the sweep deletes nothing.
"""

import json
import uuid
from enum import StrEnum

from sqlalchemy import delete, update
from sqlalchemy.orm import Mapped, mapped_column

from worker.storage import blobs, database
from worker.storage.database import Base

FILE = blobs.MARKER
HOLD_SECONDS = 86400.0  # that deletion by age waits for
_ONLY = 1


class Marker(Base):
    """The database's half of the marker; the table has at most one row."""

    __tablename__ = "storage_marker"

    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str]
    generation: Mapped[int]
    raising: Mapped[bool] = mapped_column(default=False)  # the file may be one generation ahead
    allowed: Mapped[int] = mapped_column(default=0)  # unnamed folders that may go in one sweep
    # see `worker/maintenance/brake.py`
    clock_read: Mapped[float | None]  # the database's time at the last tidying
    clock_moved: Mapped[float | None]  # seconds that it moved otherwise than time passed
    held: Mapped[float | None]  # seconds that deletion by age has waited for
    kept_for_ever: Mapped[bool | None]  # see `worker/maintenance/retention.py`


class State(StrEnum):
    """Whether database and storage belong together."""

    MATCH = "match"
    NEW = "new"  # neither has a marker
    MISMATCH = "mismatch"


def _row() -> Marker | None:
    with database.reading() as session:
        return session.get(Marker, _ONLY)


def _file() -> tuple[str, int] | None:
    """Return id and generation in the storage; None without a marker, "" and 0 if unreadable."""
    try:
        said = json.loads(blobs.get(FILE))
        return str(said["id"]), int(said["generation"])
    except blobs.BlobMissing:
        return None
    except (ValueError, KeyError, TypeError):
        return "", 0


def _write(marker_id: str, generation: int) -> None:
    blobs.put(FILE, json.dumps({"id": marker_id, "generation": generation}).encode())


def state() -> State:
    """Compare the two markers."""
    row, file = _row(), _file()
    if row is None and file is None:
        return State.NEW
    if row is None or file is None:
        return State.MISMATCH
    generations = {row.generation, row.generation + row.raising}
    return State.MATCH if file[0] == row.id and file[1] in generations else State.MISMATCH


@database.retried
def change(**values: object) -> None:
    with database.transaction(durable=True) as session:
        session.execute(update(Marker).values(**values))


def advance() -> None:
    """Raise the generation of markers that match; a crash on the way leaves them matching."""
    row = _row()
    assert row is not None
    change(raising=True)
    _write(row.id, row.generation + 1)
    change(raising=False, generation=row.generation + 1)


def kept_for_ever() -> bool:
    """Tell whether the studio had no retention age when it last tidied."""
    row = _row()
    return bool(row and row.kept_for_ever)


def note_kept_for_ever(now: bool) -> None:
    """Record what `kept_for_ever` returns the next time."""
    if now != kept_for_ever():
        change(kept_for_ever=now)


@database.retried
def renew() -> None:
    """Write a new marker on both sides: from now on these two belong together."""
    marker_id = uuid.uuid4().hex
    _write(marker_id, 1)
    new = Marker(number=_ONLY, id=marker_id, generation=1, kept_for_ever=kept_for_ever())
    with database.transaction(durable=True) as session:
        session.execute(delete(Marker))
        session.add(new)


def allowed() -> int:
    """Return how many unnamed folders the operator lets go in one sweep, beyond the usual."""
    row = _row()
    return row.allowed if row else 0


def allow(folders: int) -> None:
    """Let the next sweep move so many unnamed folders to the trash; 0: no more than usual."""
    change(allowed=folders)


def clock() -> tuple[float | None, float, float]:
    """Return `clock_read`, `clock_moved` and `held`."""
    row = _row()
    return (row.clock_read, row.clock_moved or 0.0, row.held or 0.0) if row else (None, 0.0, 0.0)


def note_clock(read: float, moved: float, held: float) -> None:
    """Record what `clock` returns the next time."""
    change(clock_read=read, clock_moved=moved, held=held)


def end_hold() -> None:
    """Let the next tidying delete what is past its age, whatever the clock did."""
    change(held=HOLD_SECONDS)
