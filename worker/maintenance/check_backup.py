"""The check of a back-up, before anything is restored from it.

The whole file is checked: its members, the digest of each, the names of pictures, and every row
against the tables of the revision it comes from. Knows how a back-up is laid out from
`worker/maintenance/backup.py`.
"""

import base64
import binascii
import hashlib
import io
import json
import math
import os
import stat
import tarfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError
from sqlalchemy import (
    JSON,
    LargeBinary,
    MetaData,
    Table,
    create_engine,
)
from sqlalchemy.types import TypeEngine

from adain import __version__
from worker.images import films
from worker.jobs import Job
from worker.jobs.service_state import ServiceState
from worker.maintenance import own_tables, row_shapes
from worker.maintenance.backup import (
    FORMAT,
    HEAD,
    MADE_AGAIN,
    PICTURES,
    ROWS,
    SECRET,
    BackupError,
    Head,
    keys_of,
)
from worker.storage import blobs, database

LARGEST = 2 * films.LARGEST  # bytes of one picture or film; earlier versions stored larger films
LONGEST = 16 << 20  # bytes of one row
HEADER = 4 << 10  # bytes that the archive itself says of one member; ours have 512
SECRET_MOST = 64 << 10  # bytes of the secret that signs cookies
HEAD_MOST, HEAD_PER_MEMBER = 16 << 20, 256  # bytes of the head, and for each member that it names
_NONE = (
    "This is no back-up of a studio, or not all of one; one that was packed must be unpacked first."
)


class _Source(io.BufferedReader):
    """A back-up's file, of which the archive may read just so much for each member's header.

    `tarfile` reads a name or an extended header as a whole, however long it says that it is.
    """

    left: int | None = HEADER  # bytes until the next member; None: any number

    def read(self, size: int | None = -1, /) -> bytes:
        """Read so many bytes; raises `BackupError` for more than a header has."""
        if self.left is not None:
            self.left -= LARGEST if size is None or size < 0 else size
            if self.left < 0:
                raise BackupError(_NONE)
        return super().read(size)


@dataclass
class Checked:
    """A back-up in which everything is as its head says."""

    tar: tarfile.TarFile
    head: Head
    members: dict[str, tarfile.TarInfo]
    tables: dict[str, Table]  # of its revision
    counts: Counter[str] = field(default_factory=Counter)  # rows to be restored, by table

    def open(self, name: str) -> IO[bytes]:
        """Return a member to be read."""
        stream = self.tar.extractfile(self.members[name])
        assert stream is not None
        return stream

    def pictures(self) -> set[str]:
        """Return the keys of its pictures."""
        start = len(PICTURES)
        return {name[start:] for name in self.members if name.startswith(PICTURES)}


def _regular(source: Path) -> int:
    """Open a regular file and no pipe, which would be waited for; raises `BackupError`, OSError."""
    number = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(number).st_mode):
        return number
    os.close(number)
    raise BackupError("This is no file; a back-up is one, and no folder, pipe or device.")


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    """Open a back-up; raises `BackupError` for what is none, whenever that is found.

    What is packed is none: a small file could become one that fills the memory.
    """
    try:
        with (
            _Source(io.FileIO(_regular(source))) as file,
            tarfile.open(fileobj=file, mode="r:") as tar,
        ):
            yield tar
    except (tarfile.TarError, EOFError) as error:
        raise BackupError(_NONE) from error


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the members, the headers of each held to `HEADER` bytes."""
    file = tar.fileobj
    assert isinstance(file, _Source)
    for member in tar:
        yield member
        file.left = HEADER
    file.left = None


def _most(name: str, members: int) -> float:
    """Return how many bytes a member of this name may have; rows are read one by one."""
    if name == HEAD:
        return HEAD_MOST + HEAD_PER_MEMBER * members
    if name == SECRET:
        return SECRET_MOST
    return LARGEST if name.startswith(PICTURES) else math.inf


def _listed(tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """Return the members by name: plain files, each there once and not larger than it can be."""
    found: dict[str, tarfile.TarInfo] = {}
    for member in _members(tar):
        if member.name in found:
            raise BackupError(f"The back-up has {member.name!r} twice.")
        if not member.isreg() or member.issparse():
            raise BackupError(f"{member.name!r} in the back-up is no plain file.")
        found[member.name] = member
    for name, member in found.items():
        if member.size > _most(name, len(found)):
            raise BackupError(f"{name!r} in the back-up is larger than it can be.")
    return found


def _read_head(tar: tarfile.TarFile, members: dict[str, tarfile.TarInfo]) -> Head:
    stream = tar.extractfile(members[HEAD]) if HEAD in members else None
    if stream is None:
        raise BackupError(_NONE)
    try:
        said = json.loads(stream.read())
        return Head.model_validate({"version": "unknown"} | said)
    except (ValueError, TypeError, RecursionError, ValidationError) as error:
        raise BackupError(_NONE) from error


def _head(tar: tarfile.TarFile, members: dict[str, tarfile.TarInfo]) -> Head:
    """Return the head; raises `BackupError` if this studio can't read such a back-up."""
    head = _read_head(tar, members)
    if head.format not in {1, FORMAT} or head.revision not in own_tables.revisions():
        raise BackupError(
            f"This back-up was made by version {head.version}, and this is {__version__}: "
            "restore it with that version or a newer one."
        )
    return head


