"""API keys: a program that sends one acts as the key's owner, without a cookie.

A key is shown once, when it is created, and stored as a SHA-256 hash; one round is enough because a
key is random and long.
"""

import hashlib
import secrets
from dataclasses import dataclass

import uuid_utils
from sqlalchemy import ColumnElement, Index, and_, delete, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from worker.errors import CodedError, Refused
from worker.jobs import Job
from worker.storage import database
from worker.storage.database import Base, now

START = "adain_"  # so that a key is known for one where it is found
SHOWN = 12  # characters of it that lists show
MOST = 20  # of one owner
TOTAL = 100_000  # of all; beyond that, unproven keys are deleted, least recently used first
TRIAL_SECONDS = 86400.0  # a key still used this long after its creation is no longer unproven
UNUSED_DAYS = 365  # as long as a visitor's cookie lasts
NAME = 60  # characters
USED_SECONDS = 60.0  # how exactly it is known when a key was used last


class Key(Base):
    """What is kept of a key."""

    __tablename__ = "keys"
    __table_args__ = (Index("keys_of_owner", "owner"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    name: Mapped[str]
    prefix: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    made: Mapped[float] = mapped_column(default=now())
    used: Mapped[float | None]


class KeyNotFound(CodedError):
    """No such key, or another's."""

    def __init__(self) -> None:
        super().__init__("key.not_found")


@dataclass(frozen=True)
class Made:
    """A key just made, with the only sight of it."""

    key: Key
    secret: str


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _check_count(session: Session, owner: str) -> None:
    """Raise `Refused` if the owner has too many keys, or all have, and the sweep is yet to come."""
    if (session.scalar(select(func.count()).where(Key.owner == owner)) or 0) > MOST:
        raise Refused("key.too_many", limit=MOST)
    if (session.scalar(select(func.count()).select_from(Key)) or 0) > TOTAL + TOTAL // 10:
        raise Refused("key.storage_full")


@database.retried
def make(owner: str, name: str) -> Made:
    """Make a key of this name; raises `Refused`."""
    name = " ".join(name.split())
    if not 0 < len(name) <= NAME or not name.isprintable():
        raise Refused("key.name", limit=NAME)
    secret = START + secrets.token_urlsafe(32)
    key = Key(
        id=str(uuid_utils.uuid7()),
        owner=owner,
        name=name,
        prefix=secret[:SHOWN],
        digest=_digest(secret),
    )
    with database.transaction() as session:
        session.add(key)
        session.flush()
        _check_count(session, owner)
    return Made(key, secret)


def listed(owner: str) -> list[Key]:
    """Return an owner's keys, newest first."""
    with database.reading() as session:
        return list(session.scalars(select(Key).where(Key.owner == owner).order_by(Key.id.desc())))


@database.retried
def revoke(owner: str, key_id: str) -> None:
    """Make a key void at once; raises `KeyNotFound`."""
    with database.transaction(durable=True) as session:
        gone = session.execute(delete(Key).where(Key.id == key_id, Key.owner == owner))
    if not gone.rowcount:  # type: ignore[attr-defined]
        raise KeyNotFound


@database.retried
def owner_of(secret: str) -> str | None:
    """Return the owner of a key, None if it is unknown; records that it was used."""
    if not secret.startswith(START):
        return None
    mine = Key.digest == _digest(secret)
    with database.reading() as session:
        found = session.execute(
            select(Key.owner, or_(Key.used.is_(None), Key.used < now() - USED_SECONDS)).where(mine)
        ).one_or_none()
    if found is None:
        return None
    owner, stale = found
    if stale:
        with database.transaction() as session:
            session.execute(update(Key).where(mine).values(used=now()))
    return str(owner)


# ---------------------------------------------------------------- the sweep's verb


def _on_trial() -> ColumnElement[bool]:
    """True for unproven keys; only these make room, so a flood of new keys deletes no others."""
    return and_(
        func.coalesce(Key.used, Key.made) < Key.made + TRIAL_SECONDS,
        ~select(Job.id).where(Job.owner == Key.owner).exists(),
    )


@database.retried
def forget() -> None:
    """Delete keys unused for a year.

    Beyond `TOTAL`, also delete unproven keys, least recently used first.
    """
    last = func.coalesce(Key.used, Key.made)
    oldest = select(Key.id).where(_on_trial()).order_by(last, Key.id)
    with database.transaction() as session:
        too_many = (session.scalar(select(func.count()).select_from(Key)) or 0) - TOTAL
        for these in (
            last < now() - UNUSED_DAYS * 86400,
            Key.id.in_(oldest.limit(max(0, too_many))),
        ):
            session.execute(
                delete(Key).where(these), execution_options={"synchronize_session": False}
            )
