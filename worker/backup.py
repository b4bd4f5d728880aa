"""Back-up: all rows and pictures as one file, made while the studio runs; and back again.

The rows are one moment's, read in one transaction and written as JSON, so that a back-up of
SQLite fits into PostgreSQL and the other way round; the pictures are those that these rows name.
Knows tables as the database has them, none by name but those that are only of the moment.
"""

import io
import json
import os
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Integer, MetaData, Table, delete, func, insert, select

from adain import __version__
from worker import blobs, database, jobs, processes, settings

FORMAT = 1
HEAD, SECRET = "studio.json", "cookie-secret"
ROWS, PICTURES = "rows/", "pictures/"
AT_ONCE = 500
_OF_THE_MOMENT = {"alembic_version", "leases", "processes"}  # who lives and who leads
_KINDS = ("worker", "sweep", "web")


class BackupError(Exception):
    """What can't be done, in a sentence for the keeper."""


@contextmanager
def _one_moment() -> Iterator[Connection]:
    """Yield a connection that sees the database as it is now, whatever is written meanwhile."""
    engine = database.engine()
    whole: dict[str, Any] = {"reading": True}  # SQLite's BEGIN sees one moment
    if engine.dialect.name == "postgresql":
        whole["isolation_level"] = "REPEATABLE READ"
    with engine.connect().execution_options(**whole) as connection:
        yield connection


def _tables(connection: Connection) -> list[Table]:
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name not in _OF_THE_MOMENT]


# ---------------------------------------------------------------- backup


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size, about.mode, about.mtime = len(data), 0o600, int(time.time())
    tar.addfile(about, io.BytesIO(data))


def _lines(rows: IO[str]) -> Iterator[dict[str, Any]]:
    rows.seek(0)
    yield from map(json.loads, rows)


def _dump(connection: Connection, table: Table, out: IO[str]) -> None:
    for row in connection.execution_options(yield_per=AT_ONCE).execute(select(table)).mappings():
        out.write(json.dumps(dict(row)) + "\n")


def _keys(job: dict[str, Any]) -> list[str]:
    single = (job["content_key"], job["result_key"], job["thumbnail_key"])
    return [key for key in (*single, *job["style_keys"], *job["mask_keys"]) if key]


def _add_pictures(tar: tarfile.TarFile, rows: Iterable[dict[str, Any]]) -> set[str]:
    """Write the jobs' pictures; return the jobs that were deleted meanwhile."""
    gone = set()
    for job in rows:
        try:
            pictures = {key: blobs.get(key) for key in _keys(job)}
        except blobs.BlobMissing:
            gone.add(job["id"])
            continue
        for key, data in pictures.items():
            _add(tar, PICTURES + key, data)
    return gone


def _add_rows(tar: tarfile.TarFile, table: str, rows: IO[str], gone: set[str]) -> int:
    kept = [
        json.dumps(row)
        for row in _lines(rows)
        if row.get("id" if table == jobs.Job.__tablename__ else "job_id") not in gone
    ]
    _add(tar, f"{ROWS}{table}.jsonl", "\n".join(kept).encode())
    return len(kept)


def _write(tar: tarfile.TarFile) -> Counter[str]:
    """Write everything; the head last, so that a file without one is no whole back-up."""
    with ExitStack() as stack:
        rows: dict[str, IO[str]] = {}
        with _one_moment() as connection:
            head = {"format": FORMAT, "version": __version__, "made": time.time()}
            head["revision"] = MigrationContext.configure(connection).get_current_revision()
            for table in _tables(connection):
                rows[table.name] = stack.enter_context(tempfile.TemporaryFile("w+"))
                _dump(connection, table, rows[table.name])
        gone = _add_pictures(tar, _lines(rows[jobs.Job.__tablename__]))
        counts = {name: _add_rows(tar, name, each, gone) for name, each in rows.items()}
    secret = settings.settings().data / SECRET
    if secret.exists():
        _add(tar, SECRET, secret.read_bytes())
    _add(tar, HEAD, json.dumps(head | {"rows": counts}).encode())
    return Counter(counts)


