"""Films that say of themselves what is not so, and what a film's process is believed."""

import io
import os
import resource
import signal
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Connection

from adain.film import files
from adain.film.codecs import H264
from adain.film.files import Writer
from adain.film.limits import FilmError, Limits, most_bits
from tests.adain.film import clips
from tests.parts import Setting, picture
from worker import jobs
from worker.errors import Refused
from worker.images import answers, film_processes, film_sandbox, film_uploads, films, images
from worker.images.film_records import Cleaned, OfJob
from worker.images.images import Source
from worker.jobs import Job, Status
from worker.maintenance import backup, check_backup, verify
from worker.runner import pipeline
from worker.runner.worker import Worker
from worker.settings import MIB
from worker.visitors import admission
from worker.visitors.rate_limits import Visitor


@pytest.fixture
def worker(queued_studio: Path, setting: Setting) -> Iterator[Worker]:
    setting(heartbeat_seconds=0.05, lease_seconds=60)
    made = Worker()
    made.heartbeat.start()
    yield made
    made.end()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return clips.write(tmp_path / "clip.mp4", clips.moving(12, 96, 64), Fraction(6))


def submitted(film: bytes, **options: object) -> Job:
    return jobs.submit("ann", film, [picture()], options={"size": 64} | options)


def lasting(seconds: int) -> bytes:
    """An animated WebP whose last frame is shown so long."""
    first, *others = (Image.fromarray(one) for one in clips.moving(3, 96, 64))
    out = io.BytesIO()
    shown = [100, 100, 1000 * seconds]
    first.save(out, "WEBP", save_all=True, append_images=others, duration=shown)
    return out.getvalue()


