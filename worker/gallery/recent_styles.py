"""An owner's styles: the distinct style pictures of finished jobs, named ones before the latest.

They have no table: they are read from the jobs' rows and pictures, and end with them. A job with a
named style is pinned, as a favourite is: it counts in the quota and goes when its owner deletes it.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from worker.errors import Refused
from worker.gallery import entries
from worker.gallery.model import DONE, STYLE_NAME, Entry, plain
from worker.images import images
from worker.jobs import Job
from worker.storage import blobs, database, free_space

MOST = 12  # without a name
MOST_NAMED = 60
LOOKED_AT = 200  # jobs, the latest
SIDE = 144  # pixels of a small one


@dataclass(frozen=True)
class Recent:
    """A style picture by the latest job that has it, and its place there."""

    job_id: str
    place: int
    digest: str
    name: str = ""


def named(owner: str) -> list[Recent]:
    """Return the styles that their owner named, by name."""
    rows = (
        select(Job.id, Job.style_digests, Entry.named_styles)
        .join(Entry, Entry.job_id == Job.id)
        .where(Job.owner == owner, DONE, Entry.named_styles.is_not(None))
    )
    with database.reading() as session:
        found = [
            Recent(job_id, int(place), digests[int(place)], name)
            for job_id, digests, names in session.execute(rows)
            for place, name in (names or {}).items()
        ]
    return sorted(found, key=lambda one: (one.name.casefold(), one.job_id, one.place))


def _latest(owner: str) -> dict[str, Recent]:
    """Return the styles of the latest jobs by their digests, latest first."""
    latest = (
        select(Job.id, Job.style_digests)
        .where(Job.owner == owner, DONE)
        .order_by(Job.id.desc())
        .limit(LOOKED_AT)
    )
    found: dict[str, Recent] = {}
    with database.reading() as session:
        for job_id, digests in session.execute(latest):
            for place, digest in enumerate(digests):
                found.setdefault(digest, Recent(job_id, place, digest))
    return found


def recent(owner: str, without: Collection[str] = ()) -> list[Recent]:
    """Return the owner's named styles, then the latest but those with a digest in `without`."""
    kept = named(owner)
    known = {one.digest for one in kept} | {*without}
    others = [one for digest, one in _latest(owner).items() if digest not in known]
    return [*kept, *others[:MOST]]


# ---------------------------------------------------------------- names


def _checked(given: str) -> str:
    name = plain(given)
    if not 1 <= len(name) <= STYLE_NAME:
        raise Refused("style.name", limit=STYLE_NAME)
    return name


def _digest(job: Job, place: int) -> str:
    if not 0 <= place < len(job.style_digests):
        raise Refused("job.style_place", count=len(job.style_keys))
    return job.style_digests[place]


def keep(job_id: str, owner: str, place: int, given: str) -> None:
    """Name a style picture, so that it stays on its owner's shelf; or give it another name.

    Raises `EntryNotFound`, and `Refused` with what is accepted.
    """
    name, shown, kept = _checked(given), entries.own(job_id, owner), named(owner)
    digest = _digest(shown.job, place)
    same = next((one for one in kept if one.digest == digest), None)
    if same:  # of an earlier job, perhaps
        shown, place = entries.own(same.job_id, owner), same.place
    elif len(kept) >= MOST_NAMED:
        raise Refused("style.most", limit=MOST_NAMED)
    names = {**(shown.entry.named_styles or {}), str(place): name}
    entries.name_styles(shown.job.id, owner, names)


def forget(job_id: str, owner: str, place: int) -> None:
    """Take the name of a style picture away; raises `EntryNotFound`."""
    shown = entries.own(job_id, owner)
    names = {**(shown.entry.named_styles or {})}
    names.pop(str(place), None)
    entries.name_styles(job_id, owner, names)


# ---------------------------------------------------------------- small ones


def is_small(key: str) -> bool:
    """Tell whether a blob is a small style picture, which no row names."""
    return key.rpartition("/")[2].startswith("small-style-")


def small_key(job: Job, place: int) -> str:
    """Return the key that a style picture of a job has small, a JPEG, once that is made."""
    return f"{job.id}/small-style-{place}.jpg"


def small(job: Job, place: int) -> str:
    """Return the key of a style picture of a job small; made once and kept beside it."""
    key = small_key(job, place)
    if not blobs.exists(key):
        free_space.check(0)
        style = images.stored(job.style_keys[place])
        blobs.put(key, images.small(style, SIDE).data, durable=False)
    return key
