"""Any number of photos by the client and the command line: in parts, each a batch."""

import inspect
import threading
import zipfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.parts import Setting, picture
from tests.web.served import begin, finish, served
from web import cli, commands
from web.client import Batch, Limits, Studio, StudioError, parts
from worker import jobs
from worker.options import Options

COLORS = ("teal", "orange", "navy", "olive")
PHOTOS = [picture(color=color) for color in COLORS]


@pytest.fixture
def address(studio: Path) -> Iterator[str]:
    with served() as where:
        yield where


@pytest.fixture
def me(address: str, tmp_path: Path) -> Iterator[Studio]:
    with Studio(address, tmp_path / "cookies.json") as made:
        yield made


SIZES = st.lists(st.integers(1, 48), min_size=1, max_size=12)


@given(SIZES, SIZES, st.integers(1, 20), st.integers(100, 400))
def test_parts_have_every_photo_in_every_style_once_within_the_limits(
    photos: list[int], styles: list[int], most: int, size: int
) -> None:
    pictures: list[list[bytes]] = [
        [bytes([kind, number]) + bytes(length) for number, length in enumerate(some)]
        for kind, some in enumerate((photos, styles))
    ]
    divided = parts.divided(pictures[0], pictures[1], Limits(most, size))
    pairs = [pair for part in divided for pair in product(part.photos, part.styles)]
    assert sorted(pairs) == sorted(product(*pictures))
    for part in divided:
        assert len(part.photos) * len(part.styles) <= most
        assert (
            sum(len(one) for one in (*part.photos, *part.styles) if isinstance(one, bytes)) <= size
        )
    every = {"crops": [*range(len(photos))], "style_crops": [*range(len(styles))]}  # numbers do
    for part in divided:
        own = part.options(every | {"size": 64})
        assert own == {
            "crops": [pictures[0].index(bytes(one)) for one in part.photos],
            "style_crops": [pictures[1].index(bytes(one)) for one in part.styles],
            "size": 64,
        }


def test_crops_of_each_picture_go_with_its_part(me: Studio, setting: Setting) -> None:
    setting(max_batch=2)
    crops = [[], [0, 0, 0.5, 1], [0.5, 0, 1, 1]]
    made = list(me.submit_batches(PHOTOS[:3], PHOTOS[:1], size=64, crops=crops))
    assert [len(batch.cells) for batch in made] == [2, 1]
    assert [begin().options["crop"] for _ in crops] == crops


def test_what_is_too_much_for_one_batch_becomes_several(me: Studio, setting: Setting) -> None:
    setting(max_batch=3)
    sent = list(me.submit_batches(PHOTOS, PHOTOS[:2], size=64))
    assert [(len(one.photos), len(one.styles)) for one in sent] == [(1, 2)] * 4
    with pytest.raises(StudioError, match="3 pictures at most"):
        me.submit_batch(PHOTOS, PHOTOS[:2])


def test_a_part_waits_until_the_studio_takes_it(me: Studio, setting: Setting) -> None:
    setting(max_batch=2, visitor_waiting=2)
    said: list[str] = []

    def waiting(error: StudioError, seconds: float) -> None:
        said.append(str(error))
        finish(begin())

    sent = list(me.submit_batches(PHOTOS[:3], PHOTOS[:1], waiting=waiting, size=64))
    assert [len(one.photos) for one in sent] == [2, 1]
    assert len(said) == 1
    assert "may be in line" in said[0]


def test_a_refused_part_leaves_those_before_it(me: Studio, setting: Setting) -> None:
    setting(max_batch=1)
    sent: list[Batch] = []
    with pytest.raises(StudioError, match="not a picture"):
        sent.extend(me.submit_batches([PHOTOS[0], b"no picture", PHOTOS[1]], PHOTOS[:1]))
    assert jobs.counts()[jobs.Status.QUEUED] == 1


def test_the_command_line_writes_a_zip_for_each_batch(
    address: str, setting: Setting, tmp_path: Path
) -> None:
    setting(max_batch=2)
    files = [tmp_path / f"{color}.png" for color in COLORS]
    for file, data in zip(files, PHOTOS, strict=True):
        file.write_bytes(data)
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.1):
            if job := jobs.claim("a worker"):
                finish(job)

    worker = threading.Thread(target=work)
    worker.start()
    words = ["batch", *map(str, files[:3]), "-s", str(files[3]), "--size", "64"]
    words += ["--out", str(tmp_path / "made.zip"), "--studio", address]
    words += ["--cookies", str(tmp_path / "cookies.json")]
    ended = CliRunner().invoke(cli.app, words)
    over.set()
    worker.join()
    assert ended.exit_code == 0, ended.output
    assert len(ended.stdout.split()) == 2  # ids
    counts = []
    for name in ("made.zip", "made-2.zip"):
        with zipfile.ZipFile(tmp_path / name) as found:
            counts.append(len(found.namelist()))
    assert counts == [2, 1]


def test_every_option_of_a_job_is_one_of_the_command_line() -> None:
    singular = {"style_crops": "style_crop", "weights": "weight", "weights_end": "weight_end"}
    taught = {"teach", "steps", "taught"}  # by the API and `python -m adain teach`
    wanted = {singular.get(name, name) for name in Options.model_fields} - taught
    assert wanted <= inspect.signature(commands.submit).parameters.keys()
    of_one = {"weight", "weight_end", "steady", "moving"}  # a batch has one style each, no films
    assert wanted - of_one <= inspect.signature(commands.batch).parameters.keys()


def test_the_options_of_a_batch_on_the_command_line_reach_its_jobs(
    address: str, tmp_path: Path
) -> None:
    file = tmp_path / "photo.png"
    file.write_bytes(PHOTOS[0])
    words = ["batch", str(file), "-s", str(file), "--transparency", "keep", "--keep-margins"]
    words += ["--crop", "0,0,.5,1", "--style-crop", "0,0.5,1,1", "--strokes", "2"]
    words += ["--studio", address, "--cookies", str(tmp_path / "cookies.json")]
    ended = CliRunner().invoke(cli.app, words)
    assert ended.exit_code == 0, ended.output
    job = jobs.claim("a worker")
    assert job is not None
    chosen = {"transparency": "keep", "keep_margins": True, "strokes": 2.0, "region": "all"}
    chosen |= {"crop": [0, 0, 0.5, 1], "style_crops": [[0, 0.5, 1, 1]]}
    assert {name: job.options[name] for name in chosen} == chosen
    refused = CliRunner().invoke(cli.app, [*words, "--crop", "0,0,5,1"])
    assert "'0,0,5,1' is no crop" in str(refused.exception)
