"""A style taught through the queue: steps shown, killed, cancelled, paused, used, refused."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sqlalchemy import update
from torch import Tensor

from adain.teaching import taught
from adain.teaching.lesson import Lesson
from adain.training.eye import Eye, Seen
from adain.training.lossnet import LossNetwork
from tests.adain.test_stylizer import drawn
from tests.hard import mortal
from tests.parts import Setting
from tests.worker.runner import steps
from worker import jobs
from worker.errors import Refused
from worker.gallery import taught_styles
from worker.images import images
from worker.jobs import Job, Status, queue
from worker.maintenance import verify
from worker.options import Options
from worker.runner import pipeline, teaching
from worker.runner.save_queue import SaveQueue
from worker.runner.worker import Worker
from worker.storage import blobs, database
from worker.visitors import accounts, admission, previews, quota
from worker.visitors.rate_limits import TooMany, Visitor

ANN, BOB = Visitor("ann"), Visitor("bob")


@pytest.fixture
def keeping(queued_studio: Path, setting: Setting) -> None:
    """A studio whose workers keep every step."""
    setting(heartbeat_seconds=0.05, lease_seconds=60, teach_checkpoint_seconds=0)


@contextmanager
def working() -> Iterator[Worker]:
    worker = Worker()
    worker.heartbeat.start()
    yield worker
    worker.end()


@pytest.fixture
def worker(keeping: None) -> Iterator[Worker]:
    """A worker in the test's own process."""
    with working() as worker:
        yield worker


def painted(seed: int, width: int = 80, height: int = 72) -> bytes:
    out = io.BytesIO()
    drawn(seed, (width, height)).save(out, "PNG")
    return out.getvalue()


def teach(visitor: Visitor = ANN, steps: object = 3, paintings: int = 1, **more: object) -> Job:
    styles = [painted(seed) for seed in range(paintings)]
    options = {"size": 64, "teach": "feedforward", "steps": steps} | more
    return admission.submit(visitor, painted(9), styles, options=options)


def paint(visitor: Visitor = ANN, **options: object) -> Job:
    return admission.submit(visitor, painted(8), [], options={"size": 64} | options)


def now(job: Job) -> Job:
    return jobs.find(job.id)


def result(job: Job) -> np.ndarray:
    data = blobs.get(now(job).result_key or "")
    return np.asarray(Image.open(io.BytesIO(data)), dtype=np.int16)


def taught_in(worker: Worker, visitor: Visitor = ANN, **more: object) -> Job:
    job = teach(visitor, **more)  # type: ignore[arg-type]
    pipeline.answer(worker)
    assert (now(job).status, now(job).error) == (Status.DONE, None)
    return now(job)


def during(worker: Worker, act: Callable[[], object], step: int = 2) -> None:
    """Answer one message, and do something once a style is taught at some step."""
    steps.during(worker, "teach", step, act)


def names_of(job: Job) -> set[str]:
    return {key.partition("/")[2] for key, _ in blobs.files() if key.startswith(job.id)}


def test_a_style_is_taught_and_painted_in_by_its_id(worker: Worker) -> None:
    lesson = taught_in(worker, paintings=2)
    assert lesson.queue == queue.HEAVY
    assert lesson.shape == ""
    assert lesson.taught_key == f"{lesson.id}/taught-1.safetensors"
    assert "teach" in lesson.timings
    assert names_of(lesson) >= {"taught-1.safetensors", "result-1.png", "thumbnail-1.jpg"}
    assert not names_of(lesson) & {"checkpoint.pt", "sample.jpg"}
    found = taught.read(blobs.get(lesson.taught_key))
    assert (found.steps, len(found.paintings)) == (3, 2)
    styles = [painted(seed) for seed in range(2)]
    plain = admission.submit(ANN, painted(8), styles, options={"size": 64})
    mine = paint(taught=lesson.id)
    for _ in range(2):
        pipeline.answer(worker)
    assert {now(one).status for one in (plain, mine)} == {Status.DONE}
    assert len(now(mine).style_keys) == 2
    assert np.abs(result(plain) - result(mine)).mean() > 0.2
    assert now(mine).weights_sha256 == lesson.weights_sha256 != now(plain).weights_sha256
    assert mine.shape != plain.shape  # never made at once with another network's


