import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, JpegImagePlugin

from adain import catalog
from adain.cli import outputs
from adain.cli.command import main
from adain.files import kinds, pictures, samples
from tests import hostile

MAC = Path(__file__).parents[2] / "data" / "cases" / "folder-of-a-mac"
ROOT = Path(__file__).parents[3]
Said = pytest.CaptureFixture[str]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, color in (("photo.jpg", "navy"), ("one.png", "red"), ("two.png", "gold")):
        Image.new("RGB", (40, 30), color).save(tmp_path / name)
    Image.new("L", (40, 30), 255).save(tmp_path / "mask.png")
    return tmp_path


def test_two_styles_with_weights_and_masks_become_one_picture(files: Path, capsys: Said) -> None:
    paths = [str(files / name) for name in ("photo.jpg", "one.png", "two.png")]
    masks = [str(files / "mask.png")] * 2
    words = [*paths, "-o", str(files / "out.png"), "--size", "32", "--alpha", "0.5", "--json"]
    assert main([*words, "--weights", "1", "2", "--masks", *masks, "--color", "content"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["width"], body["height"], body["network"]) == (43, 32, "compact")
    assert Image.open(files / "out.png").size == (43, 32)


def test_a_method_is_chosen_and_what_it_cannot_make_is_said(
    files: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [str(files / name) for name in ("photo.jpg", "one.png", "two.png")]
    words += ["--size", "32", "--method", "refine", "--effort", "little", "--json"]
    assert main([*words, "-o", str(files / "out.png")]) == 0
    assert json.loads(capsys.readouterr().out)["method"] == "refine"
    assert main([*words, "-o", str(files / "large.png"), "--size", "2000"]) == 2
    assert "the method refine makes up to 1.6 megapixels" in capsys.readouterr().err
    assert not (files / "large.png").exists()
    alone = catalog.MethodEntry("a third way", "nowhere:make")
    monkeypatch.setitem(catalog.METHODS, "third", alone)
    assert main([*words, "-o", str(files / "none.png"), "--method", "third"]) == 2
    assert "The method third takes one style, not several." in capsys.readouterr().err


def test_a_plain_border_of_a_style_is_left_out_with_a_notice(files: Path, capsys: Said) -> None:
    gradient = Image.linear_gradient("L").resize((100, 80)).convert("RGB")
    scanned = Image.new("RGB", (160, 120), "tan")
    scanned.paste(gradient, (30, 20))
    scanned.save(files / "scanned.png")
    words = [str(files / "photo.jpg"), "-o", str(files / "out.png"), "--size", "32"]
    assert main([*words[:1], str(files / "scanned.png"), *words[1:]]) == 0
    assert "scanned.png is left out, 98 × 78 of 160 × 120 pixels" in capsys.readouterr().err
    assert (
        main([*words[:1], str(files / "scanned.png"), *words[1:], "--keep-margins", "--overwrite"])
        == 0
    )
    assert "left out" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("crop", "size"), [("square", (32, 32)), ("0.25,0,0.75,1", (32, 48)), ("0,.5,1,1", (85, 32))]
)
def test_a_crop_of_photo_and_style_is_what_is_used(
    files: Path, crop: str, size: tuple[int, int]
) -> None:
    words = [str(files / "photo.jpg"), str(files / "one.png"), "-o", str(files / "out.png")]
    words += ["--crop", crop, "--style-crop", crop, "--size", "32", "--save-original"]
    assert main([*words, "--masks", str(files / "mask.png")]) == 0
    assert Image.open(files / "out.png").size == size
    originals = {path.name for path in files.iterdir()}
    assert len(originals) > 5


def test_a_mask_is_cropped_with_its_photo(files: Path, capsys: Said) -> None:
    mask = Image.new("L", (20, 15), 0)
    mask.paste(255, (10, 0, 20, 15))
    mask.save(files / "right.png")
    words = [str(files / "photo.jpg"), str(files / "one.png"), "-o", str(files / "out.png")]
    words += ["--size", "0", "--masks", str(files / "right.png"), "--overwrite", "--crop"]
    assert main([*words, "0,0,0.4,1"]) == 2
    assert "right.png: The mask is black inside the crop" in capsys.readouterr().err
    assert main([*words, "0.3,0,1,1"]) == 0
    assert Image.open(files / "out.png").size == (28, 30)


def test_a_crop_that_is_none_is_refused_with_what_is_one(files: Path, capsys: Said) -> None:
    words = [str(files / "photo.jpg"), str(files / "one.png"), "-o", str(files / "out.png")]
    with pytest.raises(SystemExit):
        main([*words, "--crop", "0,0,2,1"])
    assert "left,top,right,bottom, each a share from 0 to 1" in capsys.readouterr().err


def test_one_mask_serves_two_styles_and_a_black_one_is_refused(files: Path, capsys: Said) -> None:
    paths = [str(files / name) for name in ("photo.jpg", "one.png", "two.png")]
    words = [*paths, "-o", str(files / "out.png"), "--size", "32", "--masks"]
    assert main([*words, str(files / "mask.png")]) == 0
    Image.new("L", (40, 30), 0).save(files / "black.png")
    assert main([*words, str(files / "black.png"), "--overwrite"]) == 2
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
        (["photo.jpg", "fjort"], "no sample style of that name: woodcut, ink"),
        (["photo.jpg", "one.png", "two.png", "--each"], "More than one picture needs a folder"),
        (["-", "-"], "can't be two of photo, styles and masks"),
        (["photo.jpg", "one.png", "--each", "--weights", "1"], "Weights mix styles"),
        (["photo.jpg", "one.png", "--sheet", "sheet.txt"], "none of the endings"),
        (["photo.jpg", "one.png", "--sheet", "two.png"], "two.png exists already"),
        (["photo.jpg", "one.png", "--sheet", "empty"], "empty is a folder: name a file"),
        (["photo.jpg", "one.png", "--sheet", "dir.png", "--overwrite"], "dir.png is a folder"),
        (["photo.jpg", "one.png", "--sheet", "one.png/a.png"], "one.png is a file, not a folder"),
        (["photo.jpg", "one.png", "--masks", "tall.png"], "tall.png: A mask must have"),
        (["turned.jpg", "one.png", "--masks", "mask.png"], "mask.png: A mask must have"),
        (["photo.jpg", "one.png", "--format", "JPG"], "--format jpg is another kind than out.png"),
    ],
)
def test_what_the_user_can_mend_is_said_in_a_sentence(
    files: Path,
    capsys: Said,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    message: str,
) -> None:
    (files / "broken.png").write_bytes(b"\x89PNG no more")
    (files / "empty").mkdir()
    (files / "dir.png").mkdir()
    Image.new("L", (30, 40), 255).save(files / "tall.png")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (40, 30)).save(files / "turned.jpg", exif=exif)
    monkeypatch.chdir(files)
    assert main([*words, "-o", "out.png"]) == 2
    assert message in capsys.readouterr().err
    assert not (files / "out.png").exists()


