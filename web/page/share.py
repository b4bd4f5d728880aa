"""The page behind a share link: one picture, for everyone who has the link, without Gradio."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

PAGE = Path(__file__).parents[1] / "static" / "share" / "share.html"

router = APIRouter(include_in_schema=False)


@router.get("/share/{token}")
def shared(token: str) -> FileResponse:
    """Return the page; its script asks the API what the link shows, if it still does."""
    return FileResponse(PAGE, headers={"Cache-Control": "no-cache"})
