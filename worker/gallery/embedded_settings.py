"""Job settings embedded in a result picture, and read back from one.

Stored as JSON in a text chunk of a PNG or the EXIF user comment of a JPEG or WebP. Contains the
options, network and version; never the owner, the sources or a time.
"""

import io
from typing import Annotated, Literal, get_args

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo
from pydantic import BaseModel, BeforeValidator, ValidationError

from adain.files import kinds, pictures
from worker.errors import Refused
from worker.images import images
from worker.images.decoder import ASCII, CHUNK
from worker.images.images import Given
from worker.jobs import Job
from worker.options import Options, public, recorded

Format = Literal["png", "jpeg", "webp"]

LONGEST = 10_000  # characters of settings that are looked at; ours have a few hundred


def _completed(options: object) -> object:
    return recorded(options) if isinstance(options, dict) else options


class Embedded(BaseModel):
    """How a picture was made; `options` are what a job takes."""

    options: Annotated[Options, BeforeValidator(_completed)]
    network: str | None
    weights_sha256: str | None
    version: str | None


def settings_of(job: Job) -> Embedded:
    """Return the settings of a job that may be published with its picture."""
    return Embedded(
        options=Options.model_validate(public(job.options)),
        network=job.network,
        weights_sha256=job.weights_sha256,
        version=job.version,
    )


def _exif(text: str) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = ASCII + text.encode("ascii")
    return exif.tobytes() if text else b""


def formats(width: int, height: int) -> list[Format]:
    """Return the formats that can hold a picture of that size."""
    return [kind for kind in get_args(Format) if kinds.holds(kind.upper(), width, height)]


def _check(kind: Format, width: int, height: int) -> None:
    """Raise `Refused` if a format can't hold a picture of that size."""
    held = formats(width, height)
    if kind not in held:
        names = [one.upper() for one in held]
        raise Refused(
            "download.too_long",
            kind=kind.upper(),
            limit=kinds.LONGEST[kind.upper()],
            width=width,
            height=height,
            formats=names,
        )


def encode(picture: bytes, kind: Format, embedded: Embedded | None) -> bytes:
    """Return one of our own pictures in another format, with settings or with none.

    Raises `Refused` where its sides are longer than the format can hold.
    """
    opened = Image.open(io.BytesIO(picture), formats=images.KEPT)
    _check(kind, opened.width, opened.height)
    image = pictures.cut_out(opened)
    if kind == "jpeg":
        image = pictures.rgb(image)
    image.info.clear()
    text = embedded.model_dump_json() if embedded else ""
    out = io.BytesIO()
    match kind:
        case "png":
            info = PngInfo()
            if text:
                info.add_itxt(CHUNK, text)
            image.save(out, "PNG", pnginfo=info, compress_level=1)
        case "jpeg":
            image.save(out, "JPEG", exif=_exif(text), quality=92, subsampling="4:4:4")
        case "webp":
            image.save(out, "WEBP", exif=_exif(text), quality=90)
    return out.getvalue()


def read(picture: Given) -> Embedded:
    """Return the settings that anybody's picture carries; raises `Refused`, `ImageRejected`."""
    text = images.note(picture)
    if not text:
        raise Refused("embedded_settings.none")
    try:
        return Embedded.model_validate_json(text[:LONGEST])
    except ValidationError as error:
        raise Refused("embedded_settings.unknown") from error