def test_a_folder_that_can_not_be_made_is_refused_before_the_work(
    files: Path, capsys: Said
) -> None:
    words = [str(files / "photo.jpg"), str(files / "one.png"), str(files / "two.png"), "--each"]
    assert main([*words, "-o", str(files / "mask.png" / "out")]) == 2
    said = capsys.readouterr()
    assert "mask.png is a file, not a folder" in said.err
    assert said.err.count("adain: ") == 1
    assert said.out == ""


def test_any_number_of_styles_is_mixed(files: Path, capsys: Said) -> None:
    styles = [str(files / name) for name in ("one.png", "two.png")] * 3
    words = [str(files / "photo.jpg"), *styles, "-o", str(files / "out.png"), "--size", "16"]
    assert main(words) == 0


def test_a_mask_that_is_faint_all_over_is_used_with_a_notice(files: Path, capsys: Said) -> None:
    mask = Image.new("L", (40, 30), 40)
    mask.save(files / "faint.png")
    mask.paste(255, (0, 0, 20, 30))
    mask.save(files / "left.png")
    words = [str(files / "photo.jpg"), str(files / "one.png"), "-o", str(files / "out.png")]
    words += ["--size", "32", "--overwrite", "--masks"]
    for name, crop, noticed in (
        ("faint", "0,0,1,1", True),
        ("left", "0,0,1,1", False),
        ("left", "0.6,0,1,1", True),
    ):
        assert main([*words, str(files / f"{name}.png"), "--crop", crop]) == 0
        assert (f"{name}.png {pictures.FAINT}" in capsys.readouterr().err) == noticed


