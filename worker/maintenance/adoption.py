"""Adoption: the operator declares that a database and a picture storage belong together."""

from worker.maintenance import reclaim
from worker.storage import marker


def adopt(orphans: bool) -> str:
    """Mark both again; `orphans`: move all folders that no row names to the trash.

    Ends a hold on deletion by age. Returns what was found and what will happen, in sentences.
    """
    folders, unnamed = reclaim.counts()
    marker.renew()
    marker.end_hold()  # what the brake kept for its age goes with the next tidying
    said = f"The database names {folders - unnamed} of {folders} folders of pictures. "
    if not unnamed:
        return f"{said}They belong together now."
    if orphans:
        marker.allow(unnamed)
        return f"{said}The others go to the trash, and are deleted in a week."
    return f"{said}If the others are too many, they stay until: adain-studio adopt --orphans"
