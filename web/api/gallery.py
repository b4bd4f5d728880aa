"""The gallery's API: lists, one entry, what its owner may do with it, share links, downloads.

Parses, calls `worker.gallery.gallery`, answers. Other visitors get the picture and how
it was made, and never the sources or a word about the owner.
"""

import hashlib
from typing import Annotated, Any, Literal

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, HTTPException, Query, Request, Response
from itsdangerous import BadSignature, URLSafeSerializer
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from web.api import submission
from web.api.api import PREFIX, Owner
from web.api.openapi import Responses, problems
from web.http import checking, stored
from web.security import address, signed
from web.security.address import COSTLY, WELCOME
from worker.gallery import embedded_settings, gallery
from worker.gallery.gallery import MOST, REASON, LinkRevoked, Page, Shown, Wanted
from worker.jobs import Job
from worker.options import recorded
from worker.storage import blobs

router = APIRouter(prefix=PREFIX, tags=["gallery"])
_encoding = anyio.CapacityLimiter(2)  # downloads being encoded; a decoded picture takes memory


class Asked(Wanted):
    """What to list, and out of whose entries."""

    scope: Literal["mine", "public"] = Field(default="mine", description="whose entries")


class StyleView(BaseModel):
    """A style picture of an entry; `digest` is what a list is filtered by."""

    address: str
    digest: str | None  # None: the job is older than the gallery


class OwnView(BaseModel):
    """What only the owner sees of an entry; times are epoch seconds."""

    favourite: bool
    hidden: bool  # taken down after reports
    link: str | None  # the address of the share link, if there is one
    kept_until: float | None  # None: until it is deleted
    submitted: float
    started: float | None
    timings: dict[str, float]  # seconds a stage
    device: str | None
    content: str  # the photo's address
    styles: list[StyleView]
    masks: int


_ID = "019abc6e-4b1f-7c52-9d0e-2f6a1c3b5d7e"
_EXAMPLE: Any = {
    "id": _ID,
    "title": "Evening at the fjord",
    "tags": ["sea", "blue"],
    "published": 1795489800.0,
    "finished": 1795489204.9,
    "options": {
        "alpha": 0.8, "weights": [], "color": "style", "size": 512, "network": "compact",
        "transfer": "covariance", "strokes": 1.0,
    },
    "network": "compact",
    "weights_sha256": "5f0c" * 16,
    "version": "1.0.0",
    "width": 768,
    "height": 512,
    "picture": f"{PREFIX}/gallery/{_ID}/picture",
    "thumbnail": f"{PREFIX}/gallery/{_ID}/thumbnail",
    "download": f"{PREFIX}/gallery/{_ID}/download",
    "own": None,
}  # fmt: skip


def _like(example: Any) -> dict[str, Any]:  # noqa: ANN401, any JSON
    """Return what shows an example of a model in the API's description."""
    return {"examples": [example]}


class EntryView(BaseModel):
    """An entry as it is shown; title and tags are text as its owner typed it, not HTML."""

    model_config = ConfigDict(json_schema_extra=_like(_EXAMPLE))

    id: str
    title: str
    tags: list[str]
    published: float | None
    finished: float | None
    options: dict[str, Any]
    network: str | None
    weights_sha256: str | None
    version: str | None
    width: int | None
    height: int | None
    picture: str  # addresses
    thumbnail: str
    download: str
    own: OwnView | None  # None: another visitor's


class EntryPage(BaseModel):
    """Some entries; `next` is the `cursor` of the page after, null on the last.

    `total` is how many entries all pages have; null unless a `page` was asked for.
    """

    model_config = ConfigDict(
        json_schema_extra=_like({"entries": [_EXAMPLE], "next": _ID, "total": None})
    )

    entries: list[EntryView]
    next: str | None
    total: int | None


# ---------------------------------------------------------------- views


def _links() -> URLSafeSerializer:
    return signed.lasting("share")


def link(shown: Shown) -> str | None:
    """Return the share link's address; None unless the entry is shared."""
    if shown.entry.shared is None:
        return None
    return f"{PREFIX}/share/{_links().dumps([shown.job.id, shown.entry.generation])}"


def _styles(job: Job) -> list[StyleView]:
    digests = [*job.style_digests, *[None] * len(job.style_keys)]
    return [
        StyleView(address=f"{PREFIX}/jobs/{job.id}/styles/{place}", digest=digests[place])
        for place in range(len(job.style_keys))
    ]


def _own(shown: Shown) -> OwnView:
    job, entry = shown.job, shown.entry
    return OwnView(
        favourite=entry.favourite,
        hidden=entry.hidden is not None,
        link=link(shown),
        kept_until=gallery.kept_until(job),
        submitted=job.submitted,
        started=job.started,
        timings=job.timings,
        device=job.device,
        content=f"{PREFIX}/jobs/{job.id}/content",
        styles=_styles(job),
        masks=len(job.mask_keys),
    )


