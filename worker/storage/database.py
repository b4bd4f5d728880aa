"""The database: SQLite on a laptop, PostgreSQL elsewhere; all times are its clock's.

Engine, transactions, retries and migrations; the tables are declared by the modules that own them.
"""

import logging
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial, wraps
from pathlib import Path
from threading import local
from time import sleep
from typing import Any, ParamSpec, TypeVar

from alembic import command
from alembic.config import Config
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Float,
    and_,
    case,
    create_engine,
    event,
    make_url,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session
from sqlalchemy.sql.functions import FunctionElement

from worker.settings import settings
from worker.storage import disk

P = ParamSpec("P")
T = TypeVar("T")

LOST = {"40P01", "40001"}  # PostgreSQL's deadlock_detected and serialization_failure
UNANSWERED = {"", "08", "57"}  # classes of its errors that are of the connection or of its end
AWAY = (DBAPIError, NoConnection)  # what is raised where the database can't be asked
# To PostgreSQL, unless the address says otherwise: a host that vanishes is found out in 20 to 25 s
PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # ms
}
TRIES = 5
FULL = ("disk is full", "No space left")  # SQLite's words, PostgreSQL's
AT_ONCE = 500  # rows named in one statement: PostgreSQL takes 65,535 parameters, SQLite 32,766
PAUSE = 0.02  # seconds before the second try, at most; twice as long before each after it
IDLE = 10.0  # seconds that a transaction may say nothing; its process is frozen, or its host gone

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parents[1] / "migrations"


class Base(DeclarativeBase):
    """What every table derives from."""


class now(FunctionElement[float]):  # noqa: N801, reads as SQL's now()
    """The database's time in epoch seconds, as an SQL expression."""

    type = Float()
    inherit_cache = True


@compiles(now, "sqlite")
def _now_in_sqlite(element: now, compiler: object, **_: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _now_in_postgresql(element: now, compiler: object, **_: object) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


def pending(
    column: InstrumentedAttribute[float] | InstrumentedAttribute[float | None],
    longest: float | ColumnElement[float],
) -> ColumnElement[float]:
    """Return a time ahead, as it was written; now, where it is past, unset or further ahead.

    `longest`: seconds, the most that is written ahead. A later time is of a clock that was ahead
    and has been set right since.
    """
    return case((and_(column > now(), column <= now() + longest), column), else_=now())


def _prepare(synchronous: str, connection: Any, _: object) -> None:  # noqa: ANN401, sqlite3's
    """Set up a new SQLite connection; SQLAlchemy says BEGIN itself (see `_begin`)."""
    connection.isolation_level = None
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", f"synchronous={synchronous}"):
        connection.execute(f"PRAGMA {pragma}")


def _limit_idle(connection: Any, _: object) -> None:  # noqa: ANN401, psycopg's
    """Let PostgreSQL end a new connection's transactions that fall silent, and free their rows.

    Otherwise a process frozen between two statements keeps them locked: no other could take its
    jobs, however long ago their leases ended.
    """
    connection.autocommit = True
    connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE:g}s'")
    connection.autocommit = False


def allow_idle(connection: Connection) -> None:
    """Let this transaction be silent for as long as it takes; for those that also copy files."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def _begin(connection: Connection) -> None:
    """Take SQLite's write lock at once, where waiting works, unless it is only to read."""
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _made(synchronous: str) -> Engine:
    url = make_url(settings().database_url)
    patience = PATIENCE if url.get_backend_name() == "postgresql" else {}
    arguments = {name: value for name, value in patience.items() if name not in url.query}
    made = create_engine(
        url, pool_size=20, max_overflow=20, pool_pre_ping=bool(patience), connect_args=arguments
    )
    if made.dialect.name == "sqlite":
        if made.url.database:
            disk.make_folder(Path(made.url.database).parent)
        event.listen(made, "connect", partial(_prepare, synchronous))
        event.listen(made, "begin", _begin)
    else:
        event.listen(made, "connect", _limit_idle)
    return made


@cache
def engine() -> Engine:
    """Return the process's connections to the database; of SQLite, a power cut may undo the last.

    Nothing is damaged by that, and every write but those in `durable_engine` is made again; before
    files are deleted for one, `sync` is called.
    """
    return _made("NORMAL")


@cache
def durable_engine() -> Engine:
    """Return connections whose commits are on the disk; PostgreSQL's always are."""
    return _made("FULL") if engine().dialect.name == "sqlite" else engine()


@contextmanager
def transaction(durable: bool = False) -> Iterator[Session]:
    """Yield a session that may write; commits at the end, rolls back on an error.

    `durable`: what was committed outlasts a power cut; costs an fsync.
    """
    connections = durable_engine() if durable else engine()
    with Session(connections, expire_on_commit=False) as session, session.begin():
        yield session


def sync() -> None:
    """Have all that was committed on the disk, by other processes too.

    Before files go that an earlier state of the rows names. PostgreSQL's commits always are there.
    """
    url = make_url(settings().database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        with suppress(FileNotFoundError):  # no commit is outside the database's own file
            disk.sync(Path(f"{url.database}-wal"))


def is_full(error: DBAPIError) -> bool:
    """Tell whether the database has no room to write."""
    return any(words in str(error.orig) for words in FULL)


def is_unanswered(error: Exception) -> bool:
    """Tell whether what was to be committed may be there, or may still come, for all we know."""
    if not isinstance(error, DBAPIError) or engine().dialect.name == "sqlite":
        return False
    return (getattr(error.orig, "sqlstate", None) or "")[:2] in UNANSWERED


def retried(work: Callable[P, T]) -> Callable[P, T]:
    """Do what opens a transaction again when PostgreSQL gave it up for another one's sake.

    For functions that do nothing else before it ends, or only what may be done twice.
    """

    @wraps(work)
    def tried(*args: P.args, **kwargs: P.kwargs) -> T:
        for failed in range(TRIES - 1):
            try:
                return work(*args, **kwargs)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in LOST:
                    raise
            sleep(random.uniform(0, PAUSE * 2**failed))
        return work(*args, **kwargs)

    return tried


def parts(many: Iterable[T], most: int = AT_ONCE) -> Iterator[list[T]]:
    """Yield what many statements are about, so much of it as one statement may name."""
    every = list(many)
    for start in range(0, len(every), most):
        yield every[start : start + most]


_thread = local()  # `session`: the one of `one_reading`


@contextmanager
def reading() -> Iterator[Session]:
    """Yield a session that only reads and so waits for no writer."""
    if shared := getattr(_thread, "session", None):
        yield shared
        return
    connections = engine().execution_options(reading=True)
    with Session(connections, expire_on_commit=False) as session:
        yield session


@contextmanager
def one_reading() -> Iterator[None]:
    """Give every `reading` inside, in this thread, the same session: one transaction, one moment.

    A transaction of its own takes longer than a short SELECT.
    """
    with reading() as session:
        before, _thread.session = getattr(_thread, "session", None), session
        try:
            yield
        finally:
            _thread.session = before


def time() -> float:
    """Return the database's time in epoch seconds."""
    with reading() as session:
        return session.scalars(select(now())).one()


def migrate(revision: str = "head", connection: Connection | None = None) -> None:
    """Bring the tables up to date; safe when several processes do so at once.

    Tables of a later program stay as they are, since that program's revisions only add.
    `connection`: in its transaction, which may be another database's.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        if not isinstance(error.__cause__, ResolutionError):
            raise
        log.warning("The tables are newer than this program; they stay as they are.")
