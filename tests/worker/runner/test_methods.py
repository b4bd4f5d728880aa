"""A method that takes seconds, through the queue: steps shown, cancelled, giving way, refused."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import update

from adain.catalog import METHODS, Effort
from adain.files import samples
from adain.methods import swap
from tests.adain.test_stylizer import drawn
from tests.parts import Setting, picture
from tests.waiting import until
from tests.worker.runner import steps
from worker import jobs
from worker.errors import Refused
from worker.gallery import embedded_settings
from worker.images import images
from worker.jobs import Job, Status, batches, queue, queue_position
from worker.jobs.batches import Source
from worker.runner import pipeline, stopwatch
from worker.runner.worker import Worker
from worker.storage import blobs, database
from worker.visitors import previews
from worker.visitors.rate_limits import Visitor

LONG: Any = {"size": 256, "method": "refine"}
HEAVY = [name for name, known in METHODS.items() if known.heavy]
KILLED = """
from worker.runner import pipeline
from worker.runner.worker import Worker
pipeline.answer(Worker())
"""


@pytest.fixture
def worker(queued_studio: Path, setting: Setting) -> Iterator[Worker]:
    """A worker in the test's own process."""
    setting(heartbeat_seconds=0.05, lease_seconds=60)
    worker = Worker()
    worker.heartbeat.start()
    yield worker
    worker.end()


def painted(seed: int, width: int, height: int) -> bytes:
    """A picture with edges and colours, as a file."""
    out = io.BytesIO()
    drawn(seed, (width, height)).save(out, "PNG")
    return out.getvalue()


def submit(owner: str = "ann", **options: object) -> Job:
    photo, style = painted(1, 384, 256), painted(2, 300, 280)
    return jobs.submit(owner, photo, [style], options={"size": 64} | options)


def now(job: Job) -> Job:
    return jobs.get(job.id, job.owner)


def during(worker: Worker, job: Job, act: Callable[[], object]) -> None:
    """Answer one message, and do something between the second and third step of a job."""
    steps.during(worker, job.options["method"], 2, act)


def result(job: Job) -> np.ndarray:
    data = blobs.get(now(job).result_key or "")
    return np.asarray(Image.open(io.BytesIO(data)), dtype=np.int16)


def test_a_refined_picture_goes_through_the_queue_and_is_not_the_plain_one(worker: Worker) -> None:
    plain, refined, more = (
        submit(),
        submit(method="refine", effort="little"),
        submit(method="refine"),
    )
    for _ in range(3):
        pipeline.answer(worker)
    assert {now(job).status for job in (plain, refined, more)} == {Status.DONE}
    assert np.abs(result(plain) - result(refined)).mean() > 1
    assert np.abs(result(more) - result(refined)).mean() > 0.5
    assert {"refine", "others"} <= set(now(more).timings)
    kept = embedded_settings.settings_of(now(refined))
    file = embedded_settings.encode(blobs.get(now(refined).result_key or ""), "png", kept)
    options = embedded_settings.read(file).options
    assert (options.method, options.effort) == ("refine", "little")


def test_every_choice_but_the_method_reaches_a_refined_picture_too(worker: Worker) -> None:
    styles = [painted(2, 90, 80), painted(3, 80, 90)]
    masks = [picture(384, 256, mode="L", color=255), picture(384, 256, mode="L", color=128)]
    options = {"size": 64, "method": "refine", "color": "content", "weights": [1, 3], "alpha": 0.7}
    job = jobs.submit("ann", painted(1, 384, 256), styles, masks, options)
    request = worker.prepare(now(job)).request
    assert (request.method, request.effort, request.color) == ("refine", "more", "content")
    assert all(isinstance(style, Image.Image) for style in request.styles)
    pipeline.answer(worker)
    assert (now(job).status, now(job).error) == (Status.DONE, None)


