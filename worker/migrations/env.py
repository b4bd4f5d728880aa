"""How alembic reaches the database: one at a time, each migration whole or not at all."""

from alembic import context
from sqlalchemy import Connection, text

from worker import tables
from worker.storage.database import engine

_LOCK = 0xADA1  # any number, the same in every process


def _migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    context.configure(connection, target_metadata=tables.metadata(), render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


if (given := context.config.attributes.get("connection")) is not None:
    _migrate(given)
else:
    with engine().begin() as ours:  # SQLite: BEGIN IMMEDIATE lets one in
        _migrate(ours)
