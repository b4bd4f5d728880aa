"""`python -m tests.bench.films`: how steady and how quick painted films are, as tables.

Six films made of the sample photos, each painted frame by frame (plain AdaIN), by the statistics
of its shots, and by those with flow at several strengths. Warping error and flicker are of 255,
lower is steadier; sharpness is the deviation of the Laplacian. Prints figures and judges none.
"""

import argparse
import time
from collections.abc import Iterator
from itertools import pairwise
from statistics import mean

import numpy as np
from PIL import Image

from adain import malloc
from adain.files import samples
from adain.film import shots
from adain.film.colours import Picture
from adain.film.flow import Steady
from adain.film.painter import Painter
from adain.film.painter import samples as sampled
from adain.request import Request
from adain.stylizer import Stylizer
from tests.bench.film_clips import CLIPS
from tests.bench.film_measures import Movement, Score, movement, score

SHARES = (0.0, 0.5, 0.6, 0.7, 0.85)
SPEEDS = ((640, 360), (912, 512), (1280, 720))
STYLES = ("mosaic", "watercolour")


def _style(name: str) -> Image.Image:
    file = samples.file("styles", name)
    assert file
    return Image.open(file).convert("RGB")


def _cuts(frames: list[Picture]) -> list[int]:
    small = [
        np.array(Image.fromarray(one).resize(shots.LOOKED_AT, Image.Resampling.BOX))
        for one in frames
    ]
    return shots.cuts(shots.changes(small))


def movements(frames: list[Picture], cuts: list[int]) -> list[Movement | None]:
    """Measure the movement between frames, but over cuts."""
    pairs = enumerate(pairwise(frames), 1)
    return [None if at in cuts else movement(*pair) for at, pair in pairs]


def plain(painter: Painter, frames: list[Picture]) -> list[Picture]:
    """Paint each frame by its own statistics."""
    return [painter.paint(one, painter.shot([one], [0.0]), 0.0) for one in frames]


def by_shots(painter: Painter, frames: list[Picture], cuts: list[int]) -> list[Picture]:
    """Paint each frame by the statistics of its shot."""
    made: list[Picture] = []
    for first, end in pairwise([*cuts, len(frames)]):
        size = frames[0].shape[0] * frames[0].shape[1]
        chosen = [frames[at] for at in sampled(first, end, size)]
        shot = painter.shot(chosen, [0.0] * len(chosen))
        made += [painter.paint(one, shot, 0.0) for one in frames[first:end]]
    return made


def steadied(
    frames: list[Picture], painted: list[Picture], cuts: list[int], share: float
) -> list[Picture]:
    """Blend painted frames along the flow."""
    blend = Steady(share)
    pairs = enumerate(zip(frames, painted, strict=True))
    return [blend.next(frame, one, at in cuts) for at, (frame, one) in pairs]


def ways(
    stylizer: Stylizer, style: Image.Image, frames: list[Picture]
) -> Iterator[tuple[str, Score]]:
    """Yield each way to paint a film and how steady it is; the film itself first."""
    cuts = _cuts(frames)
    by = movements(frames, cuts)
    yield "film", score(frames, by)
    painter = Painter(stylizer, Request(Image.fromarray(frames[0]), [style], size=0))
    yield "plain", score(plain(painter, frames), by)
    painted = by_shots(painter, frames, cuts)
    for share in SHARES:
        yield f"{share:g}", score(steadied(frames, painted, cuts, share), by)


def _print_steadiness(stylizer: Stylizer, names: list[str]) -> None:
    print("| film | style | way | warping | flicker | sharpness | of plain's |")
    print("|---|---|---|---|---|---|---|")
    for name in names:
        frames = CLIPS[name]()
        for style in STYLES:
            first: Score | None = None
            for way, found in ways(stylizer, _style(style), frames):
                first = found if way == "plain" else first
                of = (
                    ""
                    if first is None or way == "plain"
                    else (
                        f"{found.warping / first.warping:.2f} / {found.flicker / first.flicker:.2f}"
                        f" / {found.sharpness / first.sharpness:.2f}"
                    )
                )
                numbers = f"{found.warping:.2f} | {found.flicker:.2f} | {found.sharpness:.1f}"
                print(f"| {name} | {style} | {way} | {numbers} | {of} |", flush=True)


def _print_speed(stylizer: Stylizer, count: int) -> None:
    print("\n| size | ms a frame | frames a second |\n|---|---|---|")
    for width, height in SPEEDS:
        random = np.random.RandomState(0)
        frames = [random.randint(0, 256, (height, width, 3)).astype(np.uint8) for _ in range(2)]
        asked = Request(Image.fromarray(frames[0]), [_style(STYLES[0])], size=0)
        painter, blend = Painter(stylizer, asked), Steady()
        shot, taken = painter.shot(frames, [0.0, 0.0]), []
        for at in range(count + 1):
            begun = time.perf_counter()
            frame = frames[at % 2]
            blend.next(frame, painter.paint(frame, shot, 0.0), cut=False)
            taken.append(time.perf_counter() - begun)
        each = mean(taken[1:])
        print(f"| {width} × {height} | {each * 1000:.0f} | {1 / each:.1f} |", flush=True)


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser("python -m tests.bench.films")
    parser.add_argument("clips", nargs="*", default=list(CLIPS), help="names of films")
    parser.add_argument("--count", type=int, default=8, help="frames a size, for the speed")
    parser.add_argument("--speed", action="store_true", help="the speed alone")
    args = parser.parse_args()
    malloc.keep_freed()
    stylizer = Stylizer.load()
    if not args.speed:
        _print_steadiness(stylizer, args.clips)
    _print_speed(stylizer, args.count)


if __name__ == "__main__":
    main()
