"""Your pictures as zips, all of them or some, with the photos they were made from or without."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from web.api.api import PREFIX, Owner
from web.api.gallery.views import EXAMPLE_ID, like
from web.api.openapi import problems
from web.http import archive
from web.language.problems import HTTPProblem
from web.security.address import COSTLY
from web.security.public_path import under
from worker.gallery import archives
from worker.gallery.lists import MOST

router = APIRouter(prefix=PREFIX, tags=["gallery"])

ADDRESS = f"{PREFIX}/gallery/zip"


class ArchiveView(BaseModel):
    """One of the zips that together have all your pictures; `bytes` is with the photos, about."""

    model_config = ConfigDict(
        json_schema_extra=like(
            {"address": f"{ADDRESS}?before={EXAMPLE_ID}", "pictures": 200, "bytes": 314572800}
        )
    )

    address: str
    pictures: int
    bytes: int


@router.get("/gallery/archives")
def parts(owner: Owner) -> list[ArchiveView]:
    """List the zips that together have all your pictures, the newest first."""
    return [
        ArchiveView(
            address=under(f"{ADDRESS}?before={part.before}" if part.before else ADDRESS),
            pictures=part.pictures,
            bytes=part.bytes,
        )
        for part in archives.parts(owner)
    ]


Chosen = Annotated[
    list[str] | None, Query(alias="id", max_length=MOST, description="repeated: these alone")
]
Before = Annotated[
    str, Query(pattern="^([0-9a-f-]{36})?$", description="the newest pictures older than this one")
]
Photos = Annotated[bool, Query(description="the photos as they were kept, too")]


@router.get(
    "/gallery/zip",
    response_class=Response,
    responses=archive.ZIP | problems(403, 404, 429),
    dependencies=COSTLY,
)
def fetch(
    owner: Owner, chosen: Chosen = None, before: Before = "", photos: Photos = False
) -> Response:
    """Return some of your pictures as one zip, made while it is sent; without `id` the newest."""
    found = archives.chosen(owner, chosen) if chosen else archives.part(owner, before)
    if not found:
        raise HTTPProblem(404, "archive.empty")
    return archive.answer(
        archives.files(found, photos=photos), f"adain-studio-{found[0].job.id[-8:]}"
    )
