"""Live processes: each writes a row with its heartbeat; a recent one counts as alive."""

from typing import Any

from sqlalchemy import JSON, ColumnElement, and_, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from adain.catalog import NETWORKS
from worker.settings import settings
from worker.storage import database
from worker.storage.database import Base, now


class Process(Base):
    """A process that serves: kind is worker, sweep or web; info is what it reported of itself."""

    __tablename__ = "processes"

    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    seen: Mapped[float] = mapped_column(default=now())
    info: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # what it counted, see `metrics.exposition`; some kilobytes that only `/metrics` reads
    metrics: Mapped[str] = mapped_column(default="", deferred=True)


@database.retried
def touch(name: str, kind: str, info: dict[str, Any], metrics: str = "") -> None:
    with database.transaction() as session:
        same = update(Process).where(Process.name == name)
        if not session.execute(same.values(seen=now(), info=info, metrics=metrics)).rowcount:  # type: ignore[attr-defined]
            session.add(Process(name=name, kind=kind, info=info, metrics=metrics))


@database.retried
def gone(name: str) -> None:
    with database.transaction() as session:
        session.execute(delete(Process).where(Process.name == name))


def _recent(kind: str, seconds: float) -> ColumnElement[bool]:
    """True for processes with a heartbeat within the last seconds, by a clock that was right."""
    return and_(Process.kind == kind, Process.seen.between(now() - seconds, now() + seconds))


def alive(kind: str, seconds: float = 20) -> list[Process]:
    """Return the processes of a kind with a heartbeat within the last seconds."""
    received = select(Process).where(_recent(kind, seconds))
    with database.reading() as session:
        return list(session.scalars(received.order_by(Process.name)))


def counted(kind: str, seconds: float = 20) -> dict[str, str]:
    """Return the metrics of the live processes of a kind, by their names."""
    received = select(Process.name, Process.metrics).where(_recent(kind, seconds))
    with database.reading() as session:
        return {row[0]: row[1] for row in session.execute(received)}


def networks() -> list[str]:
    """Return the networks that a worker has weights for, and the default one."""
    received = {name for worker in alive("worker") for name in worker.info.get("networks", ())}
    return [name for name in NETWORKS if name in received | {settings().network}]


@database.retried
def forget(seconds: float = 86400) -> None:
    """Delete the rows of processes that ended without deleting their own."""
    with database.transaction() as session:
        recent = Process.seen.between(now() - seconds, now() + seconds)
        session.execute(delete(Process).where(~recent))
