"""Submitting a job: check, store, insert, commit, then notify a worker."""

import contextlib
import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path

import uuid_utils
from sqlalchemy import ColumnElement, case, func, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import aliased

from adain.files.pictures import scaled_size
from worker.errors import Refused
from worker.images import images
from worker.images.images import CleanFile, CleanImage, Given, ImageRejected
from worker.jobs import queue, traces
from worker.jobs.model import ACTIVE, Beside, Job, Room
from worker.jobs.queries import unknown
from worker.observability import failpoints
from worker.options import Options
from worker.settings import KIB, settings
from worker.storage import blobs, database

log = logging.getLogger(__name__)


_SMALL = 1 << 20  # pixels; a larger picture fills the processor by itself


def _checked(what: str, clean: Callable[[], CleanFile]) -> CleanFile:
    """Let a rejection say which picture it means."""
    try:
        return clean()
    except ImageRejected as rejected:
        raise ImageRejected(f"{what}: {rejected}") from rejected


def check_scaled(what: str, image: CleanFile | CleanImage, size: int) -> None:
    """Raise `Refused` if the picture would be worked on larger than may be."""
    kept = image.width, image.height
    as_it_is = image.original if all(image.original) else kept
    width, height = scaled_size(*kept, size) if size else as_it_is
    limit = settings().max_output_pixels
    if width * height > limit:
        raise Refused(
            f"{what} would be worked on at {width} × {height} pixels; at most {limit / 1e6:g} "
            "megapixels are possible. Choose a smaller size."
        )


def check_together(pictures: Iterable[CleanFile]) -> None:
    """Raise `Refused` if a request's cleaned pictures take more of the disk than they may.

    Small files inflate: 25 megapixels may take 75 MB, whatever was sent.
    """
    most = settings().spool_bytes
    if _size(pictures) > most:
        raise Refused(
            f"Once opened, the pictures take more than {most / 1e6:.3g} MB together. Send fewer "
            "at a time, or smaller ones."
        )


def _cleaned_styles(
    looks: Sequence[Callable[[], CleanFile]], size: int
) -> Iterator[tuple[str, CleanFile]]:
    for place, look in enumerate(looks):
        what = f"Style picture {place + 1}"
        picture = _checked(what, look)
        check_scaled(what, picture, size)
        yield f"style-{place}", picture


def _cleaned(
    content: Given, styles: Sequence[Given], masks: Sequence[Given], size: int, folder: Path
) -> dict[str, CleanFile]:
    """Check every picture, one after another; return them by the name their blobs get.

    They lie in the folder: some kilobytes sent may become 75 MB each.
    """
    with images.looks(list(map(images.source, (content, *styles))), folder) as (look, *others):
        photo = _checked("The photo", look)
        check_scaled("The photo", photo, size)
        pictures = {"content": photo}
        for name, picture in _cleaned_styles(others, size):
            pictures[name] = picture
            check_together(pictures.values())
    wanted = photo.width, photo.height
    for place, mask in enumerate(map(images.source, masks)):
        file = folder / f"mask-{place}"
        clean = partial(images.clean_mask_file, mask, file, wanted)
        pictures[f"mask-{place}"] = _checked(f"Mask {place + 1}", clean)
        check_together(pictures.values())
    if (len(masks), len(styles)) == (1, 2):
        file, mask = folder / "mask-1", images.source(masks[0])
        pictures["mask-1"] = images.opposite_mask_file(mask, file, wanted)
    return pictures


def _keep(job_id: str, pictures: dict[str, CleanFile]) -> dict[str, str]:
    """Store the pictures; return their keys by name. All or, when the storage fails, none."""
    keys = {name: f"{job_id}/{name}.{picture.suffix}" for name, picture in pictures.items()}
    try:
        blobs.put_all({keys[name]: picture.file for name, picture in pictures.items()})
    except Exception:
        blobs.delete_jobs([job_id])
        raise
    return keys


def _size(pictures: Iterable[CleanFile]) -> int:
    return sum(picture.size for picture in pictures)


def reserved(width: int, height: int, size: int) -> int:
    """Return the bytes that a photo's result and thumbnail take at most."""
    width, height = scaled_size(width, height, size)
    return 3 * width * height + 128 * KIB


