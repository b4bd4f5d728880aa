"""Micro-batches: which jobs run together, in which order, and what becomes of each on a failure."""

import io
import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from billiard.exceptions import SoftTimeLimitExceeded
from PIL import Image
from sqlalchemy import update

from adain.request import Request
from adain.stylizer import Stylizer
from tests.parts import Setting, picture
from tests.worker.runner import steps
from worker import jobs
from worker.errors import Message
from worker.jobs import Hold, Job, Status, queue
from worker.observability import metrics
from worker.runner import pipeline
from worker.runner.prepare import PreparedJob
from worker.runner.worker import SavedFiles, Worker
from worker.storage import blobs, database


def submit(owner: str = "ann", width: int = 96, **options: object) -> Job:
    photo = picture(width, 64, "JPEG")
    return jobs.submit(
        owner, photo, [picture(20, 20)], options={"size": 64, "strokes": 0} | options
    )


def now(job: Job) -> Job:
    return jobs.get(job.id, job.owner)


def ids(group: Sequence[Job]) -> list[str]:
    return [job.id for job in group]


def let_lease_end() -> None:
    with database.transaction() as session:
        session.execute(update(Job).where(Job.status == Status.RUNNING).values(lease_until=0.0))


# ---------------------------------------------------------------- who may


def test_a_group_is_claimed_in_line_and_no_larger_than_wanted(either: Path) -> None:
    made = [submit() for _ in range(5)]
    group = jobs.claim_together("worker-1", 3)
    assert ids(group) == ids(made[:3])
    assert all((job.status, job.attempt) == (Status.RUNNING, 1) for job in group)
    assert {job.worker for job in group} == {"worker-1"}
    assert ids(jobs.claim_together("worker-2", 3)) == ids(made[3:])
    assert jobs.claim_together("worker-3", 3) == []


@pytest.mark.parametrize("other", [{"network": "vgg19"}, {"size": 72}, {"width": 128}])
def test_only_one_network_and_one_size_go_together(either: Path, other: dict[str, Any]) -> None:
    first, odd, third = submit("ann"), submit("bob", **other), submit("cid")
    assert ids(jobs.claim_together("worker-1", 8)) == [first.id, third.id]
    assert ids(jobs.claim_together("worker-1", 8)) == [odd.id]


def test_different_sizes_that_are_worked_on_at_one_size_go_together(either: Path) -> None:
    small, large = submit("ann", width=96), submit("bob", width=96)
    with database.transaction() as session:
        assert session.query(Job.shape).distinct().all() == [("compact 96x64",)]
    doubled = jobs.submit("cid", picture(192, 128), [picture()], options={"size": 64, "strokes": 0})
    assert ids(jobs.claim_together("worker-1", 8)) == ids([small, large, doubled])


def test_a_large_picture_runs_alone(either: Path) -> None:
    photo = picture(1100, 1100, "JPEG")
    large = [jobs.submit("ann", photo, [picture()], options={"size": 0}) for _ in range(2)]
    assert ids(jobs.claim_together("worker-1", 8)) == [large[0].id]


def test_a_group_overtakes_no_job_by_more_than_itself(either: Path) -> None:
    line = [submit("ann"), *[submit(f"odd-{n}", width=128) for n in range(4)], submit("bob")]
    assert ids(jobs.claim_together("worker-1", 4)) == [line[0].id]
    assert ids(jobs.claim_together("worker-1", 4)) == ids(line[1:5])


def test_one_owner_with_many_jobs_does_not_fill_the_group(either: Path) -> None:
    many = [submit("ann") for _ in range(6)]
    [one] = [submit("bob")]
    assert ids(jobs.claim_together("worker-1", 2)) == [many[0].id, one.id]


def test_many_workers_at_once_group_each_job_once(either: Path) -> None:
    made = ids([submit(f"owner-{n}", width=96 + 32 * (n % 2)) for n in range(24)])
    with ThreadPoolExecutor(8) as pool:
        got = [job.id for group in pool.map(_claim_four, range(24)) for job in group]
    assert sorted(got) == sorted(made)


def _claim_four(number: int) -> list[Job]:
    return jobs.claim_together(f"worker-{number}", 4)


