"""A second judge of the engine: onnxruntime, by `torch.onnx`."""

import subprocess
from pathlib import Path

import pytest

from adain.stylizer import Stylizer
from tests.adain.live.onnx_judge import Judge
from tests.adain.live.pairs import CODES, MOST, PAIRS, STATIC, TINY, Tasks, apart
from tests.node import NODE

SCRIPT = Path(__file__).with_name("paint.mjs")
COLOURED = [pair for pair in [*PAIRS, TINY] if not pair.grey]  # no chroma to be limited


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(Stylizer.load(device="cpu", exact=True).model)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_onnxruntime_paints_as_the_engine_does(judge: Judge, tmp_path: Path) -> None:
    tasks = Tasks(tmp_path)
    tasks.write(STATIC / CODES[0], COLOURED)
    subprocess.run([NODE, SCRIPT, tmp_path], check=True)
    found = {
        f"{pair.photo} {pair.size}": apart(tasks.made(place, pair), judge.paint(pair))
        for place, pair in enumerate(COLOURED)
    }
    assert {name: far for name, far in found.items() if far > MOST} == {}
