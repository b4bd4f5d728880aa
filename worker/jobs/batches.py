"""Batches: many photos in many styles as one submission, accepted whole or not at all.

A batch is a row beside its jobs, one job for each photo in each style, which are jobs like any
other; a film is a photo too, and its jobs are films. Pictures are checked one at a time and wait
in a folder of their own meanwhile, so that a large batch takes no more memory than one job. Knows
no limits and no web.
"""

import logging
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import uuid_utils
from sqlalchemy import JSON, Index, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from adain.files.cropping import Crop
from worker import jobs
from worker.errors import CodedError, Message, Refused
from worker.images import decoders, films, images
from worker.images.films import Film
from worker.images.images import CleanFile, ImageRejected
from worker.images.images import Source as Source
from worker.jobs import Beside, Job, Reserve, Status, queue
from worker.jobs.new_job import NewJob, check_method, fitted, style_size, whole
from worker.jobs.submission import found_subject
from worker.options import BatchOptions, Options, RecordedOfBatch
from worker.storage import blobs, database
from worker.storage.database import Base, now

NAME, NAME_BYTES = 60, 100  # characters of a file's name that are kept, and their bytes
JOINERS = "\u200c\u200d"  # between letters of Persian, Hindi and others
FRUITLESS = 10.0  # seconds of looks at films that are refused, after which the batch is
NAMED = 10  # pictures that a refusal names
AT_ONCE = 4  # jobs whose pictures are stored at a time
EMPTY = 3600.0  # seconds after which a batch all of whose jobs were deleted goes too

log = logging.getLogger(__name__)


class BatchNotFound(jobs.JobNotFound):
    """No such batch, or another visitor's."""

    def __init__(self) -> None:
        CodedError.__init__(self, "batch.not_found")