def test_scales_and_shifts_paint_in_place_of_what_is_measured(worker: Worker) -> None:
    lesson = taught_in(worker, teach="conditional", paintings=2)
    mine = paint(taught=lesson.id, alpha=0.8)
    pipeline.answer(worker)
    styles = [painted(seed) for seed in range(2)]
    plain = admission.submit(ANN, painted(8), styles, options={"size": 64, "alpha": 0.8})
    pipeline.answer(worker)
    assert (now(mine).status, now(mine).error) == (Status.DONE, None)
    assert np.abs(result(plain) - result(mine)).mean() > 0.05
    for name, value in (("color", "content"), ("method", "refine")):
        with pytest.raises(Refused, match="no other method than adain"):
            admission.submit(ANN, painted(8), [], options={"taught": lesson.id, name: value})


def test_steps_a_sample_and_the_time_left_are_shown(worker: Worker) -> None:
    job, seen, left = teach(steps=5), set[tuple[str, int, int]](), list[float]()
    sampled = list[bool]()

    def look(name: str, step: int, _: int) -> None:
        if name == "teach" and 2 <= step <= 4:
            steps.shown(job, name, step)
            seen.add(jobs.step_of(now(job).stage))
            left.append(jobs.estimate(now(job)) or 0.0)
            sampled.append("sample.jpg" in names_of(job))
            if sampled[-1]:
                with Image.open(io.BytesIO(blobs.get(f"{job.id}/sample.jpg"))) as sample:
                    assert min(sample.size) == 64

    with steps.reported(look):
        pipeline.answer(worker)
    assert seen == {("teach", step, 5) for step in (2, 3, 4)}
    assert any(sampled)
    assert max(left) > 0


def test_a_killed_worker_s_style_goes_on_from_its_checkpoint(keeping: None) -> None:
    job = teach(steps=4)
    killed = mortal.start(mortal.work, "checkpoint")
    killed.join()
    assert killed.exitcode == -9
    assert now(job).status == Status.RUNNING
    assert {"checkpoint.pt", "sample.jpg"} <= names_of(job)
    with database.transaction() as session:
        session.execute(update(Job).values(lease_until=0.0))
    made = set[int]()

    def look(name: str, step: int, _: int) -> None:
        made.update({step} if name == "teach" else ())

    with working() as worker, steps.reported(look):
        pipeline.answer(worker)
    assert made - {0}
    assert 1 not in made  # the first step was not made again
    done = now(job)
    assert (done.status, done.attempt) == (Status.DONE, 2)
    assert taught.read(blobs.get(done.taught_key or "")).steps == 4
    assert "checkpoint.pt" not in names_of(job)


def test_a_cancelled_style_stops_between_two_steps_and_leaves_nothing(worker: Worker) -> None:
    job = teach(steps=200)
    during(worker, lambda: steps.cancel(worker, job))
    stopped = now(job)
    assert (stopped.status, stopped.taught_key) == (Status.CANCELLED, None)
    assert not names_of(job) & {"checkpoint.pt", "sample.jpg", "taught-1.safetensors"}


