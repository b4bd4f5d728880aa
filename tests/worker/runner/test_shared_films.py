"""A film painted by several workers: shared, killed, cancelled, interrupted for a picture."""

import io
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from fractions import Fraction
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from socket import gethostname
from threading import Event, Thread, current_thread
from typing import NoReturn

import av
import numpy as np
import pytest
from sqlalchemy import event, update
from sqlalchemy.orm import Session

from adain.film import files
from adain.film.codecs import CODECS
from adain.film.files import Writer
from tests.adain.film import clips
from tests.hard import mortal
from tests.parts import Setting, Valkey, picture
from tests.waiting import until
from tests.worker.runner.test_films import (
    RATE,
    film_of,
    filmed,
    frames_of,
    now,
    painted,
    parts_of,
    submit,
    working,
)
from worker import jobs
from worker.films import helping, parts, workplaces
from worker.films.part_painter import begins
from worker.films.parts import Part
from worker.films.work import Around
from worker.jobs import Job, Status, Which
from worker.maintenance import reclaim, sweep, verify
from worker.runner import pipeline
from worker.storage import blobs, database, processes
from worker.visitors import admission
from worker.visitors.rate_limits import Visitor

WAIT = 120.0  # seconds that a test waits for what comes
SECONDS = 12  # of a film that two workers paint


AROUND = Around("other", lambda *_: None, bool, bool, lambda _: nullcontext(), ())


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def filming(request: pytest.FixtureRequest, valkey: Valkey, setting: Setting) -> str:
    """A studio on each database in turn; see `over` for the leases of the killed."""
    request.getfixturevalue("studio" if request.param == "SQLite" else "postgres")
    setting(redis_url=valkey.url, heartbeat_seconds=0.05, lease_seconds=600)
    return str(request.param)


def over(job: Job, some: list[ForkServerProcess]) -> bool:
    """Tell whether a job has ended; the leases of those that were killed end meanwhile."""
    killed = [f"{gethostname()}:{one.pid}" for one in some if one.exitcode == -signal.SIGKILL]
    with database.transaction() as session:
        for row in (Job, Part):
            lost = update(row).where(row.worker.in_(killed), row.lease_until.is_not(None))
            session.execute(lost.values(lease_until=0.0))
    return now(job).status not in jobs.ACTIVE


@contextmanager
def two_workers(fault: str = "", second: str = "") -> Iterator[list[ForkServerProcess]]:
    """Two processes that work until nothing is left, the first with the job; their failpoints."""
    some = [mortal.start(mortal.work_until_all_ended, fault)]
    try:
        until(lambda: jobs.counts()[Status.RUNNING] or not some[0].is_alive())
        some.append(mortal.start(mortal.work_until_all_ended, second))
        yield some
    finally:
        for process in some:
            process.join(WAIT)
            if process.is_alive():
                process.kill()


def painters(job: Job) -> set[str]:
    return {part.worker for part in parts.of(job.id) if part.stored and part.worker}


def test_two_workers_paint_a_film_as_one_does(filming: str, tmp_path: Path) -> None:
    film = filmed(tmp_path, SECONDS)
    alone = submit(film)
    with working() as worker:
        pipeline.answer(worker)
    job, seen = submit(film), set[str]()

    def seen_over() -> bool:
        seen.update(painters(job))
        return now(job).status not in jobs.ACTIVE

    with two_workers():
        until(seen_over)
    assert len(seen) == 2
    data = film_of(job)
    ours, theirs = frames_of(data), frames_of(film_of(alone))
    assert len(ours) == len(theirs) == SECONDS * RATE
    apart = [np.abs(a.astype(int) - b).mean() for a, b in zip(ours, theirs, strict=True)]
    # of 255: strokes go on from other ones after sixteen frames, and x264 enlarges what differs
    assert sum(apart) / len(apart) < 5
    others = [np.abs(a.astype(int) - b).mean() for a, b in zip(ours, theirs[1:], strict=False)]
    assert sum(a < b for a, b in zip(apart, others, strict=False)) > 0.9 * len(others)
    with av.open(io.BytesIO(data), "r", format="mov") as opened:
        sound = opened.streams.audio[0]
        assert (opened.duration or 0) / av.time_base == pytest.approx(SECONDS, abs=1 / RATE)
        assert sound.duration is not None
        assert sound.time_base is not None
        assert float(sound.duration * sound.time_base) == pytest.approx(SECONDS, abs=0.1)
        times = [float(frame.time or 0) for frame in opened.decode(video=0)]
    assert times == pytest.approx([number / RATE for number in range(len(times))], abs=0.001)
    assert (now(job).attempt, parts_of(job), parts.of(job.id)) == (1, set(), [])
    assert verify.problems() == []