def is_whole(source: Path) -> bool:
    """Tell whether a back-up has its head, which is written last; digests are not checked."""
    try:
        with _opened(source) as tar:
            _read_head(tar, _listed(tar))
    except (BackupError, OSError):
        return False
    return True


def _check_names(members: dict[str, tarfile.TarInfo], head: Head) -> None:
    named = {f"{ROWS}{table}.jsonl" for table in head.rows}
    for name in members.keys() - {HEAD, SECRET} - named:
        if not (name.startswith(PICTURES) and blobs.is_own(name.removeprefix(PICTURES))):
            raise BackupError(f"The back-up has a member with a strange name: {name!r}.")
    if lost := named - members.keys():
        raise BackupError(f"The back-up lacks {min(lost)!r}.")


def _check_digests(back_up: Checked) -> None:
    if back_up.head.format == 1:
        return
    if back_up.members.keys() - {HEAD} != back_up.head.members.keys():
        raise BackupError("The back-up does not have the members that its head names.")
    for name, expected in back_up.head.members.items():
        if hashlib.file_digest(back_up.open(name), "sha256").hexdigest() != expected:  # type: ignore[arg-type]
            raise BackupError(f"{name!r} in the back-up is damaged: its sha256 is another.")


def schema(revision: str) -> dict[str, Table]:
    """Return the tables of a revision, by name."""
    engine, found = create_engine("sqlite://"), MetaData()
    with engine.begin() as connection:
        database.migrate(revision, connection)
        found.reflect(connection)
    engine.dispose()
    return dict(found.tables)


def _decoded(type_: TypeEngine[Any], value: object) -> object:
    """Return a value for a column; raises ValueError where it is of another type."""
    if isinstance(type_, JSON):
        return value
    if isinstance(type_, LargeBinary):
        return base64.b64decode(str(value), validate=True)
    wanted = type_.python_type
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise ValueError("wanted a number of 64 bits")
    if isinstance(value, wanted) and isinstance(value, bool) == (wanted is bool):
        return value
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    raise ValueError(f"wanted {wanted.__name__}")


def _row(table: Table, given: object) -> dict[str, Any]:
    """Return a row that fits the table; raises ValueError for one that does not."""
    if not isinstance(given, dict) or given.keys() != {one.name for one in table.columns}:
        raise ValueError("other columns")
    row: dict[str, Any] = {}
    for column in table.columns:
        value = given[column.name]
        if value is None and not isinstance(column.type, JSON):
            if not column.nullable:
                raise ValueError(f"no {column.name}")
            row[column.name] = None
        else:
            row[column.name] = _decoded(column.type, value)
    return row


def rows(back_up: Checked, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield a table's rows, with their bytes; raises `BackupError` for one that does not fit."""
    stream, number = back_up.open(f"{ROWS}{name}.jsonl"), 0
    while line := stream.readline(LONGEST):
        number += 1
        try:
            row = _row(back_up.tables[name], json.loads(line))
            row_shapes.check(name, row)
        except (ValueError, RecursionError, binascii.Error) as error:
            raise BackupError(
                f"Row {number} of {name} in the back-up does not fit the tables: {error}."
            ) from error
        yield len(line), row


def _check_job(row: dict[str, Any], pictures: set[str], lost: set[str]) -> None:
    """Raise `BackupError` unless the pictures that a job names are its own and are there."""
    for key in keys_of(row):
        if not blobs.is_own(key) or key.partition("/")[0] != row["id"]:
            raise BackupError(f"Job {row['id']!r} in the back-up has a strange key: {key!r}.")
        if key not in pictures and key not in lost:
            raise BackupError(f"{PICTURES + key!r} is missing in the back-up.")


def _check_rows(back_up: Checked) -> None:
    pictures, lost = back_up.pictures(), set(back_up.head.missing)
    for name, reported in back_up.head.rows.items():
        if name not in back_up.tables:
            raise BackupError(f"The back-up has rows of {name!r}, and there is no such table.")
        count = 0
        for _, row in rows(back_up, name):
            count += 1
            if name == Job.__tablename__:
                _check_job(row, pictures, lost)
        if count != reported:
            raise BackupError(f"The back-up has {count} rows of {name}; its head names {reported}.")
        if name == ServiceState.__tablename__ and count != 1:
            raise BackupError(f"The back-up has {count} rows of {name}, which has one.")
        if name not in MADE_AGAIN:
            back_up.counts[name] = count


def _check_secret(back_up: Checked) -> None:
    """Raise `BackupError` for a secret that could not sign cookies."""
    if SECRET not in back_up.members:
        return
    try:
        secret = back_up.open(SECRET).read().decode()
    except UnicodeDecodeError:
        secret = ""
    if not secret.strip():
        raise BackupError(f"{SECRET!r} in the back-up is no text, or an empty one.")


@contextmanager
def checked(source: Path) -> Iterator[Checked]:
    """Yield a back-up once all of it is known to be sound; raises `BackupError`, OSError."""
    with _opened(source) as tar:
        members = _listed(tar)
        head = _head(tar, members)
        _check_names(members, head)
        back_up = Checked(tar, head, members, schema(head.revision))
        _check_digests(back_up)
        _check_secret(back_up)
        _check_rows(back_up)
        yield back_up
