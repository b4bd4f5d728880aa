"""`python -m adain` on films and folders of frames."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from adain.cli.command import main
from adain.film import kinds
from tests.adain.film import clips

Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    sound = ("aac", clips.tone(0.5, [0.2]), 0.0)
    clips.write(tmp_path / "clip.mp4", clips.moving(12), sound=sound)
    Image.new("RGB", (40, 30), "red").save(tmp_path / "one.png")
    Image.new("RGB", (40, 30), "gold").save(tmp_path / "two.png")
    Image.new("L", (96, 64), 255).save(tmp_path / "mask.png")
    (tmp_path / "frames").mkdir()
    for at in range(11):
        Image.fromarray(clips.gradient(66, 44, at * 3)).save(tmp_path / "frames" / f"f-{at}.png")
    return tmp_path


def run(files: Path, *words: str) -> int:
    paths = (str(files / word) if "." in word or word == "frames" else word for word in words)
    return main([*paths])


def test_a_film_becomes_a_painted_film_with_its_sound(files: Path, capsys: Said) -> None:
    words = ("clip.mp4", "one.png", "two.png", "--weights", "1", "0", "--weights-end", "0", "1")
    assert run(files, *words, "-o", "out.mp4", "--json", "--masks", "mask.png") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["width"], said["height"], said["frames"], said["sound"]) == (96, 64, 12, True)
    assert said["duration"] == pytest.approx(0.48, abs=0.04)
    assert len(clips.read(files / "out.mp4")[0]) == 12
    assert sorted(one.name for one in files.iterdir() if one.name.startswith(".")) == []


def test_a_folder_of_frames_becomes_a_film_in_the_order_of_numbers(files: Path) -> None:
    assert run(files, "frames", "one.png", "-o", "out.webm", "--rate", "10", "--alpha", "0") == 0
    frames, times = clips.read(files / "out.webm")
    assert float(times[10]) == pytest.approx(1.0, abs=2e-3)
    for at in (2, 10):  # the photo itself, since alpha is 0
        wanted = clips.gradient(66, 44, at * 3).astype(int)
        assert abs(frames[at].astype(int) - wanted).mean() < 12


def test_a_film_goes_into_a_folder_by_its_name(files: Path, capsys: Said) -> None:
    (files / "made").mkdir()
    assert main([str(files / "clip.mp4"), "mosaic", "-o", str(files / "made")]) == 0
    assert capsys.readouterr().out.strip() == str(files / "made" / "clip.mp4")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("clip.mp4", "one.png", "-o", "out.png"), "none of the endings of films"),
        (("one.png", "two.png", "-o", "out.mp4"), "is not a film"),
        (("none.mp4", "one.png", "-o", "out.mp4"), "There is no file"),
        (("clip.mp4", "one.png", "-o", "clip.mp4"), "is read, and is never written over"),
        (("clip.mp4", "one.png", "-o", "out.mp4", "--each"), "--each is for pictures"),
        (("clip.mp4", "one.png", "-o", "out.mp4", "--method", "refine"), "method adain alone"),
        (("clip.mp4", "one.png", "-o", "out.mp4", "--strokes", "2"), "choose --size"),
        (("clip.mp4", "one.png", "-o", "out.mp4", "--transparency", "keep"), "no transparency"),
    ],
)
def test_what_films_cannot_be_is_said(
    files: Path, capsys: Said, words: tuple[str, ...], said: str
) -> None:
    assert run(files, *words) == 2
    assert said in capsys.readouterr().err
    assert not (files / "out.mp4").exists()


def test_a_film_that_exists_stays_unless_it_may_be_replaced(files: Path, capsys: Said) -> None:
    (files / "out.mp4").write_bytes(b"mine")
    assert run(files, "clip.mp4", "one.png", "-o", "out.mp4") == 2
    assert (files / "out.mp4").read_bytes() == b"mine"
    assert "--overwrite replaces it" in capsys.readouterr().err


def test_without_the_extra_films_are_refused_in_a_sentence(
    files: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "INSTALLED", False)
    assert run(files, "clip.mp4", "one.png", "-o", "out.mp4") == 2
    assert "pip install 'adain-studio[film]'" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["--steady=2", "--rate=0"])
def test_numbers_out_of_range_are_refused(files: Path, word: str) -> None:
    with pytest.raises(SystemExit):
        run(files, "clip.mp4", "one.png", "-o", "out.mp4", word)