def test_more_may_join_while_there_is_room_and_it_is_their_turn(either: Path) -> None:
    submit("ann")
    [first] = jobs.claim_together("worker-1", 8)
    late, odd, behind = submit("bob"), submit("cid", width=128), submit("dan")
    assert jobs.join("worker-1", first, 0) == []
    assert ids(jobs.join("worker-1", first, 2)) == [late.id]
    assert ids(jobs.join("worker-1", first, 2)) == [behind.id]
    assert now(odd).status == Status.QUEUED


def test_each_kind_of_worker_takes_from_its_own_queue(either: Path, setting: Setting) -> None:
    setting(heavy_pixels=128 * 64)
    light, heavy, costly = submit(), submit(width=128), submit(network="vgg19")
    assert [job.queue for job in (light, heavy, costly)] == ["light", "heavy", "heavy"]
    assert [jobs.position(job) for job in (light, heavy, costly)] == [1, 1, 2]
    setting(serves="heavy")
    assert ids([job for job in (jobs.claim("gpu"), jobs.claim("gpu")) if job]) == [
        heavy.id,
        costly.id,
    ]
    assert jobs.claim("gpu") is None
    setting(serves="light")
    assert ids(jobs.claim_together("cpu", 8)) == [light.id]


def test_a_print_is_made_by_a_worker_of_the_heavy_queue(
    queued_studio: Path, setting: Setting
) -> None:
    setting(max_output_pixels=20_000, heavy_pixels=10_000, serves="heavy")
    light, photo = submit(), picture(600, 400, "JPEG")
    large = jobs.submit("ann", photo, [picture()], options={"fit": "largest"})
    assert (light.queue, large.queue, large.options["size"]) == ("light", "heavy", 115)
    worker = Worker()
    worker.heartbeat.start()
    pipeline.answer(worker)
    worker.end()
    assert (now(light).status, now(large).status) == (Status.QUEUED, Status.DONE)
    made = Image.open(io.BytesIO(blobs.get(str(now(large).result_key))))
    assert 19_000 < made.width * made.height <= 20_000


def test_messages_go_to_the_queue_of_the_job(queued_studio: Path, setting: Setting) -> None:
    setting(heavy_pixels=128 * 64)
    submit()
    submit(width=128)
    submit(width=128)
    assert (queue.depth([queue.LIGHT]), queue.depth([queue.HEAVY])) == (1, 2)


# ---------------------------------------------------------------- fencing and loss


def test_the_leases_of_a_group_are_renewed_together_and_each_separately(either: Path) -> None:
    for owner in ("ann", "bob", "cid"):
        submit(owner)
    held, cancelled, lost = jobs.claim_together("worker-1", 3)
    jobs.cancel(cancelled.id, "bob")
    with database.transaction() as session:
        session.execute(update(Job).where(Job.id == lost.id).values(attempt=2))
    assert jobs.renew_all([held, cancelled, lost], "content", 0.5) == {
        held.id: Hold.HELD,
        cancelled.id: Hold.CANCELLED,
        lost.id: Hold.LOST,
    }
    assert [now(job).stage for job in (held, cancelled, lost)] == ["content", "content", ""]


def test_the_jobs_of_a_lost_group_run_again_one_by_one(either: Path) -> None:
    made = [submit() for _ in range(3)]
    jobs.claim_together("worker-1", 8)
    let_lease_end()
    jobs.expire()
    fresh = submit()
    alone = [ids(jobs.claim_together(f"worker-{n}", 8)) for n in range(4)]
    assert alone == [[job.id] for job in [*made, fresh]]


def test_a_bad_job_in_a_group_spends_one_attempt_of_the_others(
    either: Path, setting: Setting
) -> None:
    setting(max_attempts=3)
    good, bad, other = submit("ann"), submit("bob"), submit("cid")
    for _ in range(9):
        group = jobs.claim_together("worker-1", 8)
        if bad.id in ids(group):  # it kills its worker every time
            let_lease_end()
            jobs.expire()
        else:
            for job in group:
                jobs.fail(job.id, job.attempt, Message("job.out_of_memory"))
    assert now(bad).status == Status.FAILED
    assert "started several times" in (now(bad).error or "")
    assert [now(job).attempt for job in (good, bad, other)] == [2, 3, 2]


def test_a_group_given_back_in_a_hurry_may_run_together_again(either: Path) -> None:
    made = [submit() for _ in range(2)]
    for job in jobs.claim_together("worker-1", 8):
        jobs.release(job.id, job.attempt)
    assert ids(jobs.claim_together("worker-1", 8)) == ids(made)