@pytest.mark.parametrize("place", ["photo", "style", "mask"])
def test_a_jpeg_that_lacks_its_end_is_used_with_a_notice(
    files: Path, capsys: Said, place: str
) -> None:
    whole = io.BytesIO()
    Image.linear_gradient("L").resize((400, 300)).save(whole, "JPEG")
    (files / "cut.jpg").write_bytes(whole.getvalue()[:-40])
    names = {"photo": "photo.jpg", "style": "one.png", "mask": "mask.png"} | {place: "cut.jpg"}
    photo, style, mask = (files / name for name in names.values())
    words = (photo, style, "--masks", mask, "-o", files / "out.png")
    assert run(files, *words) == 0
    said = capsys.readouterr().err
    assert said.count(f"{files / 'cut.jpg'}: the end of the file is missing") == 1


def test_a_photo_that_is_not_there_is_named_before_the_output(files: Path, capsys: Said) -> None:
    assert run(files, files / "nothing.jpg", files / "one.png", "-o", files / "nofolder") == 2
    assert f"adain: There is no file {files / 'nothing.jpg'}." in capsys.readouterr().err


def test_words_are_taken_in_capitals(files: Path) -> None:
    (files / "made").mkdir()
    words = (files / "photo.jpg", files / "one.png", "-o", files / "made", "--format", "JPG")
    assert run(files, *words, "--crop", "SQUARE") == 0
    assert Image.open(files / "made" / "photo.jpg").size == (16, 16)


def test_a_print_size_is_refused_with_where_there_are_some(files: Path, capsys: Said) -> None:
    with pytest.raises(SystemExit):
        run(files, "photo.jpg", "one.png", "-o", "out.png", "--size", "a4")
    assert "'a4' is no number of pixels; print sizes are for the page" in capsys.readouterr().err


# ---------------------------------------------------------------- folders


@pytest.fixture
def out(files: Path) -> Path:
    """A folder that is not there yet."""
    return files / "out"


def run(files: Path, *words: str | Path) -> int:
    """Run at a small size; results are the photos unless `--alpha` says otherwise."""
    usual = ["--alpha", "0", "--size", "16", "--weights-folder", str(files)]
    return main([*usual, *map(str, words)])


