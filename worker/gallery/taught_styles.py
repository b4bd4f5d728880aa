"""An owner's taught styles: the jobs that taught one, which later jobs name by their ids.

They have no table of their own: a job that taught a style keeps its file beside its pictures, is
pinned as a favourite is, and both end when its owner deletes it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from adain import catalog
from adain.catalog import Color, TaughtKind
from worker import jobs
from worker.errors import Refused
from worker.gallery.model import ALL, Shown, shown, valid_id
from worker.jobs import Beside, Job, JobNotFound, Status
from worker.settings import settings
from worker.storage import database

ADDRESS_LESSONS = 4  # of one network address that wait or are taught at a time
CHECKPOINT, SAMPLE = "checkpoint.pt", "sample.jpg"  # files of a style that is being taught


class TaughtNotFound(Refused):
    """No such taught style, or another visitor's; which of the two is no visitor's business."""

    def __init__(self) -> None:
        super().__init__("taught.not_found")


def is_progress(key: str) -> bool:
    """Tell whether a blob is kept of a style that is being taught; no row names it."""
    return key.rpartition("/")[2] in {CHECKPOINT, SAMPLE}


def get(job_id: str, owner: str) -> Job:
    """Return the job that taught an owner's style; raises `TaughtNotFound`."""
    try:
        job = jobs.get(valid_id(job_id), owner)
    except JobNotFound:
        raise TaughtNotFound from None
    if job.taught_key is None or job.status != Status.DONE:
        raise TaughtNotFound
    return job


def mine(owner: str) -> list[Shown]:
    """Return an owner's taught styles, the latest first."""
    own = ALL.where(Job.owner == owner, Job.taught_key.is_not(None)).order_by(Job.id.desc())
    with database.reading() as session:
        return [shown(*row) for row in session.execute(own)]


def _lessons(session: Session, whose: ColumnElement[bool]) -> int:
    """Count the styles of some jobs that wait to be taught, or are being."""
    teaching = func.coalesce(Job.options["teach"].as_string(), "") != ""
    active = Job.status.in_(jobs.ACTIVE)
    return session.scalar(select(func.count()).where(whose, active, teaching)) or 0


def _check_lessons(session: Session, owner: str, origin: str) -> None:
    """Raise `Refused` where there are more than may be, those just inserted included.

    Two at once can't both pass: what counts an owner's and an address's jobs locked their rows.
    """
    if _lessons(session, Job.owner == owner) > 1:
        raise Refused("teach.one")
    if origin and _lessons(session, Job.origin == origin) > ADDRESS_LESSONS:
        raise Refused("teach.address", limit=ADDRESS_LESSONS)


def one_at_a_time(owner: str, origin: str, options: object, beside: Beside) -> Beside:
    """Return what is done beside a new job: of those that teach a style, an owner has one.

    And an address, given as its origin, `ADDRESS_LESSONS`; "": any number.
    """
    if not isinstance(options, dict) or not options.get("teach"):
        return beside

    def checked(session: Session, job_id: str) -> None:
        _check_lessons(session, owner, origin)
        beside(session, job_id)

    return checked


def _check_rows(options: Mapping[str, Any]) -> None:
    """Raise `Refused` for what needs the pictures of a style that was taught as rows."""
    method = str(options.get("method", catalog.DEFAULT_METHOD))
    long = method in catalog.METHODS and catalog.method(method).maker
    if long or options.get("color") == Color.CONTENT:
        raise Refused("taught.rows")


def chosen(owner: str, options: object) -> tuple[object, Sequence[str]]:
    """Return options as they came, and the pictures of the taught style that they name, if any.

    Its network is theirs then. Raises `TaughtNotFound`, and `Refused` for what it can't do; what
    else is wrong with options, `worker.options` says.
    """
    taught = options.get("taught") if isinstance(options, dict) else None
    if not isinstance(options, dict) or not isinstance(taught, str) or not taught:
        return options, []
    job = get(taught, owner)
    if job.options["teach"] == TaughtKind.CONDITIONAL:
        _check_rows(options)
    keys = job.style_keys[: settings().max_styles]
    return options | {"taught": job.id, "network": job.options["network"]}, keys
