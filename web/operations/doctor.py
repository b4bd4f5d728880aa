"""`adain-studio doctor`: what this studio lacks and what to do about it, one line a check.

Only reads: it makes no file, table or message, and works while the studio runs and while it does
not. Each check is one function; one that can't be made is a fault of its own.
"""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import redis
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy import make_url, text

from web.launcher.valkey import QueueServer
from web.security import cookies
from worker import masks
from worker.maintenance import scheduled_backup
from worker.settings import GIB, MIB, settings
from worker.storage import database, disk, free_space, marker, processes, revisions

LOW_DISK = GIB  # bytes beyond the reserve, below which the operator is warned
LOW_MEMORY, LEAST_MEMORY = GIB, 256 * MIB  # bytes available; a worker takes most of the former
CLOCKS = 60.0  # seconds that the clocks of the database and of this machine may differ
YEAR = 2026  # of this program: a clock before it is wrong
LATE = 2  # times STUDIO_BACKUP_EVERY, after which the newest back-up is too old


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"  # it works, and should be looked at
    FAULT = "fault"  # jobs are not done, or something is lost if this goes on


@dataclass(frozen=True)
class Finding:
    """What a check found, and what to do about it, in sentences."""

    state: State
    found: str
    action: str = ""


def _ok(found: str) -> Finding:
    return Finding(State.OK, found)


def _warning(found: str, action: str) -> Finding:
    return Finding(State.WARNING, found, action)


def _fault(found: str, action: str) -> Finding:
    return Finding(State.FAULT, found, action)


def _size(count: float) -> str:
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{max(count, 0) / MIB:.0f} MiB"


def _existing(folder: Path) -> Path:
    """Return the folder, or the first one above it that exists."""
    return next(one for one in (folder, *folder.parents) if one.exists())


# ---------------------------------------------------------------- this machine


def check_disk() -> Finding:
    """Data folder and local picture store can be written and have room beyond the reserve."""
    for folder in free_space.folders():
        if not os.access(_existing(folder), os.W_OK | os.X_OK):
            return _fault(
                f"{folder} can't be written.", "Give it to the studio's user, or mount it writable."
            )
    left = free_space.left()
    total, free = disk.usage(settings().data)
    found = f"{_size(free)} of {_size(total)} are free on the disk of {settings().data}."
    if left <= 0:
        return _fault(
            f"{found} That is the reserve, STUDIO_MIN_FREE_BYTES: no pictures are taken.",
            "Free some of the disk, or set STUDIO_TOTAL_BYTES lower.",
        )
    if left < LOW_DISK:
        return _warning(
            f"{found} Pictures may take {_size(left)} more.",
            "Free some of the disk, or set STUDIO_TOTAL_BYTES lower.",
        )
    return _ok(found)


def memory_of_system() -> int | None:
    """Return the bytes of memory that can still be taken; None where the system does not tell."""
    file = Path("/proc/meminfo")
    match = (
        re.search(r"^MemAvailable:\s+(\d+) kB", file.read_text(), re.M) if file.exists() else None
    )
    return int(match[1]) * 1024 if match else None


def memory_of_group(folder: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return the bytes that this container's limit leaves; None: there is none."""
    most, used = folder / "memory.max", folder / "memory.current"
    if not (most.exists() and used.exists()) or most.read_text().strip() == "max":
        return None
    return int(most.read_text()) - int(used.read_text())


def check_memory() -> Finding:
    """Memory is available, of the machine and within the container's limit."""
    known = [one for one in (memory_of_system(), memory_of_group()) if one is not None]
    if not known:
        return _ok("This system does not tell.")
    found = f"{_size(min(known))} are available."
    action = "Stop other programs, or lower STUDIO_WORKER_CONCURRENCY and STUDIO_MICRO_BATCH."
    if min(known) < LEAST_MEMORY:
        return _fault(found, action)
    return _warning(found, action) if min(known) < LOW_MEMORY else _ok(found)


# ---------------------------------------------------------------- database


def _file_of_database() -> Path | None:
    """Return SQLite's file; None for another database."""
    url = make_url(settings().database_url)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def _is_missing() -> bool:
    """Tell whether the database is a file that no studio has made yet."""
    file = _file_of_database()
    return file is not None and not file.exists()


def _refuses_writing() -> bool:
    if file := _file_of_database():
        return not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK))
    with database.reading() as session:
        return bool(session.execute(text("SHOW transaction_read_only")).scalar() == "on")


