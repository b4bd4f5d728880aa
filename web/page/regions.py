"""Painted regions: turn the masks that the page sends into masks of the photo's size.

The page paints small and sends the masks as PNGs in JSON; edges are feathered here.
"""

import base64
import binascii
import io
import json
from functools import partial

from PIL import Image, ImageFilter
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from worker.errors import Refused
from worker.images import images
from worker.images.images import Given, Source

LONGEST_TEXT = 1_000_000  # characters of all that is painted
LONGEST = 1024  # pixels of the longer side of what is painted


class Painted(BaseModel):
    """What was painted: a PNG in base64 for each style, by the style's place in the form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(ge=1, le=LONGEST)
    height: int = Field(ge=1, le=LONGEST)
    feather: float = Field(ge=0, le=10)  # percent of the shorter side
    masks: dict[int, str] = Field(max_length=8)


def _mask(data: str, painted: Painted, place: int) -> Image.Image:
    try:
        png = base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise Refused("regions.invalid") from error
    try:
        mask = images.clean_mask(png, (painted.width, painted.height))
    except images.ImageRejected as rejected:
        if rejected.message.code != "mask.black":
            raise
        raise Refused("regions.empty", number=place + 1) from rejected
    return Image.open(io.BytesIO(mask.data))


def _feathered(mask: Image.Image, painted: Painted, size: tuple[int, int]) -> bytes:
    radius = painted.feather / 100 * min(mask.size) / 2
    soft = mask.filter(ImageFilter.GaussianBlur(radius)) if radius else mask
    return images.encode(soft.resize(size, Image.Resampling.BICUBIC), "png")


def masks(painting: str, places: list[int], photo: Given | None = None) -> list[Source]:
    """Return the masks of the styles in these places, each made when it is read.

    As large as the photo, or without one as they were painted. Raises `Refused` when a region is
    empty.
    """
    try:
        painted = Painted.model_validate(json.loads(painting))
    except (ValueError, RecursionError, ValidationError) as error:
        raise Refused("regions.invalid") from error
    if not set(places) <= painted.masks.keys():
        raise Refused("regions.invalid")
    drawn = {place: _mask(painted.masks[place], painted, place) for place in places}
    size = images.measured(photo) if photo else (painted.width, painted.height)
    return [
        Source("", len(painted.masks[place]), partial(_feathered, drawn[place], painted, size))
        for place in places
    ]
