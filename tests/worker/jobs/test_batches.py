import errno
import io
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import update

from tests.parts import Setting, picture, pictured
from worker import jobs
from worker.errors import Message, Refused
from worker.images.images import ImageRejected
from worker.jobs import Job, Status, batches, service_state
from worker.jobs.batches import Batch, BatchNotFound, Source
from worker.storage import blobs, database, disk
from worker.visitors import admission, quota, rate_limits
from worker.visitors.rate_limits import TooMany, Visitor

ANN = Visitor("ann", "here")
OPTIONS = {"size": 64}


def source(name: str = "photo.png", data: bytes | None = None) -> Source:
    bytes_ = picture() if data is None else data
    return Source(name, len(bytes_), lambda: bytes_)


def sources(*names: str) -> list[Source]:
    return [source(name) for name in names]


PHOTOS, STYLES = sources("a.png", "b.png", "c.png"), sources("x.png", "y.png")


def submit(
    photos: Sequence[Source] = PHOTOS, styles: Sequence[Source] = STYLES, visitor: Visitor = ANN
) -> Batch:
    return admission.submit_batch(visitor, photos, styles, OPTIONS)


def assert_nothing_was_kept() -> None:
    assert jobs.mine("ann") == []
    assert batches.mine("ann") == []
    assert pictured() == set()


def finish_next() -> jobs.Job:
    job = jobs.claim("worker")
    assert job is not None
    result, thumbnail = f"{job.id}/result-1.png", f"{job.id}/thumbnail-1.jpg"
    for key in (result, thumbnail):
        blobs.put(key, picture())
    assert jobs.finish(
        job.id, job.attempt, result_key=result, thumbnail_key=thumbnail, width=64, height=48,
        device="cpu", weights_sha256="", version="", timings={},
    )  # fmt: skip
    return job


def test_every_photo_is_painted_in_every_style_row_by_row(either: Path) -> None:
    teal, orange = source("sea.png"), source("sun.png", picture(color="orange"))
    batch = submit([teal, orange], [orange, teal])
    found = batches.cells(batch)
    assert [job.cell for job in found] == [0, 1, 2, 3]
    photos = [blobs.get(job.content_key) for job in found]
    styles = [blobs.get(job.style_keys[0]) for job in found]
    assert photos[0] == photos[1] != photos[2] == photos[3]
    assert styles[0] == styles[2] != styles[1] == styles[3]
    assert found[0].style_digests != found[1].style_digests == found[3].style_digests
    assert {job.origin for job in found} == {"here"}
    taken = sum(
        disk.counted(*(len(blobs.get(key)) for key in (job.content_key, *job.style_keys)))
        for job in found
    )
    assert quota.kept("ann") - sum(job.reserved for job in found) == taken


def test_a_job_of_a_batch_has_the_row_of_a_job_sent_alone(either: Path) -> None:
    photo, style = picture(), picture(color="orange")
    alone = jobs.submit("bob", photo, [style])
    [cell] = batches.cells(batches.submit("ann", [source(data=photo)], [source(data=style)]))
    own = {"id", "owner", "batch", "cell", "submitted", "content_key", "style_keys", "files"}
    for column in set(Job.__table__.columns.keys()) - own:
        assert getattr(cell, column) == getattr(alone, column), column
    for job in (alone, cell):
        assert set(job.files or {}) == {job.content_key, *job.style_keys}
    assert list((cell.files or {}).values()) == list((alone.files or {}).values())


def test_options_hold_for_all_of_a_batch_crops_too(studio: Path) -> None:
    options = OPTIONS | {
        "crop": [0, 0, 0.5, 1],
        "style_crops": [[0, 0, 1, 0.5]],
        "transparency": "keep",
        "keep_margins": True,
    }
    batch = admission.submit_batch(ANN, PHOTOS, STYLES, options)
    for job in batches.cells(batch):
        assert job.options["transparency"] == "keep"
        for key, size in ((job.content_key, (32, 48)), (job.style_keys[0], (64, 24))):
            assert Image.open(io.BytesIO(blobs.get(key))).size == size