def check_database() -> Finding:
    """The database answers, can be written, and has the tables that this program needs."""
    if _is_missing():
        return _ok("There is none yet; the first start makes it.")
    if said := revisions.too_old():
        return _fault(said.partition(";")[0].rstrip(".") + ".", "Run: adain-studio migrate")
    if _refuses_writing():
        return _fault(
            "The database can only be read.",
            "Give its file and folder to the studio's user, or name the primary server.",
        )
    if said := revisions.newer():
        return _warning(said, "Upgrade this part to the version of the others.")
    return _ok(f"It answers; its tables are of revision {revisions.of_tables()}.")


def check_clock() -> Finding:
    """The clocks of this machine and of the database agree, and neither was set back."""
    action = "Set the clock, and let NTP keep it (timedatectl set-ntp true)."
    if time.gmtime().tm_year < YEAR:
        return _fault(f"This machine's clock says {time.strftime('%Y-%m-%d')}.", action)
    if _is_missing():
        return _ok(f"It says {time.strftime('%Y-%m-%d %H:%M:%S %Z')}.")
    now = database.time()
    apart = abs(now - time.time())
    if apart > CLOCKS:
        return _fault(f"The database's clock and this machine's differ by {apart:.0f} s.", action)
    read, _, _ = marker.clock()
    if read is not None and read - now > CLOCKS:
        return _warning(
            f"The clock was {(read - now) / 3600:.1f} hours ahead at the last tidying.",
            "See /healthz: what is held for that is let go by: adain-studio adopt",
        )
    return _ok(f"It says {time.strftime('%Y-%m-%d %H:%M:%S %Z')}, and the database agrees.")


# ---------------------------------------------------------------- queue, pictures, processes


def _embedded_queue() -> str:
    """Return the address of the queue server that `adain-studio up` set up last; "": none."""
    return QueueServer(settings().data / "queue").known()


def _is_running() -> bool:
    return not _is_missing() and any(map(processes.alive, ("worker", "sweep")))


def check_queue() -> Finding:
    """The queue server answers and evicts no message."""
    own = "redis_url" in settings().model_fields_set
    url = settings().redis_url if own else _embedded_queue()
    try:
        if not url:
            raise redis.ConnectionError("none was set up yet")
        about = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5).info("memory")
    except redis.RedisError as error:
        if not own and not _is_running():
            return _ok("It is not running; adain-studio up starts it.")
        return _fault(
            f"The queue does not answer: {masks.masked(str(error))}.",
            "Start it, or correct STUDIO_REDIS_URL. Jobs wait in the database meanwhile.",
        )
    policy = about.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        return _warning(
            f"The queue may drop messages (maxmemory-policy {policy}).",
            "Set maxmemory-policy noeviction.",
        )
    return _ok("It answers and drops nothing.")


def check_pictures() -> Finding:
    """The picture store is there, and belongs to the database by its marker."""
    filesystem, root = url_to_fs(settings().blobs_url)
    where = masks.masked(settings().blobs_url)
    if not filesystem.exists(root):
        made_at_start = isinstance(filesystem, LocalFileSystem) and _is_missing()
        if made_at_start:
            return _ok(f"{where} is not there yet; the first start makes it.")
        return _fault(f"{where} is not there.", "Mount it, or correct STUDIO_BLOBS_URL.")
    if _is_missing():
        return _warning(
            f"{where} is there, and the database is not.",
            "If it was lost: adain-studio restore BACKUP --replace",
        )
    match marker.state():
        case marker.State.MATCH:
            return _ok(f"{where} is there and belongs to this database.")
        case marker.State.NEW:
            return _ok(f"{where} is there; the sweep marks it at its first tidying.")
    return _fault(
        f"{where} and the database don't belong together, or one of them is older; nothing is "
        "deleted.",
        "Correct the setting that names the wrong one, or join them: adain-studio adopt",
    )


def check_processes() -> Finding:
    """Worker and sweep are alive, and the sweep has nothing to warn of; or nothing runs."""
    if _is_missing():
        return _ok("The studio was never started.")
    received = {kind: processes.alive(kind) for kind in ("worker", "sweep")}
    if not any(received.values()):
        return _ok("The studio is not running.")
    if missing := [kind for kind, alive in received.items() if not alive]:
        return _fault(
            f"No {missing[0]} is alive.",
            f"Start one: adain-studio {missing[0]}; its log says more.",
        )
    warnings = [said for one in received["sweep"] for said in one.info.get("warnings", ())]
    if warnings:
        return _warning(" ".join(warnings), "See the sweep's log.")
    return _ok(", ".join(f"{len(alive)} {kind}" for kind, alive in received.items()) + " alive.")


# ---------------------------------------------------------------- what a worker needs


_NO_WORKER = "Not looked for: torch is not installed here, so no worker runs here."


