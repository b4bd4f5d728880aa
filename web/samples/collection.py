"""The operator's own style pictures: the folder STUDIO_SHELF, each with a file of its credit.

`lilies.jpg` is credited by `lilies.json` (`credits`). The folder is read once, when the web server
starts: each picture goes through the confined decoder, as visitors' do, and stays in memory no
larger than a style is looked at. What can't be used is left out, with a sentence that names it.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO

from adain.files import kinds, samples
from web.samples import credits
from web.samples.credits import Credit
from worker.errors import CodedError
from worker.gallery.model import plain
from worker.images import images
from worker.settings import KIB, MIB, settings

MOST = 200  # pictures
SIDE = 1024  # pixels of the shorter side that a picture is kept with
CREDIT_BYTES = 64 * KIB
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class Unusable(ValueError):
    """A file of the shelf that can't be used; the sentence says why."""


@dataclass(frozen=True)
class Work:
    """A picture of the shelf, cleaned."""

    name: str
    data: bytes
    digest: str  # sha256 by which jobs keep it
    credit: Credit


@dataclass
class Collection:
    """What a folder holds: pictures by name, and sentences on what is left out."""

    works: dict[str, Work] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


# ---------------------------------------------------------------- files


def _number(file: Path) -> int:
    """Open a file that is no link, without waiting for a pipe; raises `Unusable`."""
    try:
        return os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise Unusable(f"there is no {plain(file.name)}") from error
    except OSError as error:
        raise Unusable("it is a link" if file.is_symlink() else f"{error.strerror}") from error


def _opened(file: Path) -> IO[bytes]:
    number = _number(file)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise Unusable("it is not a file")
    return os.fdopen(number, "rb")


def _contents(file: Path, most: int) -> bytes:
    """Return the bytes of a regular file that is no link; raises `Unusable`."""
    with _opened(file) as opened:
        large = os.fstat(opened.fileno()).st_size > most
        data = b"" if large else opened.read(most + 1)
    if large or len(data) > most:
        raise Unusable(f"it is larger than {most / MIB:g} MiB")
    return data


def check_name(name: str) -> None:
    """Raise `Unusable` unless a picture of the shelf may be called so."""
    if not NAME.fullmatch(name):
        raise Unusable("a name has up to 40 small letters a to z, digits and hyphens")
    if name in {*samples.names("styles"), *samples.names("photos"), *samples.ALIASES}:
        raise Unusable(f"{name} is the name of a sample that comes with the program")


def clean(data: bytes) -> tuple[bytes, str]:
    """Return a picture as the shelf keeps it, and its digest as a job's; raises `Unusable`."""
    try:
        made = images.small(data, SIDE).data
        return made, hashlib.sha256(images.clean(made).data).hexdigest()
    except CodedError as error:
        raise Unusable(str(error).rstrip(".")) from error


def contents(file: Path) -> bytes:
    """Return the bytes of a picture's file; raises `Unusable`."""
    if file.suffix.lower() not in kinds.endings():
        raise Unusable("its ending is not one of a picture")
    return _contents(file, settings().max_upload_bytes)


def _credit(file: Path) -> Credit:
    beside = file.with_suffix(".json")
    try:
        return credits.read(_contents(beside, CREDIT_BYTES))
    except ValueError as error:
        raise Unusable(f"{beside.name}: {error}") from error


def _work(file: Path) -> Work:
    check_name(file.stem)
    credit = _credit(file)
    return Work(file.stem, *clean(contents(file)), credit)


# ---------------------------------------------------------------- the folder


def _pictures(folder: Path) -> Iterator[Path]:
    """Yield what is meant to be a picture, by name; raises OSError."""
    for file in sorted(folder.iterdir()):
        if not file.name.startswith(".") and file.suffix.lower() != ".json":
            yield file


def _add(found: Collection, file: Path) -> None:
    """Add one picture; raises `Unusable`."""
    if file.stem in found.works:
        raise Unusable("another picture has its name")
    if len(found.works) >= MOST:
        raise Unusable(f"a shelf holds {MOST} pictures")
    found.works[file.stem] = _work(file)


def read(folder: Path) -> Collection:
    """Return what a folder holds; a folder that can't be read holds nothing."""
    found = Collection()
    try:
        files = list(_pictures(folder))
    except OSError as error:
        found.problems.append(f"STUDIO_SHELF: {folder} can't be read: {error.strerror}.")
        return found
    for file in files:
        try:
            _add(found, file)
        except (Unusable, OSError) as error:
            found.problems.append(f"STUDIO_SHELF: {plain(file.name)} is left out: {error}.")
    return found


_read = cache(read)


def here() -> Collection:
    """Return what the folder of this studio held when it was first asked for."""
    return _read(Path(settings().shelf)) if settings().shelf else Collection()


def works() -> Mapping[str, Work]:
    """Return the pictures of this studio's folder, by name."""
    return here().works