def test_each_picture_of_a_batch_may_have_a_crop_of_its_own(studio: Path) -> None:
    left, top = [0, 0, 0.5, 1], [0, 0, 1, 0.5]
    options = OPTIONS | {"crops": [[], left, top], "style_crops": [top, []]}
    batch = admission.submit_batch(ANN, PHOTOS, STYLES, options)
    found = batches.cells(batch)
    crops = [(job.options["crop"], job.options["style_crops"]) for job in found]
    assert crops == [(crop, own) for crop in ([], left, top) for own in ([top], [])]
    assert "crops" not in found[0].options
    sizes = [Image.open(io.BytesIO(blobs.get(job.content_key))).size for job in found[::2]]
    assert sizes == [(64, 48), (32, 48), (64, 24)]
    styles = [Image.open(io.BytesIO(blobs.get(job.style_keys[0]))).size for job in found[:2]]
    assert styles == [(64, 24), (64, 48)]


def test_a_bad_picture_is_named_and_nothing_of_the_batch_is_kept(either: Path) -> None:
    bad = source("holiday/two.jpg", b"no picture")
    with pytest.raises(ImageRejected, match=r"Photo 2 \(two\).*GIF, TIFF and BMP are accepted"):
        submit([source(), bad], STYLES)
    assert_nothing_was_kept()
    submit()  # and it cost no submission


def test_all_bad_pictures_of_a_batch_are_named_at_once(studio: Path) -> None:
    bad = [source(f"{number}.jpg", b"no picture") for number in range(14)]
    with pytest.raises(ImageRejected) as refused:
        submit([bad[0], source(), bad[1]], [bad[2], source()])
    named = "Photo 1 (0), Photo 3 (1), Style 1 (2): This file is not a picture that can be read; "
    assert str(refused.value).startswith(named)
    assert str(refused.value).count("accepted") == 1
    with pytest.raises(ImageRejected) as many:
        submit(bad[:4], bad[4:])
    assert str(many.value).count(" (") == batches.NAMED
    assert Message.load(many.value.message.dump()) == many.value.message
    assert_nothing_was_kept()


def test_bad_options_are_refused_before_a_picture_is_read(studio: Path) -> None:
    def unread() -> bytes:
        raise AssertionError("it was read")

    with pytest.raises(Refused, match="alpha is a number"):
        batches.submit("ann", [Source("a", 1, unread)], STYLES, {"alpha": 2})
    with pytest.raises(Refused, match="at least one style"):
        batches.submit("ann", PHOTOS, [])


def test_a_batch_over_the_limits_is_refused_whole(either: Path, setting: Setting) -> None:
    setting(max_batch=5)
    with pytest.raises(Refused, match="make 5 pictures at most, its photos times its styles"):
        submit()
    setting(visitor_waiting=5)
    with pytest.raises(Refused, match="5 pictures at most"):
        submit()
    setting(max_batch=60, visitor_waiting=8, visitor_submissions=7)
    submit()
    with pytest.raises(TooMany, match="8 jobs may be in line at a time; 6 are, and 6 more"):
        submit()
    setting(visitor_waiting=0)
    with pytest.raises(TooMany, match="7 jobs a minute"):
        submit()
    assert len(jobs.mine("ann", 100)) == len(pictured()) == 6


def test_of_two_batches_at_once_one_may_get_in(either: Path, setting: Setting) -> None:
    setting(visitor_waiting=8)
    late = source("late.png")

    def meanwhile() -> bytes:  # the check before the pictures is passed by then
        submit(visitor=Visitor("ann", "elsewhere"))
        return late.read()

    with pytest.raises(TooMany):
        submit([Source("late.png", late.size, meanwhile), *PHOTOS[:2]])
    assert len(jobs.mine("ann", 100)) == len(pictured()) == 6
    assert len(batches.mine("ann")) == 1


