"""A stranger's film becomes one of ours: upright, in time, with its sound, or is refused."""

import io
import tracemalloc
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from adain.film import cleaning, codecs, colours, kinds, source
from adain.film.cleaning import Clean
from adain.film.limits import FilmError, Limits, size_for
from adain.film.pace import Pace
from tests.adain.film import clips

BARS = [
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
    (128, 128, 128),
    (200, 120, 60),
    (30, 160, 200),
]


def cleaned(data: bytes | Path, into: Path, side: int = 0, limits: Limits | None = None) -> Clean:
    if isinstance(data, Path):
        data = data.read_bytes()
    codec = codecs.chosen("vp9" if into.suffix == ".webm" else "h264")
    return cleaning.clean(io.BytesIO(data), str(into), side, limits or Limits(), codec)


def refused(data: bytes | Path, into: Path, limits: Limits | None = None) -> str:
    with pytest.raises(FilmError) as error:
        cleaned(data, into, limits=limits)
    assert str(error.value).endswith(".")
    return error.value.code


# ---------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("rate", "kept"),
    [
        (Fraction(24), 48),
        (Fraction(24_000, 1001), 48),
        (Fraction(25), 48),
        (Fraction(30), 48),
        (Fraction(60), 24),
        (Fraction(50), 24),
        (Fraction(120), 12),
    ],
)
def test_a_film_lasts_as_long_at_every_rate(tmp_path: Path, rate: Fraction, kept: int) -> None:
    film = clips.write(tmp_path / "film.mp4", clips.moving(48), rate)
    clean = cleaned(film, tmp_path / "clean.mp4")
    frame = 1 / float(rate)
    assert clean.frames == kept
    assert clean.seconds == pytest.approx(48 * frame, abs=frame)
    assert clips.seconds(tmp_path / "clean.mp4") == pytest.approx(48 * frame, abs=frame)


def test_uneven_times_of_frames_are_kept(tmp_path: Path) -> None:
    times = [Fraction(each, 1000) for each in (0, 40, 200, 260, 700, 733, 1500, 1960)]
    film = clips.write(tmp_path / "film.mp4", clips.moving(8), times=times)
    clean = cleaned(film, tmp_path / "clean.mp4")
    frames, found = clips.read(tmp_path / "clean.mp4")
    assert len(frames) == clean.frames == 8
    assert [float(each) for each in found] == pytest.approx(
        [float(each) for each in times], abs=2e-3
    )


def test_of_an_uneven_quick_film_no_more_are_kept_than_may_be() -> None:
    pace = Pace(25, 30)
    times = [Fraction(each, 1000) for each in range(0, 2000, 4)]
    kept = [time for time in times if pace.keeps(time)]
    assert 55 <= len(kept) <= 61


def test_a_picture_that_begins_later_than_its_sound_stays_together_with_it(tmp_path: Path) -> None:
    times = [Fraction(1, 2) + Fraction(each, 25) for each in range(25)]
    sound = ("aac", clips.tone(1.5, [0.1, 1.0]), 0.0)
    film = clips.write(tmp_path / "film.mp4", clips.moving(25), times=times, sound=sound)
    cleaned(film, tmp_path / "clean.mp4")
    _, found = clips.read(tmp_path / "clean.mp4")
    assert float(found[0]) == 0
    assert float(found[1]) == pytest.approx(0.54, abs=0.03)
    assert _loud(tmp_path / "clean.mp4") == pytest.approx([0.1, 1.0], abs=0.04)


def _loud(path: Path) -> list[float]:
    """Return the seconds at which bursts begin."""
    samples, rate = clips.received(path)
    loud = np.convolve(np.abs(samples), np.ones(240) / 240, "same") > 0.1
    return [at / rate for at in np.flatnonzero(loud[1:] & ~loud[:-1])]


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "aac"), ("a.mkv", "libopus"), ("a.mkv", "libmp3lame")]
)
@pytest.mark.parametrize("into", ["clean.mp4", "clean.webm"])
def test_sound_is_kept_in_time(tmp_path: Path, name: str, codec: str, into: str) -> None:
    frames = clips.moving(50)
    sound = (codec, clips.tone(2, [0.2, 1.0, 1.8]), 0.0)
    film = clips.write(tmp_path / name, frames, sound=sound)
    clean = cleaned(film, tmp_path / into)
    assert clean.sound
    assert _loud(tmp_path / into) == pytest.approx([0.2, 1.0, 1.8], abs=0.04)


