"""`python -m adain teach`: a file is made, and then is a style like others."""

import json
from pathlib import Path

import pytest
from PIL import Image

from adain.cli import command
from tests.adain.test_stylizer import drawn

SMALL = ["--steps", "2", "--side", "64", "--device", "cpu"]


def picture(folder: Path, name: str, seed: int) -> Path:
    file = folder / name
    drawn(seed, (120, 90)).save(file)
    return file


def teach(*words: object) -> int:
    return command.main(["teach", *map(str, words), *SMALL])


@pytest.mark.parametrize("kind", ["feedforward", "conditional"])
def test_a_style_is_taught_and_painted_in(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paintings = [picture(tmp_path, f"{place}.png", place) for place in range(2)]
    photo, style = picture(tmp_path, "photo.png", 5), tmp_path / "hers.safetensors"
    assert teach(*paintings, "-o", style, "--kind", kind, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["kind"], said["paintings"], said["steps"]) == (kind, 2, 2)
    paint = [str(photo), str(style), "--size", "64", "--device", "cpu"]
    result, plain = tmp_path / "result.png", tmp_path / "plain.png"
    assert command.main([*paint, "-o", str(result), "--weights", "1", "3"]) == 0
    words = [str(photo), *map(str, paintings), "--size", "64", "--device", "cpu"]
    assert command.main([*words, "-o", str(plain), "--weights", "1", "3"]) == 0
    with Image.open(result) as taught, Image.open(plain) as arbitrary:
        assert taught.size == arbitrary.size
        assert taught.tobytes() != arbitrary.tobytes()
    each = tmp_path / "each"
    sheet = ["--sheet", str(tmp_path / "sheet.png")]
    assert command.main([*paint, "-o", str(each), "--each", *sheet]) == 0
    assert sorted(one.name for one in each.iterdir()) == [
        "photo--hers-1.png",
        "photo--hers-2.png",
    ]


def test_scales_and_shifts_are_used_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, style = picture(tmp_path, "photo.png", 5), tmp_path / "hers.safetensors"
    assert teach("ink", "-o", style, "--kind", "conditional") == 0
    words = [str(photo), str(style), "--size", "64", "-o", str(tmp_path / "out.png")]
    for more in (["--color", "content"], ["--method", "refine"]):
        assert command.main([*words, *more]) == 2
        assert "are used as they are" in capsys.readouterr().err


def test_what_can_not_be_taught_or_used_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, style = picture(tmp_path, "photo.png", 5), tmp_path / "hers.safetensors"
    cases: list[tuple[list[object], str]] = [
        (["ink", "-o", tmp_path / "style.png"], "ends in .safetensors"),
        (["ink", "-o", style, "--steps", "0"], "from 1 up"),
        (["nothing", "-o", style], "There is no file nothing"),
        (["ink"] * 9 + ["-o", style], "from 1 to 8 paintings, not 9"),
        (["ink", "-o", style, "--photos", tmp_path / "none"], "There is no folder"),
    ]
    for words, said in cases:
        more = [] if "--steps" in words else SMALL
        assert command.main(["teach", *map(str, words), *more]) == 2
        assert said in capsys.readouterr().err
    assert not style.exists()
    style.write_bytes(b"nothing")
    assert teach("ink", "-o", style) == 2
    assert "--overwrite" in capsys.readouterr().err
    paint = [str(photo), str(style), "-o", str(tmp_path / "out.png")]
    assert command.main(paint) == 2
    assert "no taught style" in capsys.readouterr().err
    assert command.main([str(photo), "ink", *paint[1:]]) == 2
    assert "stands alone" in capsys.readouterr().err
