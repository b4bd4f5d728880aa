"""A method that takes seconds, through the queue: steps shown, cancelled, giving way, refused."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from adain.catalog import METHODS, Effort
from adain.files import samples
from adain.methods import swap
from tests.adain.test_stylizer import drawn
from tests.parts import Setting, picture
from worker import jobs
from worker.errors import Refused
from worker.gallery import embedded_settings
from worker.images import images
from worker.jobs import Job, Status, batches, queue, queue_position
from worker.jobs.batches import Source
from worker.runner import pipeline, stopwatch
from worker.runner.worker import Worker
from worker.storage import blobs
from worker.visitors import previews
from worker.visitors.rate_limits import Visitor

LONG: Any = {"size": 256, "method": "refine"}
HEAVY = [name for name, known in METHODS.items() if known.heavy]
KILLED = """
from worker.runner import pipeline
from worker.runner.worker import Worker
pipeline.answer(Worker())
"""
WAIT = 60.0  # seconds that a test waits for what comes


@pytest.fixture
def worker(queued_studio: Path, setting: Setting) -> Iterator[Worker]:
    """A worker in the test's own process."""
    setting(heartbeat_seconds=0.05, lease_seconds=5)
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


def refines(job: Job, at_least: int = 2) -> bool:
    """Tell whether a job is at a step of its method, or beyond."""
    name, step, _ = jobs.step_of(now(job).stage)
    return name == job.options["method"] and step >= at_least


def during(worker: Worker, job: Job, act: Callable[[], None]) -> None:
    """Answer one message, and do something once the job is at its second step."""

    def wait() -> None:
        until = time.monotonic() + WAIT
        while not refines(job):
            assert time.monotonic() < until
            time.sleep(0.02)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    pipeline.answer(worker)
    thread.join()


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

    def look() -> None:
        while now(job).status == Status.RUNNING:
            [progress] = queue_position.read([job.id]).values()
            seen.add((progress.stage, progress.step, progress.steps))
            left.append(jobs.estimate(now(job)) or 0.0)
            time.sleep(0.02)

    during(worker, job, look)
    steps = [
        step
        for stage, step, steps in seen
        if (stage, steps) == ("refine", METHODS["refine"].steps[Effort.MORE])
    ]
    assert len(steps) > 1
    assert max(left) > 0
    assert now(job).status == Status.DONE


def test_a_long_job_keeps_its_lease(worker: Worker, setting: Setting) -> None:
    setting(lease_seconds=1.0, heartbeat_seconds=0.2)
    job = submit(**LONG)

    def look() -> None:
        while now(job).status == Status.RUNNING:
            jobs.expire()
            time.sleep(0.05)

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
    nearest = swap.Patches.nearest

    def slow(patches: swap.Patches, wanted: Tensor) -> Tensor:
        time.sleep(0.05)
        return nearest(patches, wanted)

    monkeypatch.setattr(swap, "MOST_AT_ONCE", 1)  # a row at a time
    monkeypatch.setattr(swap.Patches, "nearest", slow)
    job = submit(size=512, method=method)
    during(worker, job, lambda: void(jobs.cancel(job.id, "ann")))
    stopped = now(job)
    assert (stopped.status, stopped.result_key) == (Status.CANCELLED, None)
    _, step, steps = jobs.step_of(stopped.stage)
    assert 0 < step < steps


def test_a_method_makes_no_more_steps_than_the_setting_says(
    worker: Worker, setting: Setting
) -> None:
    setting(method_steps=3)
    job, seen = submit(size=512, method="refine"), set[int]()

    def look() -> None:
        while now(job).status == Status.RUNNING:
            stage, _, steps = jobs.step_of(now(job).stage)
            seen.add(steps if stage == "refine" else 0)
            time.sleep(0.02)

    during(worker, job, look)
    assert seen - {0} == {3}


@pytest.mark.parametrize("method", HEAVY)
def test_a_job_of_a_killed_worker_is_made_by_the_next(
    studio: Path, setting: Setting, method: str
) -> None:
    """The worker is killed at a step; what it held is made again when its lease is over."""
    setting(lease_seconds=1.0, heartbeat_seconds=0.2)
    job = submit(method=method, effort="little")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED], env=os.environ | {"STUDIO_FAULT": method}
    )
    assert killed.returncode == -signal.SIGKILL
    assert (now(job).status, now(job).attempt) == (Status.RUNNING, 1)
    worker = Worker()
    worker.heartbeat.start()
    while now(job).status == Status.RUNNING:
        jobs.expire()
        time.sleep(0.1)
    pipeline.answer(worker)
    worker.end()
    assert (now(job).status, now(job).attempt) == (Status.DONE, 2)


def void(_: object) -> None:
    pass


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
    if now(quick[0]).status == Status.QUEUED:  # it came as the other ended
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


def test_a_long_job_gives_way_to_no_other_long_job(worker: Worker) -> None:
    job, seen = submit(**LONG), set[str]()

    def look() -> None:
        other = submit("bob", **LONG)
        while refines(job):
            status = now(other).status
            if refines(job) and not refines(job, 30):  # still, so it was so meanwhile
                seen.add(status)

    during(worker, job, look)
    assert seen == {Status.QUEUED}


def test_time_for_others_is_not_the_long_jobs(studio: Path, setting: Setting) -> None:
    setting(job_time_limit=2)
    with stopwatch.time_limit():
        time.sleep(1.2)
        with stopwatch.time_limit():
            time.sleep(1.2)
        time.sleep(0.4)


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
