"""Check that every picture that a row names exists and has the digest it was stored with."""

from collections.abc import Iterator

from sqlalchemy import select

from worker import jobs
from worker.jobs import Job
from worker.storage import blobs, database

AT_ONCE = 500


Expected = dict[str, list[object] | None]  # fingerprints by key; jobs of old have none


def _rows() -> Iterator[tuple[str, Expected]]:
    """Yield every job's id and what its pictures should be."""
    after = ""
    while True:
        with database.reading() as session:
            statement = select(Job.id, Job.files).where(Job.id > after).order_by(Job.id)
            rows = session.execute(statement.limit(AT_ONCE)).all()
        if not rows:
            return
        named = jobs.named([job_id for job_id, _ in rows])
        for job_id, files in rows:
            yield job_id, {key: (files or {}).get(key) for key in named.get(job_id, ())}
        after = rows[-1][0]


def _problem(key: str, expected: list[object] | None) -> str:
    try:
        blobs.get(key, expected)
    except blobs.BlobMissing:
        return f"{key} is missing."
    except blobs.BlobDamaged:
        return f"{key} is not the picture that was stored."
    return ""


def problems() -> list[str]:
    """Read every picture that a row names; return a sentence for each that is not as it was.

    Of jobs that are deleted meanwhile none is missing.
    """
    found = []
    for job_id, expected in _rows():
        wrong = [said for key, one in sorted(expected.items()) if (said := _problem(key, one))]
        found += wrong if wrong and not jobs.unknown([job_id]) else []
    return found
