"""Errors as responses: problem+json with one sentence (RFC 9457)."""

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

from web.language import sentences, texts
from worker.errors import Refused
from worker.images.line import Busy
from worker.jobs import JobNotFound
from worker.jobs.service_state import NotAccepting
from worker.storage.blobs import BlobMissing, StorageFull
from worker.visitors.blocks import Blocked
from worker.visitors.quota import QuotaFull
from worker.visitors.rate_limits import TooMany
from worker.visitors.uploads import UploadNotFound

FULL = "There is no room for more pictures right now. Please try again later."
AWAY = "The studio cannot reach its database right now. Please try again in a moment."
DISK_FULL = ("disk is full", "No space left")  # SQLite's words, PostgreSQL's
UNKEPT = "A value can't be kept: a text with the character NUL, or too large a number."
BROKEN = "Something went wrong in the studio. It has been written down; please try again."
MISSING = "This picture is no longer kept."

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

log = logging.getLogger(__name__)


def problem(
    status: int,
    sentence: str,
    headers: Mapping[str, str] | None = None,
    language: str = texts.ENGLISH,
) -> JSONResponse:
    """Return the answer that says what is wrong and, where it helps, what is accepted."""
    detail = sentences.said(sentence, language)
    return JSONResponse(
        {"title": HTTPStatus(status).phrase, "status": status, "detail": detail},
        status_code=status,
        headers={"Content-Language": language, **(headers or {})},
        media_type="application/problem+json",
    )


def sentence_for(error: Exception) -> tuple[int, str]:
    """Return the status and the sentence for an error; an unexpected one is only logged."""
    match error:
        case TooMany():
            return 429, str(error)
        case Blocked():
            return 403, str(error)
        case NotAccepting() | Busy():
            return 503, str(error)
        case QuotaFull():
            return 507, str(error)
        case UploadNotFound():
            return 404, str(error)
        case Refused():
            return 422, str(error)
        case JobNotFound():
            return 404, str(error)
        case BlobMissing():
            return 410, MISSING
        case StorageFull():
            return 507, FULL
        case OSError() if error.errno in NO_SPACE:
            log.error("the disk has no room: %s", error)
            return 507, FULL
        case DBAPIError() if any(word in str(error.orig) for word in DISK_FULL):
            log.error("the database has no room: %s", error)
            return 507, FULL
        case DataError():  # no text of ours, no number
            log.warning("the database takes no such value: %s", error.orig)
            return 422, UNKEPT
        case DBAPIError() | PoolTimeout():
            log.error("the database is away: %s", error)
            return 503, AWAY
        case _:
            log.exception("unforeseen", exc_info=error)
            return 500, BROKEN


def wait(error: Exception) -> dict[str, str]:
    """Return the header that says how many seconds to wait, where that helps."""
    return (
        {"Retry-After": str(error.retry_after)}
        if isinstance(error, TooMany | NotAccepting | Busy)
        else {}
    )


async def _foreseen(request: Request, error: Exception) -> JSONResponse:
    return problem(*sentence_for(error), wait(error), texts.language_of(request))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StarletteHTTPException)
    language = texts.language_of(request)
    return problem(error.status_code, error.detail, error.headers, language)


async def _malformed(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return problem(422, f"{first['loc'][-1]}: {first['msg']}.")


async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    return problem(
        500, BROKEN, None, texts.language_of(request)
    )  # the server logs the traceback itself


def install(app: FastAPI) -> None:
    """Make every error of the application a problem."""
    for kind in (Refused, JobNotFound, BlobMissing, StorageFull, DBAPIError, PoolTimeout, OSError):
        app.add_exception_handler(kind, _foreseen)
    app.add_exception_handler(StarletteHTTPException, _http)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(Exception, _unforeseen)
