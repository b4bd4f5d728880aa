"""A job that was checked and is to be inserted: its pictures, its keys, its row."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Self

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import aliased

from adain import catalog
from adain.catalog import Region, Transparency
from adain.files.pictures import scaled_size, work
from worker import fit
from worker.errors import Message, Refused, rounded
from worker.images import notices
from worker.images.films import Film
from worker.images.images import CleanFile, CleanImage
from worker.jobs import queue
from worker.jobs.model import ACTIVE, SOURCE, Job
from worker.jobs.queries import unknown
from worker.options import USUAL, Options
from worker.settings import KIB, settings
from worker.storage import blobs, database, disk

PHOTO = Message("part.photo")

_LESSON = 24 << 20  # bytes of a taught style, and of what is kept while it is taught
_SMALL = 1 << 20  # pixels; a larger picture fills the processor by itself


@dataclass(frozen=True)
class WorkingSize:
    """The width and height, in pixels, that a picture is worked on at."""

    width: int
    height: int

    @classmethod
    def of(cls, image: CleanFile | CleanImage, size: int) -> Self:
        """Return the working size of a picture as it is stored; `size` as in `Options`."""
        return cls(*scaled_size(image.width, image.height, size))

    @property
    def pixels(self) -> int:
        return self.width * self.height

    @property
    def work(self) -> int:
        """The pixels that the picture counts as by what it takes to paint: a strip more."""
        return math.prod(work(self.width, self.height))

    def reserved(self, transparency: str) -> int:
        """Return the bytes that the result and its thumbnail take at most."""
        channels = 4 if transparency == Transparency.KEEP else 3
        return channels * self.pixels + 128 * KIB

    def shape(self, network: str, method: str = catalog.DEFAULT_METHOD) -> str:
        """Return what jobs that may run at once have in common; "" if the job runs alone."""
        alone = self.work > _SMALL or catalog.method(method).heavy
        return "" if alone else f"{network} {self.width}x{self.height}"

    def queue(self, network: str, method: str = catalog.DEFAULT_METHOD) -> str:
        """Return the queue that a job of this size waits in."""
        limit = settings().heavy_pixels
        slow = catalog.network(network).heavy or catalog.method(method).heavy
        return queue.HEAVY if limit and (slow or self.work >= limit) else queue.LIGHT


def fitted(options: Options, photo: CleanFile) -> Options:
    """Return options whose size is the one that their `fit` means for a photo."""
    if not options.fit:
        return options
    size = fit.side(options.fit, photo.width, photo.height)
    return options.model_copy(update={"size": size, "fit": ""})


def style_size(options: Options, style: CleanFile | CleanImage) -> int:
    """Return the shorter side in pixels at which a style picture is measured, 0: its own."""
    return min(USUAL, style.width, style.height) if options.strokes else options.size


def check_scaled(
    what: Message, image: CleanFile | CleanImage, size: int, most: int | None = None
) -> None:
    """Raise `Refused` if the picture would be worked on at more than `most` pixels (`work`).

    None: `max_output_pixels`.
    """
    working = WorkingSize.of(image, size)
    sent = image.sent if isinstance(image, CleanFile) else image.original
    if not size and all(sent):
        working = WorkingSize(*sent)
    width, height = work(working.width, working.height)
    limit = settings().max_output_pixels if most is None else most
    if working.work > limit:
        raise Refused(
            "picture.working_size", what=what, width=width, height=height, limit=limit / 1e6
        )


def check_method(what: Message, image: CleanFile | CleanImage, chosen: Options) -> None:
    """Raise `Refused` if the method can't make the picture at the size chosen for it."""
    working = WorkingSize.of(image, chosen.size)
    limit = settings().method_pixels
    if catalog.method(chosen.method).heavy and working.work > limit:
        raise Refused(
            "method.size",
            what=what,
            method=chosen.method,
            width=working.width,
            height=working.height,
            limit=limit / 1e6,
        )


def _bytes(pictures: Iterable[CleanFile]) -> int:
    return sum(picture.size for picture in pictures)


def check_together(pictures: Iterable[CleanFile]) -> None:
    """Raise `Refused` if a request's cleaned pictures take more of the disk than they may.

    Small files inflate: 25 megapixels may take 75 MB, whatever was sent.
    """
    most = settings().spool_bytes
    if _bytes(pictures) > most:
        raise Refused("job.pictures_too_large", limit=rounded(most / 1e6))


_OTHER = aliased(Job)  # made once: its columns are adapted at their first use


@lru_cache(maxsize=256)
def next_turn(owner: str) -> ColumnElement[int]:
    """Behind the owner's own jobs, and level with the first of everybody else's."""
    other = _OTHER
    active = other.status.in_(ACTIVE)
    own = select(func.max(other.turn) + 1).where(active, other.owner == owner).scalar_subquery()
    first = select(func.min(other.turn)).where(active).scalar_subquery()
    after_own, with_first = func.coalesce(own, 0), func.coalesce(first, 0)
    return case((after_own > with_first, after_own), else_=with_first)