def made(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_hidden_files_of_a_mac_are_passed_over(files: Path, out: Path, capsys: Said) -> None:
    assert main([str(MAC / "photos"), str(files / "one.png"), "-o", str(out), "--size", "64"]) == 0
    assert made(out) == ["IMG_1.png", "IMG_2.png", "IMG_3.png"]
    assert "3 hidden files and folders are passed over" in capsys.readouterr().err


def test_a_broken_file_is_named_at_the_end_and_the_others_are_made(
    files: Path, out: Path, capsys: Said
) -> None:
    broken = MAC / "one-broken"
    assert main([str(broken), str(files / "one.png"), "-o", str(out), "--size", "64"]) == 1
    assert made(out) == ["a.png", "c.png"]
    said = capsys.readouterr().err
    assert "%|" not in said  # no progress bar where there is no terminal
    *_, counted, last = said.splitlines()
    assert counted == "adain: 2 pictures are made, 1 failed:"
    assert last.startswith(f"adain: {broken / 'b.jpg'}: This file is not a picture")


def test_every_ending_is_taken_that_pillow_opens(files: Path, out: Path, capsys: Said) -> None:
    (photos := files / "photos").mkdir()
    for file in (MAC / "other-endings").iterdir():
        (photos / file.name).write_bytes(file.read_bytes())  # e.heic is none
    (photos / "f.HEIC").write_bytes(hostile.HEIC.read_bytes())
    Image.new("RGB", (40, 30), "teal").save(photos / "slide.TIF")
    Image.new("RGB", (40, 30), "teal").save(photos / "scan.pnm")
    for name in ("notes.txt", "report.pdf", "film.mpg", "noending"):
        (photos / name).write_text("not a picture")
    (photos / "elsewhere").symlink_to(files)
    assert run(files, photos, files / "one.png", "-o", out) == 1
    assert made(out) == [
        *("IMG_5.png", "a.png", "c.png", "d.png", "download.png", "f.png"),
        *("scan.png", "slide.png"),
    ]
    said = capsys.readouterr().err
    assert f"adain: {photos / 'e.heic'}: This file is not a picture" in said
    for name in ("notes.txt", "report.pdf", "film.mpg", "noending"):
        assert f"{photos / name} is left out: its ending is not one of a picture." in said
    assert f"{photos / 'elsewhere'} is left out: it is a link to a folder." in said


def test_folders_are_kept_below_the_output(files: Path, out: Path) -> None:
    for folder in ("photos/summer/day 1", "photos/winter", "photos/.trash"):
        (files / folder).mkdir(parents=True)
        Image.new("RGB", (40, 30), "teal").save(files / folder / "사진.jpg")
    inside = files / "photos" / "painted"
    assert run(files, files / "photos", files / "one.png", "-o", inside) == 0
    wanted = ["summer/day 1/사진.png", "winter/사진.png"]
    assert made(inside) == wanted
    assert run(files, files / "photos", files / "one.png", "-o", inside, "--overwrite") == 0
    assert made(inside) == wanted  # no result was painted again


def test_a_folder_that_cannot_be_read_is_named(files: Path, out: Path, capsys: Said) -> None:
    (locked := files / "photos" / "locked").mkdir(parents=True)
    Image.new("RGB", (40, 30), "teal").save(files / "photos" / "a.jpg")
    script = "import sys; from adain.cli.command import main; sys.exit(main())"
    locked.chmod(0)
    words = [sys.executable, "-c", script, "photos", "one.png", "-o", "out", "--size", "16"]
    if os.getuid() == 0:  # whom nothing is locked for, unless it gives that up
        words = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *words]
    ended = subprocess.run(
        words, cwd=files, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    locked.chmod(0o755)
    assert ended.returncode == 1
    assert made(out) == ["a.png"]
    assert "photos/locked can't be read: Permission denied." in ended.stderr


def test_names_that_some_systems_take_for_one_stay_apart(files: Path, out: Path) -> None:
    (photos := files / "photos").mkdir()
    for name in ("a.jpg", "A.png", "a.jpg.gif"):
        Image.new("RGB", (40, 30), "teal").save(photos / name)
    assert run(files, photos, files / "one.png", "-o", out) == 0
    assert len({name.casefold() for name in made(out)}) == 3


def test_every_photo_is_made_in_every_style(files: Path, out: Path) -> None:
    (photos := files / "photos").mkdir()
    (styles := files / "styles").mkdir()
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (40, 30), "teal").save(photos / name)
    Image.new("RGB", (40, 30), "red").save(styles / "red.png")
    (styles / "broken.png").write_bytes(b"\x89PNG no more")
    wanted = ["a--night.png", "a--red.png", "b--night.png", "b--red.png"]
    paint = "--alpha", "1"
    assert run(files, photos, styles, "night", "-o", out, *paint) == 1  # a folder of styles is each
    assert made(out) == wanted
    more = "--each", "--overwrite"
    assert run(files, photos, styles / "red.png", "night", "-o", out, *more, *paint) == 0
    assert made(out) == wanted
    alone = files / "alone.png"
    assert run(files, photos / "a.jpg", "night", "-o", alone, *paint) == 0
    one, other = (np.asarray(Image.open(file), int) for file in (alone, out / "a--night.png"))
    assert np.abs(one - other).max() <= 1  # whichever code painted each


