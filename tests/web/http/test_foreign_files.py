"""Files that the studio did not make and that lie in its folders are never deleted."""

import ast
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from web.http import spool
from worker.films import workplaces
from worker.maintenance import scheduled_backup, sweep
from worker.settings import settings
from worker.storage import blobs, disk
from worker.visitors import uploads

BACKUPS = "backups"
ROOT = Path(spool.__file__).parents[2]
FOREIGN = (
    "thesis.pdf",
    "customer-photos/a.jpg",
    "mail-queue/lock",  # a lock alone makes no folder ours
    "12-letters/lock",
    f"12-{'A' * 32}/lock",
    f"12-{'a' * 31}/lock",
    f"{'a' * 32}.jpg",
    f"{'a' * 31}/photo.jpg",
    f"{'a' * 33}",
    f"{'a' * 64}.d/photo.jpg",
    "lock.txt",
)
# Every place that deletes what it found by listing a folder; the names it deletes are of our own
# shape, which the test above tries.
BY_LISTING = {
    "web/http/spool.py",
    "worker/films/workplaces.py",
    "worker/maintenance/scheduled_backup.py",
    "worker/storage/blobs.py",
    "worker/visitors/uploads.py",
}


@pytest.fixture
def foreign(studio: Path) -> set[Path]:
    """Old files that the studio did not make in every folder of pictures; returns them."""
    outside = studio.parent / "outside"
    outside.mkdir()
    (outside / "lock").touch()
    made = {outside / "lock"}
    for folder in (uploads.folder(), spool.folder(), studio / "blobs", studio / BACKUPS):
        folder.mkdir(parents=True, exist_ok=True)
        for name in FOREIGN:
            file = folder / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(b"somebody's")
            made.add(file)
        for name in ("link", f"12-{'a' * 32}"):  # the second looks like a process's folder
            (folder / name).symlink_to(outside)
            made.add(folder / name)
    film = workplaces.folder() / "holiday" / disk.LOCK
    film.parent.mkdir(parents=True)
    film.touch()
    (workplaces.folder() / ("0" * 32)).symlink_to(outside)
    made.add(film)
    past = time.time() - 400 * 86_400
    for file in made:
        os.utime(file, (past, past), follow_symlinks=False)
        if not file.parent.is_symlink():
            os.utime(file.parent, (past, past))
    return made


def test_a_file_that_the_studio_did_not_make_is_never_deleted(
    foreign: set[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    with spool.install():
        uploads.tidy()
        sweep.tidy()
        workplaces.tidy()
        blobs.empty_trash(time.time())
        scheduled_backup.delete_left_over(settings().data / BACKUPS)
        scheduled_backup.rotate(settings().data / BACKUPS)
    assert {file for file in foreign if not os.path.lexists(file)} == set()


def _calls_that_list_and_delete(tree: ast.AST) -> Iterator[str]:
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    if names & {"iterdir", "scandir", "listdir", "glob", "rglob", "walk", "find"}:
        yield from names & {"rmtree", "rmdir", "removedirs", "rm", "rm_file", "unlink", "remove"}


def test_no_other_module_deletes_what_it_finds_in_a_folder() -> None:
    found = {
        str(file.relative_to(ROOT))
        for package in ("web", "worker")
        for file in (ROOT / package).rglob("*.py")
        if any(_calls_that_list_and_delete(ast.parse(file.read_text("utf-8"))))
    }
    assert found == BY_LISTING
