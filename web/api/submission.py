"""Read a submission from a request: form, Idempotency-Key, webhook address; and accept it.

The job itself is checked by `jobs.submit`. Raises `Refused` and `HTTPProblem`.
"""

import io
import json
import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData, UploadFile

from adain import catalog
from adain.catalog import LOSSES, MOST_PAINTINGS, NETWORKS, Color, Effort, Start, TaughtKind
from adain.film.limits import STEADIEST
from web.language.problems import HTTPProblem
from web.security.body_limits import SMALL
from worker import jobs
from worker.errors import Refused
from worker.fit import SHEETS
from worker.jobs import Beside, Job, idempotency
from worker.jobs.batches import Source
from worker.settings import KIB, settings
from worker.visitors import admission
from worker.visitors.rate_limits import Visitor
from worker.webhooks import deliveries

FIELDS = ("content", "style", "mask", "options", "webhook")
KEY = re.compile(r"[!-~]{1,255}")
FIELD = "picture"  # of a form with one picture

_KINDS = "PNG, JPEG, WebP, AVIF, HEIC (where it is installed), GIF, TIFF or BMP"
_FILE = {"type": "string", "format": "binary"}
KEY_DESCRIPTION: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Any word of your own, new for each job. Sending the same again within "
    "24 hours makes no second job and answers 200 with the first.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "6f1c8a52-holiday-17",
}
_FILMS = (
    "or a film: MP4, MOV, WebM or MKV, or with the option moving an animated GIF, PNG or WebP, "
    "where the studio paints films; it becomes a film, and its job is slow"
)
_PROPERTIES: dict[str, Any] = {
    "content": _FILE | {"description": f"The photo: {_KINDS}; {_FILMS}."},
    "style": {
        "type": "array",
        "items": _FILE,
        "minItems": 1,
        "description": "Style pictures, the field repeated; may be missing with the option taught.",
    },
    "mask": {
        "type": "array",
        "items": _FILE,
        "description": "Where each style acts: white there, black elsewhere, "
        "of the photo's shape. One for each style, or none; one for two styles is that of the "
        "first, and its opposite that of the second.",
    },
    "options": {
        "type": "string",
        "contentMediaType": "application/json",
        "description": "JSON with any of alpha (0 to 1), weights (one for "
        f"each style), color ({', '.join(Color)}), size (pixels of "
        f"the shorter side, 0: as it is) or fit ({', '.join(SHEETS)}: a print at 300 dpi; largest: "
        f"as the photo is, but for the limit), network ({', '.join(NETWORKS)}), transfer "
        "(covariance, or adain: plain AdaIN, the look of earlier pictures), region (subject or "
        "background: all that one style paints; the mask, white on the subject, is found where "
        "none is sent), keep_margins (true: plain borders of styles stay), crop (left, top, "
        "right and bottom of what is used of the upright photo, shares from 0 to 1; masks stay "
        "those of the whole photo), style_crops (the same of each style, [] of a whole one; in a "
        "batch also one for all), transparency (flatten: "
        "a plain ground shows through the photo; keep: the result is as transparent, in PNG and "
        "WebP), strokes (0.5, "
        "fine, to 4, broad, beside a picture of any size; 0: as the network paints at that size, "
        "the look of earlier pictures), method "
        f"({catalog.described()}; those that take seconds are for pictures up to the studio's "
        f"limit), effort (of a method of steps: {', '.join(Effort)}), loss (what an optimisation "
        f"follows: {', '.join(LOSSES)}) and start (what it starts from: {', '.join(Start)}). "
        f"teach ({', '.join(TaughtKind)}) has the styles, up to {MOST_PAINTINGS}, taught in place "
        "of one picture made, in minutes (steps: how many; the photo shows what comes out); then "
        "taught, with the id of that job, paints by what was taught, in its own paintings where no "
        "style is sent. "
        f"Of a film: steady (0, lively, to {STEADIEST}: how much of its strokes a frame keeps from "
        "the one before), weights_end (weights at its end, towards which those at its beginning "
        "go) and moving (true: an animated picture is a film); size never makes it larger, and "
        "method, strokes, crop, fit, transparency, teach and taught are for pictures alone.",
        "examples": ['{"alpha": 0.8, "color": "content", "size": 512}'],
    },
    "webhook": {
        "type": "string",
        "description": "A public http or https address that is told when the "
        "job ends. Needs a secret: POST /api/v1/webhook-secret.",
        "examples": ["https://example.org/painted"],
    },
}


def described(*fields: str) -> dict[str, Any]:
    """Return what the API's description says of a form with these fields."""
    schema = {
        "type": "object",
        "required": ["content"] if "webhook" in fields else ["content", "style"],
        "additionalProperties": False,
        "properties": {field: _PROPERTIES[field] for field in fields},
    }
    form = {"schema": schema, "encoding": {"options": {"contentType": "application/json"}}}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": form}}}


ONE_PICTURE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "additionalProperties": False,
                    "properties": {
                        FIELD: {
                            "type": "string",
                            "format": "binary",
                            "description": f"The picture: {_KINDS}.",
                        }
                    },
                }
            }
        },
    }
}
DESCRIPTION = described(*FIELDS) | {"parameters": [KEY_DESCRIPTION]}


def _digest(sources: Sequence[Source]) -> str:
    """Return a fingerprint of pictures, one of which is in memory at a time."""
    return idempotency.digest_of(source.read() for source in sources)


