"""Opening a share link. It is made in `entry.py` and `worker/gallery/entries.py`."""

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from itsdangerous import BadSignature

from web.api.api import FILM, PREFIX, Owner
from web.api.gallery import offers, pictures
from web.api.gallery.pictures import KEPT, LINK, Kind, WithSettings
from web.api.gallery.views import EntryView, links, view
from web.api.openapi import problems
from web.language.problems import HTTPProblem
from web.security.address import COSTLY
from worker.gallery import entries
from worker.gallery.model import Shown

router = APIRouter(prefix=PREFIX, tags=["gallery"])


def _linked(token: str) -> Shown:
    """Return what a link shows; raises a 404 for one that is none, a 410 for a revoked one."""
    try:
        job_id, generation = links().loads(token)
        return entries.by_link(job_id, generation)
    except BadSignature as error:
        raise HTTPProblem(404, "link.not_found") from error


@router.get("/share/{token}", responses=LINK)
def shared(token: str, visitor: Owner) -> EntryView:
    """Show the entry behind a share link."""
    return view(_linked(token), visitor, f"{PREFIX}/share/{token}")


@router.get("/share/{token}/picture", response_class=Response, responses=KEPT)
def shared_picture(token: str, request: Request) -> Response:
    """Return the picture behind a share link, a PNG."""
    return pictures.answer(request, _linked(token).job.result_key)


@router.get("/share/{token}/film", response_class=Response, responses=FILM | LINK)
def shared_film(token: str, request: Request) -> Response:
    """Return the film behind a share link; 404 where it is a picture."""
    return pictures.film(request, _linked(token).job.film_key)


@router.get("/share/{token}/thumbnail", response_class=Response, responses=KEPT)
def shared_thumbnail(token: str, request: Request) -> Response:
    """Return the picture behind a share link small, a JPEG."""
    return pictures.answer(request, _linked(token).job.thumbnail_key)


@router.get("/share/{token}/content", response_class=Response, responses=KEPT)
def shared_content(token: str, request: Request, visitor: Owner) -> Response:
    """Return the photo of what a link shows, where its owner shows it."""
    return pictures.answer(request, offers.photo(_linked(token), visitor))


@router.get("/share/{token}/styles/{place}", response_class=Response, responses=KEPT)
def shared_style(token: str, place: int, request: Request, visitor: Owner) -> Response:
    """Return a style picture of what a link shows, where its owner lends it; the first is 0."""
    return pictures.answer(request, offers.style(_linked(token), place, visitor))


@router.get(
    "/share/{token}/download",
    dependencies=COSTLY,
    response_class=Response,
    responses=KEPT | problems(403, 429, 507),
)
async def shared_download(
    token: str, request: Request, kind: Kind = "png", settings: WithSettings = True
) -> Response:
    """Return the picture behind a share link as a file to keep."""
    shown = await run_sync(_linked, token)
    return await pictures.download(request, shown.job, kind, settings)
