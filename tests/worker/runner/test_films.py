"""A film painted through the queue: shown, killed, cancelled, paused, shared with pictures."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import update

from adain.film import files
from adain.film.limits import MORE_BITS, MOST_BITS
from adain.request import Request
from adain.stylizer import Stylizer
from tests.adain.film import clips
from tests.adain.test_stylizer import drawn
from tests.hard import mortal
from tests.parts import Setting, painted_part
from tests.worker.runner import steps
from worker import jobs
from worker.errors import Refused
from worker.films import helping, painting, parts, plans, workplaces
from worker.films.work import Around
from worker.images import films
from worker.images.films import Film
from worker.jobs import Job, Status, queue
from worker.maintenance import reclaim, verify
from worker.runner import pipeline
from worker.runner.worker import Worker
from worker.storage import blobs, database, free_space
from worker.visitors import accounts, admission, quota
from worker.visitors.rate_limits import Visitor

ANN, BOB = Visitor("ann"), Visitor("bob")
RATE = 6  # frames a second of the films


@pytest.fixture
def filming(queued_studio: Path, setting: Setting) -> None:
    """A studio whose workers renew their leases often."""
    setting(heartbeat_seconds=0.05, lease_seconds=60)


@contextmanager
def working() -> Iterator[Worker]:
    worker = Worker()
    worker.heartbeat.start()
    yield worker
    worker.end()


@pytest.fixture
def worker(filming: None) -> Iterator[Worker]:
    """A worker in the test's own process."""
    with working() as worker:
        yield worker


def filmed(folder: Path, seconds: float = 5) -> bytes:
    """A film of a slow pan, with a tone as sound."""
    frames = clips.moving(round(seconds * RATE), 80, 64)
    at = np.arange(round(seconds * clips.RATE)) / clips.RATE
    tone = (0.3 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)
    sound = "aac", tone, 0.0
    return clips.write(folder / "clip.mp4", frames, Fraction(RATE), sound=sound).read_bytes()


def painted(seed: int) -> bytes:
    out = io.BytesIO()
    drawn(seed, (80, 72)).save(out, "PNG")
    return out.getvalue()


def submit(film: bytes, **options: object) -> Job:
    return admission.submit(ANN, film, [painted(1)], options={"size": 64} | options)


def now(job: Job) -> Job:
    return jobs.find(job.id)


def names_of(job: Job) -> set[str]:
    return {key.partition("/")[2] for key, _ in blobs.files() if key.startswith(job.id)}


def frames_of(data: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(data), "r", format="mov") as film:
        return [files.pixels(frame) for frame in film.decode(video=0)]


def film_of(job: Job) -> bytes:
    assert (now(job).status, now(job).error) == (Status.DONE, None)
    return blobs.get(now(job).film_key or "")


def test_a_film_is_painted_with_its_sound_and_its_first_frame_is_the_picture(
    worker: Worker, tmp_path: Path
) -> None:
    job = submit(filmed(tmp_path))
    assert (job.queue, job.shape) == (queue.HEAVY, "")
    assert names_of(job) == {"content.jpg", "style-0.png", "source.film"}
    pipeline.answer(worker)
    data, done = film_of(job), now(job)
    assert names_of(job) == {
        *("content.jpg", "style-0.png", "clean-1.mp4", "film-1.mp4"),
        *("result-1.png", "thumbnail-1.jpg"),
    }
    with av.open(io.BytesIO(data), "r", format="mov") as film:
        video, audio = film.streams.video[0], film.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (film.duration or 0) == pytest.approx(5 * av.time_base, abs=av.time_base / RATE)
        times = [float(frame.time or 0) for frame in film.decode(video)]
    assert times == pytest.approx([number / RATE for number in range(5 * RATE)], abs=0.001)
    picture = np.asarray(Image.open(io.BytesIO(blobs.get(done.result_key or ""))))
    assert np.abs(picture.astype(int) - frames_of(data)[0]).mean() < 3
    assert {"clean", "shots", "paint", "join"} <= set(done.timings)
    assert done.files is not None
    for key, known in done.files.items():
        blobs.get(key, known)
    assert done.bytes >= sum(len(blobs.get(key)) for key in done.files)


def during(worker: Worker, act: Callable[[], object], step: int = 3) -> None:
    """Answer one message, and do something once the film is painted at some frame."""
    steps.during(worker, "paint", step, act)


def parts_of(job: Job) -> set[str]:
    return {name for name in names_of(job) if name.startswith("part-")}


