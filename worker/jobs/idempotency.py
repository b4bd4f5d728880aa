"""Idempotency keys: a submission repeated under the same key returns the first job.

Keys are per owner. The table's primary key decides between concurrent submissions; a key and its
job are inserted in one transaction.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import IO, Protocol

from sqlalchemy import ColumnElement, Index, and_, delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from worker.errors import Refused
from worker.jobs import Beside
from worker.settings import KIB
from worker.storage import database
from worker.storage.database import Base, now

LASTS = 86400.0  # seconds a key is remembered


class Accepted(Protocol):
    """A job, or a batch of them."""

    @property
    def id(self) -> str: ...


class IdempotencyKey(Base):
    """One job or batch, and what was asked for when it was accepted."""

    __tablename__ = "receipts"
    __table_args__ = (Index("receipts_made", "made"),)

    owner: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    job_id: Mapped[str]
    made: Mapped[float] = mapped_column(default=now())


def digest(*parts: bytes | IO[bytes]) -> str:
    """Return a fingerprint of all parts, some in files; where one ends counts."""
    return digest_of(parts)


def _digest(part: bytes | IO[bytes]) -> bytes:
    if isinstance(part, bytes):
        return hashlib.sha256(part).digest()
    whole = hashlib.sha256()
    while piece := part.read(64 * KIB):
        whole.update(piece)
    return whole.digest()


def digest_of(parts: Iterable[bytes | IO[bytes]]) -> str:
    """Return the `digest` of parts that come one after the other."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(_digest(part))
    return whole.hexdigest()


def _old() -> ColumnElement[bool]:
    return IdempotencyKey.made < now() - LASTS


def _find(owner: str, key: str, asked: str) -> str | None:
    """Return the id of the job made under the key; raises `Refused` when it was for another."""
    with database.reading() as session:
        key_row = session.get(IdempotencyKey, (owner, key))
        if key_row is None or key_row.made < (session.scalar(now().select()) or 0) - LASTS:
            return None
    if key_row.digest != asked:
        raise Refused("idempotency.key_reused")
    return key_row.job_id


def _keep(owner: str, key: str, asked: str) -> Beside:
    """Return what writes the idempotency key beside the job; it fails when there is one already."""

    def write(session: Session, job_id: str) -> None:
        same = and_(IdempotencyKey.owner == owner, IdempotencyKey.key == key)
        session.execute(delete(IdempotencyKey).where(same, _old()))
        session.add(IdempotencyKey(owner=owner, key=key, digest=asked, job_id=job_id))

    return write


def once(
    owner: str, key: str, asked: str, submit: Callable[[Beside], Accepted]
) -> tuple[str, bool]:
    """Return the id of the one job (or batch) of this key, and whether it was made just now.

    `asked` is the `digest` of everything that was asked for; `submit` makes the job and lets
    the idempotency key be written beside it. Raises what `submit` does, and `Refused` when the key
    was used for something else.
    """
    if known := _find(owner, key, asked):
        return known, False
    try:
        return submit(_keep(owner, key, asked)).id, True
    except IntegrityError:  # another was faster, and has committed
        if known := _find(owner, key, asked):
            return known, False
        raise


@database.retried
def forget() -> None:
    """Delete the idempotency keys whose time is over."""
    with database.transaction() as session:
        session.execute(delete(IdempotencyKey).where(_old()))
