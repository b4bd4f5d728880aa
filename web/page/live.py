"""The page /live, without Gradio: a camera's frames are painted in the visitor's own browser.

The engine that does it is a static file (web/static/engine, made of adain/live/engine.c);
the network it runs is written out here from the weights. The studio's previews are painted by it
too: for them the form's pictures are answered as small as previews have them.
"""

import hashlib
import io
import logging
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from adain.catalog import DEFAULT_NETWORK
from adain.live import packed
from web.api import previews
from web.http import checking, references, stored
from web.language.problems import HTTPProblem
from web.samples import shelf
from web.security import address
from web.security.same_origin import NOT_EMBEDDED
from worker.images import images
from worker.settings import settings

PAGE = Path(__file__).parents[1] / "static" / "live" / "live.html"
SHIPPED = Path(packed.__file__).parents[1] / "weights"

log = logging.getLogger(__name__)
router = APIRouter(include_in_schema=False)


def weights() -> Path:
    """Return the file that workers load too: the operator's own, or else the shipped one."""
    name = f"{DEFAULT_NETWORK}.safetensors"
    own = settings().weights_dir / name
    return own if own.is_file() else SHIPPED / name


@lru_cache(maxsize=1)
def _network(file: Path, changed: int) -> tuple[bytes, str] | None:
    """Return the network and its ETag; None where no browser can run it.

    `changed` is when the file was, in nanoseconds.
    """
    try:
        data = packed.packed(DEFAULT_NETWORK, file)
    except (KeyError, ValueError) as error:
        log.warning("%s can't be run by /live: %s", file, error)
        return None
    return data, f'"{hashlib.sha256(data).hexdigest()[:32]}"'


@router.get("/live")
def page() -> HTMLResponse:
    """Return the page; all it needs afterwards are static files and the network."""
    html = PAGE.read_text("utf-8").format(styles=" ".join(shelf.names("styles")))
    return HTMLResponse(html, headers={"Cache-Control": "no-cache"})


@router.get("/live/network")
def network(request: Request) -> Response:
    """Return the network as the engine reads it."""
    file = weights()
    found = _network(file, file.stat().st_mtime_ns)
    if found is None:
        raise HTTPProblem(503, "live.unusable")
    data, tag = found
    headers = {"Cache-Control": "no-cache", "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return stored.sent(len(data), io.BytesIO(data), "application/octet-stream", headers)


@router.get("/live/picture", dependencies=NOT_EMBEDDED)
async def picture(
    request: Request,
    value: Annotated[str, Query(max_length=references.LONGEST)],
    trim: bool = False,
) -> Response:
    """Return a picture that a field of the visitor's form names, as a preview is made of it."""
    visitor = address.visitor(request)
    small = await checking.run(visitor, previews.small, value, visitor, trim)
    headers = {"Cache-Control": "private, max-age=3600", "Vary": "Cookie"}
    return stored.made(small.data, images.media_type(f".{small.suffix}"), headers)
