import io
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from adain.files import cropping, pictures
from tests import parts
from tests.parts import Setting, picture, pictured
from worker import jobs
from worker.errors import Message, Refused
from worker.images import images
from worker.jobs import Hold, Job, JobNotFound, Status, queue
from worker.settings import settings
from worker.storage import blobs, database, processes
from worker.storage.blobs import StorageFull


def submit(owner: str = "ann", **options: object) -> Job:
    return jobs.submit(owner, picture(), [picture(20, 20)], options=options)


def claimed() -> Job:
    job = jobs.claim("worker-1")
    assert job is not None
    return job


def finish(job: Job) -> bool:
    return parts.finish(job, 64, 48, {"content": 0.5})


def now(job: Job) -> Job:
    return jobs.get(job.id, job.owner)


def let_time_pass(job: Job, seconds: float) -> None:
    """Move what the database noted of a job into the past."""
    with database.transaction() as session:
        session.execute(
            update(Job)
            .where(Job.id == job.id)
            .values(
                submitted=Job.submitted - seconds,
                lease_until=Job.lease_until - seconds,
                finished=Job.finished - seconds,
            )
        )


# ---------------------------------------------------------------- submit


def test_an_accepted_job_is_in_the_database_with_its_pictures(either: Path) -> None:
    before = time.time()
    photo, style = picture(30, 20, "JPEG"), picture(10, 10, "WEBP")
    mask = picture(30, 20, mode="L", color=255)
    job = now(jobs.submit("ann", photo, [style, style], [mask, mask], {"alpha": 0.5}))
    assert (job.status, job.attempt, job.owner) == (Status.QUEUED, 0, "ann")
    assert (job.content_width, job.content_height) == (30, 20)
    assert (job.options["alpha"], job.options["size"], job.network) == (0.5, 512, "compact")
    assert before - 1 < job.submitted < time.time() + 1
    assert job.content_key == f"{job.id}/content.jpg"
    assert job.style_keys == [f"{job.id}/style-0.jpg", f"{job.id}/style-1.jpg"]
    assert job.mask_keys == [f"{job.id}/mask-0.png", f"{job.id}/mask-1.png"]
    assert all(map(blobs.exists, [job.content_key, *job.style_keys, *job.mask_keys]))


def test_the_message_is_sent_after_the_row_is_there(queued_studio: Path) -> None:
    submit()
    assert queue.depth() == 1


def test_a_job_is_accepted_without_a_queue(studio: Path) -> None:
    assert not queue.ping()
    assert now(submit()).status == Status.QUEUED


@pytest.mark.parametrize(
    ("photo", "style", "mask", "sentence"),
    [
        (b"no", picture(), picture(), "The photo: This file is not a picture that can be read"),
        (picture(), b"no", picture(), "Style picture 1: This file is not a picture"),
        (picture(), picture(), b"no", "Mask 1: This file is not a picture"),
        (
            picture(),
            picture(),
            picture(9, 9),
            "Mask 1: A mask must have its photo's shape, 64 × 48",
        ),
    ],
)
def test_a_refusal_says_which_picture_and_keeps_nothing(
    studio: Path, photo: bytes, style: bytes, mask: bytes, sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence):
        jobs.submit("ann", photo, [style], [mask])
    assert sum(jobs.counts().values()) == 0
    assert pictured() == set()