def test_a_batch_that_finds_no_room_is_refused_whole(either: Path, setting: Setting) -> None:
    setting(visitor_bytes=500_000)
    with pytest.raises(quota.QuotaFull):
        submit()
    assert_nothing_was_kept()


def test_what_fails_while_it_is_stored_leaves_nothing(
    either: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, count = os.fsync, 0

    def full_at_seven(handle: int) -> None:
        nonlocal count
        count += 1
        if count == 7:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(handle)

    monkeypatch.setattr(os, "fsync", full_at_seven)
    with pytest.raises(blobs.StorageFull):
        submit()
    assert_nothing_was_kept()


def test_cancelling_the_rest_leaves_what_is_done(either: Path) -> None:
    batch = submit()
    done = finish_next()
    running = jobs.claim("worker")
    assert running is not None
    with pytest.raises(BatchNotFound):
        batches.cancel(batch.id, "bob")
    batches.cancel(batch.id, "ann")
    states = [job.status for job in batches.cells(batch)]
    assert states == [Status.DONE, Status.RUNNING] + [Status.CANCELLED] * 4
    assert jobs.renew(running, "", 0.5) == jobs.Hold.CANCELLED
    assert jobs.stopped(running.id, running.attempt)
    assert [name for name, _ in batches.pictures(batch)] == ["01-a--01-x.png"]
    assert jobs.get(done.id, "ann").status == Status.DONE


def test_a_batch_waits_its_turn_behind_everybodys_first_job(either: Path) -> None:
    submit()
    other = jobs.submit("bob", picture(), [picture()])
    first, second = jobs.claim("worker"), jobs.claim("worker")
    assert first is not None
    assert second is not None
    assert [first.owner, second.id] == ["ann", other.id]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("my photo.final.jpg", "my-photo-final"),
        ("../../etc/passwd", "passwd"),
        ("C:\\pictures\\sea.png", "sea"),
        ("사진 1.png", "사진-1"),
        ("<script>.png", "script"),
        ("...", "photo"),
        ("x" * 500, "x" * 60),
        ("हिन्दी.png", "हिन्दी"),
        ("ภาพ ที่สวย.jpg", "ภาพ-ที่สวย"),
        ("தமிழ்.png", "தமிழ்"),
        ("می\u200cخواهم.png", "می\u200cخواهم"),
        ("cafe\u0301.png", "café"),
        ("\u202egnp.exe", "gnp"),
        ("\u0301.png", "photo"),
        ("가" * 60, "가" * 33),
        ("ab" + "त्" * 30, "ab" + "त्" * 16),
    ],
)
def test_names_of_files_are_kept_as_plain_words(given: str, kept: str, studio: Path) -> None:
    assert submit([source(given)], STYLES[:1]).photos == [kept]


def test_names_in_the_archive_fit_every_file_system(studio: Path) -> None:
    longest = [source("अ" * 200)]
    batch = submit(longest, longest)
    for name in (*batch.photos, *batch.styles):
        assert len(f"01-{name}--01-{name}.png".encode()) <= 255


def test_a_batch_goes_when_all_of_its_jobs_are_gone(either: Path) -> None:
    batch = submit()
    batches.cancel(batch.id, "ann")
    with database.transaction() as session:
        session.execute(update(Batch).values(submitted=Batch.submitted - 2 * batches.EMPTY))
    batches.forget()
    assert batches.get(batch.id, "ann").photos == ["a", "b", "c"]
    jobs.forget(-1)
    batches.forget()
    with pytest.raises(BatchNotFound):
        batches.get(batch.id, "ann")


def test_the_limits_count_every_picture_of_a_batch(either: Path, setting: Setting) -> None:
    setting(visitor_uploads=5, max_batch=60)
    submit()
    with pytest.raises(TooMany, match="5 pictures a minute"):
        rate_limits.consume(ANN, rate_limits.pictures())


def test_a_draining_studio_takes_no_batch(either: Path) -> None:
    service_state.change(service_state.State.DRAINING)
    with pytest.raises(service_state.NotAccepting):
        submit()
