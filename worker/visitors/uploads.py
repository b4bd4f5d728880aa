"""Uploads: pictures and films in forms that are being filled in, each its sender's alone.

A row says whose an upload is, since when, and how many bytes its file takes; the file lies in the
folder of the web server that took it, under the row's id. An upload is deleted by age, and when
the folder would pass its cap, the oldest one of the owner who keeps most (`fairness`).
"""

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO

from sqlalchemy import BigInteger, ColumnElement, Index, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from adain.film import kinds
from worker.errors import Refused
from worker.images import images
from worker.images.images import Given, Source
from worker.settings import settings
from worker.storage import database, disk, free_space, marker
from worker.storage.blobs import StorageFull
from worker.storage.database import Base, now
from worker.visitors import fairness, limit_overrides, rate_limits

LEAST = 64 * 1024  # bytes that any file counts, so that the cap bounds how many files there are
HALF_MADE = 60.0  # seconds in which a file may still get its row
KINDS = {b"\x89PNG": "image/png", b"\xff\xd8": "image/jpeg", b"RIFF": "image/webp"}
OTHER = "application/octet-stream"  # a kind that not every browser draws

_NAME = re.compile("[0-9a-f]{32}")  # of an upload's file
_FOLDER = re.compile("[0-9a-f]{64}")  # Gradio's, of before there were rows
_FULL = {errno.ENOSPC, errno.EDQUOT}


class UploadNotFound(Refused):
    """No such upload, another visitor's, or one whose file is gone."""

    def __init__(self) -> None:
        super().__init__("upload.not_found")


class Upload(Base):
    """A picture or film in a form, and its owner."""

    __tablename__ = "uploads"
    __table_args__ = (Index("uploads_by_age", "created"), Index("uploads_of_owner", "owner"))

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)  # that its file takes on the disk
    media_type: Mapped[str]
    created: Mapped[float] = mapped_column(default=now())


# ---------------------------------------------------------------- files


def folder() -> Path:
    """Return the folder that holds the uploads of this machine."""
    return settings().data / "uploads"


def _file(upload_id: str) -> Path:
    return folder() / upload_id


def most() -> int:
    """Return the bytes of one upload at most: a film may be larger than a picture."""
    film = settings().film_bytes if settings().film_seconds and kinds.INSTALLED else 0
    return max(settings().max_upload_bytes, film)


def _write(file: Path, given: Source) -> int:
    """Write a new file; returns the bytes that it counts, raises `StorageFull`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with given.opened() as source, file.open("xb") as opened:
            shutil.copyfileobj(source, opened)
            size = opened.tell()
    except OSError as error:
        file.unlink(missing_ok=True)
        if error.errno in _FULL:
            raise StorageFull from error
        raise
    return max(LEAST, disk.rounded_up(size))


def _open(file: Path) -> tuple[int, IO[bytes]]:
    """Return size and file; raises OSError unless it is a regular file of a size that is taken."""
    number = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    about = os.fstat(number)
    if not stat.S_ISREG(about.st_mode) or about.st_size > most():
        os.close(number)
        raise OSError(errno.EINVAL, "no upload", str(file))
    return about.st_size, os.fdopen(number, "rb")


def delete_files(ids: Sequence[str]) -> None:
    """Delete the files of rows that are gone; on other machines `tidy` does."""
    for upload_id in ids:
        _file(upload_id).unlink(missing_ok=True)


# ---------------------------------------------------------------- rows


def _delete_rows(session: Session, which: ColumnElement[bool]) -> list[str]:
    statement = delete(Upload).where(which).returning(Upload.id)
    return list(session.scalars(statement, execution_options={"synchronize_session": False}).all())


def _forget_old(session: Session) -> list[str]:
    """Delete the rows that are too old; returns their ids."""
    return _delete_rows(session, Upload.created < now() - settings().uploads_hours * 3600)


def _kept_by_owner(session: Session) -> dict[str, int]:
    rows = session.execute(select(Upload.owner, func.sum(Upload.bytes)).group_by(Upload.owner))
    return {owner: int(size) for owner, size in rows}


def _oldest(session: Session, owner: str) -> Iterator[tuple[str, int]]:
    """Yield id and bytes of an owner's uploads, the oldest first."""
    own = select(Upload.id, Upload.bytes).where(Upload.owner == owner)
    ordered = own.order_by(Upload.created, Upload.id).execution_options(yield_per=100)
    yield from ((upload_id, size) for upload_id, size in session.execute(ordered))


