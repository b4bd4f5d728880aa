from pathlib import Path

from PIL import Image

from adain.cli import sheet
from adain.cli.sheet import Sheet


def test_more_photos_than_a_sheet_has_rows_make_more_sheets() -> None:
    assert sheet.paths(Path("a/s.jpg"), 1) == [Path("a/s.jpg")]
    assert sheet.paths(Path("a/s.jpg"), sheet.ROWS) == [Path("a/s.jpg")]
    assert sheet.paths(Path("a/s.jpg"), 2 * sheet.ROWS + 1) == [
        *(Path("a/s.jpg"), Path("a/s-2.jpg"), Path("a/s-3.jpg"))
    ]


def test_squares_are_smaller_where_there_are_many_styles() -> None:
    style = [Image.new("RGB", (9, 9))]
    assert Sheet([style] * 3, 1).cell == sheet.CELL
    wide = Sheet([style] * 200, 1)
    assert wide.image.width <= sheet.WIDEST + sheet.GAP
    assert wide.cell < sheet.CELL


def test_mixed_styles_share_a_square() -> None:
    styles = [Image.new("RGB", (40, 40), color) for color in ("red", "blue")]
    drawn = Sheet([styles], 1)
    middle = sheet.GAP + drawn.cell // 2
    left, right = (
        drawn.image.getpixel((middle + drawn.cell + sheet.GAP + side, middle)) for side in (-9, 9)
    )
    assert (left, right) == ((255, 0, 0), (0, 0, 255))


def test_a_picture_that_is_missing_leaves_its_place_white() -> None:
    drawn = Sheet([[Image.new("RGB", (9, 9))]], 1)
    drawn.add(Image.new("RGB", (9, 9), "red"), [None])
    step, middle = drawn.cell + sheet.GAP, sheet.GAP + drawn.cell // 2
    assert drawn.image.getpixel((middle, middle + step)) == (255, 0, 0)
    assert drawn.image.getpixel((middle + step, middle + step)) == (255, 255, 255)
