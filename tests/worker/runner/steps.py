"""What a test does between two steps of a long job, which waits for it: no machine is too fast."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from tests.waiting import until
from worker import jobs
from worker.jobs import Hold, Job, Status
from worker.runner import pipeline
from worker.runner.heartbeat import Heartbeat
from worker.runner.worker import Worker

Seen = Callable[[str, int, int], object]  # the name of a stage, its step, and how many there are


@contextmanager
def reported(seen: Seen) -> Iterator[None]:
    """Have something called with each step that a worker of this process reports; it waits."""
    watch = Heartbeat.watch

    def noted(self: Heartbeat, group: Sequence[Job], stage: str, progress: float) -> None:
        watch(self, group, stage, progress)
        seen(*jobs.step_of(stage))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Heartbeat, "watch", noted)
        yield


def during(worker: Worker, stage: str, step: int, act: Callable[[], object]) -> None:
    """Answer one message, and do something once the stage is at that step."""
    acted = list[int]()

    def seen(name: str, number: int, _: int) -> None:
        if name == stage and number >= step and not acted:
            acted.append(number)
            act()

    with reported(seen):
        pipeline.answer(worker)
    assert acted, f"{stage} came to no step {step}"


def shown(job: Job, stage: str, step: int) -> None:
    """Wait until the job's row says that it is at that step."""
    until(lambda: jobs.step_of(jobs.find(job.id).stage)[:2] == (stage, step))


def cancel(worker: Worker, job: Job) -> None:
    """Cancel a job, and wait until its worker knows."""
    jobs.cancel(job.id, job.owner)
    until(lambda: worker.heartbeat.hold(job) == Hold.CANCELLED)


def quick_amid(worker: Worker, job: Job, stage: str, step: int, send: Callable[[], Job]) -> None:
    """Answer one message; amid the stage send a quick job, done while the long one still runs.

    Then the long one is cancelled.
    """
    quick = list[Job]()

    def seen(name: str, number: int, _: int) -> None:
        if name != stage:
            return
        if number >= step and not quick:
            quick.append(send())
            return
        long = jobs.find(job.id)
        if quick and jobs.find(quick[0].id).status == Status.DONE and not long.cancel_requested:
            assert long.status == Status.RUNNING
            cancel(worker, job)

    with reported(seen):
        pipeline.answer(worker)
    assert jobs.find(quick[0].id).status == Status.DONE
    assert jobs.find(job.id).status == Status.CANCELLED
