"""Errors as responses: problem+json (RFC 9457) with a sentence, a code and its parameters.

`type` is the address of `web/api/problem_types.py` that tells what the code means.
"""

import errno
import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException as StarletteHTTPException

from web.language import messages, texts
from worker.credentials.api_keys import KeyNotFound
from worker.errors import CodedError, Message, Parameter, Refused
from worker.gallery.model import LinkRevoked
from worker.images.line import Busy
from worker.jobs import JobNotFound
from worker.jobs.service_state import NotAccepting
from worker.settings import settings
from worker.storage import database
from worker.storage.blobs import BlobMissing, StorageAway, StorageFull
from worker.visitors.blocks import Blocked
from worker.visitors.quota import QuotaFull
from worker.visitors.rate_limits import TooMany
from worker.visitors.uploads import UploadNotFound

TYPES = "/api/v1/problems/"  # and the code
FULL = Message("storage.full")
BROKEN = Message("service.error")
AWAY = 10  # seconds after which a storage that is away is worth another try

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

log = logging.getLogger(__name__)


class HTTPProblem(HTTPException):
    """An error with a status of its own, and a message."""

    def __init__(
        self,
        status: int,
        code: str,
        /,
        headers: Mapping[str, str] | None = None,
        **params: Parameter,
    ) -> None:
        self.message = Message(code, **params)
        super().__init__(status, str(self.message), headers)

    @classmethod
    def of(
        cls, status: int, message: Message, headers: Mapping[str, str] | None = None
    ) -> "HTTPProblem":
        """Return the error that says this."""
        return HTTPProblem(status, message.code, headers, **message.params)


def problem(
    status: int,
    message: Message | str,
    headers: Mapping[str, str] | None = None,
    language: str = texts.ENGLISH,
) -> JSONResponse:
    """Return the answer that says what is wrong and, where it helps, what is accepted.

    What a library says has no code.
    """
    detail = messages.said(message, language)
    types = settings().public_path + TYPES
    kind = types + message.code if isinstance(message, Message) else "about:blank"
    body = {"type": kind, "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(
        body | (message.dump() if isinstance(message, Message) else {}),
        status_code=status,
        headers={"Content-Language": language, **(headers or {})},
        media_type="application/problem+json",
    )


def message_for(error: Exception) -> tuple[int, Message]:
    """Return the status and the message for an error; an unexpected one is only logged."""
    match error:
        case TooMany():
            return 429, error.message
        case Blocked():
            return 403, error.message
        case NotAccepting() | Busy():
            return 503, error.message
        case QuotaFull():
            return 507, error.message
        case UploadNotFound() | JobNotFound() | KeyNotFound():
            return 404, error.message
        case Refused():
            return 422, error.message
        case LinkRevoked():
            return 410, error.message
        case BlobMissing():
            return 410, Message("picture.not_kept")
        case StorageFull():
            return 507, FULL
        case StorageAway():
            log.error("the storage is away: %r", error.__cause__)
            return 503, Message("storage.unavailable")
        case OSError() if error.errno in NO_SPACE:
            log.error("the disk has no room: %s", error)
            return 507, FULL
        case DBAPIError() if database.is_full(error):
            log.error("the database has no room: %s", error)
            return 507, FULL
        case DataError():  # no text of ours, no number
            log.warning("the database takes no such value: %s", error.orig)
            return 422, Message("database.value_refused")
        case DBAPIError() | PoolTimeout():
            log.error("the database is away: %s", error)
            return 503, Message("database.unavailable")
        case _:
            log.exception("unforeseen", exc_info=error)
            return 500, BROKEN


def wait(error: Exception) -> dict[str, str]:
    """Return the header that says how many seconds to wait, where that helps."""
    match error:
        case TooMany() | NotAccepting() | Busy():
            return {"Retry-After": str(error.retry_after)}
        case StorageAway():
            return {"Retry-After": str(AWAY)}
    return {}


async def _foreseen(request: Request, error: Exception) -> JSONResponse:
    return problem(*message_for(error), wait(error), texts.language_of(request))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StarletteHTTPException)
    language = texts.language_of(request)
    message = error.message if isinstance(error, HTTPProblem) else error.detail
    return problem(error.status_code, message, error.headers, language)


async def _malformed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    invalid = Message("request.invalid", field=str(first["loc"][-1]), reason=first["msg"])
    return problem(422, invalid, None, texts.language_of(request))


async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    # the server logs the traceback itself
    return problem(500, BROKEN, None, texts.language_of(request))


def install(app: FastAPI) -> None:
    """Make every error of the application a problem."""
    for kind in (
        CodedError,
        BlobMissing,
        StorageAway,
        StorageFull,
        DBAPIError,
        PoolTimeout,
        OSError,
    ):
        app.add_exception_handler(kind, _foreseen)
    app.add_exception_handler(StarletteHTTPException, _http)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(Exception, _unforeseen)
