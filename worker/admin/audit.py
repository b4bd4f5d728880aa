"""Audit log: each action of the admin, with its time, origin and result.

The row is inserted before the action and completed after it, so no action is left unlogged.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import uuid_utils
from sqlalchemy import JSON, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from worker.storage import database
from worker.storage.database import Base, now

BEGUN, DONE = "begun", "done"
DAYS = 365  # kept


class Act(Base):
    """One act of the admin's."""

    __tablename__ = "acts"

    id: Mapped[str] = mapped_column(primary_key=True)  # uuid7, so that ids sort by age
    made: Mapped[float] = mapped_column(default=now())
    what: Mapped[str]
    about: Mapped[str]  # a job, a limit, a visitor; "": the studio
    detail: Mapped[dict[str, object]] = mapped_column(JSON)
    origin: Mapped[str]  # the scrambled address it was done from
    outcome: Mapped[str] = mapped_column(default=BEGUN)  # begun, done or why not


@database.retried
def _note(act_id: str, outcome: str) -> None:
    with database.transaction() as session:
        session.execute(update(Act).where(Act.id == act_id).values(outcome=outcome))


@database.retried
def _begin(what: str, origin: str, about: str, detail: dict[str, object]) -> str:
    act_id = str(uuid_utils.uuid7())
    with database.transaction() as session:
        session.add(Act(id=act_id, what=what, about=about[:200], detail=detail, origin=origin))
    return act_id


@contextmanager
def act(what: str, origin: str, about: str = "", **detail: object) -> Iterator[None]:
    """Write down what is done inside, and whether it worked."""
    act_id = _begin(what, origin, about, detail)
    try:
        yield
    except Exception as error:
        _note(act_id, f"not done: {error}"[:500])
        raise
    _note(act_id, DONE)


def written(limit: int = 50, before: str | None = None) -> list[Act]:
    """Return the acts, newest first, those older than the act `before`."""
    statement = select(Act).order_by(Act.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(Act.id < before)
    with database.reading() as session:
        return list(session.scalars(statement))


@database.retried
def forget() -> None:
    """Delete what is older than a year."""
    with database.transaction() as session:
        session.execute(delete(Act).where(Act.made < now() - DAYS * 86400))
