"""Effective limits: the settings', overridden by the admin at run time.

Overrides are in the database, so they hold for all processes and after a restart; a process reads
them once a second.
"""

import math
import time

from sqlalchemy import BigInteger, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from worker.errors import Refused
from worker.settings import settings
from worker.storage import database
from worker.storage.database import Base

NAMES = (
    "visitor_submissions",
    "address_submissions",
    "visitor_waiting",
    "address_waiting",
    "visitor_uploads",
    "address_uploads",
    "visitor_decoding",
    "address_decoding",
    "visitor_previews",
    "address_previews",
    "visitor_events",
    "address_events",
    "daily_bytes",
    "visitor_bytes",
    "total_bytes",
    "uploads_bytes",
    "previews_bytes",
)
MOST = 1 << 50
SECONDS = 1.0  # between two looks

_seen: tuple[float, dict[str, int]] = (-math.inf, {})  # when, by the monotonic clock, and what


class LimitOverride(Base):
    """A limit that the admin changed, named as its setting is."""

    __tablename__ = "ceilings"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


def changed() -> dict[str, int]:
    """Return those that are not as the settings say."""
    with database.reading() as session:
        return {one.name: one.value for one in session.scalars(select(LimitOverride))}


def of(*names: str) -> list[int]:
    """Return the limits of these names; 0 is none."""
    global _seen
    if _seen[0] < time.monotonic() - SECONDS:
        _seen = time.monotonic(), changed()
    now = _seen[1]
    return [now.get(name, getattr(settings(), name)) for name in names]


@database.retried
def put(name: str, value: int | None) -> None:
    """Change a limit, here at once; None: as the settings say again. Raises `Refused`."""
    if name not in NAMES:
        raise Refused("limit_override.unknown", name=name, names=list(NAMES))
    if value is not None and not 0 <= value <= MOST:
        raise Refused("limit_override.value", maximum=MOST)
    with database.transaction() as session:
        session.execute(delete(LimitOverride).where(LimitOverride.name == name))
        if value is not None:
            session.add(LimitOverride(name=name, value=value))
    forget()


def forget() -> None:
    """Drop the cached overrides: the next call reads the database."""
    global _seen
    _seen = -math.inf, {}