def test_a_style_goes_back_to_the_queue_before_its_time_is_up_and_goes_on(
    worker: Worker, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(teach_checkpoint_seconds=60)
    monkeypatch.setattr(teaching, "PART", 0.0)  # it is up after each step
    job = teach(steps=2)
    for attempt in (1, 2):
        pipeline.answer(worker)
        given_back = now(job)
        assert (given_back.status, given_back.attempt) == (Status.QUEUED, attempt)
        assert given_back.released == attempt
    pipeline.answer(worker)
    assert now(job).status == Status.DONE


def test_a_worker_that_is_to_end_gives_the_style_back(worker: Worker) -> None:
    job = teach(steps=200)
    during(worker, worker.stop_claiming.set)
    assert (now(job).status, now(job).released) == (Status.QUEUED, 1)
    assert "checkpoint.pt" in names_of(job)


def send_quick() -> Job:
    return admission.submit(BOB, painted(1), [painted(2)], options={"size": 64})


def test_quick_pictures_go_between_two_steps(worker: Worker) -> None:
    steps.quick_amid(worker, teach(steps=30), "teach", 2, send_quick)


def strips(kind: str, paintings: int) -> Job:
    out = io.BytesIO()
    Image.new("RGB", (1, 60_000), "teal").save(out, "PNG")
    options = {"size": 64, "teach": kind, "steps": 8}
    return admission.submit(ANN, painted(9), [out.getvalue()] * paintings, options=options)


@pytest.mark.parametrize("kind", ["feedforward", "conditional"])
def test_of_strips_no_more_pixels_than_a_method_s_reach_the_networks(
    worker: Worker, setting: Setting, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    setting(method_pixels=1 << 16, teach_checkpoint_seconds=60)
    seen, forward = list[int](), LossNetwork.forward

    def noted(self: LossNetwork, images: Tensor, *more: Any) -> list[Tensor]:  # noqa: ANN401
        seen.append(images.shape[2] * images.shape[3])
        return forward(self, images, *more)

    monkeypatch.setattr(LossNetwork, "forward", noted)
    job = strips(kind, 2)
    pipeline.answer(worker)
    assert (now(job).status, now(job).error) == (Status.DONE, None)
    assert 0 < max(seen) <= 1 << 16


@pytest.mark.parametrize("kind", ["feedforward", "conditional"])
def test_a_style_is_cancelled_and_gives_way_before_its_first_step(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    job, quick, made = teach(steps=200, teach=kind), list[Job](), list[int]()
    look, advance = Eye.look, Lesson.advance

    def looked(self: Eye, *given: Any, **more: Any) -> Seen:  # noqa: ANN401
        if not quick:  # while the lesson's pictures are measured
            quick.append(send_quick())
        elif now(quick[0]).attempt == 1 and not now(job).cancel_requested:
            steps.cancel(worker, job)
        return look(self, *given, **more)

    def advanced(self: Lesson) -> dict[str, float]:
        found = advance(self)
        made.append(self.step)
        return found

    monkeypatch.setattr(Eye, "look", looked)
    monkeypatch.setattr(Lesson, "advance", advanced)
    pipeline.answer(worker)
    assert now(quick[0]).status == Status.DONE
    assert now(job).status == Status.CANCELLED
    assert made == []
    assert not names_of(job) & {"checkpoint.pt", "sample.jpg"}


def test_what_others_load_between_two_steps_can_have_gradients(worker: Worker) -> None:
    job, saving = send_quick(), SaveQueue()
    with torch.inference_mode():
        pipeline._give_way(worker, saving)  # as between the pieces of a style swap
    saving.end()
    assert now(job).status == Status.DONE
    assert not any(one.is_inference() for one in worker.networks.load("compact").model.parameters())


def test_another_visitor_s_style_is_refused_as_one_that_is_not_there(worker: Worker) -> None:
    lesson = taught_in(worker)
    plain = admission.submit(ANN, painted(1), [painted(2)], options={"size": 64})
    sentence = "There is no such taught style; it may have been deleted."
    small = images.small(painted(1), previews.SIDE)
    refused: list[tuple[Visitor, str]] = [
        (BOB, lesson.id), (ANN, plain.id), (ANN, "nothing"), (ANN, "\0"),
    ]  # fmt: skip
    for visitor, name in refused:
        with pytest.raises(Refused) as one:
            paint(visitor, taught=name)
        assert str(one.value) == sentence
        with pytest.raises(Refused) as one:
            previews.ask(visitor, small, [small], options={"taught": name})
        assert str(one.value) == sentence
    assert jobs.mine("bob") == []
    assert [one.job.id for one in taught_styles.mine("ann")] == [lesson.id]
    assert taught_styles.mine("bob") == []


def test_a_row_that_names_another_visitor_s_style_is_not_made(worker: Worker) -> None:
    lesson, other = taught_in(worker), admission.submit(BOB, painted(1), [painted(2)])
    options = {**other.options, "taught": lesson.id}
    with database.transaction() as session:
        session.execute(update(Job).where(Job.id == other.id).values(options=options))
    pipeline.answer(worker)
    assert now(other).status == Status.FAILED
    assert now(other).error_code == "job.taught_gone"


def test_a_style_deleted_meanwhile_ends_the_job_in_a_sentence(worker: Worker) -> None:
    lesson = taught_in(worker)
    job = paint(taught=lesson.id)
    with database.transaction() as session:
        quota.delete_rows(session, [lesson.id])
    quota.delete_pictures([lesson.id])
    pipeline.answer(worker)
    assert now(job).error == (
        "The taught style that this picture was to be made in was deleted meanwhile."
    )


def test_a_taught_style_stays_counts_and_goes_with_its_owner(
    worker: Worker, setting: Setting
) -> None:
    lesson = taught_in(worker)
    size = len(blobs.get(lesson.taught_key or ""))
    assert quota.kept("ann") >= size > 1 << 20
    assert verify.problems() == []
    setting(visitor_bytes=quota.kept("ann") + 40_000)
    with pytest.raises(quota.QuotaFull):
        admission.submit(ANN, painted(3, 800, 800), [painted(4)], options={"size": 0})
    assert now(lesson).taught_key == lesson.taught_key
    blobs.put(lesson.taught_key or "", b"other")
    assert "is not the picture that was stored" in verify.problems()[0]
    accounts.remove("ann")
    assert names_of(lesson) == set()


def test_a_lesson_counts_as_submissions_by_its_steps(studio: Path, setting: Setting) -> None:
    setting(address_submissions=40)
    teach(Visitor("first", "one address"), steps=300)  # counts as 31
    with pytest.raises(TooMany):
        teach(Visitor("second", "one address"), steps=300)
    teach(Visitor("third", "one address"), steps=20)  # 3
    setting(address_submissions=0, visitor_submissions=30)
    teach(Visitor("fourth"), steps=0)  # 16, as usual
    with pytest.raises(TooMany):
        teach(Visitor("fourth"), steps=0, teach="conditional", paintings=8)  # 49


@pytest.mark.parametrize("steps", [300, "300", 300.0])
def test_a_lesson_counts_by_its_steps_however_they_are_written(
    studio: Path, setting: Setting, steps: object
) -> None:
    setting(address_submissions=40)
    lesson = teach(Visitor("first", "one address"), steps=steps)  # counts as 31
    assert now(lesson).options["steps"] == 300
    with pytest.raises(TooMany):
        teach(Visitor("second", "one address"), steps=steps)


def test_options_that_are_refused_cost_one_submission(studio: Path, setting: Setting) -> None:
    setting(visitor_submissions=2)
    for _ in range(2):
        with pytest.raises(Refused, match="steps is a whole number"):
            teach(Visitor("first"), steps="many")
    with pytest.raises(TooMany):
        teach(Visitor("first"), steps="many")


def test_new_cookies_of_one_address_have_four_lessons_at_a_time(
    studio: Path, setting: Setting
) -> None:
    visitors = [Visitor(f"new {number}", "one address") for number in range(5)]
    lessons = [teach(visitor) for visitor in visitors[:4]]
    with pytest.raises(Refused, match="From one network address 4 styles"):
        teach(visitors[4])
    teach(Visitor("far", "another address"))
    jobs.cancel(lessons[0].id, lessons[0].owner)
    teach(visitors[4])
    setting(address_waiting=0)  # no address is limited
    teach(Visitor("sixth", "one address"))


def test_what_no_style_is_taught_with_is_refused_in_a_sentence(
    studio: Path, setting: Setting
) -> None:
    wrong: list[tuple[dict[str, Any], int, int, str]] = [
        ({}, 9, 0, "one to 8 style pictures; 9"),
        ({}, 0, 0, "one to 8 style pictures; 0"),
        ({"method": "refine"}, 1, 0, "from its pictures alone"),
        ({"region": "subject"}, 1, 0, "from its pictures alone"),
        ({"weights": [1.0]}, 1, 0, "from its pictures alone"),
        ({"taught": "x"}, 1, 0, "from its pictures alone"),
        ({}, 1, 1, "from its pictures alone"),
        ({"network": "vgg19"}, 1, 0, "vgg19 can't be taught"),
        ({"steps": 301}, 1, 0, "in 300 steps at most"),
        ({"steps": -1}, 1, 0, "steps is a whole number"),
        ({"steps": 3}, 8, 0, "from 8 pictures in 8 steps at least"),
        ({"teach": "all"}, 1, 0, "teach is one of feedforward, conditional"),
        ({"taught": 5}, 1, 0, "taught is the id"),
    ]
    for more, styles, masks, said in wrong:
        with pytest.raises(Refused, match=said):
            Options.read({"teach": "feedforward"} | more, styles, masks)
    teach()
    with pytest.raises(Refused, match="One style of yours is taught at a time"):
        teach()
    teach(BOB)
    setting(teach_steps=0)
    with pytest.raises(Refused, match="teaches no styles"):
        teach(Visitor("cid"))
