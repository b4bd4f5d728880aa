"""Accounts: all that is kept of one owner, to be deleted at the owner's word."""

from sqlalchemy import delete, select

from worker import blobs, database, limits, room
from worker.batches import Batch
from worker.deliveries import Delivery, Secret
from worker.gallery import Report
from worker.jobs import Job
from worker.keys import Key
from worker.receipts import Receipt


def remove(owner: str) -> int:
    """Delete an owner's jobs, one being worked on included, and all that was noted of them.

    Returns how many jobs there were. A worker whose job is gone notices, as it does when another
    has it. What was spent of the limits stays until it has come back: else this would be a way
    around them.
    """
    with database.transaction() as session:
        limits.lock(session, room.EVERYBODY)  # room is made by nobody else meanwhile
        job_ids = session.scalars(select(Job.id).where(Job.owner == owner)).all()
        room.delete_rows(session, job_ids)
        for statement in (
            delete(Batch).where(Batch.owner == owner),
            delete(Report).where(Report.visitor == owner),
            delete(Receipt).where(Receipt.owner == owner),
            delete(Delivery).where(Delivery.owner == owner),
            delete(Secret).where(Secret.owner == owner),
            delete(Key).where(Key.owner == owner),
        ):
            session.execute(statement, execution_options={"synchronize_session": False})
    for job_id in job_ids:  # what fails here is found by the sweep: pictures without a row
        blobs.delete_job(job_id)
    return len(job_ids)
