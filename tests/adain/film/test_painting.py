"""Films are painted as their frames are, without drift and flicker, and written for browsers."""

import io
import itertools
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from adain.catalog import Color, Region, Transfer
from adain.files import samples as sample_files
from adain.film import animation, cleaning, codecs, files, kinds, making, shots
from adain.film.cleaning import Clean
from adain.film.codecs import KEY_SECONDS
from adain.film.flow import Steady
from adain.film.limits import MORE_BITS, STEADIEST, FilmError, Limits, most_bits
from adain.film.painter import Painter, samples
from adain.request import Request
from adain.stylizer import Stylizer
from tests.adain.film import clips
from tests.adain.film.clips import Picture

WIDTH, HEIGHT = 96, 64


@pytest.fixture(scope="module")
def stylizer() -> Iterator[Stylizer]:
    """A network on one thread: for pictures so small, several only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Stylizer.load("compact", device="cpu", exact=True)
    torch.set_num_threads(threads)


def style(name: str = "mosaic") -> Image.Image:
    file = sample_files.file("styles", name)
    assert file
    return Image.open(file).convert("RGB").resize((128, 96))


def image(pixels: Picture) -> Image.Image:
    return Image.fromarray(pixels)


def made(
    stylizer: Stylizer, film: Path, into: Path, asked: Request, settings: making.Settings
) -> Clean:
    codec = codecs.chosen("vp9" if into.suffix == ".webm" else "")
    source = into.with_name(f"clean-of-{into.stem}.{codec.container}")
    with film.open("rb") as file:
        clean = cleaning.clean(file, str(source), settings.side, Limits(), codec)
    making.paint_clean(stylizer, asked, source, clean, into, codec, settings)
    return clean


def request(**how: object) -> Request:
    none = Image.new("RGB", (WIDTH, HEIGHT))
    return replace(Request(none, [style()], size=0), **how)  # type: ignore[arg-type]


# ---------------------------------------------------------------- one frame


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"alpha": 0.6},
        {"transfer": Transfer.ADAIN},
        {"color": Color.LUMINANCE},
        {"color": Color.CONTENT},
        {"region": Region.BACKGROUND, "masks": "left"},
        {"masks": "left"},
        {"styles": "two", "weights": [1, 3]},
    ],
    ids=str,
)
def test_a_shot_of_one_frame_is_painted_as_the_picture_is(
    stylizer: Stylizer, how: dict[str, object]
) -> None:
    frame = clips.gradient(WIDTH, HEIGHT)
    given: dict[str, object] = dict(how)
    if how.get("masks"):
        left = Image.new("L", (WIDTH, HEIGHT), 0)
        left.paste(255, (0, 0, WIDTH // 2, HEIGHT))
        given["masks"] = [left]
    if how.get("styles"):
        given["styles"] = [style(), style("night")]
    asked = request(content=image(frame), **given)
    painter = Painter(stylizer, asked)
    painted = painter.paint(frame, painter.shot([frame], [0.0]), 0.0)
    sides = [one.size for one in asked.styles if isinstance(one, Image.Image)]
    sized = replace(asked, size=min(sides[0]), content=image(frame))
    measured = [
        stylizer.style(one, 96, sized.like() if asked.color == Color.CONTENT else None)
        for one in asked.styles
        if isinstance(one, Image.Image)
    ]
    plain = Color.STYLE if asked.color == Color.CONTENT else asked.color
    [wanted] = stylizer.stylize([replace(asked, styles=measured, color=plain, size=0)])
    assert np.abs(painted.astype(int) - np.asarray(wanted)).max() <= 1


def test_weights_go_from_those_at_the_beginning_to_those_at_the_end(stylizer: Stylizer) -> None:
    frame = clips.gradient(WIDTH, HEIGHT)
    styles = [style(), style("night")]
    both = Painter(stylizer, request(styles=styles, weights=[2, 0]), until=[0, 7])
    first = Painter(stylizer, request(styles=styles, weights=[1, 0]))
    last = Painter(stylizer, request(styles=styles, weights=[0, 1]))
    for alone, place in ((first, 0.0), (last, 1.0)):
        one = both.paint(frame, both.shot([frame], [place]), place)
        other = alone.paint(frame, alone.shot([frame], [0.0]), 0.0)
        assert np.abs(one.astype(int) - other).max() <= 1
    with pytest.raises(ValueError, match="as many weights"):
        Painter(stylizer, request(styles=styles), until=[1, 2, 3])


def test_what_pictures_alone_can_be_is_refused(stylizer: Stylizer) -> None:
    with pytest.raises(ValueError, match="method adain alone"):
        Painter(stylizer, request(method="refine"))


# ---------------------------------------------------------------- shots


def test_cuts_are_found_and_movement_and_light_are_none() -> None:
    one, other = clips.gradient(), 255 - clips.gradient()[::-1]
    light = [(one * share).astype(np.uint8) for share in np.linspace(1, 0.4, 20)]
    film = [*light, *[other] * 15, *clips.moving(15)]
    assert shots.cuts(shots.changes(film)) == [0, 20, 35]
    assert shots.cuts(shots.changes(clips.moving(40))) == [0]
    assert shots.cuts([]) == []


def test_samples_of_a_shot_are_even_and_few() -> None:
    assert samples(0, 100, 1000)[0] == 0
    assert samples(0, 100, 1000)[-1] == 99
    assert len(samples(0, 100, 1000)) == 8
    assert samples(5, 7, 1000) == [5, 6]
    assert len(samples(0, 100, 1920 * 1080)) == 2


def test_light_changes_the_film_and_not_its_palette(stylizer: Stylizer) -> None:
    bright = clips.gradient(WIDTH, HEIGHT)
    dark = (bright * 0.5).astype(np.uint8)
    painter = Painter(stylizer, request())
    shot = painter.shot([bright, dark], [0, 1])
    means = [painter.paint(one, shot, 0.0).mean() for one in (bright, dark)]
    own = [painter.paint(one, painter.shot([one], [0.0]), 0.0).mean() for one in (bright, dark)]
    assert means[0] - means[1] > 2 * abs(own[0] - own[1])


# ---------------------------------------------------------------- steadiness


def noisy(count: int) -> list[Picture]:
    random, still = np.random.default_rng(1), clips.gradient(WIDTH, HEIGHT).astype(float)
    return [
        np.clip(still + random.normal(0, 4, still.shape), 0, 255).astype(np.uint8)
        for _ in range(count)
    ]


def apart(frames: list[Picture]) -> float:
    pairs = itertools.pairwise(frames)
    return float(np.mean([np.sqrt(np.square(a.astype(float) - b).mean()) for a, b in pairs]))


def painted(stylizer: Stylizer, frames: list[Picture], steady: float) -> list[Picture]:
    painter, blend = Painter(stylizer, request()), Steady(steady)
    shot = painter.shot(frames[:4], [0.0] * 4)
    return [
        blend.next(frame, painter.paint(frame, shot, 0.0), cut=number == 0)
        for number, frame in enumerate(frames)
    ]


def test_a_still_scene_is_painted_still(stylizer: Stylizer) -> None:
    frames = noisy(10)
    lively, usual, steady = (apart(painted(stylizer, frames, x)) for x in (0.0, 0.5, STEADIEST))
    assert usual < 1.5 * apart(frames)
    assert steady < usual < 0.6 * lively


def test_nothing_is_carried_over_a_cut() -> None:
    one, other = clips.gradient(), 255 - clips.gradient()
    blend = Steady(STEADIEST)
    blend.next(one, one, cut=True)
    assert np.array_equal(blend.next(other, other, cut=True), other)
    assert np.array_equal(Steady(0).next(other, other, cut=False), other)


def test_what_appears_is_shown_at_once() -> None:
    before = np.full((64, 96, 3), 40, np.uint8)
    now = before.copy()
    now[20:40, 30:60] = 220
    blend = Steady(STEADIEST)
    blend.next(before, before, cut=True)
    shown = blend.next(now, now, cut=False)
    assert np.abs(shown[25:35, 40:50].astype(int) - 220).max() <= 2


# ---------------------------------------------------------------- whole films


def test_a_painted_film_plays_in_browsers_and_keeps_time_and_sound(
    stylizer: Stylizer, tmp_path: Path
) -> None:
    sound = ("libmp3lame", clips.tone(2, [0.2, 1.8]), 0.0)
    film = clips.write(tmp_path / "film.mkv", clips.moving(48), Fraction(24_000, 1001), sound=sound)
    into = tmp_path / "out.mp4"
    made(stylizer, film, into, request(), making.Settings())
    data = into.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(into)) as container:
        video = container.streams.video[0]
        context = video.codec_context
        assert (context.name, context.profile, context.pix_fmt) == ("h264", "High", "yuv420p")
        assert (context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1)
        assert container.streams.audio[0].codec_context.name == "aac"
    frames, times = clips.read(into)
    assert len(frames) == 48
    assert frames[0].shape == (HEIGHT, WIDTH, 3)
    assert float(times[47]) == pytest.approx(47 * 1001 / 24_000, abs=1e-3)
    assert clips.seconds(into) == pytest.approx(48 * 1001 / 24_000, abs=1 / 24)
    samples, rate = clips.received(into)
    loud = np.flatnonzero(np.abs(samples) > 0.3)
    assert loud[0] / rate == pytest.approx(0.2, abs=0.04)
    assert loud[-1] / rate == pytest.approx(1.85, abs=0.04)


def test_a_webm_needs_no_x264(
    stylizer: Stylizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codecs, "there", lambda codec: codec.name == "vp9")
    sound = ("aac", clips.tone(1, [0.5]), 0.0)
    film = clips.write(tmp_path / "film.mp4", clips.moving(25), sound=sound)
    made(stylizer, film, tmp_path / "out.webm", request(), making.Settings())
    with av.open(str(tmp_path / "out.webm")) as container:
        assert container.streams.video[0].codec_context.name == "vp9"
        assert container.streams.audio[0].codec_context.name == "opus"
    assert len(clips.read(tmp_path / "out.webm")[0]) == 25


@pytest.mark.parametrize("ending", kinds.ANIMATIONS)
def test_a_short_film_becomes_an_animation(stylizer: Stylizer, tmp_path: Path, ending: str) -> None:
    film = clips.write(tmp_path / "film.mp4", clips.moving(30), Fraction(30))
    into = tmp_path / f"out{ending}"
    made(stylizer, film, into, request(), making.Settings())
    with Image.open(into) as animated:
        assert animated.size == (WIDTH, HEIGHT)
        total = 0
        for number in range(getattr(animated, "n_frames", 1)):
            animated.seek(number)
            animated.load()
            total += animated.info["duration"]
        assert animated.info["loop"] == 0
    assert total == pytest.approx(1000, abs=40)


def test_a_long_film_becomes_no_animation() -> None:
    with pytest.raises(FilmError, match="choose MP4 or WebM"):
        animation.check(10)


def _held() -> int:
    """Return the MiB of memory that this process has."""
    said = Path("/proc/self/status").read_text()
    [line] = [one for one in said.splitlines() if one.startswith("VmRSS")]
    return int(line.split()[1]) >> 10


def test_memory_does_not_grow_with_the_frames(stylizer: Stylizer, tmp_path: Path) -> None:
    shades = [clips.gradient(32, 32, at) for at in range(1500)]
    film = clips.write(tmp_path / "film.mp4", shades, Fraction(30))
    held: dict[tuple[str, int], int] = {}

    def watch(stage: str, done: int, of: int) -> None:
        if done in (50, of):
            held[stage, done] = _held()

    def cleaned(done: int) -> None:
        watch("clean", done, 1500)

    codec, source = codecs.chosen(), tmp_path / "clean.mp4"
    with film.open("rb") as file:
        clean = cleaning.clean(file, str(source), 0, Limits(), codec, cleaned)
    asked, settings = request(styles=[style()]), making.Settings()
    making.paint_clean(stylizer, asked, source, clean, tmp_path / "o.mp4", codec, settings, watch)
    for stage in ("clean", "paint"):
        assert held[stage, 1500] - held[stage, 50] <= 20  # MiB


def test_a_watch_can_stop_between_frames(stylizer: Stylizer, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    seen = []

    def watch(stage: str, done: int, of: int) -> None:
        seen.append((stage, done, of))
        if (stage, done) == ("paint", 3):
            raise Stop

    codec, source = codecs.chosen(), tmp_path / "clean.mp4"
    film = clips.write(tmp_path / "film.mp4", clips.moving(10))
    clean = cleaning.clean(io.BytesIO(film.read_bytes()), str(source), 0, Limits(), codec)
    where, settings = tmp_path / "out.mp4", making.Settings()
    with pytest.raises(Stop):
        making.paint_clean(stylizer, request(), source, clean, where, codec, settings, watch)
    assert seen[-1] == ("paint", 3, 10)


def test_the_look_for_cuts_can_be_stopped_between_frames(
    stylizer: Stylizer, tmp_path: Path
) -> None:
    source = clips.write(tmp_path / "in.mp4", clips.moving(12, 64, 48), Fraction(6))
    clean, seen = Clean(64, 48, 6.0, 12, 2.0, sound=False, cut=False), list[int]()

    def report(stage: str, done: int, of: int) -> None:
        seen.append(done)

    with files.opened(source, codecs.H264) as film:
        paint = Painter(stylizer, request(content=image(clips.moving(1, 64, 48)[0])))
        plan = making.planned(film, clean, paint, report)
    assert seen == sorted(seen)
    assert len(seen) == 2 * 12  # in both passes
    assert plan.times == [Fraction(number, 6) for number in range(12)]


@pytest.mark.parametrize("seconds", [KEY_SECONDS, 10])
def test_neither_a_film_nor_a_part_takes_more_bits_than_it_may(
    tmp_path: Path, seconds: int
) -> None:
    """Of parts of `KEY_SECONDS` the films of a studio are joined."""
    random, out = np.random.default_rng(2), tmp_path / "out"
    writer = files.Writer(str(out), codecs.H264, (160, 128), 25, clean=False)
    for number in range(25 * seconds):
        noise = random.integers(0, 256, (128, 160, 3)).astype(np.uint8)
        writer.add(noise, Fraction(number, 25))
    writer.end(Fraction(seconds))
    writer.close()
    most = seconds * most_bits(160, 128, 25)
    assert out.stat().st_size * 8 < MORE_BITS * most
