"""Ceilings: the limits as they are now, the settings' or what the keeper made of them since.

Kept in the database, so that a change holds for all processes at once, and after a restart.
"""

from sqlalchemy import BigInteger, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from worker import database
from worker.database import Base
from worker.refused import Refused
from worker.settings import settings

NAMES = (
    "visitor_submissions",
    "address_submissions",
    "visitor_waiting",
    "address_waiting",
    "visitor_uploads",
    "address_uploads",
    "visitor_previews",
    "address_previews",
    "daily_bytes",
    "visitor_bytes",
    "total_bytes",
    "uploads_bytes",
)
MOST = 1 << 50


class Ceiling(Base):
    """A limit that the keeper changed, named as its setting is."""

    __tablename__ = "ceilings"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


def changed() -> dict[str, int]:
    """Return those that are not as the settings say."""
    with database.reading() as session:
        return {one.name: one.value for one in session.scalars(select(Ceiling))}


def of(*names: str) -> list[int]:
    """Return the limits of these names; 0 is none."""
    now = changed()
    return [now.get(name, getattr(settings(), name)) for name in names]


def put(name: str, value: int | None) -> None:
    """Change a limit at once; None: as the settings say again. Raises `Refused`."""
    if name not in NAMES:
        raise Refused(f"There is no limit {name!r}; these can be set: {', '.join(NAMES)}.")
    if value is not None and not 0 <= value <= MOST:
        raise Refused(f"A limit is a whole number from 0 (no limit) to {MOST}.")
    with database.transaction() as session:
        session.execute(delete(Ceiling).where(Ceiling.name == name))
        if value is not None:
            session.add(Ceiling(name=name, value=value))
