"""Blocklist: owners and origins (hashed network addresses) whose submissions are refused.

A blocked visitor can still see, download and delete what is theirs.
"""

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from worker.errors import Refused
from worker.storage import database
from worker.storage.database import Base, now

KINDS = ("owner:", "origin:")
REASON = 500  # characters


class Block(Base):
    """A blocked owner or origin."""

    __tablename__ = "blocks"

    who: Mapped[str] = mapped_column(primary_key=True)  # owner:… or origin:…
    since: Mapped[float] = mapped_column(default=now())
    reason: Mapped[str]  # for the admin's eyes


class Blocked(Refused):
    """The visitor or their network is blocked."""

    def __init__(self) -> None:
        super().__init__("visitor.blocked")


_BLOCKED = (
    select(Block.who).where(Block.who.in_([bindparam("owner"), bindparam("origin")])).limit(1)
)


def check_in(session: Session, owner: str, origin: str) -> None:
    """Raise `Blocked` if either is."""
    if session.scalar(_BLOCKED, {"owner": owner, "origin": origin}):
        raise Blocked


def check(owner: str, origin: str) -> None:
    """Raise `Blocked` if either is."""
    with database.reading() as session:
        check_in(session, owner, origin)


@database.retried
def put(who: str, reason: str = "") -> None:
    """Block from now on; raises `Refused` for what is neither an owner nor an origin."""
    if not who.startswith(KINDS) or who in KINDS or len(who) > 100:
        raise Refused("block.name")
    with database.transaction() as session:
        session.execute(delete(Block).where(Block.who == who))
        session.add(Block(who=who, reason=reason[:REASON]))


@database.retried
def lift(who: str) -> bool:
    """Remove a block; return whether there was one."""
    with database.transaction() as session:
        gone = session.execute(delete(Block).where(Block.who == who))
    return bool(gone.rowcount)  # type: ignore[attr-defined]


def listed() -> list[Block]:
    """Return who is blocked, the latest first."""
    with database.reading() as session:
        return list(session.scalars(select(Block).order_by(Block.since.desc())))
