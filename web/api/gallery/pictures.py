"""An entry's picture as it is kept, and as a file to download."""

import hashlib
from functools import partial
from typing import Annotated, Any

from fastapi import Query, Request, Response

from web.api.openapi import Responses, problems
from web.http import checking, stored
from web.security import address
from worker.gallery import embedded_settings, model
from worker.jobs import Job
from worker.storage import blobs

LEFT = 499  # as proxies log a request whose client left, unread

_FILE: dict[str, Any] = {"type": "string", "format": "binary"}
_PICTURE: Responses = {
    200: {"content": {"image/*": {"schema": _FILE}}, "description": "the picture"},
    304: {"description": "the picture you have is still the one, and still to be seen"},
}
LINK = problems(404, 410)
KEPT = _PICTURE | LINK


def answer(request: Request, key: str | None) -> Response:
    """Answer with a picture that a browser keeps but asks about each time it shows it.

    So it is gone for everybody as soon as it is taken back.
    """
    if key is None:
        raise model.EntryNotFound
    tag = f'"{hashlib.sha256(key.encode()).hexdigest()[:32]}"'
    headers = {"Cache-Control": "private, no-cache", "ETag": tag, "Vary": "Cookie"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return stored.answer(key, headers)


def film(request: Request, key: str | None) -> Response:
    """Answer with a film, or a part of it, as `answer` does with a picture."""
    if key is None:
        raise model.EntryNotFound
    return stored.film(request, key, {"Cache-Control": "private, no-cache", "Vary": "Cookie"})


def _encoded(job: Job, kind: embedded_settings.Format, settings: bool) -> Response:
    if job.result_key is None:
        raise model.EntryNotFound
    embedded = embedded_settings.settings_of(job) if settings else None
    name = f"adain-studio-{job.id[-12:]}.{kind}"
    return stored.made(
        embedded_settings.encode(blobs.get(job.result_key), kind, embedded),
        f"image/{kind}",
        {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


async def download(
    request: Request, job: Job, kind: embedded_settings.Format, settings: bool
) -> Response:
    work = partial(_encoded, job, kind, settings)
    made = await checking.encode(address.visitor(request), request.is_disconnected, work)
    return made or Response(status_code=LEFT)


Kind = Annotated[embedded_settings.Format, Query(alias="format", description="of the file")]
WithSettings = Annotated[
    bool, Query(alias="settings", description="write into the file how it was made")
]
