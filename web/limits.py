"""What a request may ask of Gradio, and how much any may carry, counted while it arrives."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web import uploads
from web.problems import problem
from worker.settings import MIB, settings

# What a browser with the page open asks of Gradio; its events by name are not among it.
_OPEN = ("run/predict", "queue/join", "queue/data", "upload", "heartbeat/", "file=", "cancel")


BATCHES = "/api/v1/batches"  # where many pictures come at once


def most() -> int:
    """Return the bytes of one whole request: twice a single picture's limit, and the form's own."""
    return 2 * settings().max_upload_bytes + MIB


def _most_of(scope: Scope) -> int:
    """Return the bytes that a request may carry: pictures only where they belong."""
    if scope["path"] == BATCHES:
        return settings().max_batch_bytes + MIB
    if scope["path"].startswith("/api/"):
        return most()
    return settings().max_upload_bytes + MIB if uploads.is_one(scope) else MIB


def _too_large(scope: Scope) -> HTTPException:
    one, all_of_them = settings().max_upload_bytes / MIB, 2 * settings().max_upload_bytes / MIB
    what = "job"
    if scope["path"] == BATCHES:
        what, all_of_them = "batch", settings().max_batch_bytes / MIB
    return HTTPException(
        413,
        f"The request is too large: a picture may have {one:g} MiB, "
        f"and all pictures of one {what} together {all_of_them:g} MiB.",
        headers={"Connection": "close"},
    )


class BodyLimit:
    """Middleware: a body over the limit ends in 413 as soon as the limit is passed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        limit, seen = _most_of(scope), 0
        announced = dict(scope["headers"]).get(b"content-length", b"0")

        async def counted() -> Message:
            nonlocal seen
            if announced.isdigit() and int(announced) > limit:
                raise _too_large(scope)
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _too_large(scope)
            return message

        await self.app(scope, counted, send)


class PageOnly:
    """Middleware: Gradio's own API is no second way in; only what its page needs answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        _, gradio, what = scope.get("path", "").partition("/gradio_api/")
        if gradio and not what.startswith(_OPEN):
            closed = problem(404, "This is the page's own; the API is at /api/v1.")
            return await closed(scope, receive, send)
        await self.app(scope, receive, send)