def check_weights() -> Finding:
    """The default network's weights are there and undamaged."""
    from adain.weights import WeightsError
    from worker.runner import equipment

    try:
        return _ok(f"{settings().network}: {equipment.weights()}")
    except WeightsError as error:
        return _fault(str(error), "Run: adain-studio weights add FILE; or set STUDIO_NETWORK.")


def check_compiler() -> Finding:
    """Workers can make machine code of their networks, in a folder that is theirs alone."""
    from worker.runner import equipment

    if not settings().compile:
        return _ok("Not wanted: STUDIO_COMPILE is false.")
    if not (found := equipment.compiler()):
        return _warning(
            "There is no C++ compiler, so pictures take about twice as long.",
            "Install one; on Debian: sudo apt install g++",
        )
    if weak := equipment.weak_code_folder():
        return _warning(
            f"Others may write to {weak}, so no machine code is used.",
            f"Take that right away (chmod go-w {weak}), or set STUDIO_CODE_DIR.",
        )
    return _ok(f"{found}.")


def check_device() -> Finding:
    """The processor or GPU that the settings name is there."""
    from worker.runner import equipment

    try:
        found = equipment.device()
    except ValueError as error:
        return _fault(str(error), "Install NVIDIA's driver, or set STUDIO_DEVICE=auto.")
    return _ok("A GPU." if found == "cuda" else "No GPU is used; the processor is.")


# ---------------------------------------------------------------- the way in, back-ups


def check_proxy() -> Finding:
    """What visitors reach over https is set up for the proxy in front of it."""
    chosen = settings()
    local = chosen.host in {"127.0.0.1", "::1", "localhost"}
    if chosen.public_url and not chosen.trusted_proxies:
        return _warning(
            "No proxy's X-Forwarded-For counts: all visitors are one address and share its limits.",
            "Name the proxy's address: STUDIO_TRUSTED_PROXIES.",
        )
    if chosen.trusted_proxies and not cookies.over_https():
        return _warning(
            "There is a proxy, and no https address: cookies can be read on the way.",
            "Set STUDIO_PUBLIC_URL to the https address that visitors use.",
        )
    if not local and not chosen.public_url:
        return _warning(
            f"It listens on {chosen.host} without https: cookies can be read on the way.",
            "Put a proxy in front and set STUDIO_PUBLIC_URL; see deploy/README.md.",
        )
    return _ok(chosen.public_url or "None: only this machine reaches the studio.")


def check_backups() -> Finding:
    """Back-ups are scheduled, and the newest is not too old."""
    where = scheduled_backup.folder()
    if where is None:
        return _warning("No back-ups are scheduled.", "Set STUDIO_BACKUP_DIR to a folder.")
    newest = next(scheduled_backup.made(where), None)
    action = "See the sweep's warnings in /healthz and its log; or now: adain-studio backup FOLDER"
    if newest is None:
        if not _is_running():
            return _warning(f"There is none in {where} yet.", "The sweep makes one once it runs.")
        return _fault(f"There is none in {where}.", action)
    hours = (time.time() - newest[0]) / 3600
    found = f"The newest is {hours:.1f} hours old: {newest[1]}."
    return _fault(found, action) if hours > LATE * settings().backup_every else _ok(found)


# ---------------------------------------------------------------- all of them


CHECKS: dict[str, Callable[[], Finding]] = {
    "disk": check_disk,
    "memory": check_memory,
    "clock": check_clock,
    "database": check_database,
    "queue": check_queue,
    "pictures": check_pictures,
    "processes": check_processes,
    "weights": check_weights,
    "compiler": check_compiler,
    "device": check_device,
    "proxy": check_proxy,
    "back-ups": check_backups,
}


def _checked(check: Callable[[], Finding]) -> Finding:
    """Make a check; what keeps it from being made is a fault of its own."""
    try:
        return check()
    except ModuleNotFoundError as error:
        if error.name not in {"torch", "safetensors", "numpy"}:
            raise
        return _ok(_NO_WORKER)
    except Exception as error:  # databases, object stores and files each have their own kinds
        said = masks.masked(str(getattr(error, "orig", None) or error).strip())
        return _fault(
            f"It can't be checked: {said or type(error).__name__}",
            "Mend what the others name first.",
        )


def examine() -> dict[str, Finding]:
    """Make every check; return what each found, by its name."""
    return {name: _checked(check) for name, check in CHECKS.items()}


def line(name: str, finding: Finding) -> str:
    """Return a finding as one line for people."""
    said = " ".join(f"{finding.found} {finding.action}".split())
    return f"{finding.state:<8} {name:<10} {said}"
