"""What others get of an entry beside the picture: the photo and the styles, as its owner chose.

A style that every visitor has on the shelf is offered always.
"""

from pydantic import BaseModel, ConfigDict

from web.samples import shelf
from web.security.public_path import under
from worker.gallery.model import Shown
from worker.options import recorded


class OfferedStyle(BaseModel):
    """A style to try: the name of a sample, or where its picture is, and its weight."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"sample": "ink", "address": "/shelf/styles/ink.jpg", "weight": 1.0}]
        }
    )

    sample: str | None
    address: str
    weight: float  # relative to the other styles of the picture


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
    weights = recorded(shown.job.options)["weights"] or [1.0] * len(shown.job.style_keys)
    for place, weight in enumerate(weights):
        where = f"{address}/styles/{place}"
        if sample := shelf.by_digest().get(digests[place]):
            where = under(f"/shelf/styles/{sample}.jpg")
        if sample or shown.entry.lends_styles:
            offered.append(OfferedStyle(sample=sample, address=where, weight=weight))
    return offered
