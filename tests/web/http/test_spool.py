import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.formparsers import MultiPartParser

from tests.parts import picture
from tests.web.http.test_request_bodies import sending
from tests.web.served import served
from web.http import spool
from worker.settings import MIB
from worker.storage import disk

CHILD = "from web.http import spool; lock = spool.install(); print('held', flush=True); input()"

KILLED = """
import os, signal
from web.http import spool
from worker.jobs import batches
from worker.jobs.batches import Source

lock = spool.install()
photo = open(os.environ["PHOTO"], "rb").read()
reads = [lambda: photo, lambda: os.kill(os.getpid(), signal.SIGKILL)]  # is it a film; which picture
killed = Source("b", 1, lambda: reads.pop(0)())
sources = [Source("a", 1, lambda: photo), killed]
batches.submit("ann", sources, [Source("style", 1, lambda: photo)])
"""


@pytest.fixture
def installed(studio: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """This process's folder in the spool."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(MultiPartParser, "spool_max_size", MIB)
    with spool.install():
        yield Path(tempfile.gettempdir())


def _open_files(place: Path) -> int:
    """Return the bytes of this process's open files in a folder, those without a name included."""
    total = 0
    for file in Path("/proc/self/fd").iterdir():
        if file.exists() and str(file.readlink()).startswith(f"{place}/"):
            total += file.stat().st_size
    return total


def test_pictures_of_a_request_under_way_are_in_the_data_folder(
    studio: Path, installed: Path
) -> None:
    assert installed.parent == studio / "spool"
    begin = b'--x\r\nContent-Disposition: form-data; name="content"; filename="a"\r\n\r\n'
    with served() as address, sending(address, "/api/v1/jobs", 10 * MIB, begin) as wire:
        wire.sendall(bytes(2 * MIB))
        seen = 0
        for _ in range(200):
            seen = max(seen, _open_files(installed))
            if seen > MIB:
                break
            wire.sendall(b"\0")
        assert seen > MIB


def test_the_folder_of_a_killed_process_is_deleted_and_that_of_a_running_one_is_kept(
    studio: Path, installed: Path
) -> None:
    running, killed = (
        subprocess.Popen([sys.executable, "-c", CHILD], stdin=-1, stdout=-1) for _ in range(2)
    )
    for child in (running, killed):
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
    killed.kill()
    killed.wait()
    before = set(spool.folder().glob("*-*"))
    with spool.install():
        after = set(spool.folder().glob("*-*"))
    gone = {place.name.partition("-")[0] for place in before - after}
    assert gone == {str(killed.pid)}
    assert len(before) == 3
    running.communicate(b"\n")


def test_photos_of_a_batch_whose_process_was_killed_go_at_the_next_start(
    studio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photo.png").write_bytes(picture())
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("PHOTO", str(tmp_path / "photo.png"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    assert subprocess.run([sys.executable, "-c", KILLED], check=False).returncode == -9
    assert list((tmp_path / "temporary").rglob("part.batch_photo-*")) == []
    assert "part.batch_photo-0" in [
        path.name for path in spool.folder().rglob("part.batch_photo-*")
    ]
    monkeypatch.setattr(tempfile, "tempdir", None)
    with spool.install():
        assert list(spool.folder().rglob("part.batch_photo-*")) == []


def test_the_folder_of_the_process_is_its_own(installed: Path) -> None:
    assert installed.stat().st_mode & 0o077 == 0
    assert (installed / disk.LOCK).exists()


def test_a_spool_without_room_is_said_in_a_sentence(studio: Path, installed: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    files = {"content": picture(), "style": bytes(3 * MIB)}
    with served() as address:
        httpx.get(f"{address}/api/v1/jobs", timeout=60)  # the database's files are there
        resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, before[1]))
        try:
            answer = httpx.post(f"{address}/api/v1/jobs", files=files, timeout=60)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert answer.status_code == 507
    assert "no room" in answer.json()["detail"]
