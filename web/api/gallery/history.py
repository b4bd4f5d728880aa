"""The history of a picture of yours: what it was made from and what was made from it."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from web.api.api import PREFIX, Owner
from web.api.gallery.views import EXAMPLE_ID, like
from web.api.openapi import problems
from web.security.public_path import under
from worker.gallery import history
from worker.gallery.model import Shown

router = APIRouter(prefix=PREFIX, tags=["gallery"])

_EXAMPLE = {
    "id": EXAMPLE_ID,
    "title": "Evening at the fjord",
    "finished": 1795489204.9,
    "thumbnail": f"{PREFIX}/gallery/{EXAMPLE_ID}/thumbnail",
    "film": False,
}


class RelativeView(BaseModel):
    """A picture in the history of another."""

    id: str
    title: str
    finished: float | None  # epoch seconds
    thumbnail: str  # its address
    film: bool  # not a picture


class HistoryView(BaseModel):
    """The pictures that one was made from and those made from it, each the oldest first.

    An ancestor that is null is deleted. `earlier`: there are more ancestors than these; `later`:
    more children.
    """

    model_config = ConfigDict(
        json_schema_extra=like(
            {"ancestors": [None, _EXAMPLE], "children": [], "earlier": False, "later": False}
        )
    )

    ancestors: list[RelativeView | None]
    children: list[RelativeView]
    earlier: bool
    later: bool


def _relative(one: Shown) -> RelativeView:
    return RelativeView(
        id=one.job.id,
        title=one.entry.title,
        finished=one.job.finished,
        thumbnail=under(f"{PREFIX}/gallery/{one.job.id}/thumbnail"),
        film=one.job.film_key is not None,
    )


@router.get("/gallery/{job_id}/history", responses=problems(404))
def of_entry(job_id: str, owner: Owner) -> HistoryView:
    """Tell which of your pictures an entry of yours was made from, and which were made from it."""
    found = history.of(job_id, owner)
    return HistoryView(
        ancestors=[_relative(one) if one else None for one in found.ancestors],
        children=[_relative(one) for one in found.children],
        earlier=found.earlier,
        later=found.later,
    )