@dataclass(frozen=True)
class NewJob:
    """A checked job that has no row yet; `pictures` are named content, style-N and mask-N."""

    id: str
    owner: str
    pictures: dict[str, CleanFile]
    options: Options
    film: Film | None = None  # whose first frame is the content

    @cached_property
    def keys(self) -> dict[str, str]:
        """The keys of the blobs, by the names of the pictures."""
        return {name: f"{self.id}/{name}.{one.suffix}" for name, one in self.pictures.items()}

    @property
    def files(self) -> dict[str, Any]:
        """The files to store, by key."""
        film = {f"{self.id}/{SOURCE}": self.film.file} if self.film else {}
        return {self.keys[name]: one.file for name, one in self.pictures.items()} | film

    @cached_property
    def working_size(self) -> WorkingSize:
        return WorkingSize.of(self.pictures["content"], self.options.size)

    @property
    def bytes(self) -> int:
        """The bytes that the pictures take of the disk, with their folder."""
        film = [self.film.size] if self.film else []
        return disk.counted(*(picture.size for picture in self.pictures.values()), *film)

    @property
    def reserved(self) -> int:
        lesson = _LESSON if self.options.teach else 0
        film = self.film.reserved(self.options.size) if self.film else 0
        return self.working_size.reserved(self.options.transparency) + lesson + film

    @property
    def submissions(self) -> int:
        """How many submissions it counts as, beyond the first."""
        return self.film.submissions(self.options.size) - 1 if self.film else 0

    @property
    def most_bytes(self) -> int:
        """The bytes that the job takes at most, its result included."""
        return self.bytes + self.reserved

    @property
    def queue(self) -> str:
        if (self.options.teach or self.film) and settings().heavy_pixels:
            return queue.HEAVY
        return self.working_size.queue(self.options.network, self.options.method)

    @property
    def shape(self) -> str:
        """What jobs that may run at once have in common; "" if the job runs alone."""
        shape = self.working_size.shape(self.options.network, self.options.method)
        if not shape or self.options.teach or self.film:
            return ""
        return f"{shape} {self.options.taught}".rstrip()

    def _named(self, kind: str) -> list[str]:
        return [name for name in self.pictures if name.startswith(kind)]

    @property
    def notices(self) -> list[Message]:
        """What its owner should know of photo, styles and masks."""
        found = notices.of(PHOTO, self.pictures["content"])
        for place, name in enumerate(self._named("style-")):
            found += notices.of(Message("part.style", number=place + 1), self.pictures[name])
        # that a mask is dark does not matter where its style acts there
        masks = self._named("mask-") if self.options.region != Region.BACKGROUND else []
        for place, name in enumerate(masks):
            found += notices.of(Message("part.mask", number=place + 1), self.pictures[name])
        return found

    def _fingerprints(self) -> dict[str, list[Any]]:
        found = {self.keys[name]: [one.size, one.digest] for name, one in self.pictures.items()}
        if self.film:
            found[f"{self.id}/{SOURCE}"] = [self.film.size, self.film.digest]
        return found

    def row(self) -> dict[str, Any]:
        """Return the columns of the job's row, those with defaults left out."""
        photo, styles = self.pictures["content"], self._named("style-")
        return {
            "id": self.id,
            "owner": self.owner,
            "options": self.options.row(film=self.film is not None),
            "content_key": self.keys["content"],
            "style_keys": [self.keys[name] for name in styles],
            "mask_keys": [self.keys[name] for name in self._named("mask-")],
            "style_digests": [self.pictures[name].digest for name in styles],
            "content_width": photo.width,
            "content_height": photo.height,
            "original_width": photo.original[0] or None,
            "original_height": photo.original[1] or None,
            "notices": [notice.dump() for notice in self.notices],
            "film": self.film.row(self.options.size) if self.film else None,
            "files": self._fingerprints(),
            "bytes": self.bytes,
            "reserved": self.reserved,
            "network": self.options.network,
            "turn": next_turn(self.owner),
            "shape": self.shape,
            "queue": self.queue,
        }


@contextmanager
def whole(job_ids: Sequence[str]) -> Iterator[None]:
    """Store the pictures of jobs and insert their rows inside: all or, whatever fails, none.

    But where the answer to the COMMIT was lost the rows may still come. Then the pictures stay;
    without rows they are the sweep's.
    """
    try:
        yield
    except Exception as error:
        if not database.is_unanswered(error):
            with suppress(*database.AWAY):
                if unknown(job_ids[:1]):  # else it was committed, and only the answer got lost
                    blobs.delete_jobs(job_ids)
        raise
