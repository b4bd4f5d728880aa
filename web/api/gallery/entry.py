"""One entry: what visitors see of it and what its owner may do with it."""

from collections.abc import Sequence
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from web.api.api import FILM, PREFIX, Owner
from web.api.gallery import offers, pictures
from web.api.gallery.pictures import KEPT, Kind, WithSettings
from web.api.gallery.views import EXAMPLE_ID, EntryView, like, view
from web.api.openapi import problems
from web.security.address import COSTLY, WELCOME
from worker.gallery import bins, entries, model
from worker.gallery.lists import MOST

router = APIRouter(prefix=PREFIX, tags=["gallery"])


@router.get("/gallery/{job_id}", responses=problems(404))
def entry(job_id: str, visitor: Owner) -> EntryView:
    """Show an entry that is public or your own."""
    return view(entries.get(job_id, visitor), visitor)


@router.get("/gallery/{job_id}/picture", response_class=Response, responses=KEPT)
def picture(job_id: str, request: Request, visitor: Owner) -> Response:
    """Return an entry's picture, a PNG."""
    return pictures.answer(request, entries.get(job_id, visitor).job.result_key)


@router.get("/gallery/{job_id}/film", response_class=Response, responses=FILM | problems(404, 410))
def film(job_id: str, request: Request, visitor: Owner) -> Response:
    """Return an entry's film, an MP4 or WebM; 404 where it is a picture."""
    return pictures.film(request, entries.get(job_id, visitor).job.film_key)


@router.get("/gallery/{job_id}/thumbnail", response_class=Response, responses=KEPT)
def thumbnail(job_id: str, request: Request, visitor: Owner) -> Response:
    """Return an entry's picture small, a JPEG."""
    return pictures.answer(request, entries.get(job_id, visitor).job.thumbnail_key)


@router.get("/gallery/{job_id}/content", response_class=Response, responses=KEPT)
def content(job_id: str, request: Request, visitor: Owner) -> Response:
    """Return the photo of an entry, where its owner shows it."""
    return pictures.answer(request, offers.photo(entries.get(job_id, visitor), visitor))


@router.get("/gallery/{job_id}/styles/{place}", response_class=Response, responses=KEPT)
def style(job_id: str, place: int, request: Request, visitor: Owner) -> Response:
    """Return a style picture of an entry, where its owner lends it; the first is 0."""
    return pictures.answer(request, offers.style(entries.get(job_id, visitor), place, visitor))


@router.get(
    "/gallery/{job_id}/download",
    dependencies=COSTLY,
    response_class=Response,
    responses=KEPT | problems(403, 429, 507),
)
async def download(
    job_id: str,
    request: Request,
    visitor: Owner,
    kind: Kind = "png",
    settings: WithSettings = True,
) -> Response:
    """Return an entry's picture as a file to keep."""
    shown = await run_sync(entries.get, job_id, visitor)
    return await pictures.download(request, shown.job, kind, settings)


class Change(BaseModel):
    """What to change of an entry; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra=like({"title": "Evening", "tags": ["sea"], "favourite": True}),
    )

    title: str | None = Field(default=None, max_length=1000)
    tags: list[Annotated[str, Field(max_length=1000)]] | None = Field(default=None, max_length=100)
    favourite: StrictBool | None = None
    shows_photo: StrictBool | None = None  # to visitors who see the entry: before and after
    lends_styles: StrictBool | None = None  # to visitors who see the entry, to try


@router.patch("/gallery/{job_id}", dependencies=WELCOME, responses=problems(400, 403, 404))
def change(job_id: str, change: Change, owner: Owner) -> EntryView:
    """Give an entry of yours a title or tags, make it a favourite, or say what others get of it."""
    return view(entries.change(job_id, owner, **change.model_dump()), owner)


@router.post("/gallery/{job_id}/publish", dependencies=WELCOME, responses=problems(403, 404))
def publish(job_id: str, owner: Owner) -> EntryView:
    """Let everybody see an entry of yours: the picture and how it was made, not its sources."""
    return view(entries.publish(job_id, owner), owner)


@router.post("/gallery/{job_id}/unpublish", responses=problems(404))
def unpublish(job_id: str, owner: Owner) -> EntryView:
    """Make an entry of yours private again; a share link it has goes on working."""
    return view(entries.unpublish(job_id, owner), owner)


@router.post("/gallery/{job_id}/share", dependencies=WELCOME, responses=problems(403, 404))
def share(job_id: str, owner: Owner) -> EntryView:
    """Give an entry of yours a link, `own.link`, that shows it to everyone who has it."""
    return view(entries.share(job_id, owner), owner)


@router.post("/gallery/{job_id}/revoke", responses=problems(404))
def revoke(job_id: str, owner: Owner) -> EntryView:
    """Take back every link the entry has had."""
    return view(entries.revoke(job_id, owner), owner)


class Ids(BaseModel):
    """Some entries, by id."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=like({"ids": [EXAMPLE_ID]}))

    ids: list[Annotated[str, Field(max_length=64)]] = Field(min_length=1, max_length=MOST)


class Deleted(BaseModel):
    """What was deleted; what is missing here was not there, or not yours, or had not ended."""

    model_config = ConfigDict(json_schema_extra=like({"deleted": [EXAMPLE_ID]}))

    deleted: list[str]


class Deletion(Ids):
    """Some entries to delete, by id."""

    forever: StrictBool = False


Forever = Annotated[bool, Query(description="not into the bin: row and pictures go at once")]


def _delete(owner: str, job_ids: Sequence[str], *, forever: bool) -> list[str]:
    return (bins.remove if forever else bins.put)(owner, job_ids)


@router.delete("/gallery/{job_id}", status_code=204, responses=problems(404))
def delete(job_id: str, owner: Owner, forever: Forever = False) -> None:
    """Delete an entry of yours, or a job that failed or was cancelled.

    It goes into the bin for 30 days, where it can't be read; `POST /bin/restore` undoes that.
    """
    if not _delete(owner, [job_id], forever=forever):
        raise model.EntryNotFound


@router.post("/gallery/delete", responses=problems(400))
def delete_many(asked: Deletion, owner: Owner) -> Deleted:
    """Delete many entries of yours at once, into the bin or for ever."""
    return Deleted(deleted=_delete(owner, asked.ids, forever=asked.forever))
