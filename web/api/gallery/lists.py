"""Lists of entries: one's own and everybody's public ones."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from web.api.api import PREFIX, Owner
from web.api.gallery.views import EntryPage, view
from web.samples import shelf
from worker.gallery import lists
from worker.gallery.lists import Page, Wanted

router = APIRouter(prefix=PREFIX, tags=["gallery"])


class Asked(Wanted):
    """A request for a list: filters, order, and whose entries."""

    scope: Literal["mine", "public"] = Field(default="mine", description="whose entries")


def _page(page: Page, visitor: str) -> EntryPage:
    shown = [view(one, visitor) for one in page.entries]
    return EntryPage(entries=shown, next=page.next, total=page.total)


@router.get("/gallery")
def entries(asked: Annotated[Asked, Query()], visitor: Owner) -> EntryPage:
    """List your own entries, newest first, or everybody's public ones."""
    wanted = Wanted.model_validate(asked.model_dump(exclude={"scope"}))
    if asked.scope == "public":
        return _page(lists.public(wanted, shelf.by_digest()), visitor)
    return _page(lists.mine(visitor, wanted), visitor)
