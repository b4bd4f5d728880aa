"""Folders that no other user can have written to, so that code in them may be loaded.

Checks POSIX owners and modes; one process at a time makes code in a folder.
"""

import contextlib
import fcntl
import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path("data/code")  # where code lies unless said otherwise
_ENTER = stat.S_IXGRP | stat.S_IXOTH


class CodeUnusable(Exception):
    """Code that is there and must not be run, or can't be."""


class NotNow(Exception):
    """Code can't be made; the message says why."""


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder of code; raises `NotNow` while another process does."""
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotNow("another process is making code just now") from None
        yield


def ours_alone(group: int) -> bool:
    """Return whether a group is the one that many systems make for each user, with no other in it.

    There, folders are writable for that group by default.
    """
    try:
        entry, me = grp.getgrgid(group), pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    same = (entry.gr_gid, entry.gr_name) == (me.pw_gid, me.pw_name)
    return same and set(entry.gr_mem) <= {me.pw_name}


def _others_write(reported: os.stat_result) -> bool:
    """Tell whether others may put something into a folder, or replace what is there.

    In a sticky one, such as /tmp, what is ours can't be replaced.
    """
    if reported.st_mode & stat.S_ISVTX:
        return False
    by_group = reported.st_mode & stat.S_IWGRP and not ours_alone(reported.st_gid)
    return bool(by_group or reported.st_mode & stat.S_IWOTH)


def weak_point(place: Path) -> Path | None:
    """Return the first place, from the root to a resolved path, where others could change it.

    None: there is none. The path's end is judged more strictly: neither group nor others write.
    Whatever lies below a folder that they can't enter is out of their reach.
    """
    for step in reversed(place.parents):
        reported = step.lstat()
        if reported.st_uid not in {0, os.getuid()} or _others_write(reported):
            return step
        if not reported.st_mode & _ENTER:
            return None if place.lstat().st_uid in {0, os.getuid()} else place
    reported = place.lstat()
    sound = reported.st_uid in {0, os.getuid()} and not reported.st_mode & 0o022
    return None if sound else place


def weak_points(folder: Path) -> list[Path]:
    """Return the weak points of a folder and of everything in it."""
    found = map(weak_point, (folder, *(file.resolve() for file in sorted(folder.rglob("*")))))
    return list(dict.fromkeys(place for place in found if place is not None))


def refusal(weak: Path, folder: Path) -> str:
    """Return why no code is made in a folder with a weak point."""
    return (
        f"others can write to {weak}, or own it, and so could put code into {folder}; "
        f"chmod go-w {weak}"
    )


def unused(code: Path, weak: Path) -> str:
    """Return why code that is there is not used."""
    return (
        f"code in {code} could be somebody else's, and is not used: "
        f"others can write to {weak}, or own it; chmod go-w {weak}"
    )