@pytest.mark.parametrize("place", ["clean", "shots", "paint", "half", "part", "join", "help"])
def test_a_worker_killed_anywhere_leaves_the_film_to_the_other(
    filming: str, tmp_path: Path, place: str
) -> None:
    job = submit(filmed(tmp_path, SECONDS))
    faults = ("", place) if place == "help" else (place, "")
    with two_workers(*faults) as both:
        until(lambda: over(job, both))
    assert sorted(process.exitcode or 0 for process in both) == [-9, 0]
    assert len(frames_of(film_of(job))) == SECONDS * RATE
    assert now(job).attempt == (1 if place == "help" else 2)
    assert (parts_of(job), parts.of(job.id)) == (set(), [])
    workplaces.tidy()
    assert not [one for one in workplaces.folder().iterdir() if one.is_dir()]
    assert verify.problems() == []


def test_a_killed_helper_costs_one_part(filming: str, tmp_path: Path) -> None:
    job = submit(filmed(tmp_path, SECONDS))
    most = list[int]()
    with two_workers("", "help") as both:

        def seen_over() -> bool:
            most.append(max((part.attempt for part in parts.of(job.id)), default=0))
            return over(job, both)

        until(seen_over)
    assert len(frames_of(film_of(job))) == SECONDS * RATE
    assert (now(job).attempt, max(most)) == (1, 2)


def test_a_film_that_two_paint_is_cancelled_and_leaves_nothing(
    filming: str, tmp_path: Path
) -> None:
    job, done = submit(filmed(tmp_path, 30)), list[int]()
    with two_workers() as both:
        until(lambda: len(painters(job)) == 2)
        every = len(parts.of(job.id))
        jobs.cancel(job.id, "ann")

        def seen_over() -> bool:
            done.append(stored(job))
            return now(job).status not in jobs.ACTIVE

        until(seen_over)
        for process in both:
            process.join(WAIT)
    assert max(done) < every  # they stopped amid the film
    assert [process.exitcode for process in both] == [0, 0]
    assert (now(job).status, now(job).film_key) == (Status.CANCELLED, None)
    assert (parts_of(job), parts.of(job.id)) == (set(), [])


def slow_picture() -> Job:
    """Submit a picture that no worker makes between two frames."""
    job = admission.submit(Visitor("bob"), painted(1), [painted(2)], options={"size": 64})
    with database.transaction() as session:
        session.execute(update(Job).where(Job.id == job.id).values(shape=""))
    return job


def stored(job: Job) -> int:
    return sum(part.stored is not None for part in parts.of(job.id))


def test_a_slow_picture_waits_for_one_part_of_each_at_most(filming: str, tmp_path: Path) -> None:
    job, done = submit(filmed(tmp_path, 30)), list[int]()
    with two_workers():
        until(lambda: len(painters(job)) == 2)
        photo, before = slow_picture(), stored(job)

        def is_made() -> bool:
            done.append(stored(job))
            return now(photo).status == Status.DONE

        until(is_made)
        assert now(job).status in jobs.ACTIVE
    assert done[-1] - before <= 2 + 1  # parts under way, and one that the other began meanwhile
    assert len(frames_of(film_of(job))) == 30 * RATE


def test_a_worker_alone_lets_a_slow_picture_go_between_two_parts(
    filming: str, tmp_path: Path
) -> None:
    job = submit(filmed(tmp_path, 20))
    with two_workers("", "heard"):
        until(lambda: stored(job) >= 1)
        photo, before = slow_picture(), stored(job)
        until(lambda: now(photo).status == Status.DONE)
        assert now(job).status in jobs.ACTIVE
        assert stored(job) - before <= 2
    assert len(frames_of(film_of(job))) == 20 * RATE
    assert now(job).attempt - now(job).released == 1


# ---------------------------------------------------------------- rows


def planned(**values: object) -> Job:
    """A film under way, of three parts of ten frames."""
    jobs.submit("ann", picture(), [picture()])
    job = jobs.claim("one")
    assert job is not None
    film = {"seconds": 6.0, "most": 1, "clean": f"{job.id}/clean-1.mp4", "codec": "h264"}
    with database.transaction() as session:
        session.execute(update(Job).where(Job.id == job.id).values(film=film))
    parts.write(job, [(0, 0), (10, 180_000), (20, 360_000)], 30)
    return jobs.find(job.id)


def let_leases_end() -> None:
    with database.transaction() as session:
        session.execute(update(Part).values(lease_until=Part.lease_until - 1000))


