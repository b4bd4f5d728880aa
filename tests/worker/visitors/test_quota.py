import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import uuid_utils
from PIL import Image
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from tests.parts import Setting, picture, pictured
from worker import jobs
from worker.gallery import entries, model
from worker.images import images
from worker.jobs import Job, JobNotFound
from worker.maintenance import sweep
from worker.settings import settings
from worker.storage import blobs, database, disk
from worker.storage.blobs import StorageFull
from worker.storage.database import now
from worker.visitors import admission, quota
from worker.visitors.quota import QuotaFull
from worker.visitors.rate_limits import TooMany, Visitor

noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
PHOTO = images.encode(Image.fromarray(noise), "png")  # some 270 kB
SIZE = 256
RESERVED = 3 * SIZE * SIZE + 128 * 1024


def submit(owner: str = "ann", address: str = "") -> Job:
    options = {"size": SIZE}
    return admission.submit(Visitor(owner, address), PHOTO, [picture()], options=options)


def done(owner: str = "ann") -> Job:
    """Return a finished job with a result of two blocks, as its thumbnail takes one as well."""
    job = submit(owner)
    while (claimed := jobs.claim("worker")) and claimed.id != job.id:
        pass
    assert claimed
    key = f"{job.id}/result-1.png"
    blobs.put(key, bytes(900))
    blobs.put(f"{job.id}/thumbnail-1.jpg", bytes(100))
    assert jobs.finish(
        job.id,
        1,
        result_key=key,
        thumbnail_key=f"{job.id}/thumbnail-1.jpg",
        width=1,
        height=1,
        device="cpu",
        weights_sha256="",
        version="",
        timings={},
        stored=2 * disk.BLOCK,
    )
    return job


def age(*owners: str) -> None:
    """Let the jobs that these owners have be two days old."""
    with database.transaction() as session:
        old = {"submitted": Job.submitted - 2 * 86400}
        session.execute(update(Job).where(Job.owner.in_(owners)).values(**old))


def on_disk(studio: Path) -> int:
    """Return what the disk gave, in whole blocks, the folders of jobs included."""
    taken = [512 * one.stat().st_blocks for one in (studio / "blobs").rglob("*")]
    return sum(map(disk.rounded_up, taken))


def test_tiny_pictures_count_what_the_disk_gives(either: Path) -> None:
    tiny = picture(16, 16)
    for _ in range(5):
        job = admission.submit(Visitor("ann"), tiny, [tiny] * 4, [tiny] * 4, {"size": 64})
        jobs.cancel(job.id, "ann")
    assert quota.kept("ann") >= on_disk(either) > 150_000


def in_trash(studio: Path) -> list[Path]:
    return sorted((studio / "blobs" / blobs.TRASH).rglob("*.png"))


def exists(job: Job) -> bool:
    try:
        jobs.get(job.id, job.owner)
    except JobNotFound:
        assert not blobs.exists(job.content_key)
        return False
    return blobs.exists(job.content_key)


def test_what_is_kept_is_what_lies_on_the_disk(either: Path) -> None:
    done()
    assert quota.kept() == on_disk(either)
    submit("bob")
    assert quota.kept() == on_disk(either) + RESERVED
    assert quota.kept("bob") > RESERVED
    jobs.cancel(jobs.mine("bob")[0].id, "bob")
    assert quota.kept() == on_disk(either)


def test_the_oldest_ended_job_of_who_keeps_most_makes_room(either: Path, setting: Setting) -> None:
    bobs, first, second, waits = done("bob"), done("ann"), done("ann"), submit("ann")
    setting(total_bytes=quota.kept() + RESERVED)
    new = submit("cat")
    kept = [exists(job) for job in (bobs, first, second, waits, new)]
    assert kept == [True, False, True, True, True]
    assert on_disk(either) <= quota.kept() <= settings().total_bytes


@pytest.mark.parametrize("how", ["favourite", "published", "shared"])
def test_pinned_entries_are_not_deleted_for_the_quota(
    either: Path, setting: Setting, how: str
) -> None:
    first, second, _ = done(), done(), done()
    if how == "favourite":
        entries.change(first.id, "ann", favourite=True)
    elif how == "published":
        entries.publish(first.id, "ann")
    else:
        entries.share(first.id, "ann")
    setting(total_bytes=quota.kept() + RESERVED)
    submit("bob")
    assert [exists(first), exists(second)] == [True, False]


