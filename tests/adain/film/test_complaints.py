"""What people complain of painted films: drift, flicker, colours, sound beside the picture.

The cases are those of `docs/films.md`.
"""

import socket
import struct
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from adain.film import making
from adain.film.flow import Steady
from adain.film.limits import USUAL_STEADY
from adain.film.painter import Painter
from adain.stylizer import Stylizer
from tests.adain.film import clips
from tests.adain.film.clips import Picture
from tests.adain.film.test_cleaning import _loud, cleaned
from tests.adain.film.test_painting import HEIGHT, WIDTH, made, noisy, request
from tests.bench import film_measures

MINUTE = 60  # seconds


@pytest.fixture(scope="module")
def stylizer() -> Iterator[Stylizer]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Stylizer.load("compact", device="cpu", exact=True)
    torch.set_num_threads(threads)


def test_a_still_scene_moves_little_more_than_the_film_itself(stylizer: Stylizer) -> None:
    frames = noisy(10)
    painter, blend = Painter(stylizer, request()), Steady(USUAL_STEADY)
    shot = painter.shot(frames, [0.0] * len(frames))
    painted = [
        blend.next(frame, painter.paint(frame, shot, 0.0), cut=number == 0)
        for number, frame in enumerate(frames)
    ]
    movements: list[film_measures.Movement | None] = [
        film_measures.movement(*pair) for pair in pairwise(frames)
    ]
    film, ours = (film_measures.score(some, movements) for some in (frames, painted))
    assert ours.warping < 1.5 * film.warping


def test_a_minute_of_one_scene_neither_darkens_nor_drifts(
    stylizer: Stylizer, tmp_path: Path
) -> None:
    film = clips.write(tmp_path / "film.mp4", noisy(4 * MINUTE), Fraction(4))
    made(stylizer, film, tmp_path / "out.mp4", request(), making.Settings())
    frames, _ = clips.read(tmp_path / "out.mp4")
    first, last = (np.mean(some, axis=(0, 1, 2)) for some in (frames[:4], frames[-4:]))
    assert len(frames) == 4 * MINUTE
    assert np.abs(first - last).max() < 0.01 * 255


def _lit(frame: Picture, share: float) -> Picture:
    return (frame * share).astype(np.uint8)


def test_exposure_does_not_change_the_palette_and_a_cut_does(
    stylizer: Stylizer, tmp_path: Path
) -> None:
    one, other = clips.gradient(WIDTH, HEIGHT), 255 - clips.gradient(WIDTH, HEIGHT)[::-1]
    dimmed = [_lit(one, share) for share in np.linspace(1, 0.6, 16)]
    settings = making.Settings(steady=0)
    painted = {}
    for name, frames in {
        "both": [*dimmed, *[other] * 16],
        "second": [other] * 16,
        "bright": [one] * 16,
    }.items():
        film = clips.write(tmp_path / f"{name}.mkv", frames, codec="ffv1", pixels="bgr0")
        made(stylizer, film, tmp_path / f"{name}.mp4", request(), settings)
        painted[name] = clips.read(tmp_path / f"{name}.mp4")[0]
    after = painted["both"][16:]  # measured as if nothing had been before the cut
    pairs = zip(after, painted["second"], strict=True)
    assert max(np.abs(a.mean((0, 1)) - b.mean((0, 1))).max() for a, b in pairs) < 3
    dark, bright = painted["both"][15], painted["bright"][8]
    assert dark.mean() < 0.95 * bright.mean()  # the lamp went out, and is seen to
    tint = [frame.mean((0, 1)) / frame.mean() for frame in (dark, bright)]
    assert np.abs(tint[0] - tint[1]).max() < 0.1


UNEVEN = [Fraction(each, 1000) for each in (0, 40, 200, 260, 700, 733, 1500, 1960)]
RATES = {
    "24": Fraction(24),
    "23.976": Fraction(24_000, 1001),
    "60": Fraction(60),
    "uneven": None,
}


@pytest.mark.parametrize("name", RATES)
def test_a_painted_film_lasts_as_long_with_its_sound_in_time_at_the_end(
    stylizer: Stylizer, tmp_path: Path, name: str
) -> None:
    rate = RATES[name]
    count, usual = (len(UNEVEN), Fraction(25)) if rate is None else (round(2 * rate), rate)
    times = UNEVEN if rate is None else None
    sound = ("aac", clips.tone(2, [0.2, 1.8]), 0.0)
    film = tmp_path / "film.mp4"
    own = {"bf": "0"}  # with frames in another order, FFmpeg would take its length for less
    clips.write(film, clips.moving(count), usual, times=times, sound=sound, options=own)
    into = tmp_path / "out.mp4"
    made(stylizer, film, into, request(), making.Settings())
    assert clips.seconds(into) == pytest.approx(clips.seconds(film), abs=1 / float(usual))
    with av.open(str(into)) as container:
        frames = list(container.demux(video=0))
    shown = max(one.pts + (one.duration or 0) for one in frames if one.pts is not None)
    assert shown / 90_000 == pytest.approx(clips.seconds(film), abs=1 / float(usual))
    assert _loud(into) == pytest.approx([0.2, 1.8], abs=0.04)


# ---------------------------------------------------------------- films that name other files

_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"dinf")


def _elsewhere(data: bytes, address: str) -> bytes:
    """Return an MP4 whose first track says that its frames lie at another address."""
    own = data.index(b"dref") + 4 + 8  # beyond version, flags and count
    assert data[own + 4 : own + 8] == b"url "
    text = address.encode() + b"\0"
    entry = struct.pack(">I4sI", 12 + len(text), b"url ", 0) + text
    data = data[:own] + entry + data[own + 12 :]
    for name in (*_PARENTS, b"dref"):
        at = data.index(name) - 4
        [size] = struct.unpack(">I", data[at : at + 4])
        data = data[:at] + struct.pack(">I", size + len(text)) + data[at + 4 :]
    return data


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_an_address_inside_a_film_is_not_opened(tmp_path: Path, scheme: str) -> None:
    frames = [np.full((64, 96, 3), 40, np.uint8)] * 12
    film = clips.write(tmp_path / "film.mp4", frames)
    other = clips.write(tmp_path / "other.mp4", [255 - frames[0]] * 12)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        host = f"127.0.0.1:{server.getsockname()[1]}"
        address = f"file://{other}" if scheme == "file" else f"http://{host}/other.mp4"
        cleaned(_elsewhere(film.read_bytes(), address), tmp_path / "clean.mp4")
        with pytest.raises(BlockingIOError):
            server.accept()  # no connection was made
    assert clips.read(tmp_path / "clean.mp4")[0][0].mean() < 60  # of the file itself
