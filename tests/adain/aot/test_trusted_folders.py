"""Folders that code may be loaded from: owners and modes."""

import os
import stat
from pathlib import Path

import pytest

from adain.aot import compile as aot_compile
from adain.aot import trusted_folders
from tests.parts import reachable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is ours alone, below another that is."""
    made = reachable(tmp_path.resolve()) / "data" / "code" / "one"
    made.mkdir(parents=True)
    for step in (made, made.parent, made.parent.parent):
        step.chmod(0o755)
    (made / "paint.so").touch(mode=0o644)
    return made


def test_a_folder_that_only_this_user_can_write_to_is_trusted(folder: Path) -> None:
    assert trusted_folders.weak_point(folder) is None
    assert trusted_folders.weak_points(folder) == []


@pytest.mark.parametrize("above", [0, 1, 2])
def test_a_folder_that_others_can_write_to_is_found_wherever_on_the_way(
    folder: Path, above: int
) -> None:
    weak = [folder, *folder.parents][above]
    weak.chmod(0o757)
    assert trusted_folders.weak_point(folder) == weak
    assert trusted_folders.weak_points(folder)[0] == weak


def test_a_file_that_others_can_write_to_is_found(folder: Path) -> None:
    (folder / "paint.so").chmod(0o666)
    assert trusted_folders.weak_points(folder) == [folder / "paint.so"]


def test_a_file_that_is_really_elsewhere_is_judged_where_it_is(
    folder: Path, tmp_path: Path
) -> None:
    open_to_all = tmp_path.resolve() / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    (open_to_all / "measure.so").touch()
    (folder / "measure.so").symlink_to(open_to_all / "measure.so")
    assert trusted_folders.weak_points(folder) == [open_to_all]


def test_a_sticky_folder_above_is_trusted(
    folder: Path,
) -> None:
    folder.parent.parent.chmod(0o1777)
    assert trusted_folders.weak_point(folder) is None


def test_a_folder_that_others_can_not_enter_guards_what_is_below(folder: Path) -> None:
    folder.parent.parent.chmod(0o700)
    for step in (folder, folder.parent):
        step.chmod(0o777)
    assert trusted_folders.weak_points(folder) == []


def test_a_group_of_one_user_may_write_above(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.parent.chmod(0o775)
    for alone in (True, False):
        monkeypatch.setattr(trusted_folders, "ours_alone", lambda group, alone=alone: alone)
        assert trusted_folders.weak_point(folder) == (None if alone else folder.parent)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_what_belongs_to_another_user_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen from a user who is neither root nor the owner."""
    if os.getuid() == 0:
        os.chown(folder.parent, 12345, -1)
        assert trusted_folders.weak_point(folder) == folder.parent
    else:
        monkeypatch.setattr(os, "getuid", lambda: 12345)
        assert trusted_folders.weak_point(folder) is not None


def test_code_is_compiled_in_a_new_folder_that_is_gone_afterwards(tmp_path: Path) -> None:
    for left in ("scratch", "scratch-of-one-who-was-killed"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "planted.so").touch()
    with aot_compile._scratch(tmp_path) as scratch:
        assert list(tmp_path.iterdir()) == [scratch]
        assert list(scratch.iterdir()) == []
        assert stat.S_IMODE(scratch.stat().st_mode) == 0o700
    assert list(tmp_path.iterdir()) == []
