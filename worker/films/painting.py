"""A film painted as a job: cleaned in a process apart, painted part by part, joined.

Each part, about two seconds, is kept as soon as it is painted. A job that is stopped, by its
worker's death too, goes on from the last one; it is given back to the queue before its time is up,
so that it may take longer than any other job.
"""

import math
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from av import FFmpegError
from av.container import InputContainer
from PIL import Image

from adain.film import codecs, files, making
from adain.film.cleaning import Clean
from adain.film.codecs import KEY_SECONDS, Codec
from adain.film.colours import Picture
from adain.film.files import Writer
from adain.film.flow import Steady
from adain.film.painter import Painter
from adain.methods import stage_of
from adain.mixing import Watch
from adain.request import Request
from adain.stylizer import Stylizer
from worker import jobs
from worker.errors import Refused
from worker.films import joining
from worker.films.joining import Part
from worker.films.work import Painted
from worker.images import films
from worker.images.film_records import Cleaned
from worker.jobs import Hold, Job, Paused
from worker.observability import failpoints
from worker.settings import MIB, settings
from worker.storage import blobs, disk

CLEANED, PAINTED = 0.05, 0.95  # of the whole, where a stage ends
LEAD = 16  # frames before a part that are painted again, so that its strokes go on from them
PART = 0.7  # of a job's time, after which it is given back to the queue


def _fetch(key: str, file: Path, known: Mapping[str, Any] | None = None) -> None:
    """Copy a blob to a file; raises `BlobMissing`, `BlobDamaged`."""
    _, source = blobs.opened(key)
    with source, file.open("wb") as into:
        shutil.copyfileobj(source, into, MIB)
    if known and key in known and blobs.fingerprint_of(file) != known[key]:
        raise blobs.BlobDamaged(key)


# ---------------------------------------------------------------- clean


class _Cleaning:
    """The stage that writes a job's clean film."""

    def __init__(self, job: Job, watch: Watch, folder: Path) -> None:
        self._job, self._watch, self._folder = job, watch, folder

    def _fetch(self, source: Path) -> None:
        _fetch(f"{self._job.id}/{jobs.SOURCE}", source, self._job.files)

    def _written(self, codec: Codec, into: Path) -> Cleaned:
        film, source = self._job.film or {}, self._folder / "source"
        self._fetch(source)
        expected = max(1, round(film["seconds"] * settings().film_rate))

        def watch(frames: int) -> None:
            step = min(frames, expected)
            self._watch(stage_of("clean", step, expected), CLEANED * step / expected)

        watch(0)
        side = self._job.options["size"]
        with source.open("rb") as given, into.open("wb") as opened:
            most, seconds = film["most"], film["seconds"]
            made = films.clean(given, opened, side, codec.name, most, watch, seconds)
        source.unlink()
        return made

    def run(self, into: Path) -> None:
        """Write the clean film, store it, and note it in the job; raises `Paused`."""
        job, codec = self._job, codecs.chosen(settings().film_codec)
        made = self._written(codec, into)
        key = f"{job.id}/clean-{job.attempt}.{codec.container}"
        source = f"{job.id}/{jobs.SOURCE}"
        blobs.put_all({key: into})
        known = dict(job.files or {})
        size, _ = known.pop(source)
        known[key] = blobs.fingerprint_of(into)
        film = (job.film or {}) | made.model_dump() | {"clean": key, "codec": codec.name}
        more = disk.rounded_up(known[key][0]) - disk.rounded_up(size)
        if jobs.cleaned(job.id, job.attempt, film, known, more) is None:
            raise Paused  # another attempt has it
        job.film, job.files = film, known
        blobs.delete([source])


# ---------------------------------------------------------------- paint


@dataclass(frozen=True)
class _Due:
    """A frame that is to be painted."""

    at: Fraction  # seconds
    begins: bool  # a part, by itself
    paint: Callable[[], Picture]