def make(target: Path) -> tuple[Path, Counter[str]]:
    """Write a back-up to a new file, or to one named by the time in a folder.

    Returns the file and how many rows of each table it has. Raises `BackupError`, OSError.
    """
    if target.is_dir():
        target /= time.strftime("studio-%Y%m%d-%H%M%S.tar", time.gmtime())
    if target.exists():
        raise BackupError(f"{target} exists; a back-up is never written over another file.")
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        aside.touch(mode=0o600)  # visitors' pictures and the secret that signs cookies
        with tarfile.open(aside, "w") as tar:
            counts = _write(tar)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    return target, counts


# ---------------------------------------------------------------- restore


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    stream = tar.extractfile(name)
    assert stream is not None, name
    return stream.read()


def _head(tar: tarfile.TarFile) -> dict[str, Any]:
    """Return what a back-up says of itself; raises `BackupError` if this studio can't read it."""
    try:
        head: dict[str, Any] = json.loads(_member(tar, HEAD))
    except KeyError:
        raise BackupError("This is no back-up of a studio, or not all of one.") from None
    known = ScriptDirectory(str(database.MIGRATIONS)).walk_revisions()
    if head["format"] != FORMAT or head["revision"] not in {one.revision for one in known}:
        raise BackupError(
            f"This back-up was made by version {head['version']}, and this is {__version__}: "
            "restore it with that version or a newer one."
        )
    return head


def _check_free(replace: bool) -> None:
    """Raise `BackupError` where a restore would do harm."""
    with database.engine().connect() as connection:
        tables = {table.name: table for table in _tables(connection)}
        used = "jobs" in tables and connection.scalar(select(func.count(tables["jobs"].c.id)))
    if tables and any(map(processes.alive, _KINDS)):
        raise BackupError("The studio is running, or was until just now. Stop all of it first.")
    if not replace and (used or any(True for _ in blobs.files())):
        raise BackupError(
            "This studio is not empty. To delete all that is in it, say --replace; or name another "
            "by STUDIO_DATA, or by STUDIO_DATABASE_URL and STUDIO_BLOBS_URL."
        )


def _empty() -> None:
    with database.engine().begin() as connection:
        found = MetaData()
        found.reflect(connection)
        found.drop_all(connection)
    blobs.delete([key for key, _ in blobs.files()])


def _put_rows(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    connection.execute(delete(table))  # what the migrations put there
    for start in range(0, len(rows), AT_ONCE):
        connection.execute(insert(table), rows[start : start + AT_ONCE])
    if connection.dialect.name == "postgresql":  # what counts up goes on behind what came
        for column in table.primary_key:
            if isinstance(column.type, Integer):
                counter = func.pg_get_serial_sequence(table.name, column.name)
                connection.execute(select(func.setval(counter, func.max(column))))


def _key(name: str) -> str:
    """Return the key of a picture in a back-up; raises `BackupError` for what is none."""
    job_id, _, file = name.removeprefix(PICTURES).partition("/")
    if not (job_id and file) or "/" in file or {job_id, file} & {".", ".."}:
        raise BackupError(f"The back-up has a picture with a strange name: {name!r}.")
    return f"{job_id}/{file}"


def _put_all(tar: tarfile.TarFile, head: dict[str, Any]) -> None:
    """Pictures first, as in a submission: no row shall name one that is not there."""
    for member in tar:
        if member.name.startswith(PICTURES):
            blobs.put(_key(member.name), _member(tar, member.name))
    database.migrate(head["revision"])
    with database.engine().begin() as connection:
        for table in _tables(connection):
            if table.name in head["rows"]:
                lines = _member(tar, f"{ROWS}{table.name}.jsonl").splitlines()
                _put_rows(connection, table, list(map(json.loads, lines)))
    database.migrate()


def _put_secret(tar: tarfile.TarFile) -> None:
    """Restore the secret that signs cookies, so that visitors find what is theirs."""
    if SECRET in tar.getnames():
        file = settings.settings().data / SECRET
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(_member(tar, SECRET))


def restore(source: Path, replace: bool = False) -> Counter[str]:
    """Fill an empty studio from a back-up; `replace`: empty it first.

    An older one is brought up to date. Returns how many rows of each table came.
    Raises `BackupError`, OSError.
    """
    try:
        with tarfile.open(source) as tar:
            head = _head(tar)
            _check_free(replace)
            _empty()
            _put_all(tar, head)
            _put_secret(tar)
    except tarfile.TarError as error:
        raise BackupError("This is no back-up of a studio, or not all of one.") from error
    return Counter(head["rows"])