def view(shown: Shown, visitor: str, address: str = "") -> EntryView:
    """Return what the visitor may see of an entry; `address` is where, if not in the gallery."""
    job, entry = shown.job, shown.entry
    address = address or f"{PREFIX}/gallery/{job.id}"
    return EntryView(
        id=job.id,
        title=entry.title,
        tags=entry.tags,
        published=entry.published,
        finished=job.finished,
        options=recorded(job.options),
        network=job.network,
        weights_sha256=job.weights_sha256,
        version=job.version,
        width=job.width,
        height=job.height,
        picture=f"{address}/picture",
        thumbnail=f"{address}/thumbnail",
        download=f"{address}/download",
        own=_own(shown) if job.owner == visitor else None,
    )


def _page(page: Page, visitor: str) -> EntryPage:
    shown = [view(one, visitor) for one in page.entries]
    return EntryPage(entries=shown, next=page.next, total=page.total)


# ---------------------------------------------------------------- pictures


_FILE: dict[str, Any] = {"type": "string", "format": "binary"}
_PICTURE: Responses = {
    200: {"content": {"image/*": {"schema": _FILE}}, "description": "the picture"},
    304: {"description": "the picture you have is still the one, and still to be seen"},
}
_LINK = problems(404, 410)
_KEPT = _PICTURE | _LINK