def test_a_submission_that_no_eviction_can_make_fit_is_refused_and_deletes_nothing(
    either: Path, setting: Setting
) -> None:
    pinned, ended = done(), done("bob")
    entries.change(pinned.id, "ann", favourite=True)
    setting(total_bytes=quota.kept() // 2 + 1000)
    before = on_disk(either)
    with pytest.raises(StorageFull):
        submit("cat")
    assert exists(pinned)
    assert exists(ended)
    assert on_disk(either) == before


def refuse(session: Session, given_id: str) -> None:
    raise ZeroDivisionError


def alone() -> object:
    return admission.submit(Visitor("ann"), PHOTO, [picture()], [], {"size": SIZE}, refuse)


def in_a_batch() -> object:
    photo, style = map(images.source, (PHOTO, picture()))
    return admission.submit_batch(Visitor("ann"), [photo], [style], {"size": SIZE}, refuse)


@pytest.mark.parametrize("full", ["visitor_bytes", "total_bytes"])
def test_a_submission_that_is_refused_at_last_deletes_nothing(
    either: Path, setting: Setting, full: str
) -> None:
    own, others = [done() for _ in range(4)], [done("bob") for _ in range(6)]
    waits = submit()
    setting(**{full: quota.kept("ann" if full == "visitor_bytes" else None)})
    setting(visitor_waiting=1)
    with pytest.raises(TooMany):
        submit()
    setting(visitor_waiting=100)
    for send in (alone, in_a_batch):
        with pytest.raises(ZeroDivisionError):
            send()
    assert all(map(exists, [*own, *others, waits]))
    assert pictured() == set(ids())
    submit()
    assert [exists(job) for job in (own[0], others[0])] != [True, True]


def test_a_visitor_makes_room_only_among_the_own(either: Path, setting: Setting) -> None:
    others, own = done("bob"), done("ann")
    setting(visitor_bytes=quota.kept("ann") + RESERVED)
    submit("ann")
    assert [exists(others), exists(own)] == [True, False]
    with pytest.raises(QuotaFull, match="as much as one visitor may"):
        submit("ann")
    submit("bob")


def test_two_at_once_do_not_both_take_the_last_room(either: Path, setting: Setting) -> None:
    setting(total_bytes=3 * (len(PHOTO) + RESERVED))
    most = settings().total_bytes

    def gets_in(number: int) -> bool:
        try:
            return bool(submit(f"visitor-{number}"))
        except StorageFull:
            return False

    with ThreadPoolExecutor(8) as pool:
        passed = sum(pool.map(gets_in, range(10)))
    assert passed == 2  # there are the styles besides
    assert quota.kept() <= most
    assert len(pictured()) == passed


def test_concurrent_submissions_to_a_full_studio_are_all_accepted(
    either: Path, setting: Setting
) -> None:
    for _ in range(12):
        done("earlier")
    setting(total_bytes=quota.kept() + 1000)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(submit, [f"visitor-{number}" for number in range(4)]))
    assert all(map(exists, made))
    assert on_disk(either) <= quota.kept() <= settings().total_bytes
    assert pictured() == set(ids())


def ids() -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Job.id)))


def test_the_disk_never_holds_more_than_its_cap(either: Path, setting: Setting) -> None:
    chance = random.Random(1)
    setting(total_bytes=1_500_000, visitor_bytes=900_000)
    for _ in range(25):
        with suppress(StorageFull):  # who keeps most has nothing that may go
            done(chance.choice("abc"))
        assert on_disk(either) <= quota.kept() <= 1_500_000
        assert all(quota.kept(owner) <= 900_000 for owner in "abc")


def test_a_lowered_cap_is_reached_by_the_sweep(either: Path, setting: Setting) -> None:
    first, second = done(), done()
    setting(total_bytes=quota.kept() - 1)
    sweep.tidy()
    assert [exists(first), exists(second)] == [False, True]


def test_the_trash_has_what_the_jobs_leave_of_the_cap(either: Path, setting: Setting) -> None:
    job = done()
    orphans = [str(uuid_utils.uuid7()) for _ in range(3)]
    for age_, orphan in enumerate(reversed(orphans)):
        blobs.put(f"{orphan}/content.png", bytes(1000))
        blobs.move_to_trash([f"{orphan}/content.png"], database.time() - 100 * age_)
    quota.trim()
    each = 3 * disk.BLOCK  # the file and two folders
    assert on_disk(either) - disk.BLOCK <= quota.kept() + 3 * each
    setting(total_bytes=quota.kept() + 2 * each)
    quota.trim()
    assert [path.parent.name for path in in_trash(either)] == orphans[1:]
    setting(total_bytes=quota.kept())
    quota.trim()
    assert in_trash(either) == []
    assert exists(job)


def test_failed_and_cancelled_jobs_go_sooner(either: Path) -> None:
    good, bad, new = done(), submit(), submit()
    for job in (bad, new):
        jobs.cancel(job.id, "ann")
    with database.transaction() as session:
        old = Job.id.in_([good.id, bad.id])
        session.execute(update(Job).where(old).values(finished=now() - 8 * 86400))
    sweep.tidy()
    assert [exists(job) for job in (good, bad, new)] == [True, False, True]


def test_nothing_is_written_of_what_made_room(either: Path, setting: Setting) -> None:
    first, *_ = done(), done(), done()
    entries.change(first.id, "ann", title="gone soon")
    setting(total_bytes=quota.kept() + RESERVED)
    submit("bob")
    with database.reading() as session:
        assert session.scalars(select(model.Entry)).all() == []


# ---------------------------------------------------------------- fair among owners


