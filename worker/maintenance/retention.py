"""Retention: after how many days ended jobs are deleted, favourites and named styles never.

A studio that kept jobs for ever and now has the default age, because it is started in another way,
deletes nothing by age until the operator has set `STUDIO_RETENTION_DAYS`.
"""

from worker import jobs
from worker.gallery import model
from worker.jobs import ENDED, Status
from worker.settings import settings
from worker.storage import marker


def _held() -> bool:
    """Tell whether the age is the default, and not what was so far."""
    return "retention_days" not in settings().model_fields_set and marker.kept_for_ever()


def ages() -> dict[float, tuple[Status, ...]]:
    """Return after how many days jobs in which states are deleted; nothing where none are."""
    days = settings().retention_days
    if not days or _held():
        return {}
    sooner = min(days, settings().retention_failed_days or days)
    return {sooner: (Status.FAILED, Status.CANCELLED)} | {days: ENDED}


def count_old() -> int:
    """Return how many jobs are past their age."""
    return jobs.count_old(ages(), kept=model.kept())


def forget() -> list[str]:
    """Delete the rows of jobs that are past their age; return their ids."""
    return [
        gone
        for days, states in ages().items()
        for gone in jobs.forget(days, states, kept=model.kept())
    ]


def check() -> str:
    """Note whether jobs are kept for ever; return what the operator has to decide, "" if nothing.

    To be called at each tidying.
    """
    if _held():
        return (
            "This studio kept its pictures for ever, and the default is to delete them after "
            f"{settings().retention_days:g} days. Nothing is deleted by age until "
            "STUDIO_RETENTION_DAYS is set; 0 is for ever."
        )
    marker.note_kept_for_ever(not settings().retention_days)
    return ""
