"""The engine of this processor: its pictures are `adain`'s in float32, to 1 of 255."""

import json
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from adain import strokes, weights
from adain.aot.trusted_folders import CodeUnusable, NotNow
from adain.catalog import Color, Transfer
from adain.live import backend, library, native, packed
from adain.live.backend import Native
from adain.live.without_torch import WithoutTorch, at_once, usual
from adain.request import Request
from adain.stylizer import Stylizer
from tests.adain.live.pairs import LARGE, MOST, PAIRS, TINY, Pair, apart, array, expected
from tests.adain.test_stylizer import drawn, mask
from tests.parts import reachable

ALL = [*PAIRS, TINY, LARGE]
WIDTHS: dict[
    str, list[list[str]]
] = {  # of vectors, by what the compiler is allowed; beside this processor's own
    "x86_64": [["-mavx2", "-mfma"], []],
    "aarch64": [[]],
}


@pytest.fixture(scope="module")
def plain() -> Stylizer:
    return Stylizer.load(device="cpu", exact=True)


@pytest.fixture(scope="module")
def folder(plain: Stylizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the engine's library."""
    made = reachable(tmp_path_factory.mktemp("native")) / "code"
    backend.make(plain.model, "compact", made)
    return made


def refused() -> Stylizer:
    raise AssertionError("a stylizer was loaded")


def without_torch(folder: Path) -> WithoutTorch:
    made = WithoutTorch.load("compact", weights.SHIPPED, folder, refused)
    assert made is not None
    return made


def engine(file: Path, threads: int = 1) -> native.Engine:
    metadata, tensors = packed.read(weights.SHIPPED / "compact.safetensors")
    plan = packed.plan("compact")
    return native.Engine(file, plan, tensors, packed.grain(plan, metadata), threads)


def name(pair: Pair) -> str:
    return f"{pair.photo} {pair.size}"


@pytest.mark.parametrize("threads", [1, 3])
def test_the_engine_paints_as_adain_does_in_float32(
    threads: int, folder: Path, plain: Stylizer
) -> None:
    quick = without_torch(folder)
    quick._engine.use(threads)
    found = {
        name(pair): apart(array(quick.stylize([pair.request()])[0]), expected(plain, pair))
        for pair in ALL
    }
    assert {one: far for one, far in found.items() if far > MOST} == {}


def test_a_stylizer_with_the_engine_paints_as_one_without(folder: Path, plain: Stylizer) -> None:
    quick = Stylizer.load(device="cpu", exact=True, code=folder)
    found = {name(pair): apart(expected(quick, pair), expected(plain, pair)) for pair in ALL}
    assert isinstance(quick._compiled, Native)
    assert {one: far for one, far in found.items() if far > MOST} == {}


def test_several_requests_of_different_strength_and_number_of_styles_are_painted_together(
    folder: Path, plain: Stylizer
) -> None:
    quick = Stylizer.load(device="cpu", exact=True, code=folder)
    photos = [drawn(seed, (128, 96)) for seed in (11, 12, 13)]
    requests = [
        Request(photo, [drawn(2), drawn(4)][: 1 + at % 2], size=96, alpha=(at + 1) / 3)
        for at, photo in enumerate(photos)
    ]
    pairs = zip(quick.stylize(requests), plain.stylize(requests), strict=True)
    assert max(apart(array(one), array(other)) for one, other in pairs) <= MOST


def test_masks_tiles_luminance_and_plain_adain_go_the_networks_own_way(
    folder: Path, plain: Stylizer
) -> None:
    quick = Stylizer.load(device="cpu", exact=True, code=folder)
    styles = [plain.style(style, 72) for style in (drawn(2), drawn(3))]
    usual = Request(drawn(1, (96, 72)), styles[:1], size=0)
    left, right = mask((0, 0, 48, 72)), mask((48, 0, 96, 72))
    for request in (
        replace(usual, styles=styles, masks=[left, right]),
        replace(usual, content=drawn(4, (1100, 40))),
        replace(usual, transfer=Transfer.ADAIN),
        replace(usual, color=Color.LUMINANCE),
    ):
        ours, others = (array(one.stylize([request])[0]) for one in (quick, plain))
        assert (ours == others).all()


@pytest.mark.parametrize("tuned", WIDTHS.get(platform.machine(), []), ids=str)
def test_vectors_of_every_width_give_the_same_picture(
    tuned: list[str], folder: Path, plain: Stylizer, tmp_path: Path
) -> None:
    file = tmp_path / "narrow.so"
    library.compile_into(file, "g++", tuned)
    pair = PAIRS[3]
    request = pair.request()
    narrow = engine(file, 2)
    [style] = request.styles
    assert isinstance(style, Image.Image)
    looks = [narrow.wanted(narrow.measure(np.asarray(style)))]
    made = narrow.paint(np.asarray(request.content), looks, alpha=pair.alpha)
    assert apart(made, expected(plain, pair)) <= MOST


def test_one_size_after_another_leaves_nothing_behind(folder: Path) -> None:
    one = engine(library.find(folder) or Path(), 2)
    photos = [np.asarray(drawn(seed, size)) for seed, size in ((1, (200, 120)), (2, (64, 90)))]
    looks = [one.wanted(one.measure(photos[1]))]
    before = [one.paint(photo, looks, alpha=alpha) for photo in photos for alpha in (1.0, 0.5)]
    after = [one.paint(photo, looks, alpha=alpha) for photo in photos for alpha in (1.0, 0.5)]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


def test_a_picture_is_painted_at_once_where_strokes_take_one_step_at_its_size() -> None:
    for side in range(40, 1400, 7):
        for broad in (0.0, 0.5, 0.98, 1.0, 1.3, 4.0):
            steps = strokes.steps(side + side // 2, side, broad)
            if at_once(side, broad):
                assert [step.side for step in steps] == [side]
    assert at_once(512, 1.0)
    assert at_once(300, 0.0)
    assert not at_once(300, 1.0)


SCRIPT = """
import json, sys
from adain.cli.command import main
status = main(sys.argv[1:])
print(json.dumps([status, "torch" in sys.modules]), file=sys.stderr)
"""


def ran(*words: object) -> tuple[int, bool]:
    """Run the command line; return its exit status and whether it imported torch."""
    command = [sys.executable, "-c", SCRIPT, *map(str, words)]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    status, torch_too = json.loads(made.stderr.splitlines()[-1])
    return status, torch_too


def test_the_command_line_paints_a_usual_picture_without_torch(
    folder: Path, plain: Stylizer, tmp_path: Path
) -> None:
    photo, style, out = (tmp_path / f"{one}.png" for one in ("photo", "style", "out"))
    drawn(1, (768, 512)).save(photo)
    drawn(2, (600, 600)).save(style)
    words = ("-o", out, "--keep-margins", "--code-folder")
    assert ran(photo, style, *words, folder) == (0, False)
    request = Request(Image.open(photo), [Image.open(style)], strokes=1.0)
    assert apart(array(Image.open(out)), array(plain.stylize([request])[0])) <= MOST


def test_the_command_line_leaves_to_torch_what_the_engine_does_not_do(
    folder: Path, tmp_path: Path
) -> None:
    photo, style, out = (tmp_path / f"{one}.png" for one in ("photo", "style", "out"))
    drawn(1, (96, 72)).save(photo)
    drawn(2).save(style)
    smaller = ("--code-folder", folder, "--size", 64)  # is painted larger, for its strokes
    assert ran(photo, style, "-o", out, *smaller) == (0, True)


def test_only_usual_requests_are_painted_without_torch() -> None:
    request = Request(drawn(1), [drawn(2)], size=0)
    assert usual(request)
    assert usual(replace(request, alpha=0.5, styles=[drawn(2), drawn(3)]))
    for other in (
        replace(request, alpha=0),
        replace(request, color=Color.CONTENT),
        replace(request, transfer=Transfer.ADAIN),
        replace(request, masks=[mask((0, 0, 48, 72))]),
        replace(request, method="refine"),
    ):
        assert not usual(other)


def test_a_library_that_others_may_write_is_not_loaded(
    folder: Path, tmp_path: Path, plain: Stylizer
) -> None:
    own = reachable(tmp_path) / "code"
    there = backend.make(plain.model, "compact", own)
    own.chmod(0o757)
    with pytest.raises(CodeUnusable, match="could be somebody else's"):
        library.find(own)
    assert WithoutTorch.load("compact", weights.SHIPPED, own, refused) is None
    own.chmod(0o700)
    there.unlink()  # it is loaded, so that nothing may be written into it
    there.write_bytes(b"not what it was")
    with pytest.raises(CodeUnusable, match="can't be used, and is removed"):
        Native.load(plain.model, "compact", own)
    assert not there.exists()


def test_a_library_that_paints_otherwise_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Stylizer.load(device="cpu", exact=True)
    monkeypatch.setattr(backend, "ALIKE", -1)
    with pytest.raises(NotNow, match="paints otherwise"):
        backend.make(other.model, "compact", reachable(tmp_path) / "code")
    assert library.find(tmp_path / "code") is None


def test_weights_in_half_precision_are_not_the_engines(folder: Path) -> None:
    other = Stylizer.load(device="cpu", exact=True)
    assert Native.load(other.model.to(torch.bfloat16), "compact", folder) is None
    assert Native.load(other.model.float(), "vgg19", folder) is None
