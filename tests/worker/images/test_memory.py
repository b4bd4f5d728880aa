"""The memory of a process that takes pictures, however much they inflate."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.hard import inflating
from tests.parts import picture
from worker.images import decoders, images
from worker.images.images import Source
from worker.images.line import Busy, Line

MOST = 60.0  # MB beyond what the process had; the five pictures of a job are 117, one's pixels 75
PROGRAM = """
import sys
from pathlib import Path
from worker import jobs
from worker.images import images
from worker.jobs import batches
from worker.jobs.batches import Source
from worker.visitors import admission
from worker.visitors.rate_limits import Visitor

def most():
    [line] = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / 1e6

data = Path(sys.argv[2]).read_bytes()
jobs.submit("ann", small := Path(sys.argv[3]).read_bytes(), [small])
before = most()
match sys.argv[1]:
    case "job":
        jobs.submit("ann", data, [data] * 4, options={"size": 256})
    case "again":
        job = jobs.submit("ann", data, [data] * 4, options={"size": 256})
        before = most()
        admission.again(Visitor("ann"), job.id, {})
    case "batch":
        sources = [Source("a.png", len(data), lambda: data)] * 2
        batches.submit("ann", sources, sources, {"size": 256})
    case "small":
        assert images.small(data, 256).width == images.small_mask(data, (256, 256)).width
print(most() - before)
"""


def noise(side: int) -> bytes:
    """Return a PNG that no compressor makes smaller."""
    out = io.BytesIO()
    pixels = os.urandom(3 * side * side)
    Image.frombytes("RGB", (side, side), pixels).save(out, "PNG", compress_level=0)
    return out.getvalue()


@pytest.mark.parametrize("what", ["job", "again", "batch", "small"])
def test_memory_is_bounded_by_one_picture(what: str, studio: Path, tmp_path: Path) -> None:
    files = tmp_path / "large.png", tmp_path / "small.png"
    files[0].write_bytes(inflating.picture() if what == "small" else noise(2800))
    files[1].write_bytes(picture())
    command = [sys.executable, "-P", "-c", PROGRAM, what, *map(str, files)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ))
    assert float(done.stdout) < MOST


def test_a_picture_that_waits_for_a_decoder_is_not_read_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read() -> bytes:
        pytest.fail("the picture was read before it was its turn")

    monkeypatch.setattr(decoders, "line", Line(0, 0, patience=0))
    with pytest.raises(Busy):
        images.small(Source("a.png", 75_000_000, read, stored=True), 64)
