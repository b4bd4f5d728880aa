"""From a job's row to the network's request, and from an error to the owner's message."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from billiard.exceptions import SoftTimeLimitExceeded
from PIL import Image

from adain import catalog
from adain.catalog import DEFAULT_LOSS, Color, Effort, Region, Start, Transfer, Transparency
from adain.request import USUAL, Request, Style
from adain.stylizer import Stylizer
from adain.teaching.taught import TaughtStylizer
from adain.weights import WeightsError
from worker.errors import Message, Refused
from worker.images import images
from worker.jobs import Job
from worker.options import recorded
from worker.runner import style_cache
from worker.runner.networks import Networks
from worker.runner.teaching import TaughtGone
from worker.settings import settings
from worker.storage import blobs
from worker.visitors.previews import Preview


def _picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=images.KEPT)


def _read(job: Job | Preview, key: str) -> bytes:
    """Return one picture of a job; raises `BlobMissing`, `BlobDamaged` if its digest differs."""
    known = job.files if isinstance(job, Job) else None
    return blobs.get(key, known.get(key) if known else None)


@dataclass(frozen=True)
class PreparedJob:
    """A job's request, with the statistics of its styles as far as they were measured before."""

    request: Request  # its colour is `CONTENT` only where styles are not measured for the network
    measures: Sequence[str]  # the keys of its styles' statistics
    digests: Sequence[str]  # of its styles
    match: bool  # whether the styles' colours become the photo's

    def measured(self, stylizer: Stylizer) -> Request:
        """Return the request with all styles measured, unless it asks for its photo alone.

        Or its method needs the pictures.
        """
        if self.request.alpha == 0 or catalog.method(self.request.method).maker:
            return self.request
        taught = stylizer.known if isinstance(stylizer, TaughtStylizer) else {}
        each = zip(self.measures, self.digests, self.request.styles, strict=True)
        styles = [
            taught.get(digest)
            or (style if isinstance(style, Style) else self._measure(stylizer, name, style))
            for name, digest, style in each
        ]
        return replace(self.request, styles=styles)

    def _measure(self, stylizer: Stylizer, name: str, style: Image.Image) -> Style:
        like = self.request.like() if self.match else None
        side = self.request.style_side(style)
        return style_cache.measure(name, partial(stylizer.style, style, side, like))


def _request(job: Job | Preview, content: bytes, styles: Sequence[Image.Image | Style]) -> Request:
    chosen = recorded(job.options)
    color, method = Color(chosen["color"]), chosen["method"]
    matched = color == Color.CONTENT and not catalog.method(method).maker
    return Request(
        content=_picture(content),
        styles=styles,
        weights=chosen["weights"],
        masks=[_picture(_read(job, key)) for key in job.mask_keys],
        alpha=chosen["alpha"],
        color=Color.STYLE if matched else color,
        size=chosen["size"],
        transfer=Transfer(chosen["transfer"]),
        strokes=chosen["strokes"],
        region=Region(chosen["region"]),
        transparency=Transparency(chosen["transparency"]),
        method=method,
        effort=Effort(chosen.get("effort", Effort.MORE)),
        loss=chosen.get("loss", DEFAULT_LOSS),
        start=Start(chosen.get("start", Start.PHOTO)),
    )


def prepare(job: Job | Preview, networks: Networks) -> PreparedJob:
    """Load a job's pictures and options; raises `BlobMissing`, `BlobDamaged`."""
    chosen, network = recorded(job.options), networks.identity_of(job)
    content, match = _read(job, job.content_key), chosen["color"] == Color.CONTENT
    kept = "" if chosen["transparency"] == Transparency.FLATTEN else " where it is opaque"
    target = hashlib.sha256(content).hexdigest() + kept if match else ""
    side = f"up to {USUAL}" if chosen["strokes"] else chosen["size"]
    measures = [style_cache.key(network, digest, side, target) for digest in job.style_digests]
    measured = not (catalog.method(chosen["method"]).maker or chosen["teach"])
    styles = [
        (measured and style_cache.find(name, network)) or _picture(_read(job, key))
        for name, key in zip(measures, job.style_keys, strict=True)
    ]
    return PreparedJob(_request(job, content, styles), measures, job.style_digests, match)


def prepare_sheet(preview: Preview) -> tuple[Request, bool]:
    """Load a contact sheet's photo: a request that lacks its style, and whether that is matched."""
    request = _request(preview, _read(preview, preview.content_key), [Style("", ())])
    return request, preview.options["color"] == Color.CONTENT


def explanation(job: Job, error: Exception) -> Message:
    """Return the message for the owner about a job that failed; the log has the rest."""
    match error:
        case WeightsError():
            return Message("job.weights_missing", network=job.options["network"])
        case SoftTimeLimitExceeded():
            return Message("job.time_limit", seconds=settings().job_time_limit)
        case torch.OutOfMemoryError() | MemoryError():
            return Message("job.out_of_memory")
        case blobs.BlobMissing():
            return Message("job.pictures_missing")
        case blobs.BlobDamaged():
            return Message("job.pictures_damaged")
        case Refused():
            return error.message
        case TaughtGone():
            return Message("job.taught_gone")
        case blobs.StorageFull():
            return Message("job.storage_full")
    return Message("job.error")
