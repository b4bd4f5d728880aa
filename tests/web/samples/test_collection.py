"""The operator's own style pictures: what of a folder is used, and where it is shown."""

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from typer.testing import CliRunner, Result

from adain.files import samples
from tests.parts import Setting, picture
from web import app, cli
from web.http import references
from web.page import form
from web.samples import collection, shelf

CREDIT = {"title": "Water Lilies", "artist": "Claude Monet", "year": 1906, "licence": "CC0 1.0"}


@pytest.fixture
def folder(tmp_path: Path, setting: Setting) -> Path:
    """The folder of a studio's own shelf, with one picture in it."""
    made = tmp_path / "shelf"
    made.mkdir()
    setting(shelf=made)
    hang(made, "lilies")
    return made


def hang(folder: Path, name: str, data: bytes = b"", **credit: object) -> None:
    (folder / f"{name}.jpg").write_bytes(data or picture(300, 200))
    (folder / f"{name}.json").write_text(json.dumps(CREDIT | credit))


def call(*words: object) -> Result:
    return CliRunner().invoke(cli.app, ["shelf", *map(str, words)])


def problem(folder: Path) -> str:
    """Return the one sentence on what is left out; what was there before stays."""
    found = collection.read(folder)
    assert list(found.works) == ["lilies"]
    [sentence] = found.problems
    return sentence


def test_a_picture_with_its_credit_is_the_first_style_of_the_shelf(folder: Path) -> None:
    assert shelf.names("styles") == ("lilies", *samples.names("styles"))
    assert collection.works()["lilies"].credit.line == "Water Lilies · Claude Monet, 1906 · CC0 1.0"
    assert "lilies" not in shelf.names("photos")


def test_without_the_setting_the_shelf_has_the_samples_alone() -> None:
    assert shelf.names("styles") == samples.names("styles")
    assert collection.here().problems == []


def test_it_can_be_submitted_by_its_name_and_is_known_by_its_digest(
    folder: Path, studio: Path
) -> None:
    data = references.read("shelf:styles/lilies", "ada")
    assert references.source("shelf:styles/lilies", "ada").size == len(data)
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (300, 200)
    assert shelf.by_digest()[collection.works()["lilies"].digest] == "lilies"


def test_a_large_picture_is_kept_smaller_and_without_what_else_its_file_holds(
    folder: Path,
) -> None:
    image = Image.new("RGB", (2500, 1500))
    exif = Image.Exif()
    exif[0x010E] = "where the painting hangs"
    image.save(folder / "lilies.jpg", exif=exif)
    with Image.open(io.BytesIO(collection.read(folder).works["lilies"].data)) as kept:
        assert min(kept.size) == collection.SIDE
        assert not kept.getexif()


@pytest.mark.parametrize("credit", [
    {"title": ""}, {"title": " \u200b "}, {"artist": "a" * 121}, {"licence": None},
    {"year": 19.5}, {"price": 3},
], ids=str)  # fmt: skip
def test_a_credit_that_is_not_complete_is_refused_by_the_name_of_its_file(
    folder: Path, credit: dict[str, Any]
) -> None:
    hang(folder, "roses", b"", **credit)
    assert problem(folder).startswith("STUDIO_SHELF: roses.jpg is left out: roses.json: ")
    assert next(iter(credit)) in problem(folder)


def test_a_picture_without_a_credit_is_refused(folder: Path) -> None:
    (folder / "roses.png").write_bytes(picture(kind="PNG"))
    assert "roses.png is left out: roses.json: there is no roses.json" in problem(folder)


@pytest.mark.parametrize("name", ["ink", "dots", "cat", "Roses", "a b", "x" * 41, "-x"])
def test_a_name_that_is_taken_or_no_name_is_refused(folder: Path, name: str) -> None:
    hang(folder, name)
    assert f"{name}.jpg is left out: " in problem(folder)


def test_a_text_that_is_called_a_picture_is_refused(folder: Path) -> None:
    hang(folder, "roses", b"<html>no picture</html>")
    assert "roses.jpg is left out: " in problem(folder)


def test_another_file_is_named_and_a_hidden_one_is_no_matter(folder: Path) -> None:
    (folder / "notes.txt").write_text("to be framed")
    (folder / ".lock").write_text("")
    assert "notes.txt is left out: " in problem(folder)


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.jpg").write_bytes(picture())
    hang(folder, "roses")
    (folder / "roses.jpg").unlink()
    (folder / "roses.jpg").symlink_to(tmp_path / "outside.jpg")
    assert "roses.jpg is left out: it is a link" in problem(folder)


def test_a_credit_that_is_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.json").write_text(json.dumps(CREDIT))
    hang(folder, "roses")
    (folder / "roses.json").unlink()
    (folder / "roses.json").symlink_to(tmp_path / "outside.json")
    assert "roses.jpg is left out: roses.json: it is a link" in problem(folder)


