import json
import sys
import tempfile
from pathlib import Path

import pytest

from tests.parts import Setting, picture
from worker import jobs
from worker.maintenance import backup, drill
from worker.maintenance.backup import BackupError
from worker.storage import blobs, database


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def test_a_backup_is_restored_beside_the_studio_which_is_not_touched(
    studio: Path, tmp_path: Path, temporary: Path
) -> None:
    job = jobs.submit("ann", picture(), [picture()])
    file, counts = backup.make(tmp_path / "one.tar")
    blobs.put(job.content_key, b"damage since")
    database.engine().dispose()
    before = contents(studio)
    said = drill.run(file)
    assert said.startswith(f"Restored as a drill: {sum(counts.values())} rows, 2 pictures.")
    assert contents(studio) == before
    assert list(temporary.iterdir()) == []


def test_pictures_missing_when_it_was_made_are_named_and_no_failure(
    studio: Path, tmp_path: Path, temporary: Path
) -> None:
    job = jobs.submit("ann", picture(), [picture()])
    blobs.delete([job.content_key])
    file, _ = backup.make(tmp_path / "one.tar")
    assert "1 were missing when it was made." in drill.run(file)


def test_a_damaged_backup_is_refused_with_a_sentence_and_leaves_nothing(
    studio: Path, tmp_path: Path, temporary: Path
) -> None:
    jobs.submit("ann", picture(), [picture()])
    file, _ = backup.make(tmp_path / "one.tar")
    file.write_bytes(file.read_bytes().replace(b'"ann"', b'"eve"'))
    with pytest.raises(BackupError, match="is damaged: its sha256 is another"):
        drill.run(file)
    assert list(temporary.iterdir()) == []


def test_a_drill_without_room_is_refused_before_anything_is_written(
    studio: Path, tmp_path: Path, temporary: Path, setting: Setting
) -> None:
    file, _ = backup.make(tmp_path / "one.tar")
    setting(min_free_bytes=1 << 60)
    with pytest.raises(BackupError, match="TMPDIR"):
        drill.run(file)


def test_a_drill_knows_none_of_the_studios_settings(
    monkeypatch: pytest.MonkeyPatch, setting: Setting
) -> None:
    setting(database_url="postgresql://studio@db/studio", redis_url="redis://queue:6379/0")
    given = drill._environment("/somewhere")
    assert {name for name in given if name.startswith("STUDIO_")} == {"STUDIO_DATA"}
    assert json.dumps(given)


def test_a_drill_touches_no_database_named_in_lower_case(
    studio: Path, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, _ = backup.make(tmp_path / "one.tar")
    monkeypatch.setenv("studio_database_url", f"sqlite:///{tmp_path}/named.sqlite3")
    monkeypatch.setenv("Studio_Blobs_Url", f"file://{tmp_path}/named")
    assert drill.run(file).startswith("Restored as a drill")
    assert list(tmp_path.glob("named*")) == []


@pytest.mark.parametrize("name", ["database_url", "blobs_url"])
def test_a_drill_whose_settings_name_another_place_writes_nothing(
    name: str, studio: Path, tmp_path: Path, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, _ = backup.make(tmp_path / "one.tar")
    kind = {"database_url": "sqlite:///", "blobs_url": "file://"}[name]
    setting(data=tmp_path / "own", **{name: f"{kind}{tmp_path}/elsewhere"})
    monkeypatch.setattr(sys, "argv", ["drill", str(file), str(tmp_path / "own")])
    with pytest.raises(SystemExit, match="name another"):
        drill.main()
    assert not (tmp_path / "own").exists()
    assert not (tmp_path / "elsewhere").exists()