def test_a_sample_style_is_known_by_its_name(files: Path) -> None:
    sample = samples.file("styles", "woodcut")
    assert sample
    photo, paint = files / "photo.jpg", ("--alpha", "1")
    assert run(files, photo, "woodcut", "-o", files / "name.png", *paint) == 0
    assert run(files, photo, sample, "-o", files / "path.png", *paint) == 0
    assert (files / "name.png").read_bytes() == (files / "path.png").read_bytes()


# ---------------------------------------------------------------- files that exist


def test_a_file_that_exists_stays_unless_it_is_to_be_replaced(files: Path, capsys: Said) -> None:
    output = "other.png"
    Image.new("RGB", (40, 30), "pink").save(files / output)
    before = (files / output).read_bytes()
    words = (files / "photo.jpg", files / "one.png", "-o", files / output)
    assert run(files, *words) == 2
    assert "exists already; --overwrite replaces it." in capsys.readouterr().err
    assert (files / output).read_bytes() == before
    assert run(files, *words, "--overwrite") == 0
    assert (files / output).read_bytes() != before


def test_nothing_is_left_of_a_picture_that_could_not_be_written(files: Path, capsys: Said) -> None:
    Image.new("RGB", (4000, 10), "teal").save(files / "strip.png")
    words = ("--size", "50", "-o", str(files / "out.webp"))  # 20,000 pixels wide
    assert main([str(files / "strip.png"), str(files / "one.png"), *words, "--alpha", "0"]) == 2
    assert not [name for name in made(files) if "out" in name or name.startswith(".")]
    assert "too large for .webp, which holds 16,383 pixels a side" in capsys.readouterr().err


@pytest.mark.parametrize("ending", sorted({"jpg", *outputs.ENDINGS} - {"jpeg", "tif"}))
def test_a_side_longer_than_a_kind_of_file_holds_is_refused(ending: str) -> None:
    how = outputs.ENDINGS[ending]
    most = kinds.LONGEST.get(how["format"], 70_000)
    for side in (most, most + 1):
        fits = kinds.holds(how["format"], side, 16)
        try:
            Image.new("RGB", (side, 16)).save(io.BytesIO(), **how)
        except (OSError, ValueError, RuntimeError):
            assert not fits
        else:
            assert fits


# ---------------------------------------------------------------- nothing is lost


LOST = [  # what is asked, and which file would be written over
    (("photo.jpg", "one.png", "-o", "photo.jpg"), "photo.jpg"),
    (("photo.jpg", "one.png", "-o", "one.png"), "one.png"),
    (("photo.jpg", "one.png", "-o", "link.png"), "link.png"),
    (("photo.jpg", "one.png", "-o", "x.png", "--masks", "mask.png", "--sheet", "mask.png"), "mask"),
    (("photo.jpg", "one.png", "-o", "mask.png", "--masks", "mask.png"), "mask.png"),
    (("photo.jpg", "one.png", "-o", "x.png", "--sheet", "photo.jpg"), "photo.jpg"),
    (("photo.jpg", "x--style.png", "-o", "x.png", "--save-original"), "x--style.png"),
    (("photo.jpg", "one.png", "-o", ".", "--format", "jpg"), "photo.jpg"),
    (("photos", "one.png", "-o", "photos"), "photos/a.png"),
]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(("words", "lost"), LOST)
def test_a_picture_that_is_read_is_never_written_over(
    files: Path,
    capsys: Said,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    lost: str,
    overwrite: bool,
) -> None:
    monkeypatch.chdir(files)
    (files / "photos").mkdir()
    for name in ("photos/a.png", "photos/b.jpg", "x--style.png"):
        Image.new("RGB", (40, 30), "teal").save(name)
    (files / "link.png").symlink_to("one.png")
    before = {name: (files / name).read_bytes() for name in made(files)}
    assert run(files, *words, *(["--overwrite"] if overwrite else [])) == 2
    said = capsys.readouterr().err
    assert f"adain: {lost}" in said
    assert "is read, and is never written over: choose another name." in said
    assert {name: (files / name).read_bytes() for name in made(files)} == before


