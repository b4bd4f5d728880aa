"""Back-up: all rows and pictures as one file, made while the studio runs.

The tables are the studio's own; others in the same database are left out. The rows are one
moment's, read in one transaction and written as JSON, so that a back-up of SQLite fits into
PostgreSQL and the other way round; the pictures are those that these rows name. What can be made
again is left out. The last member, the head, has the sha256 of every other one.
`worker/maintenance/check_backup.py` reads it.
"""

import base64
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, cast

from alembic.runtime.migration import MigrationContext
from pydantic import BaseModel
from sqlalchemy import Connection, LargeBinary, Table, select

from adain import __version__
from worker import settings
from worker.films.parts import Part
from worker.jobs import Job, film_keys
from worker.maintenance import own_tables
from worker.maintenance.leader import Leadership
from worker.runner.style_store import Measure
from worker.storage import blobs, database, disk, free_space
from worker.storage.deletions import Deletion
from worker.storage.marker import Marker
from worker.storage.processes import Process
from worker.visitors.previews import Preview
from worker.visitors.rate_limits import Allowance
from worker.visitors.uploads import Upload

FORMAT = 2  # 1 had no digests
HEAD, SECRET = "studio.json", "cookie-secret"
ROWS, PICTURES = "rows/", "pictures/"
AT_ONCE = 500
# measured, counted or asked for again, or only of the processes and the storage that are there now
MADE_AGAIN = {
    one.__tablename__
    for one in (Allowance, Deletion, Leadership, Marker, Measure, Part, Preview, Process, Upload)
}
LEFT_OUT = MADE_AGAIN | {own_tables.VERSIONS}


class BackupError(Exception):
    """What can't be done, in a sentence for the operator."""


class Head(BaseModel):
    """What a back-up says of itself."""

    format: int
    version: str  # of the program that made it
    made: float  # epoch seconds
    revision: str  # of the tables
    rows: dict[str, int]  # how many, by table
    members: dict[str, str] = {}  # sha256 by name
    missing: list[str] = []  # keys of pictures that rows name and that were not there


# ---------------------------------------------------------------- rows


@contextmanager
def one_moment() -> Iterator[Connection]:
    """Yield a connection that sees the database as it is now, whatever is written meanwhile."""
    engine = database.engine()
    whole: dict[str, Any] = {"reading": True}  # SQLite's BEGIN sees one moment
    if engine.dialect.name == "postgresql":
        whole["isolation_level"] = "REPEATABLE READ"
    with engine.connect().execution_options(**whole) as connection:
        database.allow_idle(connection)
        yield connection


def tables(connection: Connection) -> list[Table]:
    """Return the tables that belong into a back-up, as the database has them."""
    return own_tables.in_order(connection, LEFT_OUT)


def _encoded(table: Table, row: dict[str, Any]) -> str:
    """Write a row as JSON, bytes as base64."""
    for column in table.columns:
        if isinstance(column.type, LargeBinary) and row[column.name] is not None:
            row[column.name] = base64.b64encode(row[column.name]).decode()
    return json.dumps(row) + "\n"


def _dump(connection: Connection, table: Table, out: IO[str]) -> None:
    for row in connection.execution_options(yield_per=AT_ONCE).execute(select(table)).mappings():
        out.write(_encoded(table, dict(row)))


def _lines(rows: IO[str]) -> Iterator[dict[str, Any]]:
    rows.seek(0)
    yield from map(json.loads, rows)


def keys_of(job: dict[str, Any]) -> list[str]:
    """Return the keys of the pictures that a job's row names."""
    made = (job["result_key"], job["thumbnail_key"], job.get("taught_key"), job.get("film_key"))
    film = film_keys(job["id"], job.get("film"))
    single = (job["content_key"], *made, *sorted(film))
    return [key for key in (*single, *job["style_keys"], *job["mask_keys"]) if key]


# ---------------------------------------------------------------- the file


class _Archive:
    """A back-up that is being written to a folder; `stopped` tells that it is to be given up."""

    def __init__(self, tar: tarfile.TarFile, folder: Path, stopped: Callable[[], bool]) -> None:
        self._tar, self._folder, self._stopped = tar, folder, stopped
        self.members: dict[str, str] = {}

    def _check(self, coming: int) -> None:
        """Raise `BackupError` where it is to be given up, or would take the disk's reserve."""
        if self._stopped():
            raise BackupError("It was stopped.")
        if free_space.left_on(self._folder) < coming:
            raise BackupError(
                f"The disk of {self._folder} has no room for it: STUDIO_MIN_FREE_BYTES stay free."
            )

    def add_file(self, name: str, file: IO[bytes]) -> None:
        """Add what is in an open file."""
        about = tarfile.TarInfo(name)
        about.size, about.mode, about.mtime = file.seek(0, os.SEEK_END), 0o600, int(time.time())
        self._check(about.size)
        file.seek(0)
        self.members[name] = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        file.seek(0)
        self._tar.addfile(about, file)

    def add(self, name: str, data: bytes) -> None:
        self.add_file(name, io.BytesIO(data))


