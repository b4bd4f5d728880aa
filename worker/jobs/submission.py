"""Submitting a job: check, store, insert, commit, then notify a worker."""

import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import uuid_utils
from sqlalchemy import insert

from adain.files.cropping import Crop
from worker.errors import Message
from worker.images import films, images
from worker.images.films import Film
from worker.images.images import CleanFile, Given, ImageRejected, Source
from worker.jobs import queue, traces
from worker.jobs.model import Beside, Job, Reserve
from worker.jobs.new_job import (
    PHOTO,
    NewJob,
    check_method,
    check_scaled,
    check_together,
    fitted,
    style_size,
    whole,
)
from worker.observability import failpoints
from worker.options import Options
from worker.storage import blobs, database

log = logging.getLogger(__name__)


def _checked(what: Message, clean: Callable[[], CleanFile]) -> CleanFile:
    """Let a rejection say which picture it means."""
    try:
        return clean()
    except ImageRejected as rejected:
        raise ImageRejected("picture.rejected", what=what, why=rejected.message) from rejected


def _cleaned_styles(
    looks: Sequence[Callable[[], CleanFile]], chosen: Options
) -> Iterator[tuple[str, CleanFile]]:
    for place, look in enumerate(looks):
        what = Message("part.style", number=place + 1)
        picture = _checked(what, look)
        check_scaled(what, picture, style_size(chosen, picture))
        yield f"style-{place}", picture


def found_subject(photo: Source, crop: Crop = ()) -> Source:
    """Return a mask of a photo's crop, white on its subject; raises `Refused` if there is none."""
    from worker.images import subject  # loads OpenCV, which only the web process has

    return images.source(subject.find(photo, crop))


def _cleaned(
    content: Given,
    styles: Sequence[Given],
    masks: Sequence[Given],
    chosen: Options,
    folder: Path,
) -> dict[str, CleanFile]:
    """Check every picture, one after another; return them by the name their blobs get.

    They lie in the folder: some kilobytes sent may become 75 MB each.
    """
    given, trim = list(map(images.source, (content, *styles))), not chosen.keep_margins
    crops = [chosen.crop, *(chosen.style_crops or [[]] * len(styles))]
    with images.looks(given, folder, trim, crops) as (look, *others):
        photo = _checked(PHOTO, look)
        chosen = fitted(chosen, photo)
        check_scaled(PHOTO, photo, chosen.size)
        check_method(PHOTO, photo, chosen)
        pictures = {"content": photo}
        for name, picture in _cleaned_styles(others, chosen):
            pictures[name] = picture
            check_together(pictures.values())
    if chosen.region != "all" and not masks:
        masks, photo = [found_subject(images.source(content), chosen.crop)], photo.alone()
    for place, mask in enumerate(map(images.source, masks)):
        file = folder / f"mask-{place}"
        clean = partial(images.clean_mask_file, mask, file, photo)
        pictures[f"mask-{place}"] = _checked(Message("part.mask", number=place + 1), clean)
        check_together(pictures.values())
    if (len(masks), len(styles)) == (1, 2):
        file, mask = folder / "mask-1", images.source(masks[0])
        pictures["mask-1"] = images.opposite_mask_file(mask, file, photo)
    return pictures


def _film(content: Given, chosen: Options, folder: Path) -> Film | None:
    """Return the film that a job is given, if it is one; raises `Refused`."""
    film = films.taken(images.source(content), folder, chosen.moving)
    if film:
        chosen.check_film()
    return film


@database.retried
def _insert(new: NewJob, beside: Beside) -> Job:
    with database.transaction(durable=True) as session:
        job = session.scalars(insert(Job).values(**new.row()).returning(Job)).one()
        beside(session, job.id)
    return job


def _accept(new: NewJob, beside: Beside, reserve: Reserve) -> Job:
    """Store, insert and commit a job."""
    reserve(new.most_bytes, new.submissions)
    with whole([new.id]):
        blobs.put_all(new.files)
        failpoints.at("stored", new.id)  # pictures without a row
        return _insert(new, beside)


def submit(
    owner: str,
    content: Given,
    styles: Sequence[Given],
    masks: Sequence[Given] = (),
    options: object = None,
    beside: Beside = lambda session, job_id: None,
    reserve: Reserve = lambda size, submissions: None,
) -> Job:
    """Accept a job: check, store, insert, commit, and only then notify.

    Knows no limits: what visitors send comes through `admission.submit`. `options` is what
    `Options` takes; `beside` may write in the job's own transaction; `reserve` is called with the
    bytes, and the submissions that it counts as beyond the first, before any is stored. Raises
    `Refused` with a sentence, `blobs.StorageFull`; whatever it raises, there is no job then.
    Without Redis the job waits for the sweep.
    """
    begun = time.time()
    chosen = Options.read(options or {}, len(styles), len(masks))
    # in the web process's folder: what a killed one leaves goes at the next start
    # (`web/http/spool.py`)
    with blobs.full_disk(), tempfile.TemporaryDirectory(prefix="studio-job-") as folder:
        film = _film(content, chosen, Path(folder))
        photo = film.poster() if film else content
        pictures = _cleaned(photo, styles, masks, chosen, Path(folder))
        chosen = fitted(chosen, pictures["content"])
        new = NewJob(str(uuid_utils.uuid7()), owner, pictures, chosen, film)
        job = _accept(new, beside, reserve)
    log.info("job %s queued", job.id)
    failpoints.at("committed", job.id)  # a row without a message
    queue.announce([job.id], job.queue)
    traces.submitted(job, begun)
    return job