def test_a_long_job_shows_its_steps_and_the_time_left(worker: Worker) -> None:
    job, seen, left = submit(**LONG), set[tuple[str, int, int]](), list[float]()

    def look(stage: str, step: int, _: int) -> None:
        if stage == "refine" and 2 <= step <= 4:
            steps.shown(job, stage, step)
            [progress] = queue_position.read([job.id]).values()
            seen.add((progress.stage, progress.step, progress.steps))
            left.append(jobs.estimate(now(job)) or 0.0)

    with steps.reported(look):
        pipeline.answer(worker)
    every = METHODS["refine"].steps[Effort.MORE]
    assert seen == {("refine", step, every) for step in (2, 3, 4)}
    assert max(left) > 0
    assert now(job).status == Status.DONE


def test_a_long_job_keeps_its_lease(worker: Worker) -> None:
    job = submit(**LONG)

    def look() -> None:
        with database.transaction() as session:
            session.execute(update(Job).values(lease_until=0.0))
        until(lambda: (now(job).lease_until or 0.0) > database.time())
        assert jobs.expire() == 0

    during(worker, job, look)
    assert (now(job).status, now(job).attempt) == (Status.DONE, 1)


@pytest.mark.parametrize("method", HEAVY)
def test_a_job_by_each_method_goes_through_the_queue(worker: Worker, method: str) -> None:
    plain, other = submit(), submit(method=method, effort="little")
    assert (other.queue, other.shape) == (queue.HEAVY, "")
    for _ in range(2):
        pipeline.answer(worker)
    assert {now(job).status for job in (plain, other)} == {Status.DONE}
    assert np.abs(result(plain) - result(other)).mean() > 1
    assert {method, "others"} <= set(now(other).timings)


@pytest.mark.parametrize("method", HEAVY)
def test_a_cancelled_job_stops_between_two_steps(
    worker: Worker, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swap, "MOST_AT_ONCE", 1)  # a row at a time
    job = submit(size=512, method=method)
    during(worker, job, lambda: steps.cancel(worker, job))
    stopped = now(job)
    assert (stopped.status, stopped.result_key) == (Status.CANCELLED, None)
    _, step, every = jobs.step_of(stopped.stage)
    assert 0 < step < every


def test_a_method_makes_no_more_steps_than_the_setting_says(
    worker: Worker, setting: Setting
) -> None:
    setting(method_steps=3)
    job, seen = submit(size=512, method="refine"), set[int]()

    def look(stage: str, step: int, every: int) -> None:
        if stage == "refine" and step:
            steps.shown(job, stage, step)
            seen.add(every)

    with steps.reported(look):
        pipeline.answer(worker)
    assert seen == {3}


@pytest.mark.parametrize("method", HEAVY)
def test_a_job_of_a_killed_worker_is_made_by_the_next(studio: Path, method: str) -> None:
    """The worker is killed at a step; what it held is made again when its lease is over."""
    job = submit(method=method, effort="little")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED], env=os.environ | {"STUDIO_FAULT": method}
    )
    assert killed.returncode == -signal.SIGKILL
    assert (now(job).status, now(job).attempt) == (Status.RUNNING, 1)
    worker = Worker()
    worker.heartbeat.start()
    with database.transaction() as session:
        session.execute(update(Job).values(lease_until=0.0))
    assert jobs.expire() == 1
    pipeline.answer(worker)
    worker.end()
    assert (now(job).status, now(job).attempt) == (Status.DONE, 2)


def test_a_quick_job_and_a_preview_are_made_between_two_steps(worker: Worker) -> None:
    job, quick = submit(**LONG), list[Job]()
    photo, style = images.small(picture(96, 64), 256), images.small(picture(70, 70), 256)
    asked: list[str] = []

    def others() -> None:
        asked.append(previews.ask(Visitor("cid"), photo, [style], options={"method": "refine"}))
        quick.append(submit("bob"))

    during(worker, job, others)
    first, last = now(quick[0]), now(job)
    assert (first.status, last.status, last.attempt) == (Status.DONE, Status.DONE, 1)
    assert (first.finished or 0) < (last.finished or 0)
    assert previews.look(asked[0], "cid") == previews.State.MADE


