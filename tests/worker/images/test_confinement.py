"""A compromised decoder: the kernel refuses what it tries."""

import io
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import hostile
from tests.parts import picture
from worker.images import confinement, decoders, images
from worker.images.decoders import Account
from worker.images.images import ImageRejected
from worker.visitor import STUDIO

# What an attacker does whose code runs in a decoder. Prepared before it is confined, since
# afterwards it could not even import.
BEGINNING = """
import ctypes, os, signal, socket, subprocess, sys
from pathlib import Path
from worker.images import confinement, decoder
libc = ctypes.CDLL(None, use_errno=True)
CLONE = confinement._CLONE[list(confinement._ARCHITECTURE).index(os.uname().machine)]
parent, blob, existing = os.getppid(), Path(sys.argv[1]), os.open(sys.argv[1], os.O_RDONLY)
def call(name, *given):
    if getattr(libc, name)(*given) < 0:
        raise OSError(ctypes.get_errno(), name)
def attempt(name, act):
    try:
        act()
    except OSError as error:
        print(name, 'refused', error.errno, flush=True)
    else:
        print(name, 'DONE', flush=True)
"""
ATTEMPTS = {
    "password file": "open('/etc/passwd')",
    "blob": "blob.read_bytes()",
    "its own memory": "open('/proc/self/mem')",
    "memory of whoever asks": "open(f'/proc/{parent}/mem')",
    "environment of whoever asks": "open(f'/proc/{parent}/environ')",
    "new file": "open('/tmp/there', 'w')",
    "folder": "os.listdir('/')",
    "internet": "socket.socket()",
    "local socket": "socket.socket(socket.AF_UNIX)",
    "pipe": "os.pipe()",
    "another descriptor": "os.dup(1)",
}
CALLS = {  # what the limits alone don't refuse, or not to root
    "fork": "os._exit(0) if os.fork() == 0 else None",
    "program": "os.execv('/bin/true', ['true'])",
    "delete": "blob.unlink()",
    "rename": "blob.rename(str(blob) + '2')",
    "link": "os.link(blob, str(blob) + '3')",
    "mode": "blob.chmod(0o777)",
    "signal to whoever asks": "os.kill(parent, signal.SIGSTOP)",
    "limits of whoever asks": "call('prlimit64', parent, 7, (ctypes.c_ulong * 2)(1, 1), None)",
    "limits of its own": "call('setrlimit', 7, (ctypes.c_ulong * 2)(0, 0))",
    "limit of its own by number": "call('prlimit64', 0, 7, (ctypes.c_ulong * 2)(0, 0), None)",
    "more of the processor": "call('setrlimit', 0, (ctypes.c_ulong * 2)(9999, 9999))",
    "more memory": "call('prlimit64', 0, 2, (ctypes.c_ulong * 2)(1 << 60, 1 << 60), None)",
    "debugging": "call('ptrace', 16, parent, 0, 0)",
    "foreign memory": "call('process_vm_readv', parent, None, 0, None, 0, 0)",
    "another user": "os.setuid(65534)",
    "device call": "__import__('fcntl').ioctl(1, 0x5401, b'0' * 64)",
    "fork by clone": "call('syscall', CLONE, 17, 0, 0, 0, 0)",
    "new namespace": "call('unshare', 0x10000000)",
}