class Batch(Base):
    """What was sent together; photos and styles by the names of their files."""

    __tablename__ = "batches"
    __table_args__ = (Index("batches_of_owner", "owner", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # uuid7, so that ids sort by age
    owner: Mapped[str]
    submitted: Mapped[float] = mapped_column(default=now())
    photos: Mapped[list[str]] = mapped_column(JSON)
    styles: Mapped[list[str]] = mapped_column(JSON)
    options: Mapped[RecordedOfBatch] = mapped_column(JSON)


def _continues(one: str) -> bool:
    """Whether a character belongs to the letter before: a vowel sign, an accent, a joiner."""
    return unicodedata.category(one).startswith("M") or one in JOINERS


def _cut(name: str) -> str:
    """Shorten a name, between two letters, so that two of them make a file's name anywhere."""
    end = min(len(name), NAME)
    while len(name[:end].encode()) > NAME_BYTES or (end < len(name) and _continues(name[end])):
        end -= 1
    return name[:end]


def plain_name(text: str, otherwise: str) -> str:
    """Return a text as a part of a file's name on any system, or the other where none is left."""
    spaced = "".join(one if one.isalnum() or _continues(one) else " " for one in text)
    name = _cut("-".join(unicodedata.normalize("NFC", spaced).split()))
    return name if any(map(str.isalnum, name)) else otherwise


def _name(given: str, otherwise: str) -> str:
    """Return what a file is called, without folder and ending, fit to be shown and to be a name."""
    stem = unicodedata.normalize("NFC", given.replace("\\", "/").rpartition("/")[2])
    return plain_name(stem.rpartition(".")[0] or stem, otherwise)


# ---------------------------------------------------------------- submit


def _photo(number: int, name: str) -> Message:
    return Message("part.batch_photo", number=number, name=name)


def _style(number: int, name: str) -> Message:
    return Message("part.batch_style", number=number, name=name)


def _listed(first: Message, rest: Message) -> Message:
    return Message("part.joined", first=first, rest=rest)


def _in_turn(first: Message, rest: Message) -> Message:
    return Message("batch.refused", first=first, rest=rest)


def _joined(join: Callable[[Message, Message], Message], messages: Sequence[Message]) -> Message:
    """Return messages as one, each by what joins it to the rest."""
    *others, last = messages
    for one in reversed(others):
        last = join(one, last)
    return last


def _refusal(refused: Sequence[tuple[Message, Message]]) -> ImageRejected:
    """Return the error that says of the first few pictures why they can't be used."""
    by_reason: dict[Message, list[Message]] = {}
    for what, why in refused[:NAMED]:
        by_reason.setdefault(why, []).append(what)
    said = [
        Message("picture.rejected", what=_joined(_listed, parts), why=why)
        for why, parts in by_reason.items()
    ]
    return ImageRejected.of(_joined(_in_turn, said))


def _films(folder: Path, sources: Sequence[Source], moving: bool) -> list[Film | None]:
    """Return which of a batch's photos are films, looked at; raises `Refused` of all together."""
    found: list[Film | None] = []
    refused: list[tuple[Message, Message]] = []
    fruitless = 0.0
    for place, source in enumerate(sources):
        decoders.settle()
        own = folder / f"film-{place}"
        own.mkdir()
        begun = time.monotonic()
        try:
            found.append(films.taken(source, own, moving))
        except Refused as error:
            refused.append((_photo(place + 1, _name(source.name, "unnamed")), error.message))
            fruitless += time.monotonic() - begun
            if fruitless > FRUITLESS:
                break
    if refused:
        raise _refusal(refused)
    return found


def _clean(
    folder: Path,
    part: Callable[[int, str], Message],
    sources: Sequence[Source],
    size: Callable[[CleanFile], int],
    crops: Sequence[Crop],
    refused: list[tuple[Message, Message]],
    others: Sequence[CleanFile] = (),
    trim: bool = False,
) -> list[CleanFile]:
    """Check pictures one by one and put that part of each in the folder.

    Those that can't be used go into `refused`, as what `part` calls them and why. Raises
    `Refused` of all together.
    """
    found = []
    for place, (source, crop) in enumerate(zip(sources, crops, strict=True)):
        what = part(place + 1, _name(source.name, "unnamed"))
        decoders.settle()
        try:
            picture = images.clean_file(source, folder / f"{what.code}-{place}", trim, crop)
        except ImageRejected as rejected:
            refused.append((what, rejected.message))
            continue
        jobs.check_scaled(what, picture, size(picture))
        found.append(picture)
        jobs.check_together([*others, *found])
    return found


def _subjects(
    folder: Path, sources: Sequence[Source], photos: Sequence[CleanFile]
) -> dict[Path, CleanFile]:
    """Return masks of what stands out in photos, by the photos' files; raises `Refused`."""
    found = {}
    for place, (source, photo) in enumerate(zip(sources, photos, strict=True)):
        decoders.settle()
        try:
            mask = found_subject(source, photo.crop)
        except Refused as refused:
            what = _photo(place + 1, _name(source.name, "unnamed"))
            raise Refused("picture.rejected", what=what, why=refused.message) from refused
        found[photo.file] = images.clean_mask_file(mask, folder / f"mask-{place}", photo.alone())
    return found


def _own(chosen: Options, photo: CleanFile, film: Film | None) -> Options:
    """Return a photo's options of the batch's; raises `Refused` for what films can't have."""
    if film is None:
        return fitted(chosen, photo)
    own = chosen.of_film()
    own.check_film()
    return own


def _cell(
    owner: str,
    photo: CleanFile,
    film: Film | None,
    style: CleanFile,
    mask: CleanFile | None,
    chosen: BatchOptions,
) -> NewJob:
    pictures = {"content": photo, "style-0": style} | ({"mask-0": mask} if mask else {})
    own = _own(chosen.cell(photo.crop, style.crop), photo, film)
    return NewJob(str(uuid_utils.uuid7()), owner, pictures, own, film)


def _keep(cells: Sequence[NewJob]) -> None:
    """Store all pictures, some jobs' at once: syncing them one by one would take the longest."""
    for start in range(0, len(cells), AT_ONCE):
        files: dict[str, Any] = {}
        for cell in cells[start : start + AT_ONCE]:
            files |= cell.files
        blobs.put_all(files)


@database.retried
def _insert(batch: Batch, cells: Sequence[NewJob], beside: Beside) -> None:
    with database.transaction(durable=True) as session:
        session.add(batch)
        for place, cell in enumerate(cells):
            session.execute(insert(Job).values(**cell.row(), batch=batch.id, cell=place))
        beside(session, batch.id)


def _store(batch: Batch, cells: Sequence[NewJob], beside: Beside) -> None:
    """Keep pictures and rows: all of them or, whatever fails, none."""
    with whole([cell.id for cell in cells]):
        _keep(cells)
        _insert(batch, cells, beside)


def submit(
    owner: str,
    photos: Sequence[Source],
    styles: Sequence[Source],
    options: object = None,
    beside: Beside = lambda session, batch_id: None,
    reserve: Reserve = lambda size, submissions: None,
) -> Batch:
    """Accept a batch as `jobs.submit` does a job: whole, or raise and keep nothing of it.

    Each photo is painted in each style; `options` are what `BatchOptions` takes.
    """
    chosen = BatchOptions.read_all(options or {}, len(photos), len(styles))
    if not (photos and styles):
        raise Refused("batch.empty")
    crops, style_crops = chosen.crops_of(len(photos), len(styles))
    measured, trim = partial(style_size, chosen), not chosen.keep_margins

    def photo_size(photo: CleanFile) -> int:
        return fitted(chosen, photo).size

    # in the web process's folder: what a killed one leaves goes at the next start
    # (`web/http/spool.py`)
    with blobs.full_disk(), tempfile.TemporaryDirectory(prefix="studio-batch-") as place:
        taken = _films(Path(place), photos, chosen.moving)
        photos = [
            replace(film.poster(), name=given.name) if film else given
            for film, given in zip(taken, photos, strict=True)
        ]
        refused: list[tuple[Message, Message]] = []
        clean_photos = _clean(Path(place), _photo, photos, photo_size, crops, refused)
        clean_styles = _clean(
            Path(place), _style, styles, measured, style_crops, refused, clean_photos, trim
        )
        if refused:
            raise _refusal(refused)
        every = zip(clean_photos, taken, photos, strict=True)
        for number, (photo, film, given) in enumerate(every, 1):
            what = _photo(number, _name(given.name, "unnamed"))
            check_method(what, photo, _own(chosen, photo, film))
        masks = _subjects(Path(place), photos, clean_photos) if chosen.region != "all" else {}
        cells = [
            _cell(owner, photo, film, style, masks.get(photo.file), chosen)
            for photo, film in zip(clean_photos, taken, strict=True)
            for style in clean_styles
        ]
        reserve(sum(cell.most_bytes for cell in cells), sum(cell.submissions for cell in cells))
        batch = Batch(
            id=str(uuid_utils.uuid7()),
            owner=owner,
            photos=[_name(one.name, "photo") for one in photos],
            styles=[_name(one.name, "style") for one in styles],
            options=chosen.model_dump(),
        )
        _store(batch, cells, beside)
    log.info("batch %s queued, %d jobs", batch.id, len(cells))
    for line in queue.QUEUES:
        queue.announce([cell.id for cell in cells if cell.queue == line], line)
    return batch


# ---------------------------------------------------------------- an owner's verbs


def get(batch_id: str, owner: str) -> Batch:
    """Return the owner's batch; raises `BatchNotFound`."""
    if "\0" in batch_id:
        raise BatchNotFound
    with database.reading() as session:
        batch = session.get(Batch, batch_id)
    if batch is None or batch.owner != owner:
        raise BatchNotFound
    return batch


def cells_of(some: Sequence[Batch]) -> dict[str, list[Job]]:
    """Return the jobs of batches by their ids, as `cells` does, in one look."""
    found: dict[str, list[Job]] = {batch.id: [] for batch in some}
    own = select(Job).where(Job.batch.in_(found), Job.binned.is_(None)).order_by(Job.cell)
    with database.reading() as session:
        for job in session.scalars(own):
            found[job.batch or ""].append(job)
    return found


def cells(batch: Batch) -> list[Job]:
    """Return the batch's jobs in the order of its table, those that were deleted left out."""
    return cells_of([batch])[batch.id]


def mine(owner: str, limit: int = 24, before: str | None = None) -> list[Batch]:
    """Return the owner's batches, newest first, those older than the batch `before`."""
    statement = select(Batch).where(Batch.owner == owner).order_by(Batch.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(Batch.id < before)
    with database.reading() as session:
        return list(session.scalars(statement))


def cancel(batch_id: str, owner: str) -> Batch:
    """Cancel what has not ended of a batch; raises `BatchNotFound`."""
    batch = get(batch_id, owner)
    jobs.cancel_batch(batch.id, owner)
    return batch


def pictures(batch: Batch) -> Iterator[tuple[str, str]]:
    """Yield the finished pictures of a batch: a file's name and the blob's key."""
    for job in cells(batch):
        if job.status == Status.DONE and job.result_key and job.cell is not None:
            row, column = divmod(job.cell, len(batch.styles))
            # numbered, since two files may be called the same
            photo = f"{row + 1:02}-{batch.photos[row]}"
            style = f"{column + 1:02}-{batch.styles[column]}"
            key = job.film_key or job.result_key
            yield f"{photo}--{style}.{key.rpartition('.')[2]}", key


# ---------------------------------------------------------------- the sweep's verb


@database.retried
def forget() -> None:
    """Delete the batches all of whose jobs are gone."""
    some = select(Job.id).where(Job.batch == Batch.id).exists()
    with database.transaction() as session:
        session.execute(
            delete(Batch).where(~some, Batch.submitted < now() - EMPTY),
            execution_options={"synchronize_session": False},
        )
