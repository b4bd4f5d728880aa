import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.parts import Setting, picture
from worker import jobs
from worker.jobs import Hold, Job, queue
from worker.observability import metrics
from worker.runner import heartbeat
from worker.runner.heartbeat import RESTART, Heartbeat, Stop
from worker.storage import database, processes


@pytest.fixture
def beat(queued_studio: Path, setting: Setting) -> Iterator[Heartbeat]:
    """A heartbeat with a short interval."""
    setting(heartbeat_seconds=0.05, lease_seconds=0.5)
    started = Heartbeat("worker", lambda: {"device": "cpu"})
    started.start()
    yield started
    started.end()


def claimed() -> Job:
    jobs.submit("ann", picture(), [picture()])
    job = jobs.claim("worker-1")
    assert job is not None
    return job


def soon(happened: Callable[[], bool], seconds: float = 5) -> bool:
    """Tell whether it happens within some seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if happened():
            return True
        time.sleep(0.01)
    return False


@contextmanager
def kept(beat: Heartbeat, *group: Job) -> Iterator[None]:
    beat.keep(group)
    yield
    beat.let_go(group)


def stops(beat: Heartbeat, job: Job) -> bool:
    try:
        beat.watch([job], "content", 0.3)
    except Stop:
        return True
    return False


def test_a_process_reports(beat: Heartbeat) -> None:
    assert soon(lambda: len(processes.alive("worker")) == 1)
    [process] = processes.alive("worker")
    assert (process.name, process.info) == (beat.process, {"device": "cpu"})


def test_a_busy_process_still_reports(beat: Heartbeat) -> None:
    assert soon(lambda: len(processes.alive("worker")) == 1)
    [first] = processes.alive("worker")

    job = claimed()

    def seen_again() -> bool:
        beat.watch([job], "content", 0.3)  # so that no beat waits its whole time
        return processes.alive("worker")[0].seen > first.seen

    with kept(beat, job):
        assert soon(seen_again)


def test_a_heartbeat_carries_the_metrics(beat: Heartbeat) -> None:
    metrics.TOGETHER.observe(3)
    assert soon(lambda: "studio_micro_batch_jobs" in str(processes.counted("worker")))


def test_a_process_that_ended_reports_no_more(beat: Heartbeat) -> None:
    assert soon(lambda: len(processes.alive("worker")) == 1)
    beat.end()
    assert not beat.is_alive()
    assert processes.alive("worker") == []


def test_the_lease_lasts_as_long_as_the_work(beat: Heartbeat) -> None:
    job = claimed()
    with kept(beat, job):
        time.sleep(0.8)
        assert jobs.expire() == 0
    assert soon(lambda: jobs.expire() == 1)


def test_a_stage_shows_at_once(queued_studio: Path, setting: Setting) -> None:
    setting(heartbeat_seconds=60, lease_seconds=120)
    slow = Heartbeat("worker", dict)
    slow.start()
    job = claimed()
    with kept(slow, job):
        slow.watch([job], "content", 0.3)
        assert soon(lambda: jobs.get(job.id, "ann").stage == "content")
        assert jobs.get(job.id, "ann").progress == 0.3
    slow.end()


def test_the_work_is_stopped_when_it_was_cancelled(beat: Heartbeat) -> None:
    job = claimed()
    with kept(beat, job):
        beat.watch([job], "styles", 0.0)
        jobs.cancel(job.id, "ann")
        assert soon(lambda: stops(beat, job))
        assert beat.hold(job) == Hold.CANCELLED
        other = claimed()
        with kept(beat, other):
            beat.watch([other], "styles", 0.0)  # that was about the other


def test_two_groups_are_kept_each_at_its_own_stage(beat: Heartbeat) -> None:
    stored, made = claimed(), claimed()
    with kept(beat, stored), kept(beat, made):
        beat.watch([stored], "save", 0.95)
        beat.watch([made], "content", 0.3)

        def shown() -> list[str]:
            return [jobs.get(job.id, "ann").stage for job in (stored, made)]

        assert soon(lambda: shown() == ["save", "content"])
        time.sleep(0.8)
        assert jobs.expire() == 0


def test_a_job_claimed_by_another_worker_stops_the_work(beat: Heartbeat) -> None:
    job = claimed()
    with kept(beat, job):
        with database.transaction() as session:
            session.execute(update(Job).values(attempt=2))
        assert soon(lambda: stops(beat, job))
        assert beat.hold(job) == Hold.LOST


def test_a_database_that_is_away_for_a_moment_is_survived(
    beat: Heartbeat, queued_studio: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert soon(lambda: len(processes.alive("worker")) == 1)
    with database.transaction() as session:
        session.connection().exec_driver_sql("ALTER TABLE processes RENAME TO away")
    assert soon(lambda: "a heartbeat was missed" in caplog.text)
    with database.transaction() as session:
        session.connection().exec_driver_sql("ALTER TABLE away RENAME TO processes")
        session.connection().exec_driver_sql("DELETE FROM processes")
    assert soon(lambda: len(processes.alive("worker")) == 1)


def test_a_parent_that_delivers_no_message_is_restarted(
    beat: Heartbeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "STALLED_SECONDS", 0.5)
    parent = subprocess.Popen(["sleep", "60"])
    monkeypatch.setattr(beat, "parent", parent.pid)
    monkeypatch.setattr("os.getppid", lambda: parent.pid)
    assert not soon(lambda: parent.poll() is not None, seconds=1)  # no message waits
    queue.send("a job that nobody answers")
    until = time.monotonic() + 1
    while time.monotonic() < until:  # messages are received, however slowly
        with beat.answering():
            pass
        time.sleep(0.1)
    assert parent.poll() is None
    with beat.answering():  # a long preview, say, which has no lease
        assert not soon(lambda: parent.poll() is not None, seconds=2)
    assert soon(lambda: parent.poll() is not None)
    assert parent.returncode == -RESTART
