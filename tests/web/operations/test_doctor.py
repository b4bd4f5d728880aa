"""`adain-studio doctor`: one part after the other is broken, and the line about it says so."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
from sqlalchemy import text
from typer.testing import CliRunner

from tests.parts import Setting, Valkey, free_port, reachable
from tests.worker.maintenance.test_scheduled_backup import name_of, put
from web import cli
from web.operations import doctor
from web.operations.doctor import State
from worker.storage import blobs, database, marker, processes

WORKER = {"device": "cpu", "networks": {"compact": "0" * 64}, "version": "0"}


def found(name: str) -> tuple[State, str]:
    """Return how a check ends, and what is said about it."""
    finding = doctor.examine()[name]
    assert bool(finding.action) == (finding.state is not State.OK)
    return finding.state, f"{finding.found} {finding.action}"


def faults() -> list[str]:
    return [name for name, one in doctor.examine().items() if one.state is State.FAULT]


@pytest.fixture
def whole(queued_studio: Path, setting: Setting, tmp_path: Path) -> Path:
    """A studio in which every part is well, as if it ran; its data folder."""
    marker.renew()
    processes.touch("a worker", "worker", WORKER)
    processes.touch("a sweep", "sweep", {})
    (tmp_path / "back-ups").mkdir()
    put(tmp_path / "back-ups" / name_of(3600))
    setting(backup_dir=tmp_path / "back-ups")
    return queued_studio


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return the files of a folder, but for SQLite's own notes on its readers."""
    return {
        str(file.relative_to(folder)): (file.stat().st_mtime_ns, file.read_bytes())
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.suffix != ".sqlite3-shm" and file.suffix != ".sqlite3-wal"
    }


def test_a_whole_studio_has_no_fault_and_nothing_is_changed(whole: Path, tmp_path: Path) -> None:
    database.engine().dispose()
    before = contents(tmp_path)
    ended = CliRunner().invoke(cli.app, ["doctor"])
    assert ended.exit_code == 0, ended.output
    database.engine().dispose()
    assert contents(tmp_path) == before
    lines = ended.output.splitlines()
    assert [line.split()[1] for line in lines] == list(doctor.CHECKS)
    assert {line.split()[0] for line in lines} <= {"ok", "warning"}
    assert [line for line in lines if line.startswith("warning") and "compiler" not in line] == []


def test_a_studio_that_was_never_started_has_no_fault_and_is_not_made(
    setting: Setting, tmp_path: Path
) -> None:
    setting(data=tmp_path / "new")
    assert faults() == []
    assert not (tmp_path / "new").exists()


def test_json_has_every_check_and_the_exit_status_is_1_with_a_fault(
    whole: Path, setting: Setting
) -> None:
    setting(redis_url=f"redis://:hushhush@127.0.0.1:{free_port()}/0")
    ended = CliRunner().invoke(cli.app, ["doctor", "--json"])
    assert ended.exit_code == 1
    said = json.loads(ended.output)
    assert list(said) == list(doctor.CHECKS)
    assert said["queue"]["state"] == "fault"
    assert "hushhush" not in ended.output


