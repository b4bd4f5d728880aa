"""The bin's API: what you deleted, to be restored for 30 days, or deleted for ever."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from web.api.api import PREFIX, Owner
from web.api.gallery import pictures
from web.api.gallery.entry import Deleted, Ids
from web.api.gallery.pictures import KEPT
from web.api.gallery.views import EXAMPLE_ID, like
from web.api.openapi import problems
from web.security.address import WELCOME
from web.security.public_path import under
from worker.gallery import bins, entries

router = APIRouter(prefix=PREFIX, tags=["gallery"])


class BinnedView(BaseModel):
    """A picture in your bin; times are epoch seconds."""

    model_config = ConfigDict(
        json_schema_extra=like(
            {
                "id": EXAMPLE_ID,
                "title": "Evening at the fjord",
                "deleted": 1795489800.0,
                "kept_until": 1798081800.0,
                "thumbnail": f"{PREFIX}/bin/{EXAMPLE_ID}/thumbnail",
                "film": False,
            }
        )
    )

    id: str
    title: str
    deleted: float
    kept_until: float | None  # None: a favourite does not go by age
    thumbnail: str
    film: bool  # not a picture


class Restored(BaseModel):
    """What came back."""

    model_config = ConfigDict(json_schema_extra=like({"restored": [EXAMPLE_ID]}))

    restored: list[str]


@router.get("/bin")
def binned(owner: Owner) -> list[BinnedView]:
    """List the pictures in your bin, those deleted last first."""
    found = []
    for one in bins.listed(owner):
        deleted = one.job.binned or 0.0
        ends = [deleted + bins.DAYS * 86400, entries.kept_until(one)]
        shown = BinnedView(
            id=one.job.id,
            title=one.entry.title,
            deleted=deleted,
            kept_until=None if one.entry.favourite else min(filter(None, ends)),
            thumbnail=under(f"{PREFIX}/bin/{one.job.id}/thumbnail"),
            film=one.job.film_key is not None,
        )
        found.append(shown)
    return found


@router.get("/bin/{job_id}/thumbnail", response_class=Response, responses=KEPT)
def binned_thumbnail(job_id: str, request: Request, owner: Owner) -> Response:
    """Return a picture in your bin small, a JPEG."""
    return pictures.answer(request, bins.thumbnail(owner, job_id))


@router.post("/bin/restore", dependencies=WELCOME, responses=problems(400, 403))
def restore(ids: Ids, owner: Owner) -> Restored:
    """Take pictures out of your bin, with title, tags, publication and share link as before.

    One that was reported is taken down until the administrator decides.
    """
    return Restored(restored=bins.restore(owner, ids.ids))


@router.delete("/bin")
def clear(owner: Owner) -> Deleted:
    """Delete all that is in your bin for ever."""
    return Deleted(deleted=bins.clear(owner))
