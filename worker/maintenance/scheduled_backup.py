"""Scheduled back-ups: one each STUDIO_BACKUP_EVERY hours, of which the newest are kept.

The leading sweep makes them in a thread, while it holds the lease `backup`. Each is checked as
`restore` would before an older one is deleted; only back-ups named `scheduled-TIME.tar` ever are.
"""

import calendar
import logging
import re
import stat
import time
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from threading import Event, Thread

from worker.maintenance import backup, check_backup, leader
from worker.observability import metrics
from worker.settings import settings

log = logging.getLogger(__name__)

ROLE = "backup"
LEASE_SECONDS = 600.0  # a back-up of a sweep that was killed is begun again after this
RENEW_SECONDS = 20.0
LOOK_SECONDS = 60.0
HANGS_SECONDS = 4 * 3600.0
END_SECONDS = 10.0  # that a process which ends waits for
RETRY_SECONDS = 600.0  # after one that failed
STALE_SECONDS = 3600.0  # a half-written file unchanged for so long is left over
KIND = "scheduled"
_NAME = re.compile(r"(scheduled|studio)-(\d{8}-\d{6})\.tar")
_HALF = re.compile(r"\.scheduled-\d{8}-\d{6}\.tar\.\d+")


def folder() -> Path | None:
    """Return where back-ups go; None: none are scheduled."""
    return Path(settings().backup_dir) if settings().backup_dir else None


def _time(name: str) -> float | None:
    """Return when a back-up of this name was made, in epoch seconds; None: it is none."""
    match = _NAME.fullmatch(name)
    try:
        return calendar.timegm(time.strptime(match[2], "%Y%m%d-%H%M%S")) if match else None
    except ValueError:
        return None


@lru_cache(maxsize=1000)
def _is_whole(file: Path, *_: int) -> bool:
    return check_backup.is_whole(file)


def _is_backup(file: Path) -> bool:
    """Tell whether a file is a whole back-up, and no link; one that did not change is read once."""
    try:
        about = file.lstat()
    except OSError:
        return False
    version = about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns
    return stat.S_ISREG(about.st_mode) and _is_whole(file, *version)


def made(where: Path, kind: str = "") -> Iterator[tuple[float, Path]]:
    """Yield the back-ups in a folder with their times, the newest first; of any kind or of one.

    Those ahead of the clock come last: they are of a clock that was wrong. What is only named like
    a back-up is left out.
    """
    if not where.is_dir():
        return
    found = [(at, file) for file in where.iterdir() if (at := _time(file.name)) is not None]
    ours = [one for one in found if one[1].name.startswith(kind)]
    ours.sort(key=lambda one: (one[0] <= time.time(), one[0]), reverse=True)
    yield from (one for one in ours if _is_backup(one[1]))


def is_due(where: Path) -> bool:
    newest = islice(made(where, KIND), 1)
    return not any(0 <= time.time() - at < settings().backup_every * 3600 for at, _ in newest)


def _delete(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s can't be deleted: %s", file, error.strerror)


def delete_left_over(where: Path) -> None:
    """Delete what killed processes had half written."""
    for file in where.iterdir():
        if _HALF.fullmatch(file.name) and time.time() - file.lstat().st_mtime > STALE_SECONDS:
            _delete(file)


def rotate(where: Path) -> None:
    """Delete the oldest scheduled back-ups beyond those that are kept."""
    for _, file in islice(made(where, KIND), settings().backup_keep, None):
        _delete(file)


def _make(where: Path, stop: Event) -> list[str]:
    """Make a back-up, check it, and delete the oldest; raises `BackupError`, OSError.

    Returns the keys of pictures that rows name and that were not there.
    """
    where.mkdir(mode=0o700, exist_ok=True)  # not its parents: it may be on a disk that is away
    delete_left_over(where)
    file, _ = backup.make(where / backup.name_now(KIND), stop.is_set)
    try:
        with check_backup.checked(file) as back_up:
            missing = back_up.head.missing
    except Exception:
        file.unlink()
        raise
    rotate(where)
    return missing


def _lacking(missing: list[str]) -> str:
    """Log which pictures a back-up lacks; return a sentence about them, or nothing."""
    for key in missing:
        log.warning("%s is named by a job and is missing in the back-up", key)
    many = f"{len(missing)} picture{'s' if len(missing) > 1 else ''}"
    said = f"The last scheduled back-up lacks {many} that jobs name; `verify` names them."
    return said if missing else ""


class Schedule:
    """The scheduled back-ups of one sweeping process, which a disk that hangs does not hold up."""

    def __init__(self, holder: str) -> None:
        self._holder = holder
        self._thread: Thread | None = None
        self._stop = Event()
        self._holds = False  # the lease
        self._looked, self._renewed, self._failed = -LOOK_SECONDS, 0.0, -RETRY_SECONDS
        self._failure = ""

    def warnings(self) -> list[str]:
        """Return what the operator reads of the last back-up, as sentences."""
        late = self._thread is not None and time.monotonic() - self._looked > HANGS_SECONDS
        hangs = "A scheduled back-up has been under way for hours; its folder may not answer."
        return [*filter(None, (self._failure, hangs if late else ""))]

    def _make(self, where: Path) -> None:
        """Make the back-up that is due, unless another process makes it; note how it ends."""
        self._holds = leader.take(ROLE, self._holder, LEASE_SECONDS)
        if not self._holds or not is_due(where):  # another was faster
            return
        try:
            missing = _make(where, self._stop)
        except Exception as error:  # files, databases and object stores each have their own kinds
            if self._stop.is_set():
                return
            log.exception("no scheduled back-up was made")
            self._failed = time.monotonic()
            self._failure = f"No scheduled back-up was made: {error}"
            metrics.BACKUPS.labels("failed").inc()
        else:
            self._failure = _lacking(missing)
            metrics.BACKUPS.labels("made").inc()

    def _look(self, where: Path) -> None:
        """Make a back-up if one is due, and say when the newest was made."""
        if is_due(where) and time.monotonic() - self._failed > RETRY_SECONDS:
            self._make(where)
        newest = next((at for at, _ in made(where, KIND)), 0.0)
        metrics.NEWEST_BACKUP.labels(KIND).set(newest)

    def _look_after(self, thread: Thread) -> None:
        """Keep the lease while a back-up is made, and let go of it afterwards."""
        if not thread.is_alive():
            self._thread = None
            if self._holds:
                self._holds = False
                leader.give_up(ROLE, self._holder)
        elif self._holds and time.monotonic() - self._renewed > RENEW_SECONDS:
            self._renewed = time.monotonic()
            leader.take(ROLE, self._holder, LEASE_SECONDS)

    def tick(self) -> None:
        """See from time to time whether a back-up is due; returns at once."""
        if self._thread is not None:
            return self._look_after(self._thread)
        where = folder()
        if where is not None and time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = self._renewed = time.monotonic()
            self._thread = Thread(target=self._look, args=(where,), name="back-up", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Give up what is being made, and let another process make it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(END_SECONDS)
            self._look_after(self._thread)