@pytest.mark.parametrize("sheet", ["out/photo.png", "out/../out/PHOTO.png", "out/photo--photo.png"])
def test_a_sheet_has_a_name_of_its_own(
    files: Path, out: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch, sheet: str
) -> None:
    monkeypatch.chdir(files)
    out.mkdir()
    words = ("photo.jpg", "one.png", "-o", "out", "--save-original", "--sheet", sheet)
    assert run(files, *words, "--overwrite") == 2
    assert f"{sheet} would be written twice: choose another name" in capsys.readouterr().err
    assert made(out) == []


@pytest.mark.parametrize("ending", sorted(outputs.ENDINGS))
def test_transparency_is_kept_only_by_kinds_that_hold_it(
    files: Path, capsys: Said, ending: str
) -> None:
    Image.new("RGBA", (40, 30), (9, 90, 200, 100)).save(files / "clear.png")
    output = files / f"out.{ending}"
    words = (files / "clear.png", files / "one.png", "-o", output, "--transparency", "keep")
    if run(files, *words) == 0:
        assert Image.open(output).mode == "RGBA"
    else:
        said = capsys.readouterr().err
        assert f".{ending} holds no transparency to keep; .png, .webp, .avif, .tif do." in said
        assert not output.exists()
    assert output.exists() == (ending not in {"jpg", "jpeg", "bmp"})


# ---------------------------------------------------------------- kinds of files


def test_a_jpeg_has_quality_92_and_no_subsampling(files: Path) -> None:
    photo = samples.file("photos", "cat")
    assert photo
    assert run(files, photo, "night", "-o", files / "x.jpg") == 0
    Image.open(photo).convert("RGB").save(files / "known.jpg", quality=92)
    with Image.open(files / "x.jpg") as image, Image.open(files / "known.jpg") as known:
        assert isinstance(image, JpegImagePlugin.JpegImageFile)
        assert isinstance(known, JpegImagePlugin.JpegImageFile)
        assert JpegImagePlugin.get_sampling(image) == 0  # 4:4:4
        assert image.quantization == known.quantization


@pytest.mark.parametrize(
    ("ending", "kind"),
    [("webp", "WEBP"), ("avif", "AVIF"), ("tif", "TIFF"), ("bmp", "BMP"), ("JPEG", "JPEG")],
)
def test_the_files_extension_chooses_its_format(files: Path, ending: str, kind: str) -> None:
    output = files / f"out.{ending}"
    assert run(files, files / "photo.jpg", files / "one.png", "-o", output) == 0
    with Image.open(output) as image:
        assert (image.format, image.size) == (kind, (21, 16))


def test_pictures_in_a_folder_get_the_kind_that_is_asked_for(files: Path, out: Path) -> None:
    out.mkdir()
    assert run(files, files / "photo.jpg", "night", "-o", out, "--format", "webp") == 0
    assert made(out) == ["photo.webp"]


# ---------------------------------------------------------------- beside the results