def matroska(file: Path, last: int) -> Path:
    """Five frames; the last lasts so many milliseconds, the header says 100 for all."""
    with av.open(str(file), "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        packets = []
        for number in range(5):
            pixels = np.full((64, 96, 3), 40 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = 40 * number, Fraction(1, 1000)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        packets[-1].duration = last
        for packet in packets:
            container.mux(packet)
    data = bytearray(file.read_bytes())
    place = data.index(b"\x44\x89\x88") + 3  # Duration, a float of 8 bytes
    data[place : place + 8] = struct.pack(">d", 100.0)
    file.write_bytes(data)
    return file


def cleaned(film: Path, folder: Path, expected: float) -> Cleaned:
    with film.open("rb") as given, (folder / "clean").open("wb") as into:
        return films.clean(given, into, 0, "h264", 1 << 24, lambda frames: None, expected)


def test_a_last_frame_shown_for_hours_makes_no_film_of_hours(worker: Worker) -> None:
    job = submitted(lasting(16_777), moving=True)
    pipeline.answer(worker)
    film = jobs.find(job.id).film
    assert jobs.find(job.id).status == Status.DONE
    assert film is not None
    assert film["seconds"] <= films.limits().seconds + 1
    OfJob.model_validate(film)


def test_a_last_packet_that_says_it_lasts_hours_is_refused_or_cut(
    studio: Path, tmp_path: Path
) -> None:
    film = matroska(tmp_path / "long.mkv", 16_000_000)
    assert cleaned(film, tmp_path, 60).seconds <= films.limits().seconds + 1
    with pytest.raises(Refused) as refused:
        cleaned(film, tmp_path, 0.001)
    assert refused.value.message.code == "film.header"


def test_a_film_longer_than_its_header_said_is_refused(
    studio: Path, clip: Path, tmp_path: Path
) -> None:
    assert cleaned(clip, tmp_path, 2).frames == 12
    with pytest.raises(Refused) as refused:
        cleaned(clip, tmp_path, 0.1)
    assert refused.value.message.code == "film.header"


def test_frames_that_all_have_one_time_are_refused_before_many_are_decoded() -> None:
    limits = Limits()
    limits.check_source_rate(400, 0.0)
    limits.check_source_rate(15_000, 60.0)
    with pytest.raises(FilmError):
        limits.check_source_rate(600, 0.04)


def test_a_film_of_any_length_has_a_bounded_number_of_parts() -> None:
    film = {"seconds": 9_900_000.0, "most": 1, "clean": "x/clean-1.mp4"}
    assert jobs.most_parts(film) < 2000


def test_the_rate_in_a_header_lowers_neither_charge_nor_reserve() -> None:
    assert most_bits(1920, 1080, 1e-9) >= 1920 * 1080 / 4


def test_work_on_a_film_can_be_stopped_while_its_process_says_nothing(
    studio: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_processes, "TICK", 0.01)

    def stop(frames: int) -> None:
        assert frames == 0  # it has not even begun
        raise ZeroDivisionError

    with (
        clip.open("rb") as given,
        (tmp_path / "clean").open("wb") as into,
        pytest.raises(ZeroDivisionError),
    ):
        films.clean(given, into, 0, "h264", 1 << 24, stop)


@pytest.mark.parametrize(
    "said",
    [[b"-5"], [b"true"], [b"20", b"10"], [b"20", b"20"], [b"1" + b"0" * 4000]],
    ids=["negative", "bool", "backwards", "again", "huge"],
)
def test_progress_that_no_process_of_ours_says_is_not_believed(said: list[bytes]) -> None:
    lines = io.BytesIO(b"".join(b'{"done": %s}\n' % one for one in said))
    with pytest.raises(answers.NotOurs):
        film_processes.said(lines, lambda frames: None)


def test_a_process_that_says_over_and_over_that_it_is_confined_is_not_believed() -> None:
    with pytest.raises(answers.NotOurs):
        film_processes.said(io.BytesIO(b'{"confined": "seccomp"}\n' * 2), lambda frames: None)


def test_frames_of_one_millisecond_count_once(studio: Path, tmp_path: Path) -> None:
    times = [Fraction(number, 30) for number in range(60)]
    times[31] = times[30] = times[30] + Fraction(1, 16)
    frames = clips.moving(len(times), 96, 64)
    writer = Writer(str(tmp_path / "clip.mp4"), H264, (96, 64), 30, clean=True)
    taken = [writer.add(pixels, time) for pixels, time in zip(frames, times, strict=True)]
    writer.end(Fraction(2))
    writer.close()
    assert (taken.count(True), taken[31]) == (59 - (times[32] < times[31]), False)
    with files.opened(tmp_path / "clip.mp4", H264) as made:
        assert sum(1 for _ in files.frames(made)) == taken.count(True)


def test_a_picture_that_is_too_large_is_not_read(studio: Path, setting: Setting) -> None:
    def read() -> bytes:
        raise AssertionError("it was read")

    setting(max_upload_bytes=1 << 20)
    with pytest.raises(images.ImageRejected) as refused:
        images.small(Source("film.mp4", 200 << 20, read), 64)
    assert refused.value.message.code == "picture.file_too_large"


def test_an_animation_that_was_not_cleaned_yet_is_a_film_when_made_again(studio: Path) -> None:
    ann = Visitor("ann")
    options = {"size": 64, "moving": True}
    job = admission.submit(ann, lasting(1), [picture()], options=options)
    again = admission.again(ann, job.id, {"alpha": 0.5})
    assert again.film is not None
    assert again.options["moving"]


def test_a_film_under_way_is_no_damage(studio: Path, clip: Path) -> None:
    job = submitted(clip.read_bytes())
    assert jobs.claim("worker") is not None
    assert jobs.find(job.id).status == Status.RUNNING
    assert verify.problems() == []


def test_a_back_up_made_while_a_film_is_cleaned_and_painted_has_it(
    worker: Worker, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submitted(clip.read_bytes())
    reading = backup.one_moment

    @contextmanager
    def then_painted() -> Iterator[Connection]:
        with reading() as connection:
            yield connection
        pipeline.answer(worker)  # the rows are read, and now other files are there

    monkeypatch.setattr(backup, "one_moment", then_painted)
    file, _ = backup.make(tmp_path / "back-up.tar")
    with check_backup.checked(file) as found:
        assert found.head.missing == []
        names = set(found.members)
    assert any(f"{job.id}/film-1." in name for name in names)


def _tracks(file: Path, count: int) -> bytes:
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        sounds = [container.add_stream("pcm_s16le", rate=8000) for _ in range(count)]
        container.mux(stream.encode(av.VideoFrame.from_ndarray(clips.gradient(), "rgb24")))
        container.mux(stream.encode(None))
        for sound in sounds:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 64), np.int16), "s16", "mono")
            silence.sample_rate = 8000
            container.mux(sound.encode(silence))
    return file.read_bytes()


