"""The law of the browser's engine: its pictures are `adain`'s in float32, to 1 of 255."""

import gzip
import json
import subprocess
from pathlib import Path

import pytest

from adain.live import build
from adain.stylizer import Stylizer
from tests.adain.live.pairs import (
    CODES,
    LARGE,
    MOST,
    PAIRS,
    STATIC,
    TINY,
    Pair,
    Tasks,
    apart,
    expected,
)
from tests.node import NODE

SCRIPT = Path(__file__).with_name("paint.mjs")
ALL = [*PAIRS, TINY, LARGE]


@pytest.fixture(scope="module")
def stylizer() -> Stylizer:
    return Stylizer.load(device="cpu", exact=True)


@pytest.mark.parametrize("code", CODES)
def test_the_engine_paints_as_adain_does_in_float32(
    code: str, stylizer: Stylizer, tmp_path: Path
) -> None:
    tasks = Tasks(tmp_path)
    tasks.write(STATIC / code, ALL)
    subprocess.run([NODE, SCRIPT, tmp_path], check=True)
    found = {
        f"{pair.photo} {pair.size}": apart(tasks.made(place, pair), expected(stylizer, pair))
        for place, pair in enumerate(ALL)
    }
    assert {name: far for name, far in found.items() if far > MOST} == {}


def test_the_code_that_is_checked_in_is_what_its_source_compiles_to(tmp_path: Path) -> None:
    for made in build.built(tmp_path):
        assert made.read_bytes() == (STATIC / made.name).read_bytes(), (
            "python -m adain.live.build web/static/engine writes it"
        )


@pytest.mark.parametrize("code", CODES)
def test_the_engine_is_small(code: str) -> None:
    """20 kB with gzip, the programs for graphics cards included."""
    files = [STATIC / name for name in (code, "gpu.js", "program.js", "wgsl.js")]
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) <= 20 << 10


SMALL = Pair("coffee", ("night", "ink"), (24, 40), 0.6, (2, 1), (48, 64))


@pytest.mark.parametrize(("frames", "pairs"), [(500, PAIRS[-2:]), (5000, [SMALL])])
def test_thousands_of_frames_take_no_more_memory_than_ten(
    tmp_path: Path, frames: int, pairs: list[Pair]
) -> None:
    """Sizes, strengths and mixtures change on the way, as they do on the page."""
    tasks = Tasks(tmp_path)
    tasks.write(STATIC / CODES[0], [*pairs, TINY])
    script = SCRIPT.with_name("frames.mjs")
    made = subprocess.run(
        [NODE, "--expose-gc", script, tmp_path, str(frames)],
        check=True,
        capture_output=True,
        text=True,
    )
    first, last, grown = json.loads(made.stdout)
    assert first == last
    assert grown < 4 << 20
