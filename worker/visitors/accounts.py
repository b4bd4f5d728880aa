"""Accounts: delete everything of an owner, or move it to another owner at sign-in."""

from sqlalchemy import Delete, delete, select, update
from sqlalchemy.orm import Session

from worker.credentials import identities
from worker.credentials.api_keys import Key
from worker.credentials.identities import Person
from worker.gallery.model import Report
from worker.jobs import Job, in_order
from worker.jobs.batches import Batch
from worker.jobs.idempotency import IdempotencyKey
from worker.storage import blobs, database, deletions
from worker.visitors import previews, quota, rate_limits, uploads
from worker.visitors.blocks import Block
from worker.visitors.previews import Preview
from worker.visitors.uploads import Upload
from worker.webhooks.deliveries import Delivery, Secret


def _access(owner: str) -> list[Delete]:
    """Return what deletes all that says who an owner is."""
    return [delete(kept).where(kept.owner == owner) for kept in (Secret, Key, Person)]


@database.retried
def remove(owner: str, *, keep_access: bool = False) -> int:
    """Delete an owner's jobs, one being worked on included, and all that was noted of them.

    Returns how many jobs there were. A worker whose job is gone notices, as it does when another
    has it. What was spent of the limits stays until it has come back: else this would be a way
    around them. `keep_access`: who they are stays, keys too, so that a block still holds.
    """
    with database.transaction(durable=True) as session:
        rate_limits.lock(session, quota.EVERYBODY)  # no other process evicts meanwhile
        # locked at once and in order, though they are deleted some at a time
        job_ids = session.scalars(select(Job.id).where(in_order(Job.owner == owner))).all()
        quota.delete_rows(session, job_ids)
        slots = session.scalars(select(Preview.key).where(previews.of(owner)))
        shown = [*map(previews.folder, {owner, *slots})]
        deletions.note(session, shown)
        upload_ids = uploads.remove_rows(session, owner)
        for statement in (
            delete(Preview).where(previews.of(owner)),
            delete(Batch).where(Batch.owner == owner),
            delete(Report).where(Report.visitor == owner),
            delete(IdempotencyKey).where(IdempotencyKey.owner == owner),
            delete(Delivery).where(Delivery.owner == owner),
            *([] if keep_access else _access(owner)),
        ):
            session.execute(statement, execution_options={"synchronize_session": False})
    uploads.delete_files(upload_ids)
    blobs.delete_jobs([*job_ids, *shown])
    return len(job_ids)


def _move(session: Session, old: str, new: str) -> None:
    """Make what is one owner's another's; where both have the same, the other's stays.

    What opens something ends: who planted the old owner's cookie may have a key of theirs.
    """
    for opens in (Key, Secret):
        session.execute(delete(opens).where(opens.owner == old))
    for mine, same in ((IdempotencyKey.owner, IdempotencyKey.key), (Report.visitor, Report.job_id)):
        both = same.in_(select(same).where(mine == new))
        session.execute(delete(mine.class_).where(mine == old, both))
    moved = (
        Job.owner,
        Batch.owner,
        Delivery.owner,
        IdempotencyKey.owner,
        Report.visitor,
        Upload.owner,
    )
    for mine in moved:
        theirs = in_order(mine == old) if mine.class_ is Job else mine == old
        session.execute(
            update(mine.class_).where(theirs).values({mine: new}),
            execution_options={"synchronize_session": False},
        )
    if (block := session.get(Block, f"owner:{old}")) and not session.get(Block, f"owner:{new}"):
        block.who = f"owner:{new}"


@database.retried
def sign_in(issuer: str, subject: str, name: str, visitor: str, fresh: str) -> str:
    """Return the owner of a signed-in person, `fresh` at the first sign-in.

    What the anonymous visitor made comes along, a block too; what another person made does not.
    The owner is never the visitor's and the visitor's keys end, so that neither a cookie
    planted by an attacker before nor a key made with it gives access afterwards.
    """
    with database.transaction(durable=True) as session:
        rate_limits.lock(session, "people")  # of two who are the same person one waits
        owner = identities.owner_of(session, issuer, subject, name, fresh)
        if visitor != owner and identities.of(visitor, session) is None:
            _move(session, visitor, owner)
    return owner
