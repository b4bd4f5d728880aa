"""Check calls of the page's Gradio events: only text, numbers and choices of their own inputs pass.

Gradio treats any object that looks like a file as one, whichever component it was sent to, and
opens or fetches it. Anything else is answered with 422.
"""

import json
import re
from typing import Annotated, Any

import gradio as gr
from anyio.to_thread import run_sync
from gradio.block_function import BlockFunction
from gradio.components import Component
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.http import references
from web.language import messages, texts
from web.security.body_limits import SMALL
from worker import errors
from worker.options import Options

NOT_TAKEN = errors.Message("page.event_refused")
CALLS = ("/gradio_api/run/predict",)

# a text of JSON, or \1: all that follows a quote without its pair. Each byte is looked at a bounded
# number of times: nothing is tried again from a later quote, or with fewer repetitions
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|(".*)', re.DOTALL)

_Name = Annotated[str, Field(max_length=64)]


class EventData(BaseModel):
    """What one of our scripts sends to an event beside the form."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: _Name = ""  # of a job
    options: Options | None = None  # of a picture
    page: int = Field(default=0, ge=0, le=1000)  # of the contact sheet


class Call(BaseModel):
    """The body of a call as Gradio's script sends it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    fn_index: int
    data: list[Any]
    event_data: dict[str, Any] | None = None
    trigger_id: int | None = None
    session_hash: _Name | None = None


def _is_picture(part: Component, value: str) -> bool:
    """Tell whether a value names a picture, where the input takes the name of one."""
    takes_one = str(part.elem_id).startswith(references.FIELD)
    return not value or not takes_one or references.is_value(value)


def _fits(part: Component, value: object) -> bool:
    """Tell whether a value is one that a component of the form can have."""
    match part, value:
        case gr.Textbox(), None | str():
            return len(value or "") <= (part.max_length or 0) and _is_picture(part, value or "")
        case gr.Slider(), int() | float() if not isinstance(value, bool):
            return bool(part.minimum <= value <= part.maximum)  # not so of NaN; exact for any int
        case gr.Radio(), int() | str() if not isinstance(value, bool):
            return value in [choice for _, choice in part.choices]
        case _:
            return False


def is_plain(body: bytes) -> bool:
    """Tell whether a body is small but for the texts in it, of which there are not many.

    A megabyte of text is parsed in no time, a megabyte of lists in lists takes seconds. Only UTF-8
    is looked at: JSON in another encoding has NULs.
    """
    if b"\0" in body:
        return False
    if len(body) <= SMALL:
        return True
    return body.count(b'"') <= SMALL and len(_TEXT.sub(rb"\1", body)) <= SMALL


def _passes(events: dict[int, BlockFunction], body: bytes) -> bool:
    """Tell whether a call names an event of the page and has what its inputs can have."""
    if not is_plain(body):
        return False
    try:
        call = Call.model_validate(json.loads(body))
        EventData.model_validate(call.event_data or {})
    except (ValueError, RecursionError, ValidationError):
        return False
    event = events.get(call.fn_index)
    if event is None or event.fn is None or len(call.data) != len(event.inputs):
        return False
    return all(map(_fits, event.inputs, call.data))  # type: ignore[arg-type]


async def _whole(receive: Receive) -> bytes:
    """Return a request's body, whose length the limits have seen to."""
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


class CallCheck:
    """Middleware in front of Gradio: an event gets plain values of its own inputs, or nothing."""

    def __init__(self, app: ASGIApp, page: gr.Blocks) -> None:
        self.app = app
        self.page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].rstrip("/") not in CALLS:
            return await self.app(scope, receive, send)
        body = await _whole(receive)
        if not await run_sync(_passes, self.page.fns, body):
            said = messages.said(NOT_TAKEN, texts.language_of(HTTPConnection(scope)))
            return await JSONResponse({"error": said}, 422)(scope, receive, send)
        replayed = False

        async def again() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, again, send)
