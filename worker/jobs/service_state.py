"""Service state: whether jobs are accepted and begun; the admin changes it.

One row, which every worker's claim reads in its own statement.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from worker.errors import Refused
from worker.storage import database
from worker.storage.database import Base, now


class State(StrEnum):
    """Whether jobs are accepted and begun."""

    OPEN = "open"
    PAUSED = "paused"  # jobs are let in and wait; none is begun
    DRAINING = "draining"  # what is in line is made; nothing new is let in


class ServiceState(Base):
    """The service state: one row, which a migration inserts."""

    __tablename__ = "gate"

    name: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[Annotated[str, AfterValidator(State)]] = mapped_column(default=State.OPEN)
    since: Mapped[float] = mapped_column(default=now())


class NotAccepting(Refused):
    """No new jobs are accepted for now: the studio is draining."""

    retry_after = 120  # seconds

    def __init__(self) -> None:
        super().__init__("service.draining")


def begins() -> ColumnElement[bool]:
    """True, inside a statement, while jobs may be begun."""
    return ~select(ServiceState).where(ServiceState.state == State.PAUSED).exists()


def read() -> ServiceState:
    """Return the service state, and since when it holds."""
    with database.reading() as session:
        return session.scalars(select(ServiceState)).one()


_STATES = select(ServiceState.state)


def current() -> State:
    with database.reading() as session:
        return State(session.scalars(_STATES).one())


@database.retried
def change(state: State) -> None:
    """Open, pause or drain; setting the same state again keeps its time."""
    with database.transaction() as session:
        session.execute(
            update(ServiceState).where(ServiceState.state != state).values(state=state, since=now())
        )


def check_in(session: Session) -> None:
    """Raise `NotAccepting` unless jobs are let in when the transaction ends.

    Holds the row until then, so that who drains the studio waits for it.
    """
    if session.scalars(_STATES.with_for_update(read=True)).one() == State.DRAINING:
        raise NotAccepting


def check() -> None:
    """Raise `NotAccepting` unless jobs are let in; the transaction that inserts asks again."""
    if current() == State.DRAINING:
        raise NotAccepting