def test_a_pipe_does_not_hold_the_start(folder: Path) -> None:
    hang(folder, "roses")
    (folder / "roses.jpg").unlink()
    os.mkfifo(folder / "roses.jpg")
    assert "roses.jpg is left out: it is not a file" in problem(folder)


def test_a_folder_that_is_called_a_picture_is_refused(folder: Path) -> None:
    (folder / "roses.jpg").mkdir()
    (folder / "roses.json").write_text(json.dumps(CREDIT))
    assert "roses.jpg is left out: it is not a file" in problem(folder)


def test_the_name_of_a_file_writes_no_line_of_its_own_into_the_log(folder: Path) -> None:
    (folder / "a\nb.jpg").write_bytes(picture())
    assert "STUDIO_SHELF: a b.jpg is left out" in problem(folder)


def test_the_keys_of_a_credit_write_no_line_of_their_own_into_the_log(folder: Path) -> None:
    key = "\x1b[2J\x07\r\n" + "a" * 500
    (folder / "lilies.json").write_text(json.dumps(CREDIT | {key: "x"}))
    [said] = collection.read(folder).problems
    assert said.isprintable()
    assert f" [2J {'a' * 76}: " in said


def test_a_huge_file_is_refused_before_it_is_read(folder: Path) -> None:
    hang(folder, "roses")
    os.truncate(folder / "roses.jpg", 1 << 40)
    assert "roses.jpg is left out: it is larger than 25 MiB" in problem(folder)


def test_two_pictures_of_one_name_are_one_and_a_sentence(folder: Path) -> None:
    (folder / "lilies.png").write_bytes(picture(kind="PNG"))
    assert "lilies.png is left out: another picture has its name" in problem(folder)


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path, setting: Setting) -> None:
    setting(shelf=tmp_path / "nowhere")
    [sentence] = collection.here().problems
    assert "nowhere can't be read" in sentence


def test_the_api_lists_all_styles_with_their_credits(folder: Path, studio: Path) -> None:
    with TestClient(app.without_page()) as client:
        own, *others = client.get("/api/v1/shelf").json()
        assert own == {
            **CREDIT, "year": "1906", "name": "lilies",
            "picture": "/shelf/styles/lilies.jpg", "thumbnail": "/shelf/styles/lilies.webp",
        }  # fmt: skip
        assert [one["name"] for one in others] == list(samples.names("styles"))
        assert {one["licence"] for one in others} == {"MIT"}
        for one in (own, others[0]):
            assert client.get(one["picture"]).headers["content-type"] == "image/jpeg"
            assert client.get(one["thumbnail"]).headers["content-type"] == "image/webp"
        korean = client.get("/api/v1/shelf", headers={"accept-language": "ko"}).json()
        assert korean[0]["title"] == "Water Lilies"
        assert korean[1]["title"] == "목판"


def test_the_page_has_the_credit_as_text_and_never_as_html(folder: Path) -> None:
    hang(folder, "roses", title='<img src=x onerror="alert(1)">')
    drawn = form._choice("styles", "roses")
    assert "<img src=x" not in drawn
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt; · Claude Monet" in drawn


# ---------------------------------------------------------------- the command line


def test_a_picture_is_added_listed_and_checked(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "Roses.PNG").write_bytes(picture(kind="PNG"))
    words = "--title", "Roses", "--artist", "unknown", "--licence", "public domain"
    added = call("add", tmp_path / "Roses.PNG", *words)
    assert added.exit_code == 0, added.output
    assert (folder / "roses.png").exists()
    assert "roses: Roses · unknown · public domain" in call("list").output
    assert call("check").output == "All 2 pictures can be used.\n"
    again = call("add", tmp_path / "Roses.PNG", *words)
    assert str(again.exception) == "There is a roses on the shelf already."


def test_what_can_not_be_added_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    before = sorted(folder.iterdir())
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "good.jpg").write_bytes(picture())
    words = "--artist", "unknown", "--licence", "public domain"
    for file, title, name in (("text", "Text", ""), ("good", "", ""), ("good", "Good", "ink")):
        refused = call("add", tmp_path / f"{file}.jpg", "--title", title, "--name", name, *words)
        assert refused.exit_code == 1
        assert "can't be used" in str(refused.exception)
    assert sorted(folder.iterdir()) == before


def test_check_names_what_is_left_out_and_fails(folder: Path) -> None:
    hang(folder, "roses", b"no picture")
    found = call("check")
    assert found.exit_code == 1
    assert "roses.jpg is left out" in found.output
    assert str(found.exception) == "1 can't be used, 1 can."


def test_without_a_folder_the_words_say_what_to_set() -> None:
    assert "STUDIO_SHELF" in str(call("list").exception)