def test_a_part_is_one_attempt_s_until_its_lease_ends(either: Path) -> None:
    job = planned()
    [first, *_] = parts.free(job.id)
    one = parts.claim(first, "one")
    assert one is not None
    assert parts.claim(first, "two") is None
    assert parts.renew(one, 3)
    assert parts.painted(job.id) == 3
    let_leases_end()
    two = parts.claim(first, "two")
    assert two is not None
    assert (one.key("mp4"), two.key("mp4")) == (
        f"{job.id}/part-0-1-1.mp4",
        f"{job.id}/part-0-1-2.mp4",
    )
    assert not parts.renew(one, 4)
    assert not parts.finish(one, [1, "a"])
    assert not parts.split(one, 5, 9)
    parts.release(one)
    assert parts.finish(two, [1, "b"])
    assert not parts.finish(two, [1, "b"])  # once
    assert parts.painted(job.id) == 10
    assert parts.beginning(job) == two.key("mp4")
    parts.lose(two)
    assert parts.beginning(job) is None
    assert [part.first for part in parts.free(job.id)] == [0, 10, 20]


def test_a_part_that_ends_early_leaves_its_rest_as_one_more(either: Path) -> None:
    job = planned()
    one = parts.claim(parts.free(job.id)[1], "one")
    assert one is not None
    assert parts.split(one, 4, 200_000)
    assert [(each.first, each.frames, each.begin) for each in parts.of(job.id)] == [
        (0, 10, 0),
        (10, 4, 180_000),
        (14, 6, 200_000),
        (20, 10, 360_000),
    ]


def test_parts_of_a_film_that_is_not_under_way_can_not_be_had(either: Path) -> None:
    job = planned()
    held = parts.claim(parts.free(job.id)[0], "two")
    assert held is not None
    jobs.cancel(job.id, "ann")
    assert not parts.renew(held, 1)
    assert not parts.finish(held, [1, "a"])
    assert parts.claim(parts.free(job.id)[0], "two") is None
    assert parts.free_for_others(job.id) == []
    assert parts.shared() is None
    assert parts.drop(job) == set()  # its worker has it still
    assert jobs.stopped(job.id, 1)
    assert parts.drop(job) == {f"{job.id}/plan-1.safetensors", held.key("mp4")}


def test_rows_are_written_by_who_has_the_job_alone(either: Path) -> None:
    job = planned()
    assert jobs.release(job.id, job.attempt)
    with pytest.raises(jobs.Paused):
        parts.write(job, [(0, 0)], 30)
    assert len(parts.of(job.id)) == 3
    assert parts.free_for_others(job.id) == []  # the next worker in line takes the job itself
    assert len(parts.free(job.id)) == 3


def test_a_part_that_was_lost_over_and_over_is_left_to_who_has_the_job(
    either: Path, setting: Setting
) -> None:
    setting(max_attempts=2)
    job = planned()
    for _ in range(2):
        let_leases_end()
        assert parts.claim(parts.free_for_others(job.id)[0], "two") is not None
    let_leases_end()
    assert [part.first for part in parts.free_for_others(job.id)] == [10, 20]
    assert [part.first for part in parts.free(job.id)] == [0, 10, 20]


def test_a_worker_that_can_not_paint_a_film_leaves_it_alone(either: Path) -> None:
    job = planned()
    asked: list[str] = []

    def prepared(one: Job) -> NoReturn:
        asked.append(one.id)
        raise OSError("no weights")

    assert not helping.help_out(prepared, AROUND)
    assert not helping.help_out(prepared, AROUND)
    assert asked == [job.id]
    assert sum(part.attempt for part in parts.of(job.id)) == 1


def test_a_film_that_can_not_be_painted_here_keeps_no_worker_from_another(either: Path) -> None:
    some, asked = [planned(), planned()], list[str]()

    def prepared(one: Job) -> NoReturn:
        asked.append(one.id)
        raise OSError("no weights")

    for _ in range(3):
        assert not helping.help_out(prepared, AROUND)
    assert asked == [job.id for job in some]