def test_sound_that_begins_later_is_in_time(tmp_path: Path) -> None:
    sound = ("libopus", clips.tone(1, [0.2]), 0.5)
    film = clips.write(tmp_path / "film.mkv", clips.moving(40), sound=sound)
    cleaned(film, tmp_path / "clean.mp4")
    assert _loud(tmp_path / "clean.mp4") == pytest.approx([0.7], abs=0.04)


def test_a_film_without_sound_has_none(tmp_path: Path) -> None:
    clean = cleaned(clips.write(tmp_path / "film.mp4", clips.moving(4)), tmp_path / "clean.mp4")
    assert not clean.sound
    with av.open(str(tmp_path / "clean.mp4")) as container:
        assert not container.streams.audio


# ---------------------------------------------------------------- picture


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_film_of_a_phone_is_upright(tmp_path: Path, degrees: int) -> None:
    frame = np.full((64, 96, 3), 30, np.uint8)
    frame[:32, :48] = (250, 250, 250)  # upper left
    film = clips.write(tmp_path / "film.mp4", [frame] * 4)
    cleaned(clips.turned(film.read_bytes(), degrees), tmp_path / "clean.mp4")
    frames, _ = clips.read(tmp_path / "clean.mp4")
    wanted = np.rot90(frame, -degrees // 90)
    assert frames[0].shape == wanted.shape
    assert np.abs(frames[0].astype(int) - wanted).mean() < 6
    with av.open(str(tmp_path / "clean.mp4")) as container:
        assert next(container.decode(video=0)).rotation == 0  # no matrix is left
    known, poster = cleaning.look(io.BytesIO(clips.turned(film.read_bytes(), degrees)), Limits())
    assert (known.height, known.width) == poster.shape[:2] == wanted.shape[:2]


def test_pixels_are_square_and_sides_even(tmp_path: Path) -> None:
    wide = clips.write(tmp_path / "film.mp4", clips.moving(4, 48, 64), pixel_aspect=Fraction(2, 1))
    clean = cleaned(wide, tmp_path / "clean.mp4")
    assert (clean.width, clean.height) == (96, 64)
    odd = clips.write(tmp_path / "odd.mkv", clips.moving(4, 97, 65), pixels="yuv444p")
    clean = cleaned(odd, tmp_path / "even.mp4")
    assert (clean.width % 2, clean.height % 2) == (0, 0)
    assert (clean.width, clean.height) == (96, 64)


@pytest.mark.parametrize(
    ("shape", "side", "wanted"),
    [
        ((1280, 720), 512, (910, 512)),
        ((320, 240), 512, (320, 240)),
        ((3840, 2160), 0, (1920, 1080)),
        ((1080, 1920), 0, (1080, 1920)),
        ((2000, 20), 0, (1920, 20)),
    ],
)
def test_a_film_is_made_smaller_and_never_larger(
    shape: tuple[int, int], side: int, wanted: tuple[int, int]
) -> None:
    assert size_for(*shape, side, Limits()) == wanted


@pytest.mark.parametrize("codec", [one.name for one in codecs.CODECS.values()])
def test_colour_bars_come_back(tmp_path: Path, codec: str) -> None:
    bars = np.repeat(np.array([BARS], np.uint8), 32, 1).repeat(96, 0)
    film = clips.write(tmp_path / "film.mkv", [bars] * 3, codec="ffv1", pixels="bgr0")
    into = tmp_path / f"clean.{codecs.CODECS[codec].container}"
    cleaned(film, into)
    frames, _ = clips.read(into)
    for number, wanted in enumerate(BARS):
        found = frames[1][48, number * 32 + 16]
        assert np.abs(found.astype(int) - wanted).max() <= 12


def test_a_clean_film_is_tagged_and_can_be_sought(tmp_path: Path) -> None:
    film = clips.write(tmp_path / "film.mp4", clips.moving(125))
    cleaned(film, tmp_path / "clean.mp4")
    with av.open(str(tmp_path / "clean.mp4")) as container:
        video = container.streams.video[0]
        context = video.codec_context
        assert (context.pix_fmt, context.colorspace, context.color_range) == ("yuv420p", 1, 1)
        assert (context.color_primaries, context.color_trc) == (1, 1)
        packets = [packet for packet in container.demux(video) if packet.pts is not None]
    keys = [
        float(one.pts * one.time_base) for one in packets if one.is_keyframe and one.pts is not None
    ]
    assert keys == pytest.approx([0, 2, 4])


def test_light_beyond_the_screen_is_brought_into_it() -> None:
    for transfer, white in ((colours.PQ, 0.58), (colours.HLG, 0.75)):
        signal = np.linspace(0, 65_535, 256).astype(np.uint16)
        grey = np.repeat(signal[None, :, None], 3, 2)
        mapped = colours.tone_mapped(grey, transfer)[0]
        assert (np.diff(mapped[:, 0].astype(int)) >= 0).all()
        assert mapped[0].tolist() == [0, 0, 0]
        assert mapped[255].min() == 255
        paper = colours.tone_mapped(np.full((1, 1, 3), round(white * 65_535), np.uint16), transfer)
        assert 170 <= paper[0, 0, 0] <= 230
        assert np.ptp(mapped.astype(int), axis=1).max() <= 1


def _discs(mode: str = "RGB") -> list[Image.Image]:
    images = []
    for at in range(6):
        image = Image.new("RGBA", (64, 48), (0, 0, 0, 0) if mode == "RGBA" else "tan")
        image.paste((200, 20, 20, 255), (at * 8, 10, at * 8 + 12, 30))
        images.append(image.convert(mode))
    return images


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_is_a_film(tmp_path: Path, kind: str) -> None:
    how = {"disposal": 2} if kind == "GIF" else {}
    how |= {"quality": 100} if kind == "WEBP" else {}
    data = clips.animation(kind, _discs("RGBA"), duration=120, loop=0, **how)
    clean = cleaned(data, tmp_path / "clean.mp4")
    frames, times = clips.read(tmp_path / "clean.mp4")
    assert clean.frames == 6
    assert clean.seconds == pytest.approx(0.72, abs=0.121)
    assert float(times[3]) == pytest.approx(0.36, abs=0.01)
    assert frames[3][2, 2].min() > 245  # transparent: white shows through
    assert frames[3][20, 30, 0] > 160 > 80 > frames[3][20, 30, 1]


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "ffconcat version 1.0\nfile {other}\n",
        "#EXTM3U\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        "<MPD><BaseURL>{other}</BaseURL></MPD>",
    ],
)
def test_a_list_that_names_other_files_opens_none(tmp_path: Path, text: str) -> None:
    other = clips.write(tmp_path / "other.mp4", clips.moving(3))
    assert refused(text.format(other=other).encode(), tmp_path / "clean.mp4") == "film.unknown"
    given = io.BytesIO(text.format(other=other).encode())
    with (
        pytest.raises(FilmError, match="damaged"),
        source.opened(given, "mov", Limits()),
    ):
        pass


