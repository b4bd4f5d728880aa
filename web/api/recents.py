"""The API's styles: the studio's own for everybody; a visitor's recent ones, with thumbnails."""

from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from web.api.api import PREFIX, Owner
from web.api.openapi import Responses, problems
from web.http import checking, stored
from web.language import texts
from web.language.problems import HTTPProblem
from web.language.texts import Spoken
from web.samples import collection, shelf
from web.samples.credits import Credit
from web.security import address
from web.security.address import COSTLY
from web.security.public_path import under
from worker import jobs
from worker.gallery import recent_styles
from worker.gallery.model import STYLE_NAME
from worker.jobs import Job
from worker.storage import blobs

router = APIRouter(prefix=PREFIX, tags=["styles"])

# ---------------------------------------------------------------- the studio's

DRAWN = {"artist": "AdaIN Studio", "year": "", "licence": "MIT"}  # adain/samples/CREDITS.md
_SHELF_EXAMPLE: Any = {
    "name": "lilies",
    "title": "Water Lilies",
    "artist": "Claude Monet",
    "year": "1906",
    "licence": "public domain",
    "picture": "/shelf/styles/lilies.jpg",
    "thumbnail": "/shelf/styles/lilies.webp",
}


class ShelfStyle(BaseModel):
    """A style that every visitor may use, who made it and on what terms; and where it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SHELF_EXAMPLE]})

    name: str
    title: str
    artist: str
    year: str
    licence: str
    picture: str
    thumbnail: str


def _credit(name: str, language: str) -> Credit:
    if work := collection.works().get(name):
        return work.credit
    return Credit(title=texts.words(language)[f"shelf.{name}"], **DRAWN)


def _shelf_view(name: str, language: str) -> ShelfStyle:
    picture = under(f"/shelf/styles/{name}")
    credit = _credit(name, language).model_dump()
    return ShelfStyle(name=name, picture=f"{picture}.jpg", thumbnail=f"{picture}.webp", **credit)


@router.get("/shelf")
def listed(language: Spoken) -> list[ShelfStyle]:
    """List the studio's own styles with their credits, in the page's order: for everybody."""
    return [_shelf_view(name, language) for name in shelf.names("styles")]


# ---------------------------------------------------------------- a visitor's

_ID = "019abc6e-4b1f-7c52-9d0e-2f6a1c3b5d7e"
_EXAMPLE: Any = {
    "job": _ID,
    "place": 0,
    "digest": "5f0c" * 16,
    "name": "Grandma's tablecloth",
    "picture": f"{PREFIX}/jobs/{_ID}/styles/0",
    "thumbnail": f"{PREFIX}/jobs/{_ID}/styles/0/thumbnail",
}


class StyleView(BaseModel):
    """A style picture that you used, by a job that has it; its name, if you gave it one."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    job: str
    place: int
    digest: str
    name: str
    picture: str
    thumbnail: str


def view(recent: recent_styles.Recent) -> StyleView:
    """Return what its owner sees of a recent style."""
    picture = under(f"{PREFIX}/jobs/{recent.job_id}/styles/{recent.place}")
    return StyleView(
        job=recent.job_id,
        place=recent.place,
        digest=recent.digest,
        name=recent.name,
        picture=picture,
        thumbnail=f"{picture}/thumbnail",
    )


@router.get("/styles")
def mine(owner: Owner) -> list[StyleView]:
    """List your styles, those with a name first, then the latest; each once.

    Those on the page's shelf are left out, unless you named them.
    """
    return [view(one) for one in recent_styles.recent(owner, without=shelf.by_digest())]


class StyleName(BaseModel):
    """What a style picture is called on your shelf."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "Grandma's tablecloth"}]}
    )

    name: str = Field(json_schema_extra={"minLength": 1, "maxLength": STYLE_NAME, "pattern": r"\S"})


def _own(job_id: str, place: int, owner: str) -> Job:
    """Return an owner's job that has a style in this place; raises `JobNotFound` and 404."""
    job = jobs.get(job_id, owner)
    if not 0 <= place < len(job.style_keys):
        raise HTTPProblem(404, "job.style_place", count=len(job.style_keys))
    return job


@router.put(
    "/jobs/{job_id}/styles/{place}/name", status_code=204, responses=problems(400, 404, 422)
)
def keep(job_id: str, place: int, given: StyleName, owner: Owner) -> None:
    """Keep a style picture of your job on your shelf under a name; the first is 0.

    The job is pinned then: it counts in your storage, and stays until you delete it.
    """
    recent_styles.keep(_own(job_id, place, owner).id, owner, place, given.name)


@router.delete("/jobs/{job_id}/styles/{place}/name", status_code=204, responses=problems(404))
def forget(job_id: str, place: int, owner: Owner) -> None:
    """Take a style picture's name away; it is a recent one again."""
    recent_styles.forget(job_id, owner, place)


_SMALL: Responses = {
    200: {
        "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The picture.",
    }
}


@router.get(
    "/jobs/{job_id}/styles/{place}/thumbnail",
    response_class=Response,
    responses=_SMALL | problems(403, 404, 410, 429, 507),
    dependencies=COSTLY,
)
async def thumbnail(job_id: str, place: int, request: Request, owner: Owner) -> Response:
    """Return a style picture of your job small, a JPEG; the first is 0."""
    job = await run_sync(_own, job_id, place, owner)
    key = recent_styles.small_key(job, place)
    if not await run_sync(blobs.exists, key):
        await checking.run(address.visitor(request), recent_styles.small, job, place)
    headers = {"Cache-Control": "private, max-age=86400", "Vary": "Cookie"}
    return await run_sync(stored.answer, key, headers)
