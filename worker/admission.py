"""Admission: how a visitor's job gets in, through the page or the API.

The limits first, since they cost little; then the pictures, then the room; and once more, when
the row is written, what two at once could both have passed.
"""

from collections.abc import Sequence

from sqlalchemy import update
from sqlalchemy.orm import Session

from worker import gate, jobs, limits, room
from worker.jobs import Beside, Job
from worker.limits import Visitor


def submit(
    visitor: Visitor,
    content: bytes,
    styles: Sequence[bytes],
    masks: Sequence[bytes] = (),
    options: object = None,
    beside: Beside = lambda session, job_id: None,
) -> Job:
    """Accept a visitor's job as `jobs.submit` does; raises what that does.

    Raises `gate.Closed` besides, `TooMany` and `room.QuotaFull`.
    """
    gate.check()
    limits.spend_submission(visitor)
    limits.spend_bytes(visitor, sum(map(len, (content, *styles, *masks))))

    gone: list[str] = []

    def checked(session: Session, job_id: str) -> None:
        if visitor.origin:
            session.execute(update(Job).where(Job.id == job_id).values(origin=visitor.origin))
        limits.check_waiting(session, visitor)
        gone.extend(room.settle(session, visitor.owner))
        beside(session, job_id)

    def make_room(size: int) -> None:
        room.make(visitor.owner, size)

    job = jobs.submit(visitor.owner, content, styles, masks, options, checked, make_room)
    room.delete_pictures(gone)
    return job
