"""What others get of an entry beside the picture: the photo and the styles, as its owner chose.

A style that every visitor has on the shelf is offered always.
"""

from pydantic import BaseModel, ConfigDict

from web.samples import shelf
from web.security.public_path import under
from worker.gallery.model import Shown


class OfferedStyle(BaseModel):
    """A style to try: the name of a sample, or where its picture is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"sample": "ink", "address": "/shelf/styles/ink.jpg"}]}
    )

    sample: str | None
    address: str


def photo(shown: Shown, visitor: str) -> str | None:
    """Return the key of the photo if this visitor may see it."""
    allowed = shown.entry.shows_photo or shown.job.owner == visitor
    return shown.job.content_key if allowed else None


def style(shown: Shown, place: int, visitor: str) -> str | None:
    """Return the key of a style if this visitor may have it."""
    keys = shown.job.style_keys
    allowed = shown.entry.lends_styles or shown.job.owner == visitor
    return keys[place] if allowed and 0 <= place < len(keys) else None


def styles(shown: Shown, address: str) -> list[OfferedStyle]:
    """Return the styles that everybody who sees the entry at this address may try."""
    offered = []
    digests = [*shown.job.style_digests, *[""] * len(shown.job.style_keys)]
    for place in range(len(shown.job.style_keys)):
        if sample := shelf.by_digest().get(digests[place]):
            found = OfferedStyle(sample=sample, address=under(f"/shelf/styles/{sample}.jpg"))
            offered.append(found)
        elif shown.entry.lends_styles:
            offered.append(OfferedStyle(sample=None, address=f"{address}/styles/{place}"))
    return offered