def _copied(stack: ExitStack, keys: Iterable[str]) -> tuple[dict[str, IO[bytes]], list[str]]:
    """Return temporary copies of pictures by their keys, and the keys of those that are missing."""
    found: dict[str, IO[bytes]] = {}
    lost = []
    for key in keys:
        try:
            _, source = blobs.opened(key)
        except blobs.BlobMissing:
            lost.append(key)
            continue
        found[key] = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115, the stack closes it
        with source:
            shutil.copyfileobj(source, found[key])
    return found, lost


Changed = dict[str, dict[str, Any] | None]  # jobs' rows as they are now; None: deleted


def _row_now(job_id: str) -> dict[str, Any] | None:
    """Return a job's row as it is now, as a back-up has it; None: it was deleted."""
    table = cast(Table, Job.__table__)
    with database.reading() as session:
        row = session.execute(select(table).where(table.c.id == job_id)).mappings().one_or_none()
    return None if row is None else json.loads(_encoded(table, dict(row)))


def _add_pictures(archive: _Archive, rows: Iterable[dict[str, Any]]) -> tuple[Changed, list[str]]:
    """Write the jobs' pictures; none of a job that was deleted meanwhile.

    A film's are replaced while it is painted: where some are missing, those of its row as it is
    now are written. Returns what became of such jobs, and the keys that jobs name in vain.
    """
    changed: Changed = {}
    missing: list[str] = []
    for job in rows:
        with ExitStack() as stack:
            found, lost = _copied(stack, keys_of(job))
            if lost:
                changed[job["id"]] = now = _row_now(job["id"])
                found, lost = _copied(stack, keys_of(now)) if now else ({}, [])
            for key, file in found.items():
                archive.add_file(PICTURES + key, file)
            missing += lost
    return changed, missing


def _add_rows(archive: _Archive, table: str, rows: IO[str], changed: Changed) -> int:
    job = "id" if table == Job.__tablename__ else "job_id"
    count = 0
    with tempfile.TemporaryFile("w+b") as kept:
        for row in _lines(rows):
            now = changed.get(row[job], row) if job in row else row
            if now is None:
                continue
            kept.write(json.dumps(now if job == "id" else row).encode() + b"\n")
            count += 1
        archive.add_file(f"{ROWS}{table}.jsonl", kept)
    return count


def _write(archive: _Archive) -> Head:
    """Write everything; the head last, so that a file without one is no whole back-up."""
    with ExitStack() as stack:
        rows: dict[str, IO[str]] = {}
        with one_moment() as connection:
            made = time.time()
            revision = MigrationContext.configure(connection).get_current_revision()
            for table in tables(connection):
                rows[table.name] = stack.enter_context(tempfile.TemporaryFile("w+"))
                _dump(connection, table, rows[table.name])
        if revision is None or Job.__tablename__ not in rows:
            raise BackupError("There is no studio in this database yet.")
        changed, missing = _add_pictures(archive, _lines(rows[Job.__tablename__]))
        counts = {name: _add_rows(archive, name, each, changed) for name, each in rows.items()}
    secret = settings.settings().data / SECRET
    if secret.exists():
        archive.add(SECRET, secret.read_bytes())
    head = Head(
        format=FORMAT, version=__version__, made=made, revision=revision, rows=counts,
        members=archive.members, missing=missing,
    )  # fmt: skip
    archive.add(HEAD, head.model_dump_json().encode())
    return head


def name_now(kind: str = "studio") -> str:
    """Return the name of a back-up that is made now; its time is UTC's."""
    return time.strftime(f"{kind}-%Y%m%d-%H%M%S.tar", time.gmtime())


def make(target: Path, stopped: Callable[[], bool] = lambda: False) -> tuple[Path, Counter[str]]:
    """Write a back-up to a new file, or to one named by the time in a folder.

    Written beside and renamed once it is on the disk; leaves the disk's reserve, and no file if
    `stopped` tells meanwhile that it is to be given up. Returns the file and how many rows of each
    table it has. Raises `BackupError`, OSError.
    """
    if target.is_dir():
        target /= name_now()
    if target.exists():
        raise BackupError(f"{target} exists; a back-up is never written over another file.")
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        aside.touch(mode=0o600)  # visitors' pictures and the secret that signs cookies
        with aside.open("r+b") as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                head = _write(_Archive(tar, target.parent.absolute(), stopped))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
        disk.sync(target.parent)
    finally:
        aside.unlink(missing_ok=True)
    return target, Counter(head.rows)