def test_photos_and_styles_are_kept_as_the_network_got_them(files: Path, out: Path) -> None:
    (photos := files / "photos").mkdir()
    Image.new("RGB", (40, 30), "teal").save(photos / "a.png")
    words = (photos, files / "one.png", "night", "-o", out, "--each", "--save-original")
    assert run(files, *words) == 0
    assert made(out) == [
        *("a--night.png", "a--one.png", "a--photo.png", "night--style.png", "one--style.png")
    ]
    with Image.open(out / "a--photo.png") as kept:
        assert (kept.size, kept.getpixel((3, 3))) == ((21, 16), (0, 128, 128))
    with Image.open(out / "one--style.png") as kept:
        assert kept.getpixel((3, 3)) == (255, 0, 0)


def test_one_picture_has_its_originals_beside_it(files: Path) -> None:
    output = files / "made" / "cat.jpg"
    assert run(files, files / "photo.jpg", "night", "-o", output, "--save-original") == 0
    assert made(files / "made") == ["cat--photo.jpg", "cat--style.jpg", "cat.jpg"]


def test_a_contact_sheet_shows_every_picture_in_its_place(files: Path, out: Path) -> None:
    (photos := files / "photos").mkdir()
    for name, color in (("a.png", "navy"), ("b.png", "lime")):
        Image.new("RGB", (40, 30), color).save(photos / name)
    (photos / "broken.png").write_bytes(b"\x89PNG no more")
    page = files / "sheet.png"
    words = (photos, files / "one.png", files / "two.png", "-o", out, "--each", "--sheet", page)
    assert run(files, *words) == 1
    with Image.open(page) as sheet:
        colors = [
            [sheet.getpixel((8 + 168 * column + 80, 8 + 168 * row + 80)) for column in range(3)]
            for row in range(3)
        ]
    white, red, gold = (255, 255, 255), (255, 0, 0), (255, 215, 0)
    assert colors == [[white, red, gold], [(0, 0, 128)] * 3, [(0, 255, 0)] * 3]


# ---------------------------------------------------------------- as one program among others


def adain(folder: Path, words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the program in a shell, in a folder."""
    line = words.replace("adain", f"{sys.executable} -m adain")
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=folder,
        env=env,
        input=given,
        capture_output=True,
    )


def test_a_photo_comes_from_stdin_and_the_picture_goes_to_stdout(files: Path) -> None:
    given = (files / "photo.jpg").read_bytes()
    ended = adain(files, "adain - night --size 16 -o - --format jpg > out.jpg", given)
    assert (ended.returncode, ended.stderr) == (0, b"-\n")
    with Image.open(files / "out.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (21, 16))


def test_a_closed_pipe_ends_it_without_a_traceback(files: Path) -> None:
    ended = adain(files, "adain photo.jpg night --size 16 -o out.png | true")
    assert ended.returncode in {0, 1}
    assert b"Traceback" not in ended.stderr
    assert b"Exception" not in ended.stderr


def test_a_name_that_is_no_text_is_printed_as_it_is(files: Path) -> None:
    name = b"caf\xe9"
    Path(os.fsdecode(bytes(files) + b"/" + name + b".jpg")).write_bytes(
        (files / "photo.jpg").read_bytes()
    )
    (files / "out").mkdir()
    ended = adain(files, "adain caf*.jpg night --size 16 -o out")
    assert (ended.returncode, ended.stdout) == (0, b"out/" + name + b".png\n")


def test_no_file_ends_it_in_a_traceback(files: Path, out: Path, capsys: Said) -> None:
    (photos := files / "photos").mkdir()
    for name, data in hostile.corpus("shapes", "metadata", "modes", "broken").items():
        (photos / name).write_bytes(data)
    assert run(files, photos, files / "one.png", "-o", out) == 1
    said, photos_named = capsys.readouterr().err, sorted(photos.iterdir())
    results = {path.name for path in out.iterdir()}
    named = said.count(f"adain: {photos}") - said.count(": the end of the file is missing")
    assert len(results) + named == len(photos_named)