@dataclass(frozen=True)
class Submission:
    """What came with one request, none of it checked; pictures lie in files until they are read."""

    content: Source
    styles: Sequence[Source]
    masks: Sequence[Source]
    options: object
    webhook: str
    key: str

    def digest(self) -> str:
        """Return a fingerprint: the same for the same pictures, options and webhook."""
        options = json.dumps([self.options, self.webhook], sort_keys=True).encode()
        styles, masks = _digest(self.styles), _digest(self.masks)
        with self.content.opened() as content:
            return idempotency.digest(content, styles.encode(), masks.encode(), options)


# ---------------------------------------------------------------- read


def _read(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(settings().max_upload_bytes + 1)  # one more, which is then refused


def sources(form: FormData, field: str) -> list[Source]:
    """Return the pictures of a field as they lie in the request's own files."""
    files = form.getlist(field)
    if any(not isinstance(file, UploadFile) for file in files):
        raise Refused("field.not_a_picture", field=field)
    return [_sent(file) for file in files if isinstance(file, UploadFile)]


def _opened(file: IO[bytes], size: int) -> IO[bytes]:
    """Return what was sent once more, as a file of its own that can be closed."""
    if size <= SMALL:
        return io.BytesIO(_read(file))
    again = os.fdopen(os.dup(file.fileno()), "rb")
    again.seek(0)
    return again


def _sent(file: UploadFile) -> Source:
    size = file.size or 0
    return Source(
        file.filename or "",
        size,
        partial(_read, file.file),
        file=partial(_opened, file.file, size),
    )


def _photo(form: FormData) -> Source:
    found = sources(form, "content")
    if len(found) != 1:
        raise Refused("job.photo_count", count=len(found))
    return found[0]


async def _text(form: FormData, field: str) -> str:
    """Return a field that may come as text or as a file."""
    given = form.get(field) or ""
    if isinstance(given, UploadFile) and (given.size or 0) > SMALL:
        raise Refused("field.too_long", field=field, limit=SMALL // KIB)
    try:
        return (await given.read()).decode() if isinstance(given, UploadFile) else given
    except UnicodeDecodeError as error:
        raise Refused("field.not_text", field=field) from error


async def options(form: FormData) -> object:
    """Return the options as they came; what they mean is checked by `worker.options`."""
    try:
        return json.loads(await _text(form, "options") or "{}")
    except (ValueError, RecursionError) as error:
        raise Refused("options.not_json") from error


def is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("multipart/form-data")


def check_fields(form: FormData, fields: Sequence[str] = FIELDS) -> None:
    """Raise `Refused` if there is an unknown field."""
    if unknown := sorted(set(form) - set(fields)):
        raise Refused("field.unknown", field=unknown[0][:40], names=list(fields))


def key_of(request: Request) -> str:
    """Return the request's Idempotency-Key, "" if it has none; raises `Refused`."""
    key = request.headers.get("idempotency-key", "")
    if "idempotency-key" in request.headers and not KEY.fullmatch(key):
        raise Refused("idempotency.key_invalid")
    return key


@asynccontextmanager
async def picture(request: Request) -> AsyncIterator[Source]:
    """Yield the picture of a request that has one and nothing else; raises `HTTPProblem`."""
    if not is_form(request):
        raise HTTPProblem(415, "upload.form")
    async with request.form(max_files=1, max_fields=0) as form:
        found = sources(form, FIELD)
        if len(found) != 1:
            raise HTTPProblem(400, "upload.form")
        yield found[0]


@asynccontextmanager
async def read(request: Request, fields: Sequence[str] = FIELDS) -> AsyncIterator[Submission]:
    """Yield the submission of a request, whose files are there until the end.

    Raises `Refused` and `HTTPProblem`.
    """
    if not is_form(request):
        raise HTTPProblem(415, "job.form")
    key = key_of(request)
    styles = max(2 * settings().max_styles, MOST_PAINTINGS)  # with masks, or to be taught
    most = styles + 3  # with a photo, and two texts as files
    async with request.form(max_files=most, max_fields=16, max_part_size=SMALL) as form:
        check_fields(form, fields)
        yield Submission(
            content=_photo(form),
            styles=sources(form, "style"),
            masks=sources(form, "mask"),
            options=await options(form),
            webhook=await _text(form, "webhook"),
            key=key,
        )


# ---------------------------------------------------------------- accept


def _earlier(owner: str, job_id: str) -> Job:
    try:
        return jobs.get(job_id, owner)
    except jobs.JobNotFound:
        raise HTTPProblem(409, "idempotency.job_deleted") from None


def accept(visitor: Visitor, asked: Submission) -> tuple[Job, bool]:
    """Return the job, and whether it is new; raises as `admission.submit` does."""
    owner = visitor.owner
    promise = deliveries.promise(owner, asked.webhook) if asked.webhook else None

    def submit(remember: Beside | None = None) -> Job:
        def beside(session: Session, job_id: str) -> None:
            for write in filter(None, (promise, remember)):
                write(session, job_id)

        return admission.submit(
            visitor, asked.content, asked.styles, asked.masks, asked.options, beside=beside
        )

    if not asked.key:
        return submit(), True
    job_id, new = idempotency.once(owner, asked.key, asked.digest(), submit)
    return _earlier(owner, job_id), new
