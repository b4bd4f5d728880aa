"""What a studio leaves in its data folder is for its own user alone, whatever the umask was."""

import os
import stat
import time
from pathlib import Path

import httpx

from tests.hard import whole
from tests.parts import picture

PATIENCE = 120.0  # seconds for a job


def _live_through(address: str) -> None:
    """Upload a picture, and have one made."""
    file = ("a.png", picture(), "image/png")
    with httpx.Client(base_url=address, timeout=60) as client:
        assert client.post("/api/v1/uploads", files={"picture": file}).status_code == 201
        job = client.post(
            "/api/v1/jobs",
            files=[("content", file), ("style", file)],
            data={"options": '{"size": 64}'},
        ).json()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if client.get(f"/api/v1/jobs/{job['id']}").json()["state"] == "done":
                return
            time.sleep(0.5)
    raise AssertionError("the job was not done")


def test_files_of_the_data_folder_are_their_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with whole.studio(data=tmp_path / "data", compile=False) as studio:
            _live_through(studio.address)
            found = {
                str(path.relative_to(tmp_path)): stat.filemode(path.lstat().st_mode)
                for path in (tmp_path / "data", *(tmp_path / "data").rglob("*"))
                if not path.is_symlink()
            }
    finally:
        os.umask(before)
    assert {name.split("/")[1] for name in found if "/" in name} >= {"blobs", "uploads", "spool"}
    assert {name: mode for name, mode in found.items() if mode[4:] != "------"} == {}
