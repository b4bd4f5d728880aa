import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import update

from tests.parts import Setting, picture
from tests.waiting import until
from worker import jobs
from worker.jobs import Hold, Job, queue
from worker.observability import metrics
from worker.runner import heartbeat
from worker.runner.heartbeat import RESTART, Heartbeat, Stop
from worker.storage import database, processes


@pytest.fixture
def beat(queued_studio: Path, setting: Setting) -> Iterator[Heartbeat]:
    """A heartbeat with a short interval."""
    setting(heartbeat_seconds=0.05, lease_seconds=600)
    started = Heartbeat("worker", lambda: {"device": "cpu"})
    started.start()
    yield started
    started.end()


def claimed() -> Job:
    jobs.submit("ann", picture(), [picture()])
    job = jobs.claim("worker-1")
    assert job is not None
    return job


def beats(count: int = 2) -> None:
    """Wait until the heartbeat has beaten so often from now on, the present beat included."""
    for _ in range(count):
        [before] = processes.alive("worker")
        until(lambda before=before: processes.alive("worker")[0].seen > before.seen)  # type: ignore[misc]


def let_leases_end() -> None:
    with database.transaction() as session:
        session.execute(update(Job).values(lease_until=0.0))


def is_renewed(job: Job) -> bool:
    return (jobs.find(job.id).lease_until or 0.0) > database.time()


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
    until(lambda: len(processes.alive("worker")) == 1)
    [process] = processes.alive("worker")
    assert (process.name, process.info) == (beat.process, {"device": "cpu"})


def test_a_busy_process_still_reports(beat: Heartbeat) -> None:
    until(lambda: len(processes.alive("worker")) == 1)
    [first] = processes.alive("worker")

    job = claimed()

    def seen_again() -> bool:
        beat.watch([job], "content", 0.3)  # so that no beat waits its whole time
        return processes.alive("worker")[0].seen > first.seen

    with kept(beat, job):
        until(seen_again)


def test_a_heartbeat_carries_the_metrics(beat: Heartbeat) -> None:
    metrics.TOGETHER.observe(3)
    until(lambda: "studio_micro_batch_jobs" in str(processes.counted("worker")))


def test_a_process_that_ended_reports_no_more(beat: Heartbeat) -> None:
    until(lambda: len(processes.alive("worker")) == 1)
    beat.end()
    assert not beat.is_alive()
    assert processes.alive("worker") == []


def test_the_lease_lasts_as_long_as_the_work(beat: Heartbeat) -> None:
    job = claimed()
    with kept(beat, job):
        for _ in range(3):
            let_leases_end()
            until(lambda: is_renewed(job))
        assert jobs.expire() == 0
    beats()  # the one under way may still renew it
    let_leases_end()
    beats()
    assert jobs.expire() == 1


def test_a_stage_shows_at_once(queued_studio: Path, setting: Setting) -> None:
    setting(heartbeat_seconds=600, lease_seconds=1200)
    slow = Heartbeat("worker", dict)
    slow.start()
    job = claimed()
    with kept(slow, job):
        slow.watch([job], "content", 0.3)
        until(lambda: jobs.get(job.id, "ann").stage == "content")
        assert jobs.get(job.id, "ann").progress == 0.3
    slow.end()


def test_the_work_is_stopped_when_it_was_cancelled(beat: Heartbeat) -> None:
    job = claimed()
    with kept(beat, job):
        beat.watch([job], "styles", 0.0)
        jobs.cancel(job.id, "ann")
        until(lambda: stops(beat, job))
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

        until(lambda: shown() == ["save", "content"])
        let_leases_end()
        until(lambda: is_renewed(stored) and is_renewed(made))
        assert jobs.expire() == 0


def test_a_job_claimed_by_another_worker_stops_the_work(beat: Heartbeat) -> None:
    job = claimed()
    with kept(beat, job):
        with database.transaction() as session:
            session.execute(update(Job).values(attempt=2))
        until(lambda: stops(beat, job))
        assert beat.hold(job) == Hold.LOST


def test_a_database_that_is_away_for_a_moment_is_survived(
    beat: Heartbeat, queued_studio: Path, caplog: pytest.LogCaptureFixture
) -> None:
    until(lambda: len(processes.alive("worker")) == 1)
    with database.transaction() as session:
        session.connection().exec_driver_sql("ALTER TABLE processes RENAME TO away")
    until(lambda: "a heartbeat was missed" in caplog.text)
    with database.transaction() as session:
        session.connection().exec_driver_sql("ALTER TABLE away RENAME TO processes")
        session.connection().exec_driver_sql("DELETE FROM processes")
    until(lambda: len(processes.alive("worker")) == 1)


def test_a_parent_that_delivers_no_message_is_restarted(
    beat: Heartbeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "STALLED_SECONDS", 600.0)
    later = 0.0
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + later, sleep=time.sleep)
    monkeypatch.setattr(heartbeat, "time", clock)
    parent = subprocess.Popen(["sleep", "600"])
    monkeypatch.setattr(beat, "parent", parent.pid)
    monkeypatch.setattr("os.getppid", lambda: parent.pid)
    until(lambda: processes.alive("worker"))
    later += 601
    beats()  # no message waits
    queue.send("a job that nobody answers")
    for _ in range(4):  # messages are received, however slowly
        with beat.answering():
            pass
        beats()
        later += 300
        beats()
    assert parent.poll() is None
    with beat.answering():  # a long preview, say, which has no lease
        for _ in range(2):
            later += 601
            beats()
    assert parent.poll() is None
    beats()
    later += 601
    until(lambda: parent.poll() is not None)
    assert parent.returncode == -RESTART