def test_no_reader_may_open_another_file(tmp_path: Path) -> None:
    other = clips.write(tmp_path / "other.mp4", clips.moving(3))
    listed = f"ffconcat version 1.0\nfile {other.name}\n".encode()
    with (
        pytest.raises(FilmError, match="damaged"),
        source.opened(io.BytesIO(listed), "concat", Limits()),
    ):
        pass


def test_a_still_picture_is_no_film(tmp_path: Path) -> None:
    for kind in ("GIF", "PNG", "WEBP"):
        data = clips.animation(kind, _discs()[:1])
        wanted = "film.unknown" if kind == "PNG" else "film.still"
        assert refused(data, tmp_path / "clean.mp4") == wanted
    assert kinds.reader(b"\0\0\0\x18ftypheic" + bytes(60)) == ""


def test_sound_alone_is_no_film(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.mkv"), "w") as container:
        clips._add_sound(container, "libopus", clips.tone(1, [0.1]), 0.0)
    assert refused(tmp_path / "sound.mkv", tmp_path / "clean.mp4") == "film.no_picture"


def test_what_is_beyond_the_limits_is_refused_in_a_sentence(tmp_path: Path) -> None:
    film = clips.write(tmp_path / "film.mp4", clips.moving(50))
    into, limits = tmp_path / "clean.mp4", Limits()
    assert refused(film, into, replace(limits, seconds=1)) == "film.too_long"
    assert refused(film, into, replace(limits, bytes=1000)) == "film.file_too_large"
    assert refused(film, into, replace(limits, source_pixels=1000)) == "film.too_large"
    assert refused(film, into, replace(limits, seconds=3, source_rate=10)) == "film.too_many_frames"
    assert refused(film, into, replace(limits, streams=0)) == "film.too_many_streams"


def _said_short(film: Path) -> bytes:
    """Return a Matroska film whose header says that it lasts a millisecond."""
    data = film.read_bytes()
    at = data.index(b"\x44\x89\x88")  # duration in the segment's information: a float of 8 bytes
    return data[: at + 3] + bytes.fromhex("3ff0000000000000") + data[at + 11 :]


def test_a_header_that_says_less_than_there_is_does_not_help(tmp_path: Path) -> None:
    film = clips.write(tmp_path / "film.mkv", clips.moving(30), rate=Fraction(1, 4))
    assert refused(_said_short(film), tmp_path / "clean.mp4") == "film.too_long"


def test_sound_that_begins_beyond_the_limit_makes_no_silence(tmp_path: Path) -> None:
    sound = ("libopus", clips.tone(1), 900.0)
    film = clips.write(tmp_path / "film.mkv", clips.moving(30), sound=sound)
    film.write_bytes(_said_short(film))
    tracemalloc.start()
    try:
        cleaned(film, tmp_path / "clean.mp4")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20  # 900 seconds of it would be 173 MB
    assert clips.seconds(tmp_path / "clean.mp4") < 2


def test_a_film_of_a_thousand_frames_a_second_is_refused(tmp_path: Path) -> None:
    frames = [clips.gradient(16, 16)] * 700
    film = clips.write(tmp_path / "film.mkv", frames, rate=Fraction(1000))
    limits = Limits(seconds=2, source_rate=250)
    assert refused(film, tmp_path / "clean.mp4", limits) == "film.too_many_frames"


def test_half_of_an_mp4_without_its_index_is_refused(tmp_path: Path) -> None:
    data = clips.write(tmp_path / "film.mp4", clips.moving(50)).read_bytes()
    assert refused(data[: len(data) // 2], tmp_path / "clean.mp4") == "film.damaged"


def test_a_film_whose_last_part_is_missing_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    front = {"movflags": "+faststart"}
    film = clips.write(tmp_path / "film.mp4", clips.moving(100), container=front)
    data = film.read_bytes()
    begin = data.index(b"mdat")
    whole = cleaned(data, tmp_path / "whole.mp4")
    most = cleaned(data[: begin + (len(data) - begin) * 8 // 10], tmp_path / "most.mp4")
    assert (whole.cut, most.cut) == (False, True)
    assert 50 <= most.frames < whole.frames == 100
    less = data[: begin + (len(data) - begin) * 2 // 10]
    assert refused(less, tmp_path / "less.mp4") == "film.damaged"


def test_a_film_with_broken_bytes_is_mended_or_refused(tmp_path: Path) -> None:
    data = clips.write(tmp_path / "film.mp4", clips.moving(50), options={"g": "5"}).read_bytes()
    begin, random = data.index(b"mdat") + 4, np.random.default_rng(1)
    broken = bytearray(data)
    for at in random.integers(begin, begin + 4000, 10):
        broken[at] ^= 0xFF
    clean = cleaned(bytes(broken), tmp_path / "clean.mp4")
    assert clean.frames >= 25
    for at in range(begin, len(data), 7):
        broken[at] ^= 0xFF
    assert refused(bytes(broken), tmp_path / "none.mp4") in {
        "film.damaged",
        "film.no_picture",
    }


def test_a_codec_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "there", lambda codec: codec.name == "vp9")
    assert codecs.chosen() is codecs.VP9
    with pytest.raises(FilmError, match="h264 is not installed"):
        codecs.chosen("h264")
