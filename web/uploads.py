"""Uploads: pictures in forms that are being filled in, which Gradio keeps in a folder.

Who may put one there, how many, and how long they lie: Gradio knows no limit but a file's size.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from web import address, problems, sentences, texts
from web.problems import problem
from worker import ceilings, limits
from worker.blobs import StorageFull
from worker.limits import Visitor
from worker.settings import settings

UNSAID = "An upload must say how long it is (Content-Length)."
HALF_MADE = 60.0  # seconds in which an empty folder may still get its file

_making_room = Lock()


def folder() -> Path:
    """Return the folder that Gradio is told to keep uploads in."""
    return settings().data / "uploads"


def is_one(scope: Scope) -> bool:
    """Tell whether a request is an upload to Gradio."""
    path: str = scope["path"]
    is_post: bool = scope["type"] == "http" and scope["method"] == "POST"
    return is_post and path.partition("/gradio_api/")[2].strip("/") == "upload"


# ---------------------------------------------------------------- the folder


def _files() -> Iterator[tuple[float, int, Path]]:
    """Yield time, bytes and path of what lies in the folder."""
    for path in folder().rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
            about = path.stat()
            if path.is_file():
                yield about.st_mtime, about.st_size, path
            elif about.st_mtime < time.time() - HALF_MADE:
                with contextlib.suppress(OSError):  # not empty
                    path.rmdir()


def tidy(coming: int = 0) -> None:
    """Delete what is too old, and then the oldest until so much more fits.

    Raises `StorageFull` when it never will.
    """
    [most] = ceilings.of("uploads_bytes")
    if most and coming > most:
        raise StorageFull
    with _making_room:
        files = sorted(_files())
        kept = sum(size for _, size, _ in files)
        old = time.time() - settings().uploads_hours * 3600
        for changed, size, path in files:
            if changed > old and (not most or kept + coming <= most):
                break
            path.unlink(missing_ok=True)
            kept -= size


# ---------------------------------------------------------------- the door


def _refusal(error: Exception, language: str) -> PlainTextResponse:
    """Return an error as a sentence alone, since Gradio shows the answer as it comes."""
    status, sentence = problems.sentence_for(error)
    return PlainTextResponse(sentences.said(sentence, language), status, problems.wait(error))


class UploadDoor:
    """Middleware: Gradio's upload route is inside the limits."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._coming = 0  # bytes of the uploads that are under way

    def _let_in(self, visitor: Visitor, size: int) -> None:
        limits.spend(visitor, limits.pictures(), limits.sent(size))
        tidy(self._coming)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http" or not is_one(scope):
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        said = headers.get("content-length", "")
        if not said.isdigit() or "transfer-encoding" in headers:
            return await problem(411, UNSAID)(scope, receive, send)
        asks = HTTPConnection(scope)
        visitor, size = address.visitor(asks), int(said)
        self._coming += size
        try:
            try:
                await run_sync(self._let_in, visitor, size)
            except Exception as error:
                refusal = _refusal(error, texts.language_of(asks))
                return await refusal(scope, receive, send)
            await self.app(scope, receive, send)
        finally:
            self._coming -= size
