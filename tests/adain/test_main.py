import json
from pathlib import Path

import pytest
from PIL import Image

from adain.__main__ import main


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, color in (("photo.jpg", "navy"), ("one.png", "red"), ("two.png", "gold")):
        Image.new("RGB", (40, 30), color).save(tmp_path / name)
    Image.new("L", (40, 30), 255).save(tmp_path / "mask.png")
    return tmp_path


def test_two_styles_with_weights_and_masks_become_one_picture(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(files / name) for name in ("photo.jpg", "one.png", "two.png")]
    masks = [str(files / "mask.png")] * 2
    words = [*paths, "-o", str(files / "out.png"), "--size", "32", "--alpha", "0.5", "--json"]
    assert main([*words, "--weights", "1", "2", "--masks", *masks, "--color", "content"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["width"], body["height"], body["network"]) == (43, 32, "compact")
    assert Image.open(files / "out.png").size == (43, 32)


def test_a_plain_border_of_a_style_is_left_out_with_a_notice(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gradient = Image.linear_gradient("L").resize((100, 80)).convert("RGB")
    scanned = Image.new("RGB", (160, 120), "tan")
    scanned.paste(gradient, (30, 20))
    scanned.save(files / "scanned.png")
    words = [str(files / "photo.jpg"), "-o", str(files / "out.png"), "--size", "32"]
    assert main([*words[:1], str(files / "scanned.png"), *words[1:]]) == 0
    assert "scanned.png is left out, 98 × 78 of 160 × 120 pixels" in capsys.readouterr().err
    assert main([*words[:1], str(files / "scanned.png"), *words[1:], "--keep-margins"]) == 0
    assert "left out" not in capsys.readouterr().err


def test_one_mask_serves_two_styles_and_a_black_one_is_refused(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(files / name) for name in ("photo.jpg", "one.png", "two.png")]
    words = [*paths, "-o", str(files / "out.png"), "--size", "32", "--masks"]
    assert main([*words, str(files / "mask.png")]) == 0
    Image.new("L", (40, 30), 0).save(files / "black.png")
    assert main([*words, str(files / "black.png")]) == 2
    assert "black.png: The mask is black all over" in capsys.readouterr().err


def test_a_folder_of_photos_becomes_a_folder_of_pictures(files: Path) -> None:
    (photos := files / "photos").mkdir()
    for name in ("a.jpg", "a.png", "b.jpg"):
        Image.new("RGB", (40, 30), "teal").save(photos / name)
    (photos / "notes.txt").write_text("not a picture")
    out = files / "made"
    assert main([str(photos), str(files / "one.png"), "-o", str(out), "--size", "16"]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["a.jpg.png", "a.png.png", "b.png"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.jpg", "one.png"], "There is no file"),
        (["photo.jpg", "broken.png"], "is not a picture that can be read"),
        (["photo.jpg", "one.png", "--alpha", "7"], "from 0 to 1"),
        (["photo.jpg", "one.png", "--network", "vgg19"], "adain-studio weights add"),
        (["empty", "one.png"], "There is no picture in"),
    ],
)
def test_what_the_user_can_mend_is_said_in_a_sentence(
    files: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    message: str,
) -> None:
    (files / "broken.png").write_bytes(b"\x89PNG no more")
    (files / "empty").mkdir()
    monkeypatch.chdir(files)
    assert main([*words, "-o", "out.png"]) == 2
    assert message in capsys.readouterr().err
    assert not (files / "out.png").exists()
