from pathlib import Path

import pytest

from tests.parts import Setting, picture
from worker import jobs
from worker.errors import Message
from worker.jobs import Job, Status, service_state
from worker.jobs.service_state import NotAccepting, State
from worker.maintenance import sweep
from worker.visitors import admission
from worker.visitors.rate_limits import Visitor


def send() -> Job:
    return jobs.submit("owner", picture(), [picture()], options={"size": 64})


def test_while_paused_jobs_are_let_in_and_none_is_begun_nor_announced(
    either: Path, setting: Setting
) -> None:
    setting(ring_after_seconds=0)
    service_state.change(State.PAUSED)
    job = admission.submit(Visitor("owner"), picture(), [picture()], options={"size": 64})
    assert jobs.claim("worker") is None
    assert jobs.unanswered() == []
    assert jobs.estimate(job) is None
    service_state.change(State.OPEN)
    assert jobs.unanswered() == [job.id]
    claimed = jobs.claim("worker")
    assert claimed is not None
    assert claimed.id == job.id


def test_a_pause_leaves_alone_what_has_begun(studio: Path) -> None:
    job = send()
    begun = jobs.claim("worker")
    assert begun is not None
    service_state.change(State.PAUSED)
    assert jobs.renew(begun, "transfer", 0.5) == jobs.Hold.HELD
    assert jobs.fail(job.id, 1, Message("job.out_of_memory"))
    assert jobs.counts()[Status.FAILED] == 1


def test_a_job_whose_worker_fell_silent_waits_out_the_pause(studio: Path, setting: Setting) -> None:
    setting(lease_seconds=0.01, heartbeat_seconds=0.001)
    job = send()
    assert jobs.claim("worker") is not None
    service_state.change(State.PAUSED)
    sweep.Sweep().once()
    while jobs.get(job.id, "owner").status != Status.QUEUED:
        sweep.Sweep().once()
    assert jobs.claim("another") is None


def test_while_draining_the_line_is_made_and_nothing_new_is_let_in(either: Path) -> None:
    job = send()
    service_state.change(State.DRAINING)
    with pytest.raises(NotAccepting, match="what is in line is still made"):
        admission.submit(Visitor("owner"), picture(), [picture()])
    claimed = jobs.claim("worker")
    assert claimed is not None
    assert claimed.id == job.id


def test_setting_the_same_service_state_again_keeps_its_time(studio: Path) -> None:
    service_state.change(State.PAUSED)
    since = service_state.read().since
    service_state.change(State.PAUSED)
    assert service_state.read().since == since > 0
