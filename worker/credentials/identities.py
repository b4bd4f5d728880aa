"""OpenID Connect identities: which owner a signed-in person is.

Stores issuer, subject and display name of a person, and nothing else.
"""

from sqlalchemy import select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from worker.storage import database
from worker.storage.database import Base


class Person(Base):
    """One person at one provider."""

    __tablename__ = "people"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]  # to greet with


def of(owner: str, session: Session | None = None) -> Person | None:
    """Return the person an owner is; None: an anonymous visitor."""
    wanted = select(Person).where(Person.owner == owner)
    if session is not None:
        return session.scalars(wanted).one_or_none()
    with database.reading() as reading:
        return reading.scalars(wanted).one_or_none()


def owner_of(session: Session, issuer: str, subject: str, name: str, fresh: str) -> str:
    """Return a person's owner, which is `fresh` at the first sign-in."""
    mine = Person.issuer == issuer, Person.subject == subject
    owner = session.scalar(update(Person).where(*mine).values(name=name).returning(Person.owner))
    if owner is None:
        owner = fresh
        session.add(Person(issuer=issuer, subject=subject, owner=owner, name=name))
        session.flush()
    return owner