def test_a_newcomer_is_refused_before_an_older_owner_loses_a_picture(
    either: Path, setting: Setting
) -> None:
    kept = [done("ann") for _ in range(4)]
    age("ann")
    setting(total_bytes=quota.kept())
    with pytest.raises(StorageFull):
        submit("newcomer")
    assert all(map(exists, kept))
    setting(total_bytes=quota.kept() + RESERVED + 2 * len(PHOTO))
    submit("newcomer")  # where there is room it is welcome


def test_a_newcomer_takes_room_from_a_newcomer_who_keeps_more(
    either: Path, setting: Setting
) -> None:
    hoard, *_ = [done("hoarder") for _ in range(4)]
    setting(total_bytes=quota.kept() + RESERVED)
    submit("newcomer")
    assert not exists(hoard)


def test_who_keeps_no_more_than_the_share_loses_nothing_to_others(
    either: Path, setting: Setting
) -> None:
    kept = [done("ann"), *(done("bob") for _ in range(5))]
    age("ann", "bob")
    with database.transaction() as session:
        insert_row(session, "dan", 1, True, 2)
    setting(total_bytes=quota.kept(), guaranteed_owners=1)
    assert quota.share() == settings().total_bytes
    with pytest.raises(StorageFull):
        submit("dan")
    assert all(map(exists, kept))
    setting(guaranteed_owners=4)
    submit("dan")
    assert [exists(job) for job in kept] == [True, False, False, False, True, True]


def test_no_owner_loses_a_picture_to_one_who_keeps_more(either: Path, setting: Setting) -> None:
    small, large = [done("ann"), done("ann")], [done("bob") for _ in range(5)]
    for job in large:
        entries.change(job.id, "bob", favourite=True)
    age("ann", "bob")
    setting(total_bytes=quota.kept())
    with pytest.raises(StorageFull):
        submit("bob")
    assert all(map(exists, [*small, *large]))


def test_an_attacker_with_fresh_cookies_deletes_nothing_of_older_owners(
    either: Path, setting: Setting
) -> None:
    kept = [done(owner) for owner in ("ann", "bob", "bob", "cat", "cat", "cat")]
    age("ann", "bob", "cat")
    setting(total_bytes=quota.kept() + 2 * (RESERVED + 2 * len(PHOTO)))
    for number in range(20):
        with suppress(StorageFull):
            done(f"attacker-{number}")
    assert all(map(exists, kept))


def insert_row(session: Session, owner: str, size: int, ended: bool, days: float) -> str:
    job_id = str(uuid_utils.uuid7())
    session.execute(
        insert(Job).values(
            id=job_id,
            owner=owner,
            status="done" if ended else "queued",
            options={},
            content_key=f"{job_id}/content.png",
            style_keys=[],
            mask_keys=[],
            content_width=1,
            content_height=1,
            bytes=size,
            submitted=now() - days * 86400,
            finished=now() if ended else None,
        )
    )
    return job_id


def bytes_of_owners() -> Counter[str]:
    with database.reading() as session:
        rows = session.execute(select(Job.owner, Job.bytes)).all()
    found: Counter[str] = Counter()
    for owner, size in rows:
        found[owner] += size
    return found


def with_older_job() -> set[str]:
    with database.reading() as session:
        return set(session.scalars(select(Job.owner).where(Job.submitted < now() - 86400)))


@pytest.mark.parametrize("seed", range(8))
def test_laws_of_eviction_over_random_walks(studio: Path, setting: Setting, seed: int) -> None:
    """Owners of different ages and an attacker with new cookies submit until all is full."""
    chance = random.Random(seed)
    setting(total_bytes=10_000, visitor_bytes=0, guaranteed_owners=(0, 4, 10, 40)[seed % 4])
    older = [f"older-{number}" for number in range(5)]
    with database.transaction() as session:
        for owner in older:
            insert_row(session, owner, chance.randrange(1, 900), True, 2)
    refused = evicted = 0
    for step in range(150):
        owner = chance.choice([*older, "young-1", "young-2", f"attacker-{step}"])
        size, before, are_older = chance.randrange(1, 1500), bytes_of_owners(), with_older_job()
        try:
            quota.check(owner, size)
        except StorageFull:
            refused += 1
            continue
        finally:
            assert bytes_of_owners() == before, "a check deletes nothing"
        with database.transaction() as session:
            job_id = insert_row(session, owner, size, False, 0)
            quota.enforce(session, owner)  # what the check let pass gets in
        after = bytes_of_owners()
        for other in before.keys() - {owner}:
            lost = before[other] - after[other]
            evicted += lost > 0
            assert not lost or before[other] > max(quota.share(), after[owner])
            assert not lost or owner in are_older or other not in are_older
        assert after.total() <= 10_000
        if chance.random() < 0.9:
            with database.transaction() as session:
                ended = {Job.status: "done", Job.finished: now()}
                session.execute(update(Job).where(Job.id == job_id).values(ended))
    assert refused
    assert evicted
