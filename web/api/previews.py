"""The API's preview resource: request a small picture, look whether it is made, fetch it.

Pictures sent once are kept scaled down in this process for a while, so that a dragged control costs
no second decoding. Parses, calls `worker.visitors.previews`, answers.
"""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from web.api import submission
from web.api.api import PREFIX, Owner
from web.api.openapi import Responses, problems
from web.http import checking, picture_cache, references, stored
from web.language.problems import HTTPProblem
from web.security import address
from worker.images import film_uploads, images
from worker.images.images import CleanImage
from worker.options import Options
from worker.visitors import previews, rate_limits
from worker.visitors.previews import State
from worker.visitors.rate_limits import Visitor

router = APIRouter(prefix=PREFIX, tags=["previews"])

FIELDS = ("content", "style", "mask", "options")

_ID: Any = {"id": "019abc6e-4b1f-7c52-9d0e-2f6a1c3b5d7e"}


class PreviewView(BaseModel):
    """A preview that was asked for."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ID]})

    id: str


# ---------------------------------------------------------------- pictures in a form


def small(value: str, visitor: Visitor, trim: bool = False) -> CleanImage:
    """Return the visitor's picture that a value of the form names, its crop, small; opened once.

    Made of the copy that the page shows where that is kept, else of the picture. With `trim`
    without its plain border. Raises as `references.source`, whatever is kept.
    """
    picture, crop = references.source(value, visitor.owner), references.crop(value)
    shown = None if trim or crop else picture_cache.displayed.find(visitor.owner, value)

    def make() -> CleanImage:
        rate_limits.consume(visitor, rate_limits.pictures())
        given = shown.data if shown else film_uploads.still(picture)
        return images.small(given, previews.SIDE, trim, crop)

    return picture_cache.previewed.get(visitor.owner, f"{value} {trim}", make)


# ---------------------------------------------------------------- the API


def _ask(visitor: Visitor, asked: submission.Submission) -> str:
    sizes = [one.size for one in (asked.content, *asked.styles, *asked.masks)]
    sent = sum(sizes)
    rate_limits.consume(visitor, rate_limits.sent(sent), rate_limits.pictures(len(sizes)))
    chosen = Options.read(asked.options, len(asked.styles), len(asked.masks))
    content = images.small(asked.content, previews.SIDE, crop=chosen.crop)
    crops = chosen.style_crops or [[]] * len(asked.styles)
    styles = [
        images.small(style, previews.SIDE, not chosen.keep_margins, crop)
        for style, crop in zip(asked.styles, crops, strict=True)
    ]
    size = content.width, content.height
    masks = [images.small_mask(mask, size, chosen.crop) for mask in asked.masks]
    return previews.ask(visitor, content, styles, masks, asked.options, sent)


@router.post(
    "/previews",
    status_code=202,
    openapi_extra=submission.described(*FIELDS),
    responses=problems(400, 413, 415, 429, 507),
)
async def ask(request: Request) -> PreviewView:
    """Ask for a preview: 256 px, not kept, in place of the one you asked for before.

    Made when no job waits; look again some times a second, and not for longer than ten seconds.
    """
    visitor = address.visitor(request)
    async with submission.read(request, FIELDS) as asked:
        return PreviewView(id=await checking.run(visitor, _ask, visitor, asked))


_LOOK: Responses = {
    200: {
        "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The preview.",
    },
    204: {"description": "It is not made yet."},
}


@router.get(
    "/previews/{preview_id}", response_class=Response, responses=_LOOK | problems(404, 409, 410)
)
def look(preview_id: str, owner: Owner) -> Response:
    """Return a preview, a JPEG, or nothing while it is not made; 404 once another was asked for."""
    found = previews.find(preview_id, owner)
    if found is None:
        raise HTTPProblem(404, "preview.not_found")
    if found.state == State.FAILED:
        raise HTTPProblem(409, "preview.failed")
    if found.state == State.MADE:
        return stored.answer(previews.result_key(found.key), {"Cache-Control": "no-store"})
    return Response(status_code=204, headers={"Cache-Control": "no-store"})