class FilmPainter:
    """One attempt at painting a job's film."""

    def __init__(
        self,
        job: Job,
        request: Request,
        stylizer: Stylizer,
        watch: Watch,
        stops: Callable[[], bool],
        folder: Path,
    ) -> None:
        self._job, self._request, self._stylizer = job, request, stylizer
        self._watch, self._stops, self._folder = watch, stops, folder
        self._begun = time.monotonic()
        self._begins: list[Fraction] = []  # of the parts, in seconds
        self._reported = "", 0.0  # stage and progress

    def _is_late(self) -> bool:
        """Tell whether the job is to be given back to the queue."""
        return time.monotonic() - self._begun > PART * settings().job_time_limit

    def _may_cut(self, at: Fraction) -> bool:
        """Tell whether a part may end early, since enough are left for the rest of the film."""
        left = math.ceil((self._clean.seconds - float(at)) / float(KEY_SECONDS)) + 1
        return len(self._begins) + left < jobs.most_parts(self._job.film or {})

    def _file(self, part: int) -> Path:
        return self._folder / f"part-{part}"

    def _key(self, part: int) -> str:
        return jobs.part_key(self._job.id, part, self._codec.container)

    def _fetched(self) -> list[int]:
        """Copy the parts that are there, without a gap; returns how many frames each has."""
        counts: list[int] = []
        with suppress(blobs.BlobMissing, FFmpegError):  # a damaged one is painted again
            while True:
                file = self._file(len(counts))
                _fetch(self._key(len(counts)), file)
                with files.opened(file, self._codec) as part:
                    counts.append(sum(1 for _ in part.decode(part.streams.video[0])))
        return counts

    def _keep(self, writer: Writer, until: Fraction) -> None:
        """Finish and keep the last part."""
        part = len(self._begins) - 1
        writer.end(until - self._begins[part])
        writer.close()
        if jobs.renew(self._job, *self._reported) == Hold.LOST:
            raise Paused  # another attempt's parts may begin elsewhere
        blobs.put_all({self._key(part): self._file(part)})
        failpoints.at("part", self._job.id)

    def _writer(self) -> Writer:
        """Begin the file of the last part."""
        size = self._clean.width, self._clean.height
        file = str(self._file(len(self._begins) - 1))
        return Writer(file, self._codec, size, self._clean.rate, clean=False)

    def _read(
        self, film: InputContainer, size: tuple[int, int] | None = None
    ) -> Iterator[tuple[Picture, Fraction]]:
        """Yield pixels and time of what was said to be in the clean film."""
        clean = self._clean
        shape = (size or (clean.width, clean.height))[::-1]
        for number, (pixels, at) in enumerate(files.frames(film, size)):
            if number >= clean.frames or pixels.shape[:2] != shape or at > clean.seconds + 1:
                raise Refused("film.too_costly")
            yield pixels, at

    def _due(self, film: InputContainer, counts: Sequence[int]) -> Iterator[_Due]:
        """Yield what is not painted yet; notes where the parts that are there begin."""
        options, clean = self._job.options, self._clean
        first = replace(self._request, content=next(self._contents(film)))
        paint = Painter(self._stylizer, first, options.get("weights_end", ()))
        plan = making.planned(film, clean, paint, self._report, self._read)
        blend, cuts = Steady(options["steady"]), set(plan.cuts)
        lead: deque[tuple[int, Picture]] = deque(maxlen=LEAD)
        starts, done = {0, *accumulate(counts)}, sum(counts)

        def one(number: int, pixels: Picture) -> Picture:
            made = paint.paint(pixels, plan.at(number), number / clean.frames)
            return blend.next(pixels, made, number in cuts)

        def painted(number: int, pixels: Picture) -> Picture:
            while lead:
                one(*lead.popleft())
            return one(number, pixels)

        for number, (pixels, at) in enumerate(self._read(film)):
            if number < done:
                if number in starts:
                    self._begins.append(at)
                lead.append((number, pixels))
                continue
            self._report("paint", number, clean.frames)
            begins = number == done or at // KEY_SECONDS > self._begins[-1] // KEY_SECONDS
            yield _Due(at, begins, partial(painted, number, pixels))

    def _contents(self, film: InputContainer) -> Iterator[Image.Image]:
        return (Image.fromarray(pixels) for pixels, _ in files.frames(film))

    def _watched(self, stage: str, progress: float) -> None:
        """Say how far it is; raises what stops the work."""
        if self._stops():
            raise Paused
        self._reported = stage, progress
        self._watch(stage, progress)

    def _report(self, stage: str, done: int, of: int) -> None:
        """Say how many frames are done in a stage."""
        painted = done / of if stage == "paint" else 0.0
        share = CLEANED + (PAINTED - CLEANED) * painted
        self._watched(stage_of(stage, min(done + 1, of), of), share)

    def _paint(self, film: InputContainer, counts: Sequence[int]) -> None:
        """Paint what is in no part yet, and keep each part; raises `Paused` when time is up."""
        writer: Writer | None = None
        for due in self._due(film, counts):
            late = self._is_late()
            if writer is not None and (due.begins or (late and self._may_cut(due.at))):
                self._keep(writer, due.at)
                writer = None
                if late:
                    raise Paused
            if writer is None:
                self._begins.append(due.at)
                writer = self._writer()
            writer.add(due.paint(), due.at - self._begins[-1])
        if writer is not None:
            self._keep(writer, Fraction(self._clean.seconds))

    def _joined(self, clean: Path) -> Path:
        into = self._folder / "film"
        parts = [Part(self._file(place), begin) for place, begin in enumerate(self._begins)]
        joining.join(parts, clean, self._clean.sound, into, self._codec)
        return into

    def _check(self, film: InputContainer) -> None:
        """Refuse a clean film that is not what was said of it."""
        context = film.streams.video[0].codec_context
        size = self._clean.width, self._clean.height
        name = context.codec.canonical_name
        if (context.width, context.height) != size or name != self._codec.name:
            raise Refused("film.too_costly")

    def _cleaned(self) -> Path:
        """Return the clean film, which is written where there is none yet."""
        clean = self._folder / "clean"
        if "clean" not in (self._job.film or {}):
            _Cleaning(self._job, self._watched, self._folder).run(clean)
        film = self._job.film or {}
        if not clean.exists():
            _fetch(film["clean"], clean, self._job.files)
        self._codec = codecs.CODECS[film["codec"]]
        self._clean = Clean(**{name: film[name] for name in Cleaned.model_fields})
        return clean

    def run(self) -> Painted:
        """Paint and store the film; raises `Paused`, `Refused`, and what stops the work."""
        clean = self._cleaned()
        counts = self._fetched()
        with files.opened(clean, self._codec) as opened:
            self._check(opened)
            self._paint(opened, counts)
        self._watched("join", PAINTED)
        return self._stored(self._joined(clean))

    def _stored(self, film: Path) -> Painted:
        key = f"{self._job.id}/film-{self._job.attempt}.{self._codec.container}"
        with files.opened(film, self._codec) as opened:
            first = next(self._contents(opened))
        blobs.put_all({key: film})
        fingerprint = blobs.fingerprint_of(film)
        return Painted(key, first, fingerprint, disk.rounded_up(fingerprint[0]))
