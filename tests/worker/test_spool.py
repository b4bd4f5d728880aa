"""What a process works on lies in the data folder, and goes with it or at the next start."""

import subprocess
import sys
from pathlib import Path

import pytest

import web
import worker
from tests.parts import picture
from web import app
from worker import batches, images, spool
from worker.batches import Source

PRODUCT = [path for part in (web, worker) for path in Path(part.__path__[0]).rglob("*.py")]

KILLED = """
import os, signal
from worker import batches, images
from worker.batches import Source
clean = images.clean

def killed(data):
    if data == b"the last":
        os.kill(os.getpid(), signal.SIGKILL)
    return clean(data)

images.clean = killed
photo = open(os.environ["PHOTO"], "rb").read()
sources = [Source("a", 1, lambda: photo), Source("b", 1, lambda: b"the last")]
batches.submit("ann", sources, [Source("style", 1, lambda: photo)])
"""


def left(studio: Path) -> list[str]:
    return [path.name for path in (studio / "spool").rglob("*") if path.suffix]


def test_photos_of_a_batch_whose_process_was_killed_go_at_the_next_start(
    studio: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (tmp_path / "photo.png").write_bytes(picture())
    monkeypatch.setenv("PHOTO", str(tmp_path / "photo.png"))
    monkeypatch.setenv("TMPDIR", str(temporary))
    assert subprocess.run([sys.executable, "-c", KILLED], check=False).returncode == -9
    assert [path for path in temporary.rglob("*") if path.suffix == ".png"] == []
    assert left(studio) == ["Photo-0.png"]
    app.create()
    assert left(studio) == []


def test_a_start_leaves_what_another_process_works_on(studio: Path) -> None:
    with spool.folder() as place:
        (place / "photo.png").write_bytes(b"photo")
        command = [sys.executable, "-c", "from worker import spool; spool.tidy()"]
        subprocess.run(command, check=True)
        assert left(studio) == ["photo.png"]
    assert list((studio / "spool").iterdir()) == []


def test_a_start_leaves_what_is_no_folder_of_ours(studio: Path) -> None:
    (spool.root() / "notes").mkdir()
    (spool.root() / "work.txt").write_text("mine")
    spool.tidy()
    assert {path.name for path in spool.root().iterdir()} == {"notes", "work.txt"}


def test_only_its_owner_can_look_into_the_spool(studio: Path) -> None:
    with spool.folder() as place:
        assert [path.stat().st_mode & 0o77 for path in (place, spool.root())] == [0, 0]


def test_a_batch_leaves_nothing_in_the_spool(studio: Path) -> None:
    one = Source("photo.png", len(picture()), picture)
    batches.submit("ann", [one], [one])
    with pytest.raises(images.ImageRejected):
        batches.submit("ann", [one, Source("b", 1, lambda: b"no picture")], [one])
    assert list(spool.root().iterdir()) == []


def test_no_module_uses_the_systems_temporary_folder() -> None:
    using = {path.stem for path in PRODUCT if "import tempfile" in path.read_text()}
    assert using <= {"backup"}  # whose files have no name