def _broken(file: Path, count: int) -> bytes:
    """Return a film of pictures each of which is inflated and then found to be damaged."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 3840, 3840, "rgb24"
        black = av.VideoFrame.from_ndarray(np.zeros((3840, 3840, 3), np.uint8), "rgb24")
        [made, *_] = [*stream.encode(black), *stream.encode(None)]
        damaged = bytearray(bytes(made))
        damaged[-40] ^= 0xFF
        for number in range(count):
            packet = av.Packet(bytes(damaged))
            packet.stream, packet.is_keyframe = stream, True
            packet.pts = packet.dts = number
            packet.time_base = Fraction(1, 25)
            container.mux(packet)
    return file.read_bytes()


def _processor() -> float:
    """Return the seconds of the processor that all ended processes of ours took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _costly(folder: Path, kind: str) -> bytes:
    """Return a small file that would cost much: the size, rate, length or tracks of its film."""
    flat, quick = np.zeros((16, 16, 3), np.uint8), {"preset": "ultrafast"}
    if kind == "tracks":
        return _tracks(folder / "film.mov", 900)
    if kind == "broken":
        return _broken(folder / "film.mov", 80)
    large = np.zeros((8192, 8192, 3), np.uint8)
    film, frames, rate = {
        "large": ("film.mp4", [large], Fraction(25)),
        "rate": ("film.mp4", [flat] * 16_000, Fraction(1000)),
        "long": ("film.mp4", [flat] * 3600, Fraction(1)),
    }[kind]
    return clips.write(folder / film, frames, rate, options=quick).read_bytes()


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("large", "film.too_large"),
        ("rate", "film.too_many_frames"),
        ("long", "film.too_long"),
        ("tracks", "film.too_many_streams"),
        ("broken", "film.damaged"),
    ],
)
def test_a_small_file_that_would_cost_much_costs_no_more_than_small_films_and_a_second(
    studio: Path, clip: Path, tmp_path: Path, kind: str, code: str
) -> None:
    """Of the processor, by what four films take here; `film_sandbox.MEMORY` bounds its memory."""
    data, sound = _costly(tmp_path, kind), clip.read_bytes()
    begun = _processor()
    for _ in range(2):
        films.taken(images.source(sound), tmp_path, moving=False)
    two = _processor() - begun
    with pytest.raises(Refused) as refused:
        films.taken(images.source(data), tmp_path, moving=False)
    assert refused.value.message.code == code
    assert _processor() - begun - two < 2 * two + 1  # a second of broken pictures is enough
    assert film_sandbox.MEMORY <= 400 * MIB


def film_process() -> int | None:
    """Return the id of the process of ours that looks at a film, if there is one."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words, stat = (folder / "cmdline").read_bytes(), (folder / "stat").read_text()
            ours = int(stat.rpartition(")")[2].split()[1]) == os.getpid()
            if ours and b"worker.images.film_sandbox" in words:
                return int(folder.name)
    return None


@contextmanager
def killing(times: int) -> Iterator[list[int]]:
    """Kill so many film processes from outside, as a machine without memory does."""
    killed, over = list[int](), threading.Event()

    def watch() -> None:
        while len(killed) < times and not over.wait(0.002):
            if (found := film_process()) and found not in killed:
                killed.append(found)
                os.kill(found, signal.SIGKILL)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def test_a_film_whose_process_is_killed_from_outside_is_read_once_more(
    studio: Path, clip: Path, tmp_path: Path
) -> None:
    with killing(1) as killed:
        assert cleaned(clip, tmp_path, 2).frames == 12
    assert len(killed) == 1
    with files.opened(tmp_path / "clean", H264) as made:
        assert sum(1 for _ in files.frames(made)) == 12


def test_a_film_whose_process_is_killed_over_and_over_is_refused(
    studio: Path, clip: Path, tmp_path: Path
) -> None:
    with killing(5) as killed, pytest.raises(Refused) as refused:
        cleaned(clip, tmp_path, 2)
    assert (len(killed), refused.value.message.code) == (2, "film.too_costly")


def test_a_film_that_takes_too_long_is_read_once(
    studio: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(films, "CLEAN", 1e-5)
    began = set[int]()

    def watch() -> None:
        while not over.wait(0.002):
            began.update({found} if (found := film_process()) else ())

    over, thread = threading.Event(), threading.Thread(target=watch)
    thread.start()
    with pytest.raises(Refused) as refused:
        cleaned(clip, tmp_path, 2)
    over.set()
    thread.join()
    assert refused.value.message.code == "film.too_costly"
    assert len(began) <= 1


def test_for_the_first_frame_of_a_film_in_a_file_the_film_is_not_copied(
    studio: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copied(given: Source, file: Path) -> tuple[int, str]:
        raise AssertionError("it was copied")

    in_file = Source("", clip.stat().st_size, clip.read_bytes, file=lambda: clip.open("rb"))
    in_memory = Source("", clip.stat().st_size, clip.read_bytes)
    still = film_uploads.still(in_memory).read()
    monkeypatch.setattr(films, "copied", copied)
    assert film_uploads.still(in_file).read() == still
    with pytest.raises(AssertionError):
        film_uploads.still(in_memory)