def tried(confine: str, attempts: dict[str, str], blob: Path) -> dict[str, str]:
    """Return what a process that is confined so hears of each attempt."""
    acts = "\n".join(f"attempt({name!r}, lambda: {act})" for name, act in attempts.items())
    code = f"{BEGINNING}\nimport fcntl\n{confine}\n{acts}"
    command = [sys.executable, "-P", "-c", code, str(blob)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    said = [line.rpartition(" refused ") for line in done.stdout.splitlines()]
    return {name: error for name, _, error in said}


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    file = tmp_path / "content.png"
    file.write_bytes(picture())
    return file


def test_a_decoder_reaches_neither_files_nor_the_net_nor_other_processes(blob: Path) -> None:
    """Errno 1, not permitted: the filter spoke before the system looked at what was asked."""
    attempts = ATTEMPTS | CALLS
    confine = "decoder.limit_memory(); assert confinement.enter() == 'seccomp'"
    found = tried(confine, attempts, blob)
    assert found == dict.fromkeys(attempts, "1")
    assert blob.read_bytes() == picture()


def test_without_seccomp_limits_still_refuse_files_and_sockets(blob: Path) -> None:
    """As on macOS; errno 24: too many open files, 22: a descriptor beyond what may be."""
    found = tried("confinement.limit(); confinement.start_nothing()", ATTEMPTS, blob)
    assert set(found) == set(ATTEMPTS)
    assert set(found.values()) == {"22", "24"}


def test_the_attempts_succeed_where_nothing_is_confined(blob: Path) -> None:
    """Without this, the tests above would prove nothing."""
    attempts = {name: ATTEMPTS[name] for name in ("password file", "blob", "internet", "pipe")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", BEGINNING + "\n".join(
            f"attempt({name!r}, lambda: {act})" for name, act in attempts.items()
        ), str(blob)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [f"{name} DONE" for name in attempts]


def test_a_call_of_another_architecture_ends_the_process() -> None:
    """The numbers of calls differ between them: a filter that did not ask would be no filter."""
    for machine in confinement._ARCHITECTURE:
        steps = confinement._filter(machine, 1)
        assert len(steps) % 8 == 0
        assert len(steps) // 8 < 256
        first = steps[: 3 * 8]
        assert confinement._KILL.to_bytes(4, "little") in first
        assert confinement._ARCHITECTURE[machine].to_bytes(4, "little") in first


def test_it_is_the_decoders_that_are_confined(blob: Path) -> None:
    images.clean(picture())
    processes = [seat._process for seat in decoders.seats.queue if seat._process]
    assert processes
    for process in processes:
        reported = Path(f"/proc/{process.pid}/status").read_text()
        assert "Seccomp:\t2" in reported
        assert "NoNewPrivs:\t1" in reported
        assert "CapEff:\t0000000000000000" in reported
        assert "CapPrm:\t0000000000000000" in reported
        assert Path(f"/proc/{process.pid}/cwd").readlink() == Path("/")
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        for what in ("Max open files", "Max core file size"):
            [line] = [line for line in limits.splitlines() if line.startswith(what)]
            assert line.removeprefix(what).split()[:2] == ["0", "0"]
        [processor] = [line for line in limits.splitlines() if line.startswith("Max cpu time")]
        assert processor.split()[4] == str(confinement.PROCESSOR_SECONDS)


def test_its_limits_can_be_read_and_set_for_each_picture(blob: Path) -> None:
    allowed = {
        "read": "resource.getrlimit(resource.RLIMIT_NOFILE)",
        "processor": "decoder._allow(2.0)",
        "memory": "resource.setrlimit(2, (1 << 20, resource.getrlimit(2)[1]))",
    }
    confine = "import resource\nconfinement.enter()"
    assert set(tried(confine, allowed, blob)) == {""}  # none was refused


def test_a_decoder_is_replaced_before_its_time_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "LIFETIME", 0.0)
    for _ in range(3):
        assert images.clean(picture()).width == 64
    assert decoders.seats.queue[-1]._process is None  # of the seat that was taken each time


FREE = (
    "import runpy; from worker.images import confinement; confinement.enter = lambda: 'limits'; "
    "runpy.run_module('worker.images.decoder', run_name='__main__')"
)


def outcomes(part: str) -> dict[str, tuple[object, ...]]:
    """Return what a new decoder makes of each file of the corpus."""
    found: dict[str, tuple[object, ...]] = {}
    seat = decoders._Seat()
    for name, data in hostile.corpus(part).items():
        try:
            for verb, to in (("clean", []), ("small", [8]), ("small_mask", [8, 8])):
                into = io.BytesIO()
                reported = seat.ask(
                    decoders._question(verb, data, to=to), data, into, Account(STUDIO)
                )
                found[f"{name} {verb}"] = (reported["width"], reported["height"], into.getvalue())
        except ImageRejected as refused:
            found[name] = (str(refused),)
    assert seat._process is not None
    seat._process.kill()
    seat._end()
    return found


@pytest.mark.parametrize("part", ["modes", "metadata", "shapes", "broken"])
def test_a_confined_decoder_makes_of_every_file_what_a_free_one_makes(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the library would load late has to be there before: no file is opened any more."""
    confined = outcomes(part)
    monkeypatch.setattr(decoders, "COMMAND", [sys.executable, "-P", "-c", FREE])
    free = outcomes(part)
    assert [name for name in free if free[name] != confined[name]] == []


def test_a_decoder_that_hangs_is_ended_by_the_clock_and_the_next_picture_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images.clean(picture())
    for seat in decoders.seats.queue:
        if seat._process:
            os.kill(seat._process.pid, signal.SIGSTOP)  # takes no time of the processor
    monkeypatch.setattr(decoders, "WALL_SECONDS", 0.5)
    with pytest.raises(ImageRejected, match="takes too much memory or time to open"):
        images.clean(picture())
    monkeypatch.undo()
    for seat in decoders.seats.queue:
        if seat._process:
            os.kill(seat._process.pid, signal.SIGCONT)
    assert images.clean(picture()).width == 64


def test_it_is_said_once_by_what_decoders_are_confined(caplog: pytest.LogCaptureFixture) -> None:
    decoders._tell_once.cache_clear()
    with caplog.at_level(logging.INFO):
        decoders._tell_once("limits")
        decoders._tell_once("limits")
    assert caplog.messages == ["decoders are confined by limits alone: there is no seccomp here"]
    decoders._tell_once.cache_clear()