def test_without_a_folder_to_work_in_no_part_is_taken(
    either: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = planned()
    monkeypatch.setattr(workplaces, "folder", lambda: Path("/proc/none"))
    assert not helping.help_out(lambda _: pytest.fail("asked"), AROUND)
    assert [part.attempt for part in parts.of(job.id)] == [0, 0, 0]


def test_a_part_that_is_split_while_the_film_is_planned_again_leaves_no_row(postgres: Path) -> None:
    job = planned()
    late = parts.claim(parts.free(job.id)[1], "two")
    assert late is not None
    assert jobs.release(job.id, job.attempt)
    again = jobs.claim("three")
    assert again is not None
    flushed, may_end = Event(), Event()

    def wait(session: Session) -> None:
        if current_thread().name == "late":
            session.flush()
            flushed.set()
            may_end.wait(60)

    event.listen(Session, "before_commit", wait)
    threads = [
        Thread(target=parts.split, args=(late, 4, 250_000), name="late"),
        Thread(target=parts.write, args=(again, [(0, 0), (10, 180_000)], 30)),
    ]
    threads[0].start()
    assert flushed.wait(60)
    threads[1].start()
    threads[1].join(0.5)
    may_end.set()
    for thread in threads:
        thread.join(60)
    event.remove(Session, "before_commit", wait)
    assert [(one.first, one.frames) for one in parts.of(job.id)] == [(0, 10), (10, 20)]


def test_parts_under_way_are_kept_by_the_sweep_and_others_go(
    either: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = planned()
    assert reclaim.named([job.id])[job.id] >= {f"{job.id}/plan-1.safetensors"}
    one = parts.claim(parts.free(job.id)[0], "one")
    assert one is not None
    assert one.key("mp4") in reclaim.named([job.id])[job.id]
    parts.forget()
    assert len(parts.of(job.id)) == 3
    assert jobs.release(job.id, job.attempt)
    parts.forget()
    assert len(parts.of(job.id)) == 3
    blobs.put_all({one.key("mp4"): b"painted", f"{job.id}/plan-1.safetensors": b"plan"})
    jobs.cancel(job.id, "ann")
    parts.forget()
    assert parts.of(job.id) == []
    assert {key for key, _ in blobs.files()} & {
        one.key("mp4"),
        f"{job.id}/plan-1.safetensors",
    } == set()
    assert one.key("mp4") not in reclaim.named([job.id])[job.id]


def test_the_sweep_notifies_other_workers_of_parts(
    queued_studio: Path, valkey: Valkey, setting: Setting
) -> None:
    job = planned()
    valkey.empty()
    assert sweep.ring() == 0  # there is no other worker
    for name in ("one", "two", "three"):
        processes.touch(name, "worker", {"serves": ["light", "heavy"]})
    assert sweep.ring() == 2
    assert sweep.ring() == 0
    parts.announce(job)  # enough are on their way
    assert parts.waiting(job.queue) == 2


def test_a_worker_goes_on_where_it_is_or_amid_what_is_free() -> None:
    every = [Part(first=10 * number, frames=10) for number in range(9)]
    assert parts.choose(every, 30).first == 30
    assert parts.choose(every, None).first == 40
    assert parts.choose([*every[1:3], *every[5:9]], 40).first == 70
    assert parts.choose(every[8:], 0).first == 80


# ---------------------------------------------------------------- frames


@pytest.mark.parametrize("name", ["h264", "vp9"])
def test_a_clean_film_is_read_from_any_part_on(tmp_path: Path, name: str) -> None:
    codec, frames = CODECS[name], clips.moving(50, 96, 64)
    times = [Fraction(number, 7) for number in range(50)]
    writer = Writer(str(tmp_path / "clean"), codec, (96, 64), 7, clean=True)
    for pixels, at in zip(frames, times, strict=True):
        writer.add(pixels, at)
    writer.end(Fraction(50, 7))
    writer.close()
    with files.opened(tmp_path / "clean", codec) as film:
        every = list(files.frames(film))
        found = begins([at for _, at in every], 2)
        assert [number for number, _ in found] == [0, 14, 28, 42]
        for number, begin in [*found, (33, files.ticks(every[33][1]))]:
            some = list(files.frames(film, None, begin))
            assert [at for _, at in some] == [at for _, at in every[number:]]
            assert all(
                np.array_equal(a, b) for (a, _), (b, _) in zip(some, every[number:], strict=True)
            )


def test_a_film_waits_for_pictures_that_are_slow_and_no_lesson(studio: Path) -> None:
    job = slow_picture()
    assert jobs.any_claimable(Which.SLOW)
    assert not jobs.any_claimable(Which.QUICK)
    for column in ({"film": {"seconds": 1.0, "most": 1}}, {"options": {"teach": "feedforward"}}):
        with database.transaction() as session:
            session.execute(update(Job).where(Job.id == job.id).values(**column))
        assert not jobs.any_claimable(Which.SLOW)
        with database.transaction() as session:
            session.execute(update(Job).where(Job.id == job.id).values(film=None))
