"""Which requests Gradio may get, and the body limit of each route."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from web.language import texts
from web.language.problems import HTTPProblem, problem
from worker.errors import Message
from worker.jobs import service_state
from worker.settings import KIB, MIB, settings
from worker.storage import database
from worker.visitors import rate_limits, uploads
from worker.visitors.rate_limits import Visitor

# What a browser with the page open asks of Gradio; no event by its name, no upload, no file.
_OPEN = {"run/predict", "app_id"}
_HEARTBEAT = "heartbeat/"  # and the session's name
GRADIO = "/gradio_api/"

SMALL = 64 * KIB  # bytes of a body, and of a field of text in a form
_EVENT = MIB  # bytes of an event of the page; painted regions are the largest

Before = Callable[[Visitor, int], None]


def most() -> int:
    """Return the bytes of a whole submission: twice a picture's limit, and 1 MiB for the form.

    A film may be larger than a picture.
    """
    return uploads.most() + settings().max_upload_bytes + MIB


def _most_of_pictures() -> int:
    return 2 * settings().max_upload_bytes + MIB


def _most_of_one() -> int:
    return settings().max_upload_bytes + MIB


def _most_of_upload() -> int:
    return uploads.most() + MIB


def _most_of_batch() -> int:
    return settings().max_batch_bytes + MIB


# ---------------------------------------------------------------- asked before a body is read


def _nothing(visitor: Visitor, size: int) -> None:
    """Allow without a check."""


def _submission(visitor: Visitor, size: int) -> None:
    with database.one_reading():
        service_state.check()
        rate_limits.check(
            visitor, rate_limits.submissions(), rate_limits.sent(size), rate_limits.pictures()
        )


def _batch(visitor: Visitor, size: int) -> None:
    service_state.check()
    rate_limits.check(visitor, rate_limits.sent(size), rate_limits.pictures())


def _picture(visitor: Visitor, size: int) -> None:
    rate_limits.check(visitor, rate_limits.sent(size), rate_limits.pictures())


def _event(visitor: Visitor, size: int) -> None:
    rate_limits.consume(visitor, rate_limits.events(1 + size // SMALL))


# ---------------------------------------------------------------- the rules


@dataclass(frozen=True)
class Rule:
    """What the body of a POST to one route may be.

    `before` is called with the visitor and the announced bytes before any byte is read, in a
    thread; it raises what `problems.message_for` knows.
    """

    most: Callable[[], int]  # bytes
    spooled: bool = False  # has pictures, which lie in files while the request is under way
    what: str = ""  # whose pictures come together: a job's, a batch's; "": there is only one
    before: Before = _nothing

    def _message(self) -> Message:
        limit = settings().max_upload_bytes / MIB
        together = (self.most() - MIB) / MIB
        if not self.spooled:
            return Message("request.too_large", limit=self.most() / KIB)
        match self.what:
            case "job":
                return Message("request.job_too_large", limit=limit, together=together)
            case "batch":
                return Message("request.batch_too_large", limit=limit, together=together)
        return Message("request.picture_too_large", limit=together)

    def too_large(self) -> HTTPProblem:
        """Return the answer to a body over the limit."""
        return HTTPProblem.of(413, self._message(), {"Connection": "close"})


DEFAULT = Rule(lambda: SMALL)
_ONE_PICTURE = Rule(_most_of_one, spooled=True, before=_picture)
_PAGE_EVENT = Rule(lambda: _EVENT, before=_event)
RULES = {
    "/api/v1/jobs": Rule(most, spooled=True, what="job", before=_submission),
    "/api/v1/previews": Rule(_most_of_pictures, spooled=True, what="job", before=_picture),
    "/api/v1/batches": Rule(_most_of_batch, spooled=True, what="batch", before=_batch),
    "/api/v1/subject": _ONE_PICTURE,
    "/api/v1/settings": _ONE_PICTURE,
    "/api/v1/uploads": Rule(_most_of_upload, spooled=True, before=_picture),
    f"{GRADIO}run/predict": _PAGE_EVENT,
}


def rule_of(scope: Scope) -> Rule:
    """Return the rule for a request's body: the default unless its route has one."""
    if scope["method"] != "POST":
        return DEFAULT
    path: str = scope["path"]
    return RULES.get(path.rstrip("/") if path.startswith(GRADIO) else path, DEFAULT)


# ---------------------------------------------------------------- what is open of Gradio


def is_pages(scope: Scope) -> bool:
    """Tell whether a request is to Gradio, by the page's script."""
    path: str = scope["path"]
    return GRADIO in path


class PageOnly:
    """Middleware: Gradio's own API is no second way in; only what its page needs answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _, gradio, what = scope.get("path", "").partition(GRADIO)
        if gradio and what.rstrip("/") not in _OPEN and not what.startswith(_HEARTBEAT):
            closed = problem(
                404, Message("page.private"), None, texts.language_of(HTTPConnection(scope))
            )
            return await closed(scope, receive, send)
        await self.app(scope, receive, send)