# ---------------------------------------------------------------- the worker


@pytest.fixture
def worker(queued_studio: Path, setting: Setting) -> Iterator[Worker]:
    """A worker that makes up to four pictures at once, in the test's own process."""
    setting(heartbeat_seconds=0.05, lease_seconds=60, micro_batch=4)
    worker = Worker()
    worker.heartbeat.start()
    yield worker
    worker.end()


Stylize = Any  # Stylizer.stylize, as it is or with a fault


@pytest.fixture
def sizes(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the groups that the network was given."""
    seen: list[int] = []
    stylize: Stylize = Stylizer.stylize

    def counted(self: Stylizer, requests: Sequence[Request], watch: Any) -> list[Image.Image]:  # noqa: ANN401
        seen.append(len(requests))
        made: list[Image.Image] = stylize(self, requests, watch)
        return made

    monkeypatch.setattr(Stylizer, "stylize", counted)
    return seen


def test_one_message_makes_a_group_and_each_gets_its_own_picture(
    worker: Worker, sizes: list[int]
) -> None:
    colors = ("red", "lime", "blue")
    made = [
        jobs.submit(color, picture(96, 64, color=color), [picture(color="gray")], options=options)
        for color in colors
        if (options := {"size": 64, "alpha": 0.0, "strokes": 0})
    ]
    pipeline.answer(worker)
    assert sizes == [3]
    for place, job in enumerate(made):
        done = now(job)
        assert (done.status, done.together) == (Status.DONE, 3)
        with Image.open(io.BytesIO(blobs.get(done.result_key or ""))) as result:
            pixel = result.resize((1, 1)).getpixel((0, 0))
        assert isinstance(pixel, tuple)
        assert max(range(3), key=lambda channel: pixel[channel]) == place


def test_what_was_made_at_once_is_counted(worker: Worker, sizes: list[int]) -> None:
    def counted(name: str, **labels: str) -> float:
        return metrics.REGISTRY.get_sample_value(name, labels) or 0

    before = (
        counted("studio_micro_batch_jobs_sum"),
        counted("studio_jobs_ended_total", state="done"),
    )
    for _ in range(3):
        submit()
    pipeline.answer(worker)
    after = counted("studio_micro_batch_jobs_sum"), counted("studio_jobs_ended_total", state="done")
    assert (after[0] - before[0], after[1] - before[1]) == (3, 3)
    assert counted("studio_stage_seconds_count", stage="picture") > 0


def test_a_job_submitted_while_pictures_load_joins_the_group(
    worker: Worker, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = submit("ann")
    late: list[Job] = []
    load = worker.prepare

    def slow(job: Job) -> PreparedJob:
        if not late:
            late.append(submit("bob"))
        return load(job)

    monkeypatch.setattr(worker, "prepare", slow)
    pipeline.answer(worker)
    assert sizes == [2]
    assert [now(job).status for job in (first, *late)] == [Status.DONE, Status.DONE]


def faulty(monkeypatch: pytest.MonkeyPatch, most: int, error: type[Exception]) -> list[int]:
    """Let the network fail on more pictures than `most` at once; return what was tried."""
    tried: list[int] = []
    stylize: Stylize = Stylizer.stylize

    def failing(self: Stylizer, requests: Sequence[Request], watch: Any) -> list[Image.Image]:  # noqa: ANN401
        tried.append(len(requests))
        if len(requests) > most:
            raise error
        made: list[Image.Image] = stylize(self, requests, watch)
        return made

    monkeypatch.setattr(Stylizer, "stylize", failing)
    return tried


def test_a_group_that_does_not_fit_in_memory_is_halved(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [submit() for _ in range(4)]
    tried = faulty(monkeypatch, 1, torch.OutOfMemoryError)
    pipeline.answer(worker)
    assert tried == [4, 2, 1, 1, 2, 1, 1]
    assert [now(job).status for job in made] == [Status.DONE] * 4


def test_one_job_that_does_not_work_fails_alone(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [submit() for _ in range(3)]
    blobs.delete_job(made[1].id)
    pipeline.answer(worker)
    assert [now(job).status for job in made] == [Status.DONE, Status.FAILED, Status.DONE]
    assert now(made[1]).error == "The job's pictures are gone. Please send them again."


def test_a_group_that_takes_too_long_runs_again_one_by_one(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [submit() for _ in range(3)]
    tried = faulty(monkeypatch, 1, SoftTimeLimitExceeded)
    pipeline.answer(worker)
    assert [(now(job).status, now(job).released) for job in made] == [(Status.QUEUED, 0)] * 3
    pipeline.answer(worker)
    assert tried == [3, 1, 1, 1]
    assert [(now(job).status, now(job).attempt) for job in made] == [(Status.DONE, 2)] * 3


def test_a_cancelled_job_in_a_group_ends_so_and_the_others_are_made(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [submit() for _ in range(3)]
    save = worker.save

    def cancelled_meanwhile(job: Job, image: Image.Image) -> SavedFiles:
        if job.id == made[1].id:
            jobs.cancel(job.id, "ann")
        return save(job, image)

    monkeypatch.setattr(worker, "save", cancelled_meanwhile)
    pipeline.answer(worker)
    assert [now(job).status for job in made] == [Status.DONE, Status.CANCELLED, Status.DONE]


def test_a_group_that_is_cancelled_is_dropped(
    worker: Worker, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [submit() for _ in range(2)]
    load = worker.load

    def all_cancelled(group: list[Job]) -> Any:  # noqa: ANN401
        for job in group:
            steps.cancel(worker, job)
        return load(group)

    monkeypatch.setattr(worker, "load", all_cancelled)
    pipeline.answer(worker)
    for job in made:
        assert (now(job).status, now(job).result_key) == (Status.CANCELLED, None)


# ---------------------------------------------------------------- one after the other


def test_while_pictures_are_stored_the_next_are_made(
    worker: Worker, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(micro_batch=1)
    made = [submit() for _ in range(3)]
    begun = [threading.Event() for _ in made]
    save, stylize = worker.save, Stylizer.stylize
    count = itertools.count()

    def noted(self: Stylizer, *given: Any) -> list[Image.Image]:  # noqa: ANN401
        begun[next(count)].set()
        return stylize(self, *given)

    def waiting(job: Job, image: Image.Image) -> SavedFiles:
        place = ids(made).index(job.id)
        assert place == 2 or begun[place + 1].wait(120), "the next waits for this one's files"
        return save(job, image)

    monkeypatch.setattr(Stylizer, "stylize", noted)
    monkeypatch.setattr(worker, "save", waiting)
    pipeline.answer(worker)
    assert [now(job).status for job in made] == [Status.DONE] * 3


def test_a_job_that_was_lost_before_runs_when_nothing_else_does(
    worker: Worker, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(micro_batch=1)
    made = [submit() for _ in range(3)]
    with database.transaction() as session:
        session.execute(update(Job).where(Job.id == made[1].id).values(attempt=1))
    save, stylize = worker.save, Stylizer.stylize
    unfinished = []

    def noted(self: Stylizer, *given: Any) -> list[Image.Image]:  # noqa: ANN401
        unfinished.append(sum(now(job).status == Status.RUNNING for job in made))
        return stylize(self, *given)

    def slow(job: Job, image: Image.Image) -> SavedFiles:
        time.sleep(0.3)
        return save(job, image)

    monkeypatch.setattr(Stylizer, "stylize", noted)
    monkeypatch.setattr(worker, "save", slow)
    pipeline.answer(worker)
    assert unfinished == [1, 1, 1]
    assert [now(job).status for job in made] == [Status.DONE] * 3


def test_a_task_that_worked_long_leaves_the_rest_to_the_next(
    worker: Worker, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(micro_batch=1)
    monkeypatch.setattr(queue, "SHIFT", 0.0)
    made = [submit() for _ in range(2)]
    pipeline.answer(worker)
    assert [now(job).status for job in made] == [Status.DONE, Status.QUEUED]


def test_a_group_is_painted_in_parts_that_fit_the_processor(
    worker: Worker, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "AT_ONCE_PIXELS", 2 * 96 * 64)
    made = [submit() for _ in range(3)]
    pipeline.answer(worker)
    assert sizes == [2, 1]
    assert [(now(job).status, now(job).together) for job in made] == [
        (Status.DONE, 2),
        (Status.DONE, 2),
        (Status.DONE, 1),
    ]
    assert all(now(job).timings["total"] > now(job).timings["picture"] > 0 for job in made)