def test_a_mask_must_have_the_size_of_the_turned_photo(studio: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    Image.new("RGB", (30, 20)).save(out, "JPEG", exif=exif.tobytes())
    style = picture()
    assert jobs.submit("ann", out.getvalue(), [style], [picture(20, 30)]).id
    with pytest.raises(Refused, match="20 × 30 pixels or a part of it; this one has 30 × 20"):
        jobs.submit("ann", out.getvalue(), [style], [picture(30, 20)])


def test_one_mask_for_two_styles_is_kept_with_its_opposite(studio: Path) -> None:
    half = Image.new("L", (64, 48))
    half.paste(255, (0, 0, 32, 48))
    out = io.BytesIO()
    half.save(out, "PNG")
    job = jobs.submit("ann", picture(), [picture(), picture()], [out.getvalue()])
    first, second = (Image.open(io.BytesIO(blobs.get(key))) for key in job.mask_keys)
    assert first.tobytes() == half.tobytes()
    assert second.tobytes() == ImageOps.invert(half).tobytes()


def gradient(size: tuple[int, int], kind: str = "PNG", mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("share", [1, 2, 4])
def test_masks_refer_to_the_photo_as_it_was_sent(
    either: Path, setting: Setting, kind: str, share: int
) -> None:
    setting(max_pixels=40_000)
    size = (401, 303)
    mask = gradient((-(-size[0] // share), -(-size[1] // share)), "PNG", "L")
    job = now(jobs.submit("ann", gradient(size, kind), [picture()], [mask]))
    assert (job.content_width, job.content_height) == (201, 152)
    assert (job.original_width, job.original_height) == size
    with Image.open(io.BytesIO(blobs.get(job.mask_keys[0]))) as kept:
        wanted = Image.linear_gradient("L").resize(kept.size)
        assert kept.size == (201, 152)
        assert np.abs(np.asarray(kept).astype(int) - np.asarray(wanted)).max() < 6
    with pytest.raises(Refused, match=r"its photo's shape, 401 × 303 pixels .* has 303 × 401"):
        jobs.submit("ann", gradient(size, kind), [picture()], [gradient((303, 401), mode="L")])


def subject_photo() -> bytes:
    photo = Image.effect_noise((200, 150), 20).convert("RGB")
    photo.paste((230, 90, 20), (60, 30, 140, 120))
    out = io.BytesIO()
    photo.save(out, "PNG")
    return out.getvalue()


def test_the_subject_is_found_where_a_region_comes_without_a_mask(studio: Path) -> None:
    options = {"region": "background"}
    job = jobs.submit("ann", subject_photo(), [picture()], options=options)
    with Image.open(io.BytesIO(blobs.get(job.mask_keys[0]))) as mask:
        assert mask.size == (200, 150)
        assert mask.getpixel((100, 75)) == 255
        assert mask.getpixel((10, 10)) == 0
    with pytest.raises(Refused, match="No subject stands out"):
        jobs.submit("ann", picture(), [picture()], options=options)


def test_a_black_mask_is_refused_and_keeps_nothing(studio: Path) -> None:
    black = picture(mode="L", color=0)
    with pytest.raises(Refused, match="Mask 1: The mask is black all over"):
        jobs.submit("ann", picture(), [picture()], [black])
    assert pictured() == set()


@pytest.mark.parametrize("what", ["The photo", "Style picture 1"])
def test_more_pixels_than_can_be_worked_on_are_refused(
    studio: Path, setting: Setting, what: str
) -> None:
    setting(max_output_pixels=100_000)
    large, small = picture(400, 300), picture(300, 300)
    pictures = (large, small) if what == "The photo" else (small, large)
    assert jobs.submit("ann", small, [small], options={"size": 0, "strokes": 0}).id
    with pytest.raises(
        Refused, match=f"{what} would be worked on at 400 × 300 pixels; at most 0.1"
    ):
        jobs.submit("ann", pictures[0], [pictures[1]], options={"size": 0, "strokes": 0})


@pytest.mark.parametrize("what", ["The photo", "Style picture 1"])
def test_a_narrow_strip_counts_as_the_work_that_it_takes(studio: Path, what: str) -> None:
    strip = picture(1, 300_000, mode="L", color=80)
    pictures = (strip, picture()) if what == "The photo" else (picture(), strip)
    with pytest.raises(Refused, match=f"{what} would be worked on at 64 × 300000 pixels"):
        jobs.submit("ann", pictures[0], [pictures[1]], options={"size": 0, "strokes": 0})


@pytest.mark.parametrize("size", [(17_000, 64), (12_000, 400), (8_000, 20)])
def test_a_panorama_is_accepted_at_its_own_size(studio: Path, size: tuple[int, int]) -> None:
    assert jobs.submit("ann", picture(*size), [picture()], options={"size": 0}).id


def test_a_narrow_strip_waits_in_the_queue_of_the_work_that_it_takes(studio: Path) -> None:
    strip = jobs.WorkingSize(1, 200_000)
    assert (strip.queue("compact"), strip.shape("compact")) == ("heavy", "")
    assert jobs.WorkingSize(64, 64).queue("compact") == "light"


def test_a_large_style_is_measured_small_whatever_the_size(studio: Path, setting: Setting) -> None:
    setting(max_output_pixels=500_000)
    assert jobs.submit("ann", picture(300, 300), [picture(1200, 900)], options={"size": 0}).id


@pytest.mark.parametrize("fit", ["a4", "largest"])
def test_a_fit_is_kept_as_the_size_that_it_means(studio: Path, setting: Setting, fit: str) -> None:
    setting(max_pixels=200_000)
    photo = picture(600, 400)  # kept at half its sides
    job = now(jobs.submit("ann", photo, [picture()], options={"fit": fit}))
    assert job.options["size"] == {"a4": 2339, "largest": 200}[fit]
    assert "fit" not in job.options
    assert job.queue == {"a4": "heavy", "largest": "light"}[fit]


CASES = Path(__file__).parents[2] / "data" / "cases"


def noticed(job: Job) -> list[str]:
    return [str(Message.load(one)) for one in now(job).notices or []]


def test_what_was_done_to_pictures_is_noted_in_the_row(either: Path, setting: Setting) -> None:
    setting(max_pixels=20_000)
    cut = (CASES / "phone-containers" / "cut-last-100-bytes.jpg").read_bytes()
    job = jobs.submit("ann", cut, [picture(), gradient((300, 200))])
    assert noticed(job) == [
        "The photo: the end of the file is missing, so the last rows may be grey.",
        "The photo: reduced from 240 × 180 to 120 × 90 pixels.",
        "Style picture 2: reduced from 300 × 200 to 150 × 100 pixels.",
    ]
    assert noticed(jobs.submit("ann", picture(), [picture()])) == []


@pytest.mark.parametrize(
    ("value", "options", "found"),
    [
        (40, {}, True),
        (200, {}, False),
        (40, {"region": "background"}, False),  # there it acts where the mask is dark
    ],
)
def test_a_mask_that_is_faint_all_over_is_noted(
    studio: Path, value: int, options: dict[str, object], found: bool
) -> None:
    mask = picture(mode="L", color=value)
    job = jobs.submit("ann", picture(), [picture()], [mask], options)
    assert noticed(job) == [f"Mask 1 {pictures.FAINT}"] * found


def test_what_is_dark_inside_the_crop_alone_is_noted(studio: Path) -> None:
    mask = Image.new("L", (64, 48), 40)
    mask.paste(255, (0, 0, 32, 48))
    half = {"crop": [0.5, 0, 1, 1]}
    assert len(noticed(jobs.submit("ann", picture(), [picture()], [encoded(mask)], half))) == 1
    assert noticed(jobs.submit("ann", picture(), [picture()], [encoded(mask)])) == []


@pytest.mark.parametrize("name", ["painting-margin-a-quarter", "painting-margin-half"])
def test_a_plain_border_of_a_style_is_left_out_unless_it_is_to_be_kept(
    studio: Path, name: str
) -> None:
    folder = CASES / "style-with-margins"
    style, photo = (folder / f"{name}.png").read_bytes(), (folder / "photo.png").read_bytes()
    whole = Image.open(io.BytesIO(style)).size
    job = jobs.submit("ann", photo, [style])
    assert noticed(job) == ["Style picture 1: its plain border is left out."]
    inside = Image.open(io.BytesIO(blobs.get(job.style_keys[0]))).size
    painting = Image.open(folder / "painting.png").size
    assert all(abs(one - other) <= 8 for one, other in zip(inside, painting, strict=True))
    kept = jobs.submit("ann", photo, [style], options={"keep_margins": True})
    assert noticed(kept) == []
    assert Image.open(io.BytesIO(blobs.get(kept.style_keys[0]))).size == whole
    stored = images.stored(kept.style_keys[0])  # as for a job made again
    assert noticed(jobs.submit("ann", photo, [stored])) == []


def quarters(width: int = 400, height: int = 320) -> Image.Image:
    """A picture whose left upper quarter is white, the rest of which is black."""
    image = Image.new("L", (width, height), 0)
    image.paste(255, (0, 0, width // 2, height // 2))
    return image


def encoded(image: Image.Image) -> bytes:
    return images.encode(image, "png")


def kept(key: str) -> Image.Image:
    return Image.open(io.BytesIO(blobs.get(key))).convert("L")


CROP = [0.25, 0.25, 0.75, 0.75]  # a quarter of it is the white one


def test_a_crop_is_what_is_kept_of_photo_masks_and_styles(studio: Path, setting: Setting) -> None:
    setting(max_pixels=60_000)  # the photo is made smaller besides
    photo, mask = encoded(quarters().convert("RGB")), encoded(quarters(200, 160))
    options = {"crop": CROP, "style_crops": [[], [0, 0, 0.5, 0.5]], "size": 64}
    job = now(jobs.submit("ann", photo, [photo, photo], [mask], options))
    assert (job.original_width, job.original_height) == (400, 320)  # which masks refer to
    for key in (job.content_key, job.mask_keys[0]):
        inside = kept(key)
        assert inside.size == (100, 80)
        assert (inside.getpixel((20, 20)), inside.getpixel((80, 60))) == (255, 0)
    opposite = kept(job.mask_keys[1])
    assert (opposite.getpixel((20, 20)), opposite.getpixel((80, 60))) == (0, 255)
    assert [kept(key).size for key in job.style_keys] == [(200, 160), (100, 80)]
    assert job.options["crop"] == CROP
    assert "reduced from 200 × 160 to 100 × 80" in " ".join(noticed(job))


def test_a_crop_of_a_style_is_exact_and_not_trimmed(studio: Path) -> None:
    style = (CASES / "style-with-margins" / "painting-margin-half.png").read_bytes()
    crop = [0.25, 0, 1, 0.5]
    job = now(jobs.submit("ann", picture(), [style], options={"style_crops": [crop]}))
    whole = Image.open(io.BytesIO(style)).convert("L")
    box = cropping.box(crop, *whole.size)
    assert np.array_equal(np.asarray(kept(job.style_keys[0])), np.asarray(whole.crop(box)))
    assert noticed(job) == []


def test_a_mask_that_is_black_inside_the_crop_is_refused(studio: Path) -> None:
    photo, mask = encoded(quarters().convert("RGB")), encoded(quarters())
    with pytest.raises(Refused, match="The mask is black inside the crop"):
        jobs.submit("ann", photo, [photo], [mask], {"crop": [0.6, 0.6, 1, 1]})


def test_the_subject_is_that_of_the_crop(studio: Path) -> None:
    photo = Image.new("RGB", (400, 200), "white")
    ImageDraw.Draw(photo).ellipse((270, 60, 330, 150), "firebrick")
    options = {"crop": [0.5, 0, 1, 1], "region": "subject"}
    job = now(jobs.submit("ann", encoded(photo), [picture()], options=options))
    mask = kept(job.mask_keys[0])
    assert mask.size == (200, 200)
    assert (mask.getpixel((100, 105)), mask.getpixel((10, 10))) == (255, 0)


def test_size_0_of_a_crop_is_that_of_its_part(studio: Path, setting: Setting) -> None:
    setting(max_pixels=200_000, max_output_pixels=50_000)
    options = {"size": 0, "crop": CROP}
    job = now(jobs.submit("ann", picture(400, 300), [picture()], options=options))
    assert (job.content_width, job.content_height) == (200, 150)


def test_size_0_means_the_size_the_photo_was_sent_with(studio: Path, setting: Setting) -> None:
    setting(max_pixels=50_000, max_output_pixels=100_000)
    photo = picture(400, 300)
    assert jobs.submit("ann", photo, [picture()], options={"size": 64}).content_width == 200
    with pytest.raises(Refused, match="The photo would be worked on at 400 × 300 pixels"):
        jobs.submit("ann", photo, [picture()], options={"size": 0})


def test_a_bad_option_is_refused_before_anything_is_read(studio: Path) -> None:
    with pytest.raises(Refused, match="alpha is a number from 0 to 1"):
        jobs.submit("ann", b"", [b""], options={"alpha": 2})


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """The kernel refuses to let any file grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_storage_refuses_the_job_and_keeps_no_part_of_it(studio: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (100, 100, 3), dtype=np.uint8)
    style = images.encode(Image.fromarray(noise), "png")
    kept = submit()
    with files_end_at(5_000), pytest.raises(StorageFull):  # room for the photo, not the style
        jobs.submit("ann", picture(), [style])
    assert [job.id for job in jobs.mine("ann")] == [kept.id]
    assert pictured() == {kept.id}


def test_a_row_that_can_not_be_written_leaves_no_pictures(either: Path) -> None:
    submit()
    with database.engine().begin() as connection:
        connection.execute(text("ALTER TABLE jobs RENAME COLUMN owner TO owned"))
    with pytest.raises(DBAPIError):
        submit()
    assert len(pictured()) == 1


# ---------------------------------------------------------------- the line


def test_the_next_is_claimed_by_priority_then_turn_then_age(either: Path) -> None:
    first, second, third = submit("ann"), submit("ann"), submit("ann")
    other = submit("bob")
    with database.transaction() as session:
        session.execute(update(Job).where(Job.id == third.id).values(priority=-1))
    assert [claimed().id for _ in range(4)] == [third.id, first.id, other.id, second.id]
    assert jobs.claim("worker-1") is None


def test_one_who_sends_many_does_not_hold_up_one_who_sends_one(either: Path) -> None:
    many = [submit("ann") for _ in range(5)]
    assert claimed().id == many[0].id
    one = submit("bob")
    assert jobs.position(one) == 1
    assert claimed().id == one.id


def test_a_newcomer_does_not_pass_those_who_wait_for_long(either: Path) -> None:
    mine = [submit("ann") for _ in range(3)]
    for _ in range(2):
        finish(claimed())
    newcomers = [submit("bob"), submit("bob")]
    assert [claimed().id for _ in range(3)] == [mine[2].id, newcomers[0].id, newcomers[1].id]


def test_the_position_counts_who_is_before(either: Path) -> None:
    first, second, third = submit("ann"), submit("bob"), submit("cid")
    assert [jobs.position(job) for job in (first, second, third)] == [1, 2, 3]
    jobs.cancel(first.id, "ann")
    assert jobs.position(now(third)) == 2
    assert jobs.position(now(first)) == 0
    claimed()
    assert jobs.position(now(second)) == 0


def test_the_estimate_comes_from_what_was_measured(either: Path) -> None:
    job = submit()
    assert jobs.estimate(job) is None
    done = claimed()
    finish(done)
    with database.transaction() as session:
        session.execute(update(Job).values(started=Job.finished - 4.0))
    waiting = [submit("ann"), submit("bob"), submit("cid")]
    assert jobs.estimate(waiting[2]) == pytest.approx(12)
    for name in ("one", "two"):
        processes.touch(name, "worker", {})
    assert jobs.estimate(waiting[2]) == pytest.approx(8)
    running = claimed()
    jobs.renew(running, "content", 0.75)
    assert jobs.estimate(now(running)) == pytest.approx(1)
    assert jobs.estimate(now(done)) is None


# ---------------------------------------------------------------- claim and fence


def test_a_claim_says_who_has_the_job_and_until_when(either: Path, setting: Setting) -> None:
    submit()
    job = claimed()
    assert (job.status, job.attempt, job.worker) == (Status.RUNNING, 1, "worker-1")
    assert job.started is not None
    assert job.lease_until is not None
    assert job.lease_until - job.started == pytest.approx(settings().lease_seconds, abs=0.1)


def test_many_workers_at_once_claim_each_job_once(either: Path) -> None:
    made = {submit(f"owner-{n}").id for n in range(12)}
    with ThreadPoolExecutor(8) as pool:
        got = [job.id for job in pool.map(lambda n: jobs.claim(f"worker-{n}"), range(24)) if job]
    assert sorted(got) == sorted(made)


def test_a_running_job_is_not_claimed_again_while_its_lease_is_renewed(either: Path) -> None:
    submit()
    job = claimed()
    let_time_pass(job, settings().lease_seconds * 0.7)
    assert jobs.renew(job, "styles", 0.1) == Hold.HELD
    let_time_pass(job, settings().lease_seconds * 0.7)
    assert jobs.claim("worker-2") is None
    assert jobs.expire() == 0
    assert (now(job).stage, now(job).progress) == ("styles", 0.1)


def test_a_claimable_job_is_found_without_claiming_it(either: Path, setting: Setting) -> None:
    assert not jobs.any_claimable()
    submit()
    assert jobs.any_claimable()
    setting(serves="heavy")
    assert not jobs.any_claimable()
    setting(serves="light")
    job = claimed()
    assert not jobs.any_claimable()
    let_time_pass(job, settings().lease_seconds + 1)
    assert jobs.any_claimable()
    jobs.cancel(job.id, "ann")
    assert not jobs.any_claimable()


def test_a_silent_workers_job_goes_to_another_and_what_it_says_later_is_void(either: Path) -> None:
    submit()
    first = claimed()
    let_time_pass(first, 16)
    second = claimed()
    assert (second.id, second.attempt) == (first.id, 2)
    assert jobs.renew(first, "picture", 0.9) == Hold.LOST
    assert not jobs.fail(first.id, 1, Message("job.out_of_memory"))
    assert not jobs.release(first.id, 1)
    assert not jobs.stopped(first.id, 1)
    assert not finish(first)
    assert finish(second)
    done = now(second)
    assert (done.status, done.result_key) == (Status.DONE, f"{first.id}/result-2.png")


def test_a_workers_clock_does_not_matter(either: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 4e9)
    submit()
    job = claimed()
    assert jobs.expire() == 0
    assert jobs.renew(job, "styles", 0.5) == Hold.HELD
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert jobs.claim("worker-2") is None
    assert finish(job)


def test_a_done_job_keeps_what_made_it(either: Path) -> None:
    submit()
    job = claimed()
    assert finish(job)
    assert not finish(job)
    done = now(job)
    assert (done.status, done.progress, done.error) == (Status.DONE, 1.0, None)
    assert (done.worker, done.device, done.version) == ("worker-1", "cpu", "1.0")
    assert (done.network, done.weights_sha256) == ("compact", "ab" * 32)
    assert (done.width, done.height, done.timings) == (64, 48, {"content": 0.5})
    assert done.finished is not None
    assert done.started is not None
    assert done.submitted <= done.started <= done.finished


def test_a_failed_job_says_why(either: Path) -> None:
    submit()
    job = claimed()
    assert jobs.fail(job.id, 1, Message("job.out_of_memory"))
    assert (now(job).status, now(job).error) == (
        Status.FAILED,
        "The picture needs more memory than there is. Please try a smaller size.",
    )
    assert jobs.claim("worker-1") is None


def test_a_job_given_back_costs_no_attempt_and_voids_the_old_one(
    either: Path, setting: Setting
) -> None:
    setting(max_attempts=1)
    submit()
    for attempt in (1, 2, 3):
        job = claimed()
        assert job.attempt == attempt
        assert jobs.release(job.id, attempt)
        assert now(job).status == Status.QUEUED
        assert not finish(job)
    assert finish(claimed())


def test_a_job_that_always_silences_its_worker_fails_in_the_end(
    either: Path, setting: Setting
) -> None:
    setting(max_attempts=3)
    submit()
    for attempt in (1, 2, 3):
        job = claimed()
        assert job.attempt == attempt
        let_time_pass(job, 16)
        if attempt < 3:
            assert jobs.expire() == 1
            assert now(job).status == Status.QUEUED
    assert jobs.claim("worker-1") is None
    assert jobs.expire() == 1
    failed = now(job)
    assert failed.status == Status.FAILED
    assert failed.finished is not None
    assert "started several times and never came to an end" in (failed.error or "")


# ---------------------------------------------------------------- the owner


def test_another_visitors_job_is_as_unknown_as_none(either: Path) -> None:
    job = submit("ann")
    for job_id, owner in ((job.id, "bob"), ("no-such-id", "ann"), ("", "ann")):
        with pytest.raises(JobNotFound, match="There is no job with this id among yours"):
            jobs.get(job_id, owner)
        with pytest.raises(JobNotFound, match="There is no job with this id among yours"):
            jobs.cancel(job_id, owner)
    assert now(job).status == Status.QUEUED
    assert jobs.mine("bob") == []


def test_a_waiting_job_is_cancelled_at_once(either: Path) -> None:
    job = submit()
    assert jobs.cancel(job.id, "ann").status == Status.CANCELLED
    assert now(job).finished is not None
    assert jobs.claim("worker-1") is None


def test_a_running_job_is_cancelled_at_its_next_renewal(either: Path) -> None:
    submit()
    job = claimed()
    assert jobs.cancel(job.id, "ann").status == Status.RUNNING
    assert jobs.renew(job, "styles", 0.1) == Hold.CANCELLED
    assert jobs.stopped(job.id, 1)
    assert now(job).status == Status.CANCELLED


def test_a_cancel_request_wins_over_a_result_an_error_and_an_expired_lease(either: Path) -> None:
    for _ in range(3):
        submit()
    done, failed, silent = claimed(), claimed(), claimed()
    for job in (done, failed, silent):
        jobs.cancel(job.id, "ann")
    let_time_pass(silent, 16)
    assert jobs.claim("worker-2") is None
    assert not finish(done)
    assert not jobs.fail(failed.id, 1, Message("job.out_of_memory"))
    assert jobs.expire() == 1
    for job in (done, failed, silent):
        ended = now(job)
        assert ended.status == Status.CANCELLED
        assert (ended.result_key, ended.thumbnail_key, ended.error_code) == (None, None, None)
        assert (ended.files, ended.bytes) == (job.files, job.bytes)


def test_an_ended_job_can_not_be_cancelled(either: Path) -> None:
    submit()
    job = claimed()
    finish(job)
    assert jobs.cancel(job.id, "ann").status == Status.DONE


def test_my_jobs_come_newest_first_page_by_page(either: Path) -> None:
    made = [submit("ann").id for _ in range(5)][::-1]
    submit("bob")
    first = jobs.mine("ann", limit=2)
    second = jobs.mine("ann", limit=2, before=first[-1].id)
    last = jobs.mine("ann", limit=2, before=second[-1].id)
    assert [job.id for job in first + second + last] == made


# ---------------------------------------------------------------- the sweep's


def test_the_counts_name_every_state(either: Path) -> None:
    submit()
    submit()
    claimed()
    assert jobs.counts() == {
        Status.QUEUED: 1,
        Status.RUNNING: 1,
        Status.DONE: 0,
        Status.FAILED: 0,
        Status.CANCELLED: 0,
    }


def test_what_waits_for_long_is_unanswered(either: Path, setting: Setting) -> None:
    setting(ring_after_seconds=600)  # however slow this machine is, the first job is young
    _, old, running = submit("ann"), submit("bob"), submit("cid")
    let_time_pass(old, 601)
    let_time_pass(running, 601)
    assert jobs.unanswered() == [old.id, running.id]
    claimed()
    taken = claimed()
    assert jobs.unanswered() == [running.id]
    let_time_pass(taken, 16)
    assert jobs.unanswered() == [taken.id, running.id]


def test_only_what_ended_long_ago_is_forgotten(either: Path) -> None:
    old, young, waiting = submit("ann"), submit("bob"), submit("cid")
    finish(claimed())
    finish(claimed())
    let_time_pass(old, 86400 * 2)
    let_time_pass(waiting, 86400 * 2)
    assert jobs.forget(days=1) == [old.id]
    assert jobs.unknown([old.id, young.id, waiting.id]) == {old.id}
