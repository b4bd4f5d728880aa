"""Pages of one picture, without Gradio: behind a share link, and of a public entry."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from web.api.gallery import entry, share_links
from web.api.gallery.views import EntryView
from web.language.problems import HTTPProblem
from web.page import link_previews
from worker.gallery.model import EntryNotFound, LinkRevoked

PAGE = Path(__file__).parents[1] / "static" / "share" / "share.html"
NO_VISITOR = ""  # a program that previews a link is no visitor

router = APIRouter(include_in_schema=False)


def _page(request: Request, shown: EntryView | None) -> HTMLResponse:
    """Return the page; its script asks the API what there is to show, if there still is."""
    if shown is None:
        head = link_previews.tags(request)
    else:
        title = shown.title or link_previews.TITLE
        head = link_previews.tags(request, title, shown.picture)
    html = link_previews.inserted(PAGE.read_text("utf-8"), head)
    return HTMLResponse(html, 200 if shown else 404, headers={"Cache-Control": "no-cache"})


@router.get("/share/{token}")
def shared(request: Request, token: str) -> HTMLResponse:
    """Return the page of a share link."""
    try:
        return _page(request, share_links.shared(token, NO_VISITOR))
    except (HTTPProblem, LinkRevoked):  # the page says which
        return _page(request, None)


@router.get("/gallery/{job_id}")
def public(request: Request, job_id: str) -> HTMLResponse:
    """Return the page of a public entry."""
    try:
        return _page(request, entry.entry(job_id, NO_VISITOR))
    except EntryNotFound:  # the page says so
        return _page(request, None)
