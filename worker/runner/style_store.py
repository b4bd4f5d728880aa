"""The table `styles`: style statistics by key, so that no worker measures the same style twice.

Limited by age and size; what is deleted is measured again. Stores bytes, which
`worker/runner/style_cache.py` encodes, so that the sweep needs no torch.
"""

import logging

from sqlalchemy import LargeBinary, delete, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, mapped_column

from worker.settings import settings
from worker.storage import database
from worker.storage.database import Base, now

log = logging.getLogger(__name__)


class Measure(Base):
    """One style picture as one network sees it at one size."""

    __tablename__ = "styles"

    key: Mapped[str] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    made: Mapped[float] = mapped_column(default=now(), index=True)


def find(key: str) -> bytes | None:
    """Return what was kept under the key; None too when the database can't say."""
    try:
        with database.reading() as session:
            return session.scalar(select(Measure.data).where(Measure.key == key))
    except DBAPIError:
        log.warning("a style could not be looked up", exc_info=True)
        return None


@database.retried
def keep(key: str, data: bytes) -> None:
    """Keep a measure if there is room for any; that it can't be kept is no one's error."""
    if not settings().styles_kept:
        return
    try:
        with database.transaction() as session:
            if session.get(Measure, key) is None:
                session.execute(insert(Measure).values(key=key, data=data))
    except DBAPIError as error:  # another was faster, or the disk is full
        log.info("a style could not be kept: %s", error)


@database.retried
def forget() -> None:
    """Delete what is too old, and the oldest of what is too much."""
    old = Measure.made < now() - settings().styles_days * 86400
    newest = select(Measure.key).order_by(Measure.made.desc(), Measure.key)
    too_many = Measure.key.in_(newest.offset(settings().styles_kept).limit(1_000_000))
    with database.transaction() as session:
        for these in (old, too_many):
            session.execute(
                delete(Measure).where(these), execution_options={"synchronize_session": False}
            )
