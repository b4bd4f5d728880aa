"""Compiled code gives the network's output, and is used only where it can be."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from adain.aot import compile as aot_compile
from adain.aot import runtime as aot_runtime
from adain.aot.trusted_folders import CodeUnusable, NotNow, alone
from adain.catalog import Color, Transfer
from adain.request import Request
from adain.stylizer import Stylizer
from tests.adain.test_stylizer import PLAIN, array, drawn, mask
from tests.parts import reachable

PHOTO, BATCH = drawn(1, (300, 211)), [drawn(seed, (128, 96)) for seed in (11, 12, 13)]


@pytest.fixture(scope="module")
def with_code(code: Path) -> Stylizer:
    return Stylizer.load(device="cpu", code=code)


@pytest.fixture(scope="module")
def without() -> Stylizer:
    return Stylizer.load(device="cpu")


def apart(ours: list[np.ndarray], others: list[np.ndarray]) -> float:
    """Mean difference of pictures' pixels, of 255."""
    return max(float(np.abs(a - b).mean()) for a, b in zip(ours, others, strict=True))


@pytest.mark.parametrize(
    "requests",
    [
        [Request(PHOTO, [drawn(2)], size=0)],
        [Request(drawn(3, (40, 9)), [drawn(2)], size=0)],
        [Request(PHOTO, [drawn(2)], size=512, alpha=0.6)],
        [Request(PHOTO, [drawn(2), drawn(4), drawn(5)], size=256, weights=[1, 2, 3])],
        [Request(PHOTO, [drawn(2)], size=0, color=Color.LUMINANCE)],
        [Request(PHOTO, [drawn(2)], size=0, color=Color.CONTENT)],
        [Request(photo, [drawn(seed)], size=96) for seed, photo in enumerate(BATCH)],
        [
            Request(photo, [drawn(2)] * (1 + at), size=96, alpha=at / 2)
            for at, photo in enumerate(BATCH)
        ],
    ],
)
def test_compiled_code_paints_the_same_picture(
    with_code: Stylizer, without: Stylizer, requests: list[Request]
) -> None:
    ours, others = (
        [array(image) for image in stylizer.stylize(requests)] for stylizer in (with_code, without)
    )
    assert [a.shape for a in ours] == [b.shape for b in others]
    assert apart(ours, others) < (0.1 if without.dtype == torch.float32 else 1.0)
    assert with_code.has_code


def test_compiled_code_measures_the_same_statistics(with_code: Stylizer, without: Stylizer) -> None:
    for size in ((300, 211), (17, 90), (1, 1)):
        ours, others = (one.style(drawn(7, size), 256) for one in (with_code, without))
        assert ours.network == others.network
        for a, b in zip(ours.levels, others.levels, strict=True):
            torch.testing.assert_close(a.mean, b.mean, atol=0.02, rtol=0.02)
            torch.testing.assert_close(a.spread, b.spread, atol=0.02, rtol=0.02)


def test_a_number_of_any_kind_is_taken(with_code: Stylizer) -> None:
    whole, real = (replace(PLAIN, alpha=alpha) for alpha in (1, 1.0))
    pictures = [array(with_code.stylize([request])[0]) for request in (whole, real)]
    assert (pictures[0] == pictures[1]).all()


def test_masks_tiles_and_plain_adain_go_the_networks_own_way(
    with_code: Stylizer, without: Stylizer
) -> None:
    left, right = mask((0, 0, 48, 72)), mask((48, 0, 96, 72))
    masked = replace(PLAIN, styles=[drawn(2), drawn(3)], masks=[left, right])
    styles = [without.style(style, 72) for style in (drawn(2), drawn(3))]
    large = Request(drawn(4, (1100, 40)), styles[:1], size=0)
    plain = replace(PLAIN, styles=styles[:1], transfer=Transfer.ADAIN)
    for request in (replace(masked, styles=styles), large, plain):
        ours, others = (array(one.stylize([request])[0]) for one in (with_code, without))
        assert (ours == others).all()


def test_code_is_of_one_network_and_its_weights(code: Path, without: Stylizer) -> None:
    assert aot_runtime.load(without.model, without.name, code) is not None
    assert aot_runtime.load(without.model, "compact of other weights", code) is None
    other = torch.float32 if without.dtype == torch.bfloat16 else torch.bfloat16
    assert aot_runtime.place(without.model, without.name, code) != aot_runtime.place(
        Stylizer.load(device="cpu", exact=True).model.to(other), without.name, code
    )


