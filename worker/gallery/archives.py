"""Archives: which of an owner's pictures are in one, and how they are called in it.

All pictures of an owner are several archives, each of at most so many pictures and bytes, the
newest first. Knows no zip and no web.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, takewhile
from pathlib import PurePosixPath

from sqlalchemy import ColumnElement, select, true

from worker.gallery.model import ALL, DONE, Shown, shown, valid_id
from worker.jobs import Job, batches
from worker.settings import GIB
from worker.storage import database

MOST = 200  # pictures of one archive
MOST_BYTES = GIB  # of their jobs, photos and styles included


@dataclass(frozen=True)
class Part:
    """One archive of all: the newest pictures older than `before`; "": the newest of all."""

    before: str
    pictures: int
    bytes: int


def _fitting(sizes: Sequence[int]) -> int:
    """Return how many of the jobs that come next make one archive; one does in any case."""
    within = takewhile(lambda total: total <= MOST_BYTES, accumulate(sizes[:MOST]))
    return max(1, sum(1 for _ in within))


def parts(owner: str) -> list[Part]:
    """Return the archives that together have all pictures of an owner."""
    own = select(Job.id, Job.bytes).where(Job.owner == owner, DONE).order_by(Job.id.desc())
    with database.reading() as session:
        rows = session.execute(own).all()
    found: list[Part] = []
    before = ""
    while rows:
        count = _fitting([size for _, size in rows[:MOST]])
        found.append(Part(before, count, sum(size for _, size in rows[:count])))
        before, rows = rows[count - 1][0], rows[count:]
    return found


def _of(owner: str, which: ColumnElement[bool]) -> list[Shown]:
    own = ALL.where(Job.owner == owner, which).order_by(Job.id.desc()).limit(MOST)
    with database.reading() as session:
        return [shown(job, entry) for job, entry in session.execute(own)]


def part(owner: str, before: str) -> list[Shown]:
    """Return the pictures of a part of all."""
    found = _of(owner, Job.id < valid_id(before) if before else true())
    return found[: _fitting([one.job.bytes for one in found])]


def chosen(owner: str, job_ids: Sequence[str]) -> list[Shown]:
    """Return those of the owner's pictures, `MOST` at most; others' and unknown ids are none."""
    return _of(owner, Job.id.in_(map(valid_id, job_ids[:MOST])))


def _name(one: Shown) -> str:
    """Return how a picture is called, without ending: by day and title, and unlike any other."""
    day = datetime.fromtimestamp(one.job.finished or one.job.submitted, UTC).strftime("%Y-%m-%d")
    return f"{day}-{batches.plain_name(one.entry.title, 'picture')}-{one.job.id[-8:]}"


def files(found: Sequence[Shown], *, photos: bool) -> Iterator[tuple[str, str]]:
    """Yield a file's name and the blob's key of each picture or film, and of its photo as kept."""
    for one in found:
        if one.job.result_key is None:
            continue
        made = one.job.film_key or one.job.result_key
        for ending, key in ("", made), ("-photo", one.job.content_key):
            if photos or not ending:
                yield f"{_name(one)}{ending}{PurePosixPath(key).suffix}", key
