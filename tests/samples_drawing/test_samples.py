from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from adain.files import samples
from tests.samples_drawing import draw, sheet
from web.samples import shelf

EXAMPLES = shelf.FOLDER
FILES = sorted(EXAMPLES.glob("*/*.jpg"))


def pixels(file: Path) -> NDArray[np.float64]:
    with Image.open(file) as image:
        return np.asarray(image, dtype=np.float64)


@pytest.mark.parametrize("name", ["ink", "linocut", "mosaic", "night"])  # one of each kind
def test_the_committed_picture_is_what_the_script_draws(name: str, tmp_path: Path) -> None:
    draw.main(tmp_path, [name])
    committed = pixels(draw.STYLES / f"{name}.jpg")
    drawn = pixels(tmp_path / f"{name}.jpg")
    assert drawn.shape == committed.shape
    assert np.abs(drawn - committed).mean() < 1  # of 255: another machine's rounding, no more


def test_the_script_knows_every_committed_style_and_no_other() -> None:
    assert sorted(draw.PICTURES) == sorted(file.stem for file in draw.STYLES.iterdir())


def test_the_best_styles_come_first_and_the_others_by_name() -> None:
    names = samples.names("styles")
    assert names[: len(samples.BEST)] == samples.BEST
    assert list(names[len(samples.BEST) :]) == sorted(names[len(samples.BEST) :])
    assert list(samples.names("photos")) == sorted(samples.names("photos"))


@pytest.mark.parametrize(("old", "new"), samples.ALIASES.items())
def test_the_name_of_a_style_of_an_earlier_version_is_an_alias(old: str, new: str) -> None:
    assert samples.file("styles", old) == samples.file("styles", new)
    assert samples.file("styles", new) is not None
    assert old not in samples.names("styles")
    assert samples.file("photos", old) is None


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_picture_is_credited_small_and_whole(file: Path) -> None:
    credits = (EXAMPLES / "CREDITS.md").read_text().splitlines()
    (line,) = [line for line in credits if line.startswith(f"| `{file.name}` |")]
    what, by, licence, source = (cell.strip() for cell in line.split("|")[2:6])
    assert what
    assert by
    assert licence.startswith(("CC0", "public domain", "MIT"))
    assert source
    assert file.stat().st_size < 120_000
    with Image.open(file) as image:
        assert image.format == "JPEG"
        assert not image.getexif()
        assert max(image.size) <= 768
        image.load()


def test_all_sample_styles_together_are_under_1_5_mb() -> None:
    assert 14 <= len(FILES) <= 20
    assert sum(file.stat().st_size for file in FILES) < 1_500_000


def test_a_sheet_shows_every_result_in_its_place(tmp_path: Path) -> None:
    photos, styles, _ = sheet.SHEETS["hero.jpg"]

    def repaint(photo: Path, style: Path, result: Path) -> None:
        tone = (40 * photos.index(photo.stem), 40 * styles.index(style.stem), 0)
        Image.new("RGB", (30, 20), tone).save(result)

    page = sheet.sheet(tmp_path, photos, styles, repaint)
    step, middle = sheet.CELL + sheet.GAP, sheet.GAP + sheet.CELL // 2
    assert page.getpixel((middle + 3 * step, middle + 2 * step)) == (40, 80, 0)
    assert page.size == (step * 7 + sheet.GAP, step * 4 + sheet.GAP)


def test_a_sheet_names_pictures_that_are_there() -> None:
    for photos, styles, _ in sheet.SHEETS.values():
        assert all((EXAMPLES / "photos" / f"{name}.jpg").exists() for name in photos)
        assert all((EXAMPLES / "styles" / f"{name}.jpg").exists() for name in styles)
