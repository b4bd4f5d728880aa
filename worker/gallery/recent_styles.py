"""An owner's recent styles: thumbnails of the distinct style pictures of the latest finished jobs.

They have no table: they are read from the jobs' rows and pictures, and end with them.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from worker.gallery.model import DONE
from worker.images import images
from worker.jobs import Job
from worker.storage import blobs, database, free_space

MOST = 12
LOOKED_AT = 200  # jobs, the latest
SIDE = 144  # pixels of a small one


@dataclass(frozen=True)
class Recent:
    """A style picture by the latest job that has it, and its place there."""

    job_id: str
    place: int
    digest: str


def recent(owner: str, without: Collection[str] = ()) -> list[Recent]:
    """Return the owner's recent styles, latest first, but those with a digest in `without`."""
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
                if digest not in without:
                    found.setdefault(digest, Recent(job_id, place, digest))
    return list(found.values())[:MOST]


def is_small(key: str) -> bool:
    """Tell whether a blob is a small style picture, which no row names."""
    return key.rpartition("/")[2].startswith("small-style-")


def small(job: Job, place: int) -> str:
    """Return the key of a style picture of a job small, a JPEG; made once and kept beside it."""
    key = f"{job.id}/small-style-{place}.jpg"
    if not blobs.exists(key):
        free_space.check(0)
        style = images.stored(job.style_keys[place])
        blobs.put(key, images.small(style, SIDE).data, durable=False)
    return key
