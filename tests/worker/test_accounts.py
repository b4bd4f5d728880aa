from pathlib import Path

from sqlalchemy import select

from tests.parts import picture, pictured
from worker import accounts, admission, batches, database, deliveries, gallery, jobs, receipts
from worker.database import Base
from worker.jobs import Hold, Job
from worker.limits import Allowance, Visitor


def submit(owner: str) -> Job:
    return admission.submit(Visitor(owner, "here"), picture(), [picture()])


def done(owner: str) -> Job:
    job = submit(owner)
    claimed = jobs.claim("worker")
    assert claimed
    assert jobs.finish(
        claimed.id,
        claimed.attempt,
        result_key="",
        thumbnail_key="",
        width=1,
        height=1,
        device="",
        weights_sha256="",
        version="",
        timings={},
    )
    return job


def rows_that_name(who: str) -> dict[str, int]:
    """Return, by table, how many rows have this owner, visitor or job anywhere."""
    found = {}
    with database.reading() as session:
        for table in Base.metadata.sorted_tables:
            rows = session.execute(select(table)).all()
            found[table.name] = sum(who in map(str, row) for row in rows)
    return {name: count for name, count in found.items() if count}


def test_nothing_is_left_of_an_account(either: Path) -> None:
    deliveries.make_secret("ann")
    finished, others, running = done("ann"), done("bob"), submit("ann")
    claimed = jobs.claim("worker")
    assert claimed is not None
    assert claimed.id == running.id
    gallery.change(finished.id, "ann", title="mine", favourite=True)
    gallery.publish(others.id, "bob")
    gallery.report(others.id, "ann", "a reason")
    one = batches.Source("photo.png", len(picture()), picture)
    admission.submit_batch(Visitor("ann", "here"), [one], [one])
    with database.transaction() as session:
        receipts._keep("ann", "key", "digest")(session, finished.id)
        session.add(deliveries.Delivery(job_id=finished.id, owner="ann", url="http://x"))

    assert accounts.remove("ann") == 3
    for name in ("ann", finished.id, running.id):
        assert rows_that_name(name) == {}
    assert pictured() == {others.id}
    assert jobs.renew(claimed, "", 0.5) == Hold.LOST
    assert jobs.get(others.id, "bob").id == others.id
    assert accounts.remove("ann") == 0


def test_deleting_an_account_is_no_way_around_the_limits(either: Path) -> None:
    submit("ann")
    accounts.remove("ann")
    with database.reading() as session:
        assert session.scalars(select(Allowance)).all()