def test_an_exact_stylizer_does_not_use_compiled_code(code: Path) -> None:
    exact = Stylizer.load(device="cpu", exact=True)
    asked = Stylizer.load(device="cpu", exact=True, code=code)
    ours, others = (array(one.stylize([PLAIN])[0]) for one in (asked, exact))
    assert np.abs(ours - others).max() <= 1


@pytest.fixture
def own(code: Path, tmp_path: Path) -> Path:
    """A folder with the code, to be spoilt."""
    shutil.copytree(code, tmp_path / "code")
    return reachable(tmp_path / "code")


def test_spoilt_code_is_removed_and_the_picture_made_all_the_same(
    own: Path, without: Stylizer, caplog: pytest.LogCaptureFixture
) -> None:
    there = aot_runtime.place(without.model, without.name, own)
    (there / "interpolate.so").write_bytes(b"not what it was")
    stylizer = Stylizer.load(device="cpu", code=own)
    for _ in range(2):
        assert (array(stylizer.stylize([PLAIN])[0]) == array(without.stylize([PLAIN])[0])).all()
    assert caplog.text.count(f"code in {there} can't be used, and is removed") == 1
    assert not there.exists()


@pytest.mark.parametrize("open_to", [0o020, 0o002])
def test_code_that_others_may_write_is_not_run(
    own: Path, without: Stylizer, open_to: int, caplog: pytest.LogCaptureFixture
) -> None:
    there = aot_runtime.place(without.model, without.name, own)
    there.chmod(0o700 | open_to)
    stylizer = Stylizer.load(device="cpu", code=own)
    assert (array(stylizer.stylize([PLAIN])[0]) == array(without.stylize([PLAIN])[0])).all()
    assert not stylizer.has_code
    assert "could be somebody else's" in caplog.text
    assert there.exists()


def test_code_in_a_folder_that_others_may_replace_is_neither_run_nor_made(
    own: Path, without: Stylizer
) -> None:
    own.parent.chmod(0o777)
    try:
        with pytest.raises(CodeUnusable, match=f"chmod go-w {own.parent}$"):
            aot_runtime.load(without.model, without.name, own)
        with pytest.raises(NotNow, match=f"chmod go-w {own.parent}$"):
            aot_compile.make(without.model, without.name, own)
    finally:
        own.parent.chmod(0o700)


def test_unfinished_code_is_not_run(own: Path, without: Stylizer) -> None:
    (aot_runtime.place(without.model, without.name, own) / aot_runtime.SOUND).unlink()
    assert aot_runtime.load(without.model, without.name, own) is None


def test_compiled_code_with_other_results_is_rejected(code: Path, without: Stylizer) -> None:
    there = aot_runtime.place(without.model, without.name, code)
    with torch.no_grad():
        assert aot_compile._differs(there, without.model) < aot_compile.ALIKE
        other = Stylizer.load(device="cpu")
        next(reversed(list(other.model.parameters()))).add_(0.1)  # the last layer's bias
        assert aot_compile._differs(there, other.model) > aot_compile.ALIKE
        next(reversed(list(other.model.parameters()))).mul_(float("nan"))
        assert not aot_compile._differs(there, other.model) <= aot_compile.ALIKE


def test_many_pictures_at_once_where_a_device_likes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (aot_runtime, aot_compile):
        monkeypatch.setattr(place, "together", lambda device: True)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    network = Stylizer.load(device="cpu", exact=True).model
    module = aot_compile.Painting(network, interpolating=True)
    with torch.no_grad():
        aot_compile._compile(module, network, tmp_path / "interpolate.so")
        run = aot_runtime._run(tmp_path / "interpolate.so", network.device)
        for count in (1, 3):
            given = aot_compile._example(network, (64, 48), 2, 0.5, count)
            torch.testing.assert_close(run(given)[1], module(*given)[1], atol=1e-3, rtol=1e-3)


def test_code_depends_on_every_source_that_a_network_runs() -> None:
    code = "import adain.model.builders, adain.pixels, adain.tiles, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    known = {".".join(file.with_suffix("").parts[-3:]) for file in aot_runtime.SOURCES}
    used = {name for name in loaded if name.startswith("adain.") and name != "adain.model"}
    assert used
    assert not {name for name in used if not any(one.endswith(name) for one in known)}


def test_no_compiler_is_said_in_a_sentence(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "adain.aot.compile", str(tmp_path / "code")],
        env=os.environ | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 1
    assert made.stderr == "there is no C++ compiler here; on Debian: sudo apt install g++\n"
    assert not (tmp_path / "code").exists()


def test_one_process_makes_code_and_others_say_so(tmp_path: Path, without: Stylizer) -> None:
    with alone(tmp_path), pytest.raises(NotNow, match="another process"):
        aot_compile.make(without.model, without.name, tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["lock"]
