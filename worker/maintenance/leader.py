"""Leader election: of several processes of a kind, one leads, until a time that it renews."""

from sqlalchemy import or_, update
from sqlalchemy.orm import Mapped, mapped_column

from worker.storage import database
from worker.storage.database import Base, now


class Leadership(Base):
    """A role, its holder and until when; migrations insert the rows."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str] = mapped_column(default="")
    until: Mapped[float] = mapped_column(default=0.0)


LONGEST = 10  # times one's own: a longer time of another is void, since the clock was set back


@database.retried
def take(name: str, holder: str, seconds: float) -> bool:
    """Take or keep the role for some seconds; False while another has it."""
    free = or_(
        Leadership.holder == holder,
        Leadership.until < now(),
        Leadership.until > now() + LONGEST * abs(seconds),
    )
    statement = (
        update(Leadership)
        .where(Leadership.name == name, free)
        .values(holder=holder, until=now() + seconds)
    )
    with database.transaction() as session:
        return bool(session.execute(statement).rowcount)  # type: ignore[attr-defined]


@database.retried
def give_up(name: str, holder: str) -> None:
    """Let another take the role at once."""
    with database.transaction() as session:
        session.execute(
            update(Leadership)
            .where(Leadership.name == name, Leadership.holder == holder)
            .values(until=0.0)
        )