def test_quick_jobs_wait_once_they_had_their_part_of_a_long_jobs_time(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else Celery would end the message, and the process, with quick jobs always in line."""
    monkeypatch.setattr(queue, "GIVEN", 0.0)
    job, quick = submit(**LONG), list[Job]()
    during(worker, job, lambda: quick.append(submit("bob")))
    if now(quick[0]).status == Status.QUEUED:  # the message had its time, on a slow machine
        pipeline.answer(worker)
    first, last = now(quick[0]), now(job)
    assert (first.status, last.status) == (Status.DONE, Status.DONE)
    assert (first.finished or 0) >= (last.finished or 0)


def test_a_row_of_long_jobs_lets_a_contact_sheet_be_made_between_its_steps(worker: Worker) -> None:
    job, asked = submit(**LONG), list[str]()
    photo, styles = images.small(picture(96, 64), 256), samples.names("styles")[:6]

    def others() -> None:
        submit(**LONG)  # also waits, so that the sheet is painted in parts
        asked.append(previews.ask_sheet(Visitor("cid"), photo, styles, {}))

    during(worker, job, others)
    assert previews.look(asked[0], "cid") == previews.State.MADE
    assert now(job).status == Status.DONE


def test_a_long_job_gives_way_to_no_other_long_job(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, seen, others = submit(**LONG), list[str](), list[Job]()

    def look(stage: str, step: int, _: int) -> None:
        if stage == "refine" and step == 2 and not others:
            others.append(submit("bob", **LONG))
        elif stage == "refine" and step > 2:
            seen.append(now(others[0]).status)

    monkeypatch.setattr(queue, "SHIFT", 0.0)  # the other is not begun after this one
    with steps.reported(look):
        pipeline.answer(worker)
    assert now(job).status == Status.DONE
    assert len(seen) > 1
    assert set(seen) == {Status.QUEUED}


def test_time_for_others_is_not_the_long_jobs(studio: Path, setting: Setting) -> None:
    setting(job_time_limit=600)
    begun = time.monotonic()
    with stopwatch.time_limit():
        time.sleep(0.05)
        with stopwatch.time_limit():
            time.sleep(0.5)
        left, _ = signal.getitimer(signal.ITIMER_REAL)
        passed = time.monotonic() - begun
    assert left > 600 - (passed - 0.4)
    assert left < 600 - 0.04


def test_long_jobs_wait_in_the_heavy_queue_and_run_alone(
    queued_studio: Path, setting: Setting
) -> None:
    quick, long = submit(), submit("bob", method="refine")
    assert (quick.queue, long.queue, long.shape) == (queue.LIGHT, queue.HEAVY, "")
    assert [job.id for job in jobs.claim_together("a worker", 4, jobs.Which.QUICK)] == [quick.id]
    assert not jobs.any_claimable(jobs.Which.QUICK)
    assert jobs.any_claimable()
    setting(heavy_pixels=0)
    assert submit("cid", method="refine").queue == queue.LIGHT


def test_a_job_of_before_there_were_methods_is_made_by_the_network(worker: Worker) -> None:
    job = submit()
    older = {name: value for name, value in job.options.items() if name not in {"method", "effort"}}
    job.options = older
    request = worker.prepare(job).request
    assert request.method == "adain"
    assert jobs.estimate(job) is None  # none was made yet


def test_what_a_method_cannot_make_is_refused_in_a_sentence(studio: Path, setting: Setting) -> None:
    setting(method_pixels=50_000)
    sentence = (
        "The photo would be made at 384 × 256 pixels, and the method refine makes up to 0.05 "
        "megapixels; choose a smaller size or another method."
    )
    with pytest.raises(Refused) as refused:
        submit(**LONG)
    assert str(refused.value) == sentence
    photos, style = [Source("a.png", 0, lambda: picture(384, 256))], Source("b.png", 0, picture)
    with pytest.raises(Refused, match=r"makes up to 0\.05 megapixels"):
        batches.submit("ann", photos, [style], LONG)
    assert jobs.mine("ann") == []