def test_a_killed_worker_costs_one_part_and_the_film_ends_once(
    filming: None, tmp_path: Path
) -> None:
    film = filmed(tmp_path)
    whole = submit(film)
    with working() as worker:
        pipeline.answer(worker)
    job = submit(film)
    killed = mortal.start(mortal.work, "part")
    killed.join()
    assert killed.exitcode == -9
    assert (now(job).status, parts_of(job)) == (Status.RUNNING, {"part-0-1-1.mp4"})
    [left] = [one for one in workplaces.folder().iterdir() if one.is_dir()]
    with database.transaction() as session:
        session.execute(update(Job).values(lease_until=0.0).where(Job.id == job.id))
    seen = set[int]()

    def look(name: str, step: int, _: int) -> None:
        seen.update({step} if name == "paint" and step else ())

    with working() as worker, steps.reported(look):
        pipeline.answer(worker)
    assert min(seen) > 2 * RATE  # frames of the first part were not painted for it again
    assert (now(job).attempt, parts_of(job)) == (2, set())
    assert not left.exists()
    ours, theirs = frames_of(film_of(job)), frames_of(film_of(whole))
    assert len(ours) == len(theirs) == 5 * RATE
    apart = [np.abs(a.astype(int) - b).mean() for a, b in zip(ours, theirs, strict=True)]
    assert max(apart) < 6  # of 255: strokes go on, and x264 may encode the same frames otherwise
    assert verify.problems() == []


@pytest.mark.parametrize("place", ["clean", "paint", "join", "kept"])
def test_a_worker_killed_anywhere_leaves_a_film_that_is_painted(
    filming: None, tmp_path: Path, place: str
) -> None:
    job = submit(filmed(tmp_path, 3))
    killed = mortal.start(mortal.work, place)
    killed.join()
    assert killed.exitcode == -9
    with database.transaction() as session:
        session.execute(update(Job).values(lease_until=0.0))
    with working() as worker:
        pipeline.answer(worker)
    assert len(frames_of(film_of(job))) == 3 * RATE
    assert now(job).attempt == 2
    assert not parts_of(job) | (names_of(job) & {"source.film"})
    assert not [one for one in workplaces.folder().iterdir() if one.is_dir()]


def test_a_clean_film_with_more_frames_than_were_said_is_read_no_further(
    filming: None, tmp_path: Path
) -> None:
    job = submit(filmed(tmp_path, 3))
    killed = mortal.start(mortal.work, "shots")
    killed.join()
    with database.transaction() as session:
        film = (now(job).film or {}) | {"frames": 4}
        session.execute(update(Job).values(lease_until=0.0, film=film))
    with working() as worker:
        pipeline.answer(worker)
    assert (now(job).status, now(job).error_code) == (Status.FAILED, "film.too_costly")


def test_frames_and_the_time_left_are_shown(worker: Worker, tmp_path: Path) -> None:
    job, seen, left = submit(filmed(tmp_path)), set[tuple[str, int, int]](), list[float]()

    def look(name: str, step: int, _: int) -> None:
        if name == "paint" and 3 <= step <= 5:
            steps.shown(job, name, step)
            seen.add(jobs.step_of(now(job).stage))
            left.append(jobs.estimate(now(job)) or 0.0)

    with steps.reported(look):
        pipeline.answer(worker)
    assert seen == {("paint", step, 5 * RATE) for step in (3, 4, 5)}
    assert max(left) > 0


def test_a_cancelled_film_stops_between_two_frames_and_leaves_no_parts(
    worker: Worker, tmp_path: Path
) -> None:
    job = submit(filmed(tmp_path, 30))
    during(worker, lambda: steps.cancel(worker, job), step=2 * RATE + 2)
    assert (now(job).status, now(job).film_key) == (Status.CANCELLED, None)
    assert not parts_of(job)


