"""Pictures that no row names: left by submissions and attempts that died before their row.

Those of deleted jobs are deleted; all others lie in the trash for a week first. Many at once are
no accident of that kind, and are left alone until the operator has said so.
"""

import logging
from collections.abc import Callable, Iterable, Sequence

from worker import jobs
from worker.films import parts
from worker.gallery import recent_styles, taught_styles
from worker.storage import blobs, database, deletions, marker
from worker.visitors import preview_expiry

log = logging.getLogger(__name__)

ORPHAN_SECONDS = 3600.0  # a submission writes its pictures before its row
TRASH_SECONDS = 7 * 86400.0
MANY, SHARE = 5, 0.05  # unnamed folders in one sweep: at least so many, and more than that share

Listing = dict[str, dict[str, float]]  # the time of each key, by folder


class Stopped(Exception):
    """What keeps pictures from being deleted, in a sentence for the operator."""


def _listing() -> Listing:
    found: Listing = {}
    for key, changed in blobs.files():
        found.setdefault(key.split("/")[0], {})[key] = changed
    return found


def named(folders: Sequence[str]) -> dict[str, set[str]]:
    """Return, for those folders that a row names, the keys that it names."""
    found = jobs.named(folders) | preview_expiry.named(folders)
    for job_id, keys in parts.named(folders).items():
        found[job_id] = found.get(job_id, set()) | keys
    return found


def _all_named(listing: Listing) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for some in database.parts(listing):
        found |= named(some)
    return found


def counts() -> tuple[int, int]:
    """Return how many folders there are, and how many of them no row names."""
    listing = _listing()
    return len(listing), len(listing.keys() - _all_named(listing).keys())


# ---------------------------------------------------------------- move away, delete


def _each(work: Callable[[str], object], folders: Iterable[str]) -> int:
    """Do something for each folder, whatever fails for another; return how many failed."""
    failed = 0
    for folder in folders:
        try:
            work(folder)
        except Exception:  # whatever a storage raises; the others shall not wait for it
            failed += 1
            log.exception("folder %s can't be tidied", folder)
    return failed


def _check(unnamed: int, total: int) -> None:
    """Raise `Stopped` if so many folders without a row can be no accident of a submission."""
    if unnamed >= MANY and unnamed > SHARE * total and unnamed > marker.allowed():
        raise Stopped(
            f"{unnamed} of {total} folders of pictures are named by no row, so none of them was "
            "moved to the trash. If they may go: adain-studio adopt --orphans"
        )


def _under_way(listing: Listing) -> set[str]:
    """Return the folders of jobs that have not ended, of those with files of a lesson."""
    lessons = [name for name, keys in listing.items() if any(map(taught_styles.is_progress, keys))]
    return {job_id for some in database.parts(lessons) for job_id in jobs.active(some)}


def _orphans(listing: Listing, known: dict[str, set[str]], before: float) -> dict[str, set[str]]:
    """Return the keys that no row names and that are too old to be part of something new.

    Small styles stay as long as their job, and a lesson's checkpoint until its job has ended.
    """
    found: dict[str, set[str]] = {}
    under_way = _under_way(listing)
    for folder, keys in listing.items():
        kept = known.get(folder, set())
        if folder in known:
            kept = kept | set(filter(recent_styles.is_small, keys))
        if folder in under_way:
            kept = kept | set(filter(taught_styles.is_progress, keys))
        if old := {key for key, changed in keys.items() if changed < before} - kept:
            found[folder] = old
    return found


def run() -> None:
    """Delete pictures of deleted jobs, move what no row names to the trash, and empty that.

    Raises `Stopped` if some of it was not done.
    """
    listing, now = _listing(), database.time()
    known = _all_named(listing)  # after the listing: what came between has its row by now
    unnamed = [folder for folder in listing if folder not in known]
    deleted = deletions.noted(unnamed)
    deleted |= preview_expiry.abandoned({name: max(listing[name].values()) for name in unnamed})
    failed = _each(blobs.delete_job, deleted)
    for folder in deleted:
        del listing[folder]
    orphans = _orphans(listing, known, now - ORPHAN_SECONDS)
    _check(len(orphans.keys() - known.keys()), len(listing))

    def move(folder: str) -> None:
        log.info("folder %s: %d pictures that no row names", folder, len(orphans[folder]))
        blobs.move_to_trash(orphans[folder], now)

    failed += _each(move, orphans)
    if marker.allowed():
        marker.allow(0)
    failed += blobs.empty_trash(now - TRASH_SECONDS)
    if failed:
        raise Stopped(f"{failed} folders of pictures can't be tidied; the log says why.")