def placing(width: int, height: int, options: Options) -> dict[str, str]:
    """Return which jobs a photo of that size may run with, and which kind of worker it is for.

    Columns of its row: `shape` names network and size that it works at, "" if it runs alone.
    """
    width, height = scaled_size(width, height, options.size)
    pixels, limit = width * height, settings().heavy_pixels
    heavy = limit and (pixels >= limit or options.network == "vgg19")
    return {
        "shape": f"{options.network} {width}x{height}" if pixels <= _SMALL else "",
        "queue": queue.HEAVY if heavy else queue.LIGHT,
    }


@lru_cache(maxsize=256)
def next_turn(owner: str) -> ColumnElement[int]:
    """Behind the owner's own jobs, and level with the first of everybody else's."""
    other = aliased(Job)
    active = other.status.in_(ACTIVE)
    own = select(func.max(other.turn) + 1).where(active, other.owner == owner).scalar_subquery()
    first = select(func.min(other.turn)).where(active).scalar_subquery()
    after_own, with_first = func.coalesce(own, 0), func.coalesce(first, 0)
    return case((after_own > with_first, after_own), else_=with_first)


@database.retried
def _insert(
    job_id: str,
    owner: str,
    keys: dict[str, str],
    pictures: dict[str, CleanFile],
    options: Options,
    beside: Beside,
) -> Job:
    photo = pictures["content"]

    def named(start: str) -> list[str]:
        return [key for name, key in keys.items() if name.startswith(start)]

    with database.transaction(durable=True) as session:
        statement = insert(Job).values(
            id=job_id,
            owner=owner,
            options=options.model_dump(),
            content_key=keys["content"],
            style_keys=named("style-"),
            mask_keys=named("mask-"),
            style_digests=[
                picture.digest for name, picture in pictures.items() if name.startswith("style-")
            ],
            content_width=photo.width,
            content_height=photo.height,
            files={keys[name]: [one.size, one.digest] for name, one in pictures.items()},
            bytes=_size(pictures.values()),
            reserved=reserved(photo.width, photo.height, options.size),
            network=options.network,
            turn=next_turn(owner),
            **placing(photo.width, photo.height, options),
        )
        job = session.scalars(statement.returning(Job)).one()
        beside(session, job.id)
    return job


def _accept(
    owner: str, pictures: dict[str, CleanFile], options: Options, beside: Beside, room: Room
) -> Job:
    """Store, insert and commit a job of checked pictures."""
    photo = pictures["content"]
    room(_size(pictures.values()) + reserved(photo.width, photo.height, options.size))
    job_id = str(uuid_utils.uuid7())
    keys = _keep(job_id, pictures)
    failpoints.at("stored", job_id)  # pictures without a row
    try:
        return _insert(job_id, owner, keys, pictures, options, beside)
    except Exception:
        with contextlib.suppress(DBAPIError):
            if unknown([job_id]):  # else it was committed, and only the answer got lost
                blobs.delete_jobs([job_id])
        raise


def submit(
    owner: str,
    content: Given,
    styles: Sequence[Given],
    masks: Sequence[Given] = (),
    options: object = None,
    beside: Beside = lambda session, job_id: None,
    room: Room = lambda size: None,
) -> Job:
    """Accept a job: check, store, insert, commit, and only then notify.

    Knows no limits: what visitors send comes through `admission.submit`. `options` is what
    `Options` takes; `beside` may write in the job's own transaction; `room` is called with the
    bytes before any is stored. Raises `Refused` with a sentence, `blobs.StorageFull`; whatever it
    raises, there is no job then. Without Redis the job waits for the sweep.
    """
    begun = time.time()
    chosen = Options.read(options or {}, len(styles), len(masks))
    # in the web process's folder: what a killed one leaves goes at the next start
    # (`web/http/spool.py`)
    with blobs.full_disk(), tempfile.TemporaryDirectory(prefix="studio-job-") as folder:
        pictures = _cleaned(content, styles, masks, chosen.size, Path(folder))
        job = _accept(owner, pictures, chosen, beside, room)
    log.info("job %s queued", job.id)
    failpoints.at("committed", job.id)  # a row without a message
    queue.announce([job.id], job.queue)
    traces.submitted(job, begun)
    return job