def test_a_film_goes_back_to_the_queue_before_its_time_is_up_and_goes_on(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(painting, "PART", 0.0)  # it is up at once
    job, attempts = submit(filmed(tmp_path)), 0
    while now(job).status == Status.QUEUED:
        painted = max(0, attempts - 1)  # the first cleans the film
        assert (now(job).released, len(parts_of(job))) == (attempts, painted)
        attempts += 1
        pipeline.answer(worker)
    painted = attempts - 1
    assert 4 < painted <= jobs.most_parts(now(job).film or {})  # some end amid two seconds
    assert len(frames_of(film_of(job))) == 5 * RATE


def test_parts_by_another_version_of_the_program_are_painted_again(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(painting, "PART", 0.0)  # a part an attempt, after one that cleans
    job = submit(filmed(tmp_path))
    for _ in range(2):
        pipeline.answer(worker)
    [former] = parts_of(job)
    monkeypatch.setattr(plans, "program", lambda: "another")
    pipeline.answer(worker)
    assert {part.plan for part in parts.of(job.id)} == {3}
    assert len(parts_of(job)) == 1
    assert former not in names_of(job)


def test_another_worker_paints_no_part_without_room_or_by_another_version(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(painting, "PART", 0.0)
    job = submit(filmed(tmp_path))
    for _ in range(2):
        pipeline.answer(worker)
    assert jobs.claim("another") is not None
    before = parts_of(job)

    def prepared(one: Job) -> tuple[Request, Stylizer]:
        return worker.prepare(one).request, worker.networks.of(one)

    def helps() -> bool:
        monkeypatch.setattr(helping, "left_alone", {})
        around = Around("one", lambda *_: None, bool, bool, lambda _: nullcontext(), ())
        return helping.help_out(prepared, around)

    with monkeypatch.context() as patched:
        patched.setattr(free_space, "left", lambda: 0)
        assert not helps()
    with monkeypatch.context() as patched:
        patched.setattr(plans, "program", lambda: "another")
        assert not helps()
    assert parts_of(job) == before
    assert all(part.lease_until is None for part in parts.of(job.id))
    assert helps()
    assert parts_of(job) > before


def test_a_worker_that_is_to_end_gives_the_film_back(worker: Worker, tmp_path: Path) -> None:
    job = submit(filmed(tmp_path, 30))
    during(worker, worker.stop_claiming.set)
    assert (now(job).status, now(job).released) == (Status.QUEUED, 1)


def send_quick() -> Job:
    return admission.submit(BOB, painted(1), [painted(2)], options={"size": 64})


def test_quick_pictures_go_between_two_frames(worker: Worker, tmp_path: Path) -> None:
    steps.quick_amid(worker, submit(filmed(tmp_path, 30)), "paint", 3, send_quick)


def test_a_film_is_painted_once_more_with_other_settings(worker: Worker, tmp_path: Path) -> None:
    job = submit(filmed(tmp_path, 2), steady=0.3)
    pipeline.answer(worker)
    film_of(job)
    again = admission.again(ANN, job.id, {"alpha": 0.5})
    pipeline.answer(worker)
    assert now(again).options["steady"] == 0.3
    assert frames_of(film_of(again))[0].shape == frames_of(film_of(job))[0].shape


def test_a_film_in_webm_is_vp9_with_opus(worker: Worker, setting: Setting, tmp_path: Path) -> None:
    setting(film_codec="vp9", heartbeat_seconds=0.05, lease_seconds=60)
    job = submit(filmed(tmp_path, 3))
    pipeline.answer(worker)
    with av.open(io.BytesIO(film_of(job)), "r", format="matroska") as film:
        names = [stream.codec_context.name for stream in film.streams]
        assert sum(1 for _ in film.decode(video=0)) == 3 * RATE
    assert sorted(names) == ["opus", "vp9"]
    assert (now(job).film_key or "").endswith(".webm")


def test_an_animated_picture_is_a_film_where_that_is_asked(worker: Worker) -> None:
    frames = [Image.fromarray(pixels) for pixels in clips.moving(6, 80, 64)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=200)
    still, film = submit(out.getvalue()), submit(out.getvalue(), moving=True)
    for _ in range(2):
        pipeline.answer(worker)
    assert (now(still).status, now(still).film_key) == (Status.DONE, None)
    assert len(frames_of(film_of(film))) == 6


def test_a_damaged_film_fails_in_a_sentence(worker: Worker, tmp_path: Path) -> None:
    data = filmed(tmp_path, 10)
    where = data.index(b"mdat") + 2000
    broken = data[:where] + bytes(len(data) * 9 // 10 - where) + data[len(data) * 9 // 10 :]
    job = submit(broken)
    pipeline.answer(worker)
    assert (now(job).status, now(job).error_code) == (Status.FAILED, "film.damaged")


def test_what_films_are_not_painted_with_is_refused_in_a_sentence(
    studio: Path, setting: Setting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    film = filmed(tmp_path)
    for name, value in {
        "method": "refine",
        "strokes": 2,
        "crop": [0, 0, 0.5, 0.5],
        "fit": "a4",
        "transparency": "keep",
    }.items():
        with pytest.raises(Refused, match=f"painted with the option {name}"):
            submit(film, **{name: value})
    with pytest.raises(Refused, match="steady is a number from 0 to"):
        submit(film, steady=1)
    with pytest.raises(Refused, match="damaged or incomplete"):
        submit(film[:2000])
    setting(film_seconds=3)
    with pytest.raises(Refused, match="lasts 5 seconds; up to 3"):
        submit(film)
    setting(film_bytes=1000)
    with pytest.raises(Refused, match="has 0 MiB; up to 0"):
        submit(film)
    setting(film_seconds=0)
    with pytest.raises(Refused, match="This studio paints no films"):
        submit(film)
    setting(film_seconds=60)
    monkeypatch.setattr("adain.film.kinds.INSTALLED", False)
    with pytest.raises(Refused, match="install the extra film"):
        submit(film)
    assert jobs.mine("ann") == []
    assert list(blobs.files()) == []


def test_a_film_counts_by_its_frames_and_bytes(
    studio: Path, setting: Setting, tmp_path: Path
) -> None:
    large = clips.write(
        tmp_path / "large.mp4", clips.moving(40, 640, 512), Fraction(20)
    ).read_bytes()
    setting(visitor_submissions=10)
    job = submit(large, size=512)
    # 2 seconds of 30 frames of 640 × 512, whatever the header says, are as much as 3 pictures more
    assert quota.kept("ann") > job.bytes + 2 * 1024 * 1024
    for _ in range(10 - 4):
        admission.submit(ANN, painted(1), [painted(2)], options={"size": 64})
    with pytest.raises(Refused, match="a minute"):
        admission.submit(ANN, painted(1), [painted(2)], options={"size": 64})


def test_a_film_that_takes_more_than_was_reserved_for_it_is_refused_and_not_kept(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(filmed(tmp_path, 2))
    monkeypatch.setattr(films, "MORE_BITS", 0)
    monkeypatch.setattr(films, "SOUND_BYTES", 0)
    monkeypatch.setattr(films, "SPARE", 1000)
    pipeline.answer(worker)
    ended = jobs.get(job.id, "ann")
    assert ended.status == Status.FAILED
    assert "more memory, time or room" in str(ended.error)
    assert not [name for name in names_of(job) if name.startswith("film-")]


def test_what_is_reserved_for_a_film_is_no_less_than_it_may_take(
    studio: Path, setting: Setting, tmp_path: Path
) -> None:
    setting(film_seconds=100, film_side=3840, film_rate=60)
    film = Film(tmp_path, 1, "", tmp_path, 3840, 2160, 60, 100)
    whole = MOST_BITS / 8 * 105  # of a film that is as much longer than its header says as it may
    assert film.reserved(0) > film.clean_bytes(0) + 2 * whole * MORE_BITS


def test_parts_of_a_film_that_ended_go_with_the_sweep_and_all_with_its_owner(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(filmed(tmp_path, 2))
    running = submit(filmed(tmp_path, 2))
    pipeline.answer(worker)
    for one in (job, running):
        painted_part(one.id, b"part")
    with database.transaction() as session:
        session.execute(
            update(Job)
            .where(Job.id == running.id)
            .values(status=Status.QUEUED, finished=None, lease_until=None)
        )
    monkeypatch.setattr(reclaim, "ORPHAN_SECONDS", -1.0)
    reclaim.run()
    assert not parts_of(job)
    assert parts_of(running) == {"part-0-1-1.mp4"}
    assert names_of(job) >= {"clean-1.mp4", "film-1.mp4"}
    accounts.remove("ann")
    assert list(blobs.files()) == []


def test_a_film_of_uneven_times_lasts_as_long_once_it_is_joined(
    worker: Worker, tmp_path: Path
) -> None:
    times = [Fraction(each, 100) for each in (0, 4, 90, 96, 150, 153, 210, 290, 296, 380)]
    frames, own = clips.moving(len(times), 80, 64), {"bf": "0"}
    film = clips.write(tmp_path / "film.mp4", frames, times=times, options=own)
    job = submit(film.read_bytes())
    pipeline.answer(worker)
    data = film_of(job)
    with av.open(io.BytesIO(data), "r", format="mov") as made:
        assert (made.duration or 0) / av.time_base == pytest.approx(clips.seconds(film), abs=0.04)
        shown = [float(frame.time or 0) for frame in made.decode(video=0)]
    assert shown == pytest.approx([float(time) for time in times], abs=2e-3)