def _picture(request: Request, key: str | None) -> Response:
    """Answer with a picture that a browser keeps but asks about each time it shows it.

    So it is gone for everybody as soon as it is taken back.
    """
    if key is None:
        raise gallery.EntryNotFound
    tag = f'"{hashlib.sha256(key.encode()).hexdigest()[:32]}"'
    headers = {"Cache-Control": "private, no-cache", "ETag": tag, "Vary": "Cookie"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return stored.answer(key, headers)


def _encoded(job: Job, kind: embedded_settings.Format, settings: bool) -> Response:
    if job.result_key is None:
        raise gallery.EntryNotFound
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


async def _download(job: Job, kind: embedded_settings.Format, settings: bool) -> Response:
    return await run_sync(_encoded, job, kind, settings, limiter=_encoding)


Kind = Annotated[embedded_settings.Format, Query(alias="format", description="of the file")]
WithSettings = Annotated[
    bool, Query(alias="settings", description="write into the file how it was made")
]


# ---------------------------------------------------------------- lists and entries


@router.get("/gallery")
def entries(asked: Annotated[Asked, Query()], visitor: Owner) -> EntryPage:
    """List your own entries, newest first, or everybody's public ones."""
    wanted = Wanted.model_validate(asked.model_dump(exclude={"scope"}))
    if asked.scope == "public":
        return _page(gallery.public(wanted), visitor)
    return _page(gallery.mine(visitor, wanted), visitor)


@router.get("/gallery/{job_id}", responses=problems(404))
def entry(job_id: str, visitor: Owner) -> EntryView:
    """Show an entry that is public or your own."""
    return view(gallery.get(job_id, visitor), visitor)


@router.get("/gallery/{job_id}/picture", response_class=Response, responses=_KEPT)
def picture(job_id: str, request: Request, visitor: Owner) -> Response:
    """Return an entry's picture, a PNG."""
    return _picture(request, gallery.get(job_id, visitor).job.result_key)


@router.get("/gallery/{job_id}/thumbnail", response_class=Response, responses=_KEPT)
def thumbnail(job_id: str, request: Request, visitor: Owner) -> Response:
    """Return an entry's picture small, a JPEG."""
    return _picture(request, gallery.get(job_id, visitor).job.thumbnail_key)


@router.get(
    "/gallery/{job_id}/download",
    dependencies=COSTLY,
    response_class=Response,
    responses=_KEPT | problems(403, 429),
)
async def download(
    job_id: str, visitor: Owner, kind: Kind = "png", settings: WithSettings = True
) -> Response:
    """Return an entry's picture as a file to keep."""
    shown = await run_sync(gallery.get, job_id, visitor)
    return await _download(shown.job, kind, settings)


# ---------------------------------------------------------------- an owner's verbs


class Change(BaseModel):
    """What to change of an entry; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra=_like({"title": "Evening", "tags": ["sea"], "favourite": True}),
    )

    title: str | None = Field(default=None, max_length=1000)
    tags: list[Annotated[str, Field(max_length=1000)]] | None = Field(default=None, max_length=100)
    favourite: StrictBool | None = None


@router.patch("/gallery/{job_id}", dependencies=WELCOME, responses=problems(400, 403, 404))
def change(job_id: str, change: Change, owner: Owner) -> EntryView:
    """Give an entry of yours a title or tags, or make it a favourite."""
    return view(gallery.change(job_id, owner, **change.model_dump()), owner)


@router.post("/gallery/{job_id}/publish", dependencies=WELCOME, responses=problems(403, 404))
def publish(job_id: str, owner: Owner) -> EntryView:
    """Let everybody see an entry of yours: the picture and how it was made, not its sources."""
    return view(gallery.publish(job_id, owner), owner)


@router.post("/gallery/{job_id}/unpublish", responses=problems(404))
def unpublish(job_id: str, owner: Owner) -> EntryView:
    """Make an entry of yours private again; a share link it has goes on working."""
    return view(gallery.unpublish(job_id, owner), owner)


@router.post("/gallery/{job_id}/share", dependencies=WELCOME, responses=problems(403, 404))
def share(job_id: str, owner: Owner) -> EntryView:
    """Give an entry of yours a link, `own.link`, that shows it to everyone who has it."""
    return view(gallery.share(job_id, owner), owner)


@router.post("/gallery/{job_id}/revoke", responses=problems(404))
def revoke(job_id: str, owner: Owner) -> EntryView:
    """Take back every link the entry has had."""
    return view(gallery.revoke(job_id, owner), owner)


class Ids(BaseModel):
    """Some entries, by id."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_like({"ids": [_ID]}))

    ids: list[Annotated[str, Field(max_length=64)]] = Field(min_length=1, max_length=MOST)


class Deleted(BaseModel):
    """What was deleted; what is missing here was not there, or not yours, or had not ended."""

    model_config = ConfigDict(json_schema_extra=_like({"deleted": [_ID]}))

    deleted: list[str]


@router.delete("/gallery/{job_id}", status_code=204, responses=problems(404))
def delete(job_id: str, owner: Owner) -> None:
    """Delete an entry of yours, or a job that failed or was cancelled: its row and pictures."""
    if not gallery.remove(owner, [job_id]):
        raise gallery.EntryNotFound


@router.post("/gallery/delete", responses=problems(400))
def delete_many(ids: Ids, owner: Owner) -> Deleted:
    """Delete many entries of yours at once."""
    return Deleted(deleted=gallery.remove(owner, ids.ids))


# ---------------------------------------------------------------- anybody's verbs


class Complaint(BaseModel):
    """Why an entry should not be public."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra=_like({"reason": "This is a picture of me."})
    )

    reason: str = Field(default="", max_length=REASON)


def _reporter(request: Request, job_id: str) -> str:
    """Return a name for an address that is of no use beside reports of other entries."""
    return hashlib.sha256(f"{address.origin(request)}:{job_id}".encode()).hexdigest()[:32]


@router.post(
    "/gallery/{job_id}/report",
    status_code=204,
    dependencies=WELCOME,
    responses=problems(400, 403, 404),
)
def report(job_id: str, request: Request, complaint: Complaint | None = None) -> None:
    """Report a public entry; the admin sees it, and enough visitors take it down at once.

    Visitors of one address count as one.
    """
    gallery.report(job_id, _reporter(request, job_id), complaint.reason if complaint else "")


def _linked(token: str) -> Shown:
    """Return what a link shows; raises a 404 for one that is none, a 410 for a revoked one."""
    try:
        job_id, generation = _links().loads(token)
        return gallery.by_link(job_id, generation)
    except BadSignature as error:
        raise HTTPException(
            404, "There is no such link; perhaps a part of it is missing."
        ) from error
    except LinkRevoked as error:
        raise HTTPException(410, str(error)) from error


@router.get("/share/{token}", responses=_LINK)
def shared(token: str, visitor: Owner) -> EntryView:
    """Show the entry behind a share link."""
    return view(_linked(token), visitor, f"{PREFIX}/share/{token}")


@router.get("/share/{token}/picture", response_class=Response, responses=_KEPT)
def shared_picture(token: str, request: Request) -> Response:
    """Return the picture behind a share link, a PNG."""
    return _picture(request, _linked(token).job.result_key)


@router.get("/share/{token}/thumbnail", response_class=Response, responses=_KEPT)
def shared_thumbnail(token: str, request: Request) -> Response:
    """Return the picture behind a share link small, a JPEG."""
    return _picture(request, _linked(token).job.thumbnail_key)


@router.get(
    "/share/{token}/download",
    dependencies=COSTLY,
    response_class=Response,
    responses=_KEPT | problems(403, 429),
)
async def shared_download(
    token: str, kind: Kind = "png", settings: WithSettings = True
) -> Response:
    """Return the picture behind a share link as a file to keep."""
    shown = await run_sync(_linked, token)
    return await _download(shown.job, kind, settings)


@router.post(
    "/settings",
    dependencies=COSTLY,
    openapi_extra=submission.ONE_PICTURE,
    responses=problems(400, 403, 413, 415, 429),
)
async def settings(request: Request) -> embedded_settings.Embedded:
    """Return the settings that a downloaded picture carries; 422 when it carries none."""
    async with submission.picture(request) as sent:
        return await checking.run(
            address.visitor(request), lambda: embedded_settings.read(sent.read())
        )