def test_a_queue_that_stopped_is_a_fault(whole: Path, setting: Setting) -> None:
    setting(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    assert faults() == ["queue"]
    assert found("queue")[1].endswith("Jobs wait in the database meanwhile.")


def test_a_queue_that_evicts_messages_is_a_warning(whole: Path, valkey: Valkey) -> None:
    client = redis.Redis.from_url(valkey.url)
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert found("queue")[0] is State.WARNING
    finally:
        client.config_set("maxmemory-policy", "noeviction")


def test_the_embedded_queue_of_a_stopped_studio_is_no_fault(
    studio: Path, monkeypatch: pytest.MonkeyPatch, setting: Setting
) -> None:
    monkeypatch.delenv("STUDIO_REDIS_URL")
    setting()
    assert found("queue") == (State.OK, "It is not running; adain-studio up starts it. ")
    processes.touch("a worker", "worker", WORKER)
    assert found("queue")[0] is State.FAULT


def test_tables_of_an_older_program_are_a_fault(whole: Path) -> None:
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0015'"))
    state, said = found("database")
    assert state is State.FAULT
    assert "revision 0015" in said
    assert "adain-studio migrate" in said


def test_tables_of_a_later_program_are_a_warning(whole: Path) -> None:
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert found("database")[0] is State.WARNING
    assert faults() == []


def test_a_database_that_is_away_is_a_fault_of_every_check_that_needs_it(
    whole: Path, setting: Setting
) -> None:
    setting(database_url=f"postgresql://nobody:hushhush@127.0.0.1:{free_port()}/none")
    assert {"database", "clock", "processes"} <= set(faults())
    assert "hushhush" not in str(doctor.examine())


def test_a_database_that_is_no_database_is_a_fault(whole: Path, setting: Setting) -> None:
    (whole / "odd.sqlite3").write_bytes(b"eggs, milk" * 1000)
    setting(database_url=f"sqlite:///{whole}/odd.sqlite3")
    assert found("database")[0] is State.FAULT


def test_pictures_without_their_marker_are_a_fault(whole: Path) -> None:
    (whole / "blobs" / blobs.MARKER).unlink()
    assert faults() == ["pictures"]
    assert "adain-studio adopt" in found("pictures")[1]


def test_a_picture_store_that_is_gone_is_a_fault_and_is_not_made(
    whole: Path, setting: Setting, tmp_path: Path
) -> None:
    setting(blobs_url=f"file://{tmp_path}/unmounted")
    assert faults() == ["pictures"]
    assert not (tmp_path / "unmounted").exists()


def test_a_disk_without_more_than_its_reserve_is_a_fault(whole: Path, setting: Setting) -> None:
    setting(min_free_bytes=1 << 60)
    assert faults() == ["disk"]
    assert "no pictures are taken" in found("disk")[1]


def test_a_disk_nearly_full_is_a_warning(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LOW_DISK", 1 << 60)
    assert found("disk")[0] is State.WARNING


WITHOUT_RIGHTS = """
import os
from web.operations import doctor
if os.getuid() == 0:  # for whom every folder can be written
    os.setuid(65534)
print(*doctor.check_disk().__dict__.values())
"""


@pytest.mark.parametrize("name", [".", "blobs"])
def test_a_folder_that_can_only_be_read_is_a_fault(whole: Path, tmp_path: Path, name: str) -> None:
    reachable(tmp_path)
    for folder in (whole, whole / "blobs"):
        folder.chmod(0o777)
    (whole / name).chmod(0o555)
    command = [sys.executable, "-c", WITHOUT_RIGHTS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (whole / name).chmod(0o700)
    assert done.stdout.startswith(f"fault {(whole / name).resolve()} can't be written.")


@pytest.mark.parametrize(
    ("available", "state"), [(100, State.FAULT), (700, State.WARNING), (4000, State.OK)]
)
def test_little_memory_within_the_containers_limit_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, available: int, state: State
) -> None:
    (tmp_path / "memory.max").write_text(f"{8000 << 20}\n")
    (tmp_path / "memory.current").write_text(f"{(8000 - available) << 20}\n")
    left = doctor.memory_of_group(tmp_path)
    assert left == available << 20
    monkeypatch.setattr(doctor, "memory_of_group", lambda: left)
    monkeypatch.setattr(doctor, "memory_of_system", lambda: 8000 << 20)
    assert found("memory")[0] is state


def test_a_clock_that_was_ahead_is_a_warning(whole: Path) -> None:
    marker.note_clock(time.time() + 7200, 0.0, 0.0)
    assert found("clock")[0] is State.WARNING


def test_a_clock_that_differs_from_the_databases_is_a_fault(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 300)
    assert found("clock")[0] is State.FAULT


def test_a_part_that_is_missing_is_a_fault(whole: Path) -> None:
    processes.gone("a sweep")
    assert found("processes") == (
        State.FAULT,
        "No sweep is alive. Start one: adain-studio sweep; its log says more.",
    )


def test_what_the_sweep_warns_of_is_a_warning(whole: Path) -> None:
    processes.touch("a sweep", "sweep", {"warnings": ["The disk is full."]})
    assert found("processes") == (State.WARNING, "The disk is full. See the sweep's log.")


def test_weights_that_are_missing_are_a_fault(whole: Path, setting: Setting) -> None:
    setting(network="vgg19")
    assert faults() == ["weights"]


def test_without_a_compiler_there_is_a_warning(
    whole: Path, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found("compiler")[0] is State.OK  # not wanted, in tests
    setting(compile=True)
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert found("compiler")[0] is State.WARNING


def test_a_code_folder_that_others_may_write_to_is_a_warning(
    whole: Path, setting: Setting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    reachable(tmp_path)
    (tmp_path / "code").mkdir()
    (tmp_path / "code").chmod(0o777)
    monkeypatch.setenv("CXX", sys.executable)
    setting(compile=True, code_dir=tmp_path / "code")
    assert found("compiler")[0] is State.WARNING


def test_a_gpu_that_is_not_there_is_a_fault(whole: Path, setting: Setting) -> None:
    setting(device="cuda:63")
    assert faults() == ["device"]


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({}, State.OK),
        ({"public_url": "https://a.example", "trusted_proxies": "10.0.0.1"}, State.OK),
        ({"public_url": "https://a.example"}, State.WARNING),
        ({"trusted_proxies": "10.0.0.1"}, State.WARNING),
        ({"host": "0.0.0.0"}, State.WARNING),
    ],
)
def test_a_proxy_whose_headers_do_not_count_is_a_warning(
    whole: Path, setting: Setting, given: dict[str, str], state: State
) -> None:
    setting(**given)
    assert found("proxy")[0] is state


def test_back_ups_that_are_late_or_missing_are_a_fault(
    whole: Path, setting: Setting, tmp_path: Path
) -> None:
    [newest] = (tmp_path / "back-ups").iterdir()
    newest = newest.rename(newest.with_name(name_of(50 * 3600)))
    assert faults() == ["back-ups"]
    newest.unlink()
    assert faults() == ["back-ups"]
    newest.with_name(name_of(3600)).touch()  # nothing is in it
    assert faults() == ["back-ups"]
    setting(backup_dir="")
    assert found("back-ups")[0] is State.WARNING


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from web.operations import doctor
print(*(finding.state for finding in map(doctor._checked, doctor.CHECKS.values())))
"""


def test_where_torch_is_not_installed_what_a_worker_needs_is_not_looked_for(whole: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    states = dict(zip(doctor.CHECKS, done.stdout.split(), strict=True))
    assert {states[name] for name in ("weights", "compiler", "device")} == {"ok"}


def test_a_check_that_breaks_is_a_fault_and_no_other_is_lost(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks() -> doctor.Finding:
        raise OSError(5, "Input/output error")

    monkeypatch.setitem(doctor.CHECKS, "memory", breaks)
    assert faults() == ["memory"]
    assert list(doctor.examine()) == list(doctor.CHECKS)
