import hashlib
import io
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from billiard.exceptions import SoftTimeLimitExceeded
from PIL import Image
from sqlalchemy import update

import adain
from tests.parts import Setting, picture, pictured
from tests.worker.runner import steps
from worker import jobs, settings
from worker.images import images
from worker.jobs import Job, Status, queue
from worker.maintenance import verify
from worker.runner import celery_tasks, pipeline
from worker.runner.networks import Networks
from worker.runner.worker import SavedFiles, Worker
from worker.storage import blobs, database
from worker.visitors import accounts, previews
from worker.visitors.rate_limits import Visitor

SMALL = {"size": 64}


@pytest.fixture(autouse=True)
def worker(queued_studio: Path, setting: Setting) -> Iterator[Worker]:
    """A worker in the test's own process."""
    setting(heartbeat_seconds=0.05, lease_seconds=60)
    worker = Worker()
    worker.heartbeat.start()
    yield worker
    worker.end()


def submit(**options: object) -> Job:
    photo, style = picture(96, 64, "JPEG"), picture(70, 70, color="orange")
    return jobs.submit("ann", photo, [style], options=SMALL | options)


def now(job: Job) -> Job:
    return jobs.get(job.id, "ann")


def test_a_message_runs_its_job_and_stores_the_result(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    job = submit()
    with caplog.at_level(logging.INFO):
        pipeline.answer(worker)
    done = now(job)
    assert (done.status, done.error) == (Status.DONE, None)
    assert done.result_key == f"{job.id}/result-1.png"
    with Image.open(io.BytesIO(blobs.get(done.result_key))) as result:
        assert (result.format, result.mode, result.size) == ("PNG", "RGB", (96, 64))
    assert done.thumbnail_key is not None
    with Image.open(io.BytesIO(blobs.get(done.thumbnail_key))) as small:
        assert (small.format, small.size) == ("JPEG", (96, 64))
    assert f"job {job.id} attempt 1 begins" in caplog.text


@pytest.mark.parametrize("color", ["style", "content"])
def test_a_transparent_photo_gives_a_transparent_picture_if_that_is_asked(
    worker: Worker, color: str
) -> None:
    photo, out = Image.new("RGBA", (96, 64), (200, 60, 30, 255)), io.BytesIO()
    photo.paste((10, 20, 30, 0), (0, 0, 40, 64))
    photo.save(out, "PNG")
    style = picture(70, 70, color="orange")
    asked = [
        jobs.submit("ann", out.getvalue(), [style], options=SMALL | {"color": color, **more})
        for more in ({"transparency": "keep"}, {})
    ]
    pipeline.answer(worker)
    kept, flat = (Image.open(io.BytesIO(blobs.get(now(job).result_key or ""))) for job in asked)
    assert kept.getchannel("A").tobytes() == photo.getchannel("A").tobytes()
    assert flat.mode == "RGB"
    small = Image.open(io.BytesIO(blobs.get(now(asked[0]).thumbnail_key or "")))
    assert (small.format, small.mode) == ("JPEG", "RGB")
    assert asked[0].reserved - asked[1].reserved == 96 * 64  # an alpha a pixel


def test_the_row_keeps_what_made_the_picture(worker: Worker) -> None:
    job = submit(alpha=0.7)
    pipeline.answer(worker)
    done = now(job)
    assert (done.width, done.height) == (96, 64)
    assert (done.network, done.version) == ("compact", adain.__version__)
    assert done.weights_sha256 == Networks().checksums()["compact"]
    assert done.device in {"cpu", "cuda"}
    assert done.worker == worker.heartbeat.process
    assert done.options["alpha"] == 0.7
    assert {"wait", "load", "styles", "content", "picture", "save", "total"} <= set(done.timings)
    assert sum(done.timings.values()) == pytest.approx(
        2 * done.timings["total"] + done.timings["wait"], abs=0.01
    )


def test_every_choice_reaches_the_network(worker: Worker) -> None:
    photo = picture(96, 64, "JPEG", color="teal")
    styles = [picture(70, 70, color="orange"), picture(80, 60, color="navy")]
    masks = [picture(96, 64, mode="L", color=255), picture(96, 64, mode="L", color=128)]
    choices = SMALL | {"alpha": 0.5, "weights": [1, 3], "color": "luminance", "transfer": "adain"}
    job = jobs.submit("ann", photo, styles, masks, choices)
    pipeline.answer(worker)
    request = worker.prepare(now(job)).request
    assert (request.alpha, list(request.weights), request.color) == (0.5, [1, 3], "luminance")
    assert (len(request.styles), len(request.masks), request.size) == (2, 2, 64)
    assert request.transfer == "adain"
    assert now(job).status == Status.DONE


def test_job_of_before_there_was_a_choice_of_transfer_is_made_by_adain(worker: Worker) -> None:
    job = submit()
    assert worker.prepare(now(job)).request.transfer == "covariance"
    older = {name: value for name, value in job.options.items() if name != "transfer"}
    with database.transaction() as session:
        session.execute(update(Job).where(Job.id == job.id).values(options=older))
    assert worker.prepare(now(job)).request.transfer == "adain"


def test_job_of_before_there_was_a_choice_of_strokes_keeps_its_look(worker: Worker) -> None:
    job = submit()
    asked = worker.prepare(now(job))
    assert asked.request.strokes == 1
    older = {name: value for name, value in job.options.items() if name != "strokes"}
    with database.transaction() as session:
        session.execute(update(Job).where(Job.id == job.id).values(options=older))
    before = worker.prepare(now(job))
    assert before.request.strokes == 0
    assert set(before.measures).isdisjoint(asked.measures)


def test_a_message_with_an_empty_queue_does_nothing(worker: Worker) -> None:
    pipeline.answer(worker)


@pytest.mark.parametrize("times", [2, 5])
def test_a_repeated_message_changes_nothing(worker: Worker, times: int) -> None:
    job = submit()
    for _ in range(times):
        pipeline.answer(worker)
    done = now(job)
    assert (done.status, done.attempt) == (Status.DONE, 1)


def test_a_message_runs_the_next_job_in_order(worker: Worker) -> None:
    first, second = submit(), submit()
    pipeline.answer(worker)
    assert (now(first).status, now(second).status) == (Status.DONE, Status.DONE)
    assert (now(first).started or 0) <= (now(second).started or 0)


def test_a_cancelled_job_is_dropped_between_stages(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit()
    load = worker.prepare

    def cancelled_meanwhile(claimed: Job) -> object:
        steps.cancel(worker, claimed)
        return load(claimed)

    monkeypatch.setattr(worker, "prepare", cancelled_meanwhile)
    pipeline.answer(worker)
    ended = now(job)
    assert (ended.status, ended.result_key) == (Status.CANCELLED, None)
    assert not blobs.exists(f"{job.id}/result-1.png")


def test_a_job_that_is_cancelled_while_its_result_is_stored_names_and_counts_none_of_it(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, whole = submit(), submit()
    save = worker.save

    def cancelled_meanwhile(*saved: Any) -> SavedFiles:  # noqa: ANN401
        if saved[0].id == job.id:
            monkeypatch.setattr(worker, "save", save)
            jobs.cancel(job.id, "ann")
        return save(*saved)

    monkeypatch.setattr(worker, "save", cancelled_meanwhile)
    pipeline.answer(worker)
    pipeline.answer(worker)
    ended = now(job)
    assert (ended.status, ended.result_key, ended.thumbnail_key) == (Status.CANCELLED, None, None)
    assert (ended.files, ended.bytes) == (job.files, job.bytes)
    assert verify.problems() == []
    jobs.requeue(job.id)
    pipeline.answer(worker)
    assert now(job).status == Status.DONE
    assert now(job).bytes == now(whole).bytes


def test_a_lost_job_is_left_to_its_new_worker(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit()
    load = worker.prepare

    def lost_meanwhile(claimed: Job) -> object:
        with database.transaction() as session:
            session.execute(update(Job).values(attempt=2, worker="another"))
        return load(claimed)

    monkeypatch.setattr(worker, "prepare", lost_meanwhile)
    pipeline.answer(worker)
    other = now(job)
    assert (other.status, other.attempt, other.worker) == (Status.RUNNING, 2, "another")


def test_a_process_asked_to_stop_gives_its_job_back(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit()
    monkeypatch.setattr(worker, "prepare", lambda _: sys.exit())  # as Celery answers SIGTERM
    with pytest.raises(SystemExit):
        pipeline.answer(worker)
    assert (now(job).status, now(job).released) == (Status.QUEUED, 1)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ZeroDivisionError("secret detail"), "Something went wrong while making this picture."),
        (MemoryError(), "The picture needs more memory than there is."),
        (torch.OutOfMemoryError("CUDA out of memory"), "The picture needs more memory"),
        (SoftTimeLimitExceeded(), "The job was stopped after 600 seconds."),
        (blobs.StorageFull("full"), "There is no room left to keep the result."),
    ],
)
def test_a_failure_is_one_calm_sentence_and_the_log_has_the_rest(
    worker: Worker,
    error: Exception,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    job = submit()

    def broken(_: Job) -> object:
        raise error

    monkeypatch.setattr(worker, "prepare", broken)
    pipeline.answer(worker)
    failed = now(job)
    assert failed.status == Status.FAILED
    assert (failed.error or "").startswith(sentence)
    assert "secret" not in (failed.error or "")
    assert f"job {job.id} attempt 1 failed" in caplog.text
    assert "Traceback" in caplog.text


def test_a_result_that_can_not_be_recorded_is_made_again(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit()
    save = worker.save

    def database_goes_away(claimed: Job, image: Image.Image) -> SavedFiles:
        with database.transaction() as session:
            session.connection().exec_driver_sql("ALTER TABLE jobs RENAME TO away")
        return save(claimed, image)

    monkeypatch.setattr(worker, "save", database_goes_away)
    pipeline.answer(worker)
    monkeypatch.setattr(worker, "save", save)
    with database.transaction() as session:
        session.connection().exec_driver_sql("ALTER TABLE away RENAME TO jobs")
    assert now(job).status == Status.RUNNING
    with database.transaction() as session:
        session.execute(update(Job).values(lease_until=0.0))
    pipeline.answer(worker)
    assert (now(job).status, now(job).result_key) == (Status.DONE, f"{job.id}/result-2.png")


def test_each_job_has_the_whole_time_limit_however_late_it_begins(
    worker: Worker, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(job_time_limit=15, micro_batch=1)
    worker.networks.load("compact")  # which takes seconds where the machine is busy
    monkeypatch.setattr(queue, "SHIFT", 600.0)
    load, slow = worker.prepare, [8.0, 8.0, 60.0]

    def loaded_slowly(claimed: Job) -> object:
        time.sleep(slow.pop(0))
        return load(claimed)

    monkeypatch.setattr(worker, "prepare", loaded_slowly)
    first, second, endless = submit(), submit(), submit()
    pipeline.answer(worker)
    assert [now(job).status for job in (first, second)] == [Status.DONE, Status.DONE]
    assert now(endless).error == "The job was stopped after 15 seconds. Please try a smaller size."


def test_celerys_time_limit_leaves_time_for_the_last_job_of_a_message(setting: Setting) -> None:
    setting(job_time_limit=100)
    given = queue.GIVEN * 100  # to others between a long job's steps
    assert queue.app().conf.task_soft_time_limit >= 100 + given + queue.SHIFT
    assert queue.app().conf.task_time_limit > queue.app().conf.task_soft_time_limit


def test_lost_pictures_fail_the_job_with_a_sentence(worker: Worker) -> None:
    job = submit()
    blobs.delete_job(job.id)
    pipeline.answer(worker)
    assert now(job).error == "The job's pictures are gone. Please send them again."


def test_a_network_without_weights_fails_the_job_with_a_sentence(worker: Worker) -> None:
    job = submit(network="vgg19")
    pipeline.answer(worker)
    assert "'vgg19' has no sound weights on this studio yet" in (now(job).error or "")
    assert set(Networks().checksums()) == {"compact"}


def test_damaged_weights_are_noticed_and_never_serve(worker: Worker, setting: Setting) -> None:
    folder = settings.settings().weights_dir
    folder.mkdir(parents=True)
    (folder / "compact.safetensors").write_bytes(b"damaged")
    (folder / "compact.safetensors.sha256").write_text("00" * 32 + "  compact.safetensors\n")
    assert Networks().checksums() == {}
    job = submit()
    pipeline.answer(worker)
    assert "has no sound weights" in (now(job).error or "")


def test_a_gpu_that_is_not_there_ends_the_worker_at_once(setting: Setting) -> None:
    setting(device="cuda:99")
    with pytest.raises(settings.BadSetting, match="STUDIO_DEVICE=cuda:99"):
        celery_tasks.work()


def test_a_preview_is_made_after_one_group_of_jobs(worker: Worker) -> None:
    photo, style = images.small(picture(96, 64), 256), images.small(picture(70, 70), 256)
    preview_id = previews.ask(Visitor("ann"), photo, [style])
    job = submit()
    pipeline.answer(worker)  # the preview's own message; but a job comes first
    assert now(job).status == Status.DONE
    assert previews.look(preview_id, "ann") == previews.State.MADE
    with Image.open(io.BytesIO(blobs.get(previews.result_key("ann")))) as made:
        assert (made.format, made.size) == ("JPEG", (384, 256))
    pipeline.answer(worker)
    assert len(jobs.mine("ann")) == 1


def test_a_row_of_jobs_keeps_no_preview_or_contact_sheet_waiting(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "SHIFT", 0)  # each message is for one group of jobs
    row = [submit(size=size) for size in (64, 72, 80, 88)]
    photo = images.small(picture(96, 64), 256)
    preview = previews.ask(Visitor("bob"), photo, [photo])
    sheet = previews.ask_sheet(Visitor("cid"), photo, ["ink", "night"], {})
    pipeline.answer(worker)
    pipeline.answer(worker)
    states = {preview: previews.look(preview, "bob"), sheet: previews.look(sheet, "cid")}
    assert set(states.values()) == {previews.State.MADE}
    assert [now(job).status for job in row].count(Status.DONE) == 2


def test_a_preview_of_a_transparent_photo_is_made_and_shows_a_ground(worker: Worker) -> None:
    cut_out = Image.new("RGBA", (96, 64), "teal")
    cut_out.paste((0, 0, 0, 0), (0, 0, 48, 64))
    photo = images.small(images.encode(cut_out, "png"), 256)
    preview_id = previews.ask(Visitor("ann"), photo, [photo], options={"transparency": "keep"})
    pipeline.answer(worker)
    assert previews.look(preview_id, "ann") == previews.State.MADE
    with Image.open(io.BytesIO(blobs.get(previews.result_key("ann")))) as made:
        assert (made.format, made.mode, made.size) == ("JPEG", "RGB", (384, 256))
        assert min(made.getpixel((10, 30))) > 250  # type: ignore[arg-type]


@pytest.mark.parametrize("color", ["style", "content"])
def test_a_contact_sheet_has_the_photo_in_each_style(worker: Worker, color: str) -> None:
    photo = images.small(picture(96, 64), 256)
    previews.ask_sheet(Visitor("ann"), photo, ["ink", "night"], {"color": color})
    pipeline.answer(worker)
    with Image.open(io.BytesIO(blobs.get(previews.result_key("ann")))) as made:
        assert (made.format, made.size) == ("JPEG", (384, 2 * 256))
        ink, night = made.crop((0, 0, 384, 256)), made.crop((0, 256, 384, 512))
        assert color == "content" or ink.tobytes() != night.tobytes()  # a flat photo's colours


def test_a_contact_sheet_has_styles_that_came_with_it_and_the_place_of_a_renamed_sample(
    worker: Worker,
) -> None:
    photo, red = (images.small(picture(96, 64, color=color), 256) for color in ("teal", "red"))
    previews.ask_sheet(Visitor("ann"), photo, ["lilies", "ink", "dots"], {}, {"lilies": red})
    pipeline.answer(worker)
    with Image.open(io.BytesIO(blobs.get(previews.result_key("ann")))) as made:
        assert made.size == (384, 3 * 256)
        lilies = made.convert("RGB").getpixel((190, 128))
    assert isinstance(lilies, tuple)
    assert lilies[0] > 2 * lilies[1]


def test_a_preview_that_fails_harms_nothing(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    photo = images.small(picture(96, 64), 256)
    preview_id = previews.ask(Visitor("ann"), photo, [photo])
    blobs.delete_job(previews.folder("ann"))
    pipeline.answer(worker)
    assert previews.look(preview_id, "ann") == previews.State.FAILED
    job = submit()
    pipeline.answer(worker)
    assert now(job).status == Status.DONE


def test_the_picture_being_stored_goes_when_its_owner_deletes_everything(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit()
    save = worker.save

    def deleted_meanwhile(made: Job, image: Image.Image) -> SavedFiles:
        accounts.remove("ann")
        return save(made, image)

    monkeypatch.setattr(worker, "save", deleted_meanwhile)
    pipeline.answer(worker)
    assert jobs.unknown([job.id]) == {job.id}
    assert pictured() == set()


def test_the_preview_being_made_goes_when_its_owner_deletes_everything(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = images.small(picture(96, 64), 256)
    previews.ask(Visitor("ann"), photo, [photo])
    small = images.small_jpeg

    def deleted_meanwhile(image: Image.Image) -> bytes:
        accounts.remove("ann")
        return small(image)

    monkeypatch.setattr(images, "small_jpeg", deleted_meanwhile)
    pipeline.answer(worker)
    assert pictured() == set()


@pytest.mark.parametrize("damage", [b"", b"another picture", picture(64, 48, color="red")])
def test_a_damaged_picture_fails_its_job_in_words(worker: Worker, damage: bytes) -> None:
    job = submit()
    blobs.put(job.content_key, damage)
    pipeline.answer(worker)
    ended = now(job)
    assert ended.status == Status.FAILED
    assert ended.error == ("The job's pictures were damaged on the disk. Please send them again.")


def test_a_job_of_an_earlier_version_has_no_digests_and_is_done(worker: Worker) -> None:
    job = submit()
    with database.transaction() as session:
        session.execute(update(Job).values(files=None))
    pipeline.answer(worker)
    assert now(job).status == Status.DONE
    assert verify.problems() == []


def test_every_picture_of_a_job_is_recorded_with_length_and_digest(worker: Worker) -> None:
    job = submit()
    pipeline.answer(worker)
    done = now(job)
    assert done.files is not None
    assert done.files == {
        key: [len(blobs.get(key)), hashlib.sha256(blobs.get(key)).hexdigest()]
        for key in jobs.named([job.id])[job.id]
    }
    assert verify.problems() == []
    blobs.put(done.result_key or "", b"something else")
    blobs.delete([done.thumbnail_key or ""])
    assert verify.problems() == [
        f"{done.result_key} is not the picture that was stored.",
        f"{done.thumbnail_key} is missing.",
    ]
