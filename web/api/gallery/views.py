"""Entries as the API shows them.

Other visitors get the picture and how it was made, and never the sources or a word about the
owner.
"""

from typing import Any

from itsdangerous import URLSafeSerializer
from pydantic import BaseModel, ConfigDict

from web.api.api import PREFIX
from web.api.gallery import offers
from web.api.gallery.offers import OfferedStyle
from web.security import signed
from web.security.public_path import under
from worker.gallery import embedded_settings, entries
from worker.gallery.model import Shown
from worker.jobs import Job
from worker.options import public, recorded


class EntryStyleView(BaseModel):
    """A style picture of an entry; `digest` is what a list is filtered by."""

    address: str
    digest: str | None  # None: the job is older than the gallery


class OwnView(BaseModel):
    """What only the owner sees of an entry; times are epoch seconds."""

    favourite: bool
    shows_photo: bool  # to visitors who see the entry
    lends_styles: bool  # to visitors who see the entry
    hidden: bool  # taken down after reports
    link: str | None  # the address of the share link, if there is one
    kept_until: float | None  # None: until it is deleted
    submitted: float
    started: float | None
    timings: dict[str, float]  # seconds a stage
    device: str | None
    content: str  # the photo's address
    styles: list[EntryStyleView]
    masks: int


EXAMPLE_ID = "019abc6e-4b1f-7c52-9d0e-2f6a1c3b5d7e"
_EXAMPLE: Any = {
    "id": EXAMPLE_ID,
    "title": "Evening at the fjord",
    "tags": ["sea", "blue"],
    "published": 1795489800.0,
    "finished": 1795489204.9,
    "options": {
        "alpha": 0.8, "weights": [], "color": "style", "size": 512, "network": "compact",
        "transfer": "covariance", "region": "all",
        "transparency": "flatten", "strokes": 1.0, "method": "adain", "effort": "more",
        "loss": "gram", "start": "photo",
    },
    "network": "compact",
    "weights_sha256": "5f0c" * 16,
    "version": "1.0.0",
    "width": 768,
    "height": 512,
    "picture": f"{PREFIX}/gallery/{EXAMPLE_ID}/picture",
    "film": None,
    "thumbnail": f"{PREFIX}/gallery/{EXAMPLE_ID}/thumbnail",
    "download": f"{PREFIX}/gallery/{EXAMPLE_ID}/download",
    "formats": ["png", "jpeg", "webp"],
    "content": None,
    "offered": [{"sample": "ink", "address": "/shelf/styles/ink.jpg", "weight": 1.0}],
    "own": None,
}  # fmt: skip


def like(example: Any) -> dict[str, Any]:  # noqa: ANN401, any JSON
    """Return what shows an example of a model in the API's description."""
    return {"examples": [example]}


class EntryView(BaseModel):
    """An entry as it is shown; title and tags are text as its owner typed it, not HTML."""

    model_config = ConfigDict(json_schema_extra=like(_EXAMPLE))

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
    picture: str  # addresses; of a film its first frame
    film: str | None  # the painted film's; null: it is a picture
    thumbnail: str
    download: str
    formats: list[embedded_settings.Format]  # that a download can have: some hold no long sides
    content: str | None  # the photo's, if the owner shows it
    offered: list[OfferedStyle]  # to try
    own: OwnView | None  # None: another visitor's


class EntryPage(BaseModel):
    """Some entries; `next` is the `cursor` of the page after, null on the last.

    `total` is how many entries all pages have; null unless a `page` was asked for.
    """

    model_config = ConfigDict(
        json_schema_extra=like({"entries": [_EXAMPLE], "next": EXAMPLE_ID, "total": None})
    )

    entries: list[EntryView]
    next: str | None
    total: int | None


def links() -> URLSafeSerializer:
    return signed.lasting("share")


def link(shown: Shown) -> str | None:
    """Return the share link's address; None unless the entry is shared."""
    if shown.entry.shared is None:
        return None
    return under(f"{PREFIX}/share/{links().dumps([shown.job.id, shown.entry.generation])}")


def _styles(job: Job) -> list[EntryStyleView]:
    digests = [*job.style_digests, *[None] * len(job.style_keys)]
    styles = under(f"{PREFIX}/jobs/{job.id}/styles")
    return [
        EntryStyleView(address=f"{styles}/{place}", digest=digests[place])
        for place in range(len(job.style_keys))
    ]


def _own(shown: Shown) -> OwnView:
    job, entry = shown.job, shown.entry
    return OwnView(
        favourite=entry.favourite,
        shows_photo=entry.shows_photo,
        lends_styles=entry.lends_styles,
        hidden=entry.hidden is not None,
        link=link(shown),
        kept_until=entries.kept_until(shown),
        submitted=job.submitted,
        started=job.started,
        timings=job.timings,
        device=job.device,
        content=under(f"{PREFIX}/jobs/{job.id}/content"),
        styles=_styles(job),
        masks=len(job.mask_keys),
    )


def view(shown: Shown, visitor: str, address: str = "") -> EntryView:
    """Return what the visitor may see of an entry; `address` is where, if not in the gallery."""
    job, entry = shown.job, shown.entry
    address = under(address or f"{PREFIX}/gallery/{job.id}")
    is_own = job.owner == visitor
    return EntryView(
        id=job.id,
        title=entry.title,
        tags=entry.tags,
        published=entry.published,
        finished=job.finished,
        options=recorded(job.options) if is_own else public(job.options),
        network=job.network,
        weights_sha256=job.weights_sha256,
        version=job.version,
        width=job.width,
        height=job.height,
        picture=f"{address}/picture",
        film=f"{address}/film" if job.film_key else None,
        thumbnail=f"{address}/thumbnail",
        download=f"{address}/download",
        formats=embedded_settings.formats(job.width or 0, job.height or 0),
        content=f"{address}/content" if entry.shows_photo else None,
        offered=offers.styles(shown, address),
        own=_own(shown) if is_own else None,
    )
