import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select, update

from tests.parts import Setting, picture, pictured
from worker import admission, blobs, database, gallery, images, jobs, room, sweep
from worker.blobs import StorageFull
from worker.database import now
from worker.jobs import Job, JobNotFound
from worker.limits import Visitor
from worker.room import QuotaFull
from worker.settings import settings

noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
PHOTO = images.encode(Image.fromarray(noise), "png")  # some 270 kB
SIZE = 256
RESERVED = 3 * SIZE * SIZE + 128 * 1024


def submit(owner: str = "ann", address: str = "") -> Job:
    options = {"size": SIZE}
    return admission.submit(Visitor(owner, address), PHOTO, [picture()], options=options)


def done(owner: str = "ann") -> Job:
    """Return a finished job with a result of 1000 bytes."""
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
        stored=1000,
    )
    return job


def on_disk(studio: Path) -> int:
    return sum(file.stat().st_size for file in (studio / "blobs").rglob("*") if file.is_file())


def exists(job: Job) -> bool:
    try:
        jobs.get(job.id, job.owner)
    except JobNotFound:
        assert not blobs.exists(job.content_key)
        return False
    return blobs.exists(job.content_key)


def test_what_is_kept_is_what_lies_on_the_disk(either: Path) -> None:
    done()
    assert room.kept() == on_disk(either)
    submit("bob")
    assert room.kept() == on_disk(either) + RESERVED
    assert room.kept("bob") > RESERVED
    jobs.cancel(jobs.mine("bob")[0].id, "bob")
    assert room.kept() == on_disk(either)


def test_the_oldest_that_has_ended_makes_room(either: Path, setting: Setting) -> None:
    first, second, third = done("ann"), done("bob"), submit("cat")
    setting(total_bytes=room.kept() + RESERVED)
    fourth = submit("dan")
    assert [exists(job) for job in (first, second, third, fourth)] == [False, True, True, True]
    assert on_disk(either) <= room.kept() <= settings().total_bytes


@pytest.mark.parametrize("how", ["favourite", "published", "shared"])
def test_what_is_pinned_stays(either: Path, setting: Setting, how: str) -> None:
    first, second = done(), done()
    if how == "favourite":
        gallery.change(first.id, "ann", favourite=True)
    elif how == "published":
        gallery.publish(first.id, "ann")
    else:
        gallery.share(first.id, "ann")
    setting(total_bytes=room.kept() + RESERVED)
    submit("bob")
    assert [exists(first), exists(second)] == [True, False]


def test_where_nothing_can_go_nothing_gets_in_and_nothing_is_lost(
    either: Path, setting: Setting
) -> None:
    pinned, ended = done(), done("bob")
    gallery.change(pinned.id, "ann", favourite=True)
    setting(total_bytes=room.kept() // 2 + 1000)
    before = on_disk(either)
    with pytest.raises(StorageFull):
        submit("cat")
    assert exists(pinned)
    assert exists(ended)
    assert on_disk(either) == before


def test_a_visitor_makes_room_only_among_the_own(either: Path, setting: Setting) -> None:
    others, own = done("bob"), done("ann")
    setting(visitor_bytes=room.kept("ann") + RESERVED)
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
    assert room.kept() <= most
    assert len(pictured()) == passed


def test_in_a_full_studio_many_at_once_all_get_in(either: Path, setting: Setting) -> None:
    for number in range(12):
        done(f"earlier-{number}")
    setting(total_bytes=room.kept() + 1000)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(submit, [f"visitor-{number}" for number in range(4)]))
    assert all(map(exists, made))
    assert on_disk(either) <= room.kept() <= settings().total_bytes
    assert pictured() == set(ids())


def ids() -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Job.id)))


def test_the_disk_never_holds_more_than_its_cap(either: Path, setting: Setting) -> None:
    chance = random.Random(1)
    setting(total_bytes=1_500_000, visitor_bytes=900_000)
    for _ in range(25):
        done(chance.choice("abc"))
        assert on_disk(either) <= room.kept() <= 1_500_000
        assert all(room.kept(owner) <= 900_000 for owner in "abc")


def test_a_lowered_cap_is_reached_by_the_sweep(either: Path, setting: Setting) -> None:
    first, second = done(), done()
    setting(total_bytes=room.kept() - 1)
    sweep.tidy()
    assert [exists(first), exists(second)] == [False, True]


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
    done()
    gallery.change(jobs.mine("ann")[0].id, "ann", title="gone soon")
    setting(total_bytes=room.kept() + RESERVED)
    submit("bob")
    with database.reading() as session:
        assert session.scalars(select(gallery.Entry)).all() == []