def _evict(session: Session, owner: str, coming: int, most: int) -> list[str]:
    """Delete the rows that give way to so much more of an owner's; returns their ids.

    Raises `StorageFull` when too little may go within the rules of `fairness`.
    """
    kept = _kept_by_owner(session)
    over = sum(kept.values()) + coming - most
    if over <= 0:
        return []
    asks = fairness.of(session, owner, coming, most)
    gone = fairness.chosen(session, asks, kept, partial(_oldest, session), over)
    if gone is None:
        raise StorageFull
    return [
        upload_id
        for some in database.parts(gone)
        for upload_id in _delete_rows(session, Upload.id.in_(some))
    ]


@database.retried
def _insert(row: Upload) -> list[str]:
    """Insert a row where there is room for it; returns the ids of those that had to go."""
    [most] = limit_overrides.of("uploads_bytes")
    if most and row.bytes > most:
        raise StorageFull
    with database.transaction() as session:
        rate_limits.lock(session, "uploads")  # of two at once the second counts the first
        gone = _evict(session, row.owner, row.bytes, most) if most else []
        session.add(row)
    return gone


def _row(upload_id: str, owner: str) -> Upload:
    with database.reading() as session:
        row = session.get(Upload, upload_id)
    if row is None or row.owner != owner:
        raise UploadNotFound
    return row


# ---------------------------------------------------------------- verbs


def _media_type(data: bytes) -> str:
    """Return the media type of a picture that was looked at."""
    return next((kind for start, kind in KINDS.items() if data.startswith(start)), OTHER)


def keep(owner: str, given: Given) -> str:
    """Keep a picture or film that was looked at; returns its id, raises `StorageFull`."""
    upload_id, given = secrets.token_hex(16), images.source(given)
    free_space.check(disk.rounded_up(given.size))
    taken = _write(_file(upload_id), given)
    with _file(upload_id).open("rb") as file:
        kind = _media_type(file.read(kinds.HEAD))
    row = Upload(id=upload_id, owner=owner, bytes=taken, media_type=kind)
    try:
        gone = _insert(row)
    except BaseException:
        delete_files([upload_id])
        raise
    delete_files(gone)
    return upload_id


def opened(upload_id: str, owner: str) -> tuple[int, IO[bytes], str]:
    """Return an owner's upload: its bytes' number, the file to be read and closed, its media type.

    Raises `UploadNotFound`.
    """
    row = _row(upload_id, owner)
    try:
        return *_open(_file(row.id)), row.media_type
    except OSError as error:
        raise UploadNotFound from error


def read(upload_id: str, owner: str) -> bytes:
    """Return the bytes of an owner's upload; raises `UploadNotFound`."""
    _, file, _ = opened(upload_id, owner)
    with file:
        return file.read()


@database.retried
def remove(upload_id: str, owner: str) -> None:
    """Delete an owner's upload; raises `UploadNotFound`."""
    row = _row(upload_id, owner)
    with database.transaction() as session:
        _delete_rows(session, Upload.id == row.id)
    delete_files([row.id])


def remove_rows(session: Session, owner: str) -> list[str]:
    """Delete the rows of an owner's uploads; returns their ids, for `delete_files` afterwards."""
    return _delete_rows(session, Upload.owner == owner)


def _lie_since() -> dict[str, float]:
    """Return when each file of this machine's folder was changed last, by its name."""
    found = {}
    for one in os.scandir(folder()) if folder().is_dir() else ():
        with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
            found[one.name] = one.stat(follow_symlinks=False).st_mtime
    return found


def _delete_stray(name: str, since: float) -> None:
    """Delete what no row names, unless its row may still come; a folder was an older version's.

    What has not the shape of ours was not made by the studio, and stays.
    """
    if _file(name).is_symlink():
        return
    if _FOLDER.fullmatch(name) and _file(name).is_dir():
        if since < time.time() - settings().uploads_hours * 3600:
            shutil.rmtree(_file(name), ignore_errors=True)
    elif _NAME.fullmatch(name) and _file(name).is_file() and since < time.time() - HALF_MADE:
        _file(name).unlink(missing_ok=True)


def delete_old_files() -> None:
    """Delete files that are too old, by their own age: writes nothing, so needs no room."""
    if marker.state() == marker.State.MISMATCH:
        return
    old = time.time() - settings().uploads_hours * 3600
    for name, since in _lie_since().items():
        if since < old:
            _delete_stray(name, since)


@database.retried
def tidy() -> None:
    """Delete what is too old, and what lies in this machine's folder without a row.

    Nothing where database and pictures do not belong together: then a row that is missing may be
    in the right database.
    """
    if marker.state() == marker.State.MISMATCH:
        return
    found = _lie_since()
    with database.transaction() as session:
        delete_files(_forget_old(session))
        kept = set(session.scalars(select(Upload.id)))
    for name in found.keys() - kept:
        _delete_stray(name, found[name])
