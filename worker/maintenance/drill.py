"""A drill: a back-up restored into a temporary studio of its own, checked, and deleted again.

The restore runs in a process that knows none of the studio's settings, so that it reaches neither
its database nor its pictures; it looks whether that is so before it writes.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from worker import program
from worker.maintenance import check_backup, restore, verify
from worker.maintenance.backup import BackupError
from worker.settings import PREFIX, is_setting, settings
from worker.storage import free_space


def _environment(folder: str) -> dict[str, str]:
    """Return our environment with no setting of the studio's but a data folder."""
    others = {name: value for name, value in os.environ.items() if not is_setting(name)}
    return others | {f"{PREFIX}DATA": folder}


def _check_free_bytes(source: Path, folder: str) -> None:
    if free_space.left_on(Path(folder)) < source.stat().st_size:
        raise BackupError(f"{folder} has no room for it; name another folder by TMPDIR.")


def run(source: Path) -> str:
    """Restore a back-up into a temporary studio and check it; return what was found.

    Raises `BackupError` with what is wrong with it, OSError.
    """
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="adain-studio-drill-") as folder:
        _check_free_bytes(source, folder)
        done = subprocess.run(
            program.command("worker.maintenance.drill", str(source.absolute()), folder),
            env=_environment(folder),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise BackupError(done.stderr.strip().rpartition("\n")[2] or "the restore was killed")
    return f"{done.stdout.strip()} {time.monotonic() - begun:.0f} s."


def _check_own(folder: Path) -> None:
    """Leave unless database and pictures of the settings lie in the drill's own folder."""
    database_file = settings().database_url.removeprefix("sqlite:///")
    places = Path(database_file), Path(settings().blobs_url.removeprefix("file://"))
    if not all(place.resolve().is_relative_to(folder.resolve()) for place in places):
        raise SystemExit("A drill writes into a folder of its own, and the settings name another.")


def main() -> None:
    """Restore the back-up that is named into the studio of a folder, and check it."""
    source, folder = map(Path, sys.argv[1:3])
    _check_own(folder)
    try:
        counts = restore.restore(source)
        with check_backup.checked(source) as back_up:
            missing = {f"{key} is missing." for key in back_up.head.missing}
            pictures = len(back_up.pictures())
    except BackupError as error:
        raise SystemExit(str(error)) from error
    if wrong := set(verify.problems()) - missing:
        raise SystemExit(f"{len(wrong)} pictures are missing or damaged: {min(wrong)}")
    known = f" {len(missing)} were missing when it was made." if missing else ""
    print(f"Restored as a drill: {sum(counts.values())} rows, {pictures} pictures.{known}")


if __name__ == "__main__":
    main()
