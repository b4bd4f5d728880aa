"""A film painted as a job: cleaned in a process apart, painted part by part, joined.

Each part, about two seconds, is kept as soon as it is painted. A job that is stopped, by its
worker's death too, goes on from the last one; it is given back to the queue before its time is up,
so that it may take longer than any other job.
"""

import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

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
from worker.images.films import Cleaned
from worker.jobs import Job, Paused
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
            made = films.clean(given, opened, side, codec.name, film["most"], watch)
        source.unlink()
        return made

    def run(self, into: Path) -> None:
        """Write the clean film, store it, and note it in the job; raises `Paused`."""
        job, codec = self._job, codecs.chosen(settings().film_codec)
        made = self._written(codec, into)
        key, source = f"{job.id}/clean.{codec.container}", f"{job.id}/{jobs.SOURCE}"
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


def _parts_of(
    frames: Iterator[tuple[Picture, Fraction]],
) -> Iterator[tuple[int, int, Picture, Fraction]]:
    """Yield each frame's part and number, the frame and its time."""
    part, period = -1, -1
    for number, (pixels, at) in enumerate(frames):
        if int(at // KEY_SECONDS) > period:
            part, period = part + 1, int(at // KEY_SECONDS)
        yield part, number, pixels, at


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
        self._first: Image.Image | None = None

    def _pause(self, part_ends: bool) -> None:
        """Raise `Paused` when the process is to end or, between two parts, the time is up."""
        late = time.monotonic() - self._begun > PART * settings().job_time_limit
        if self._stops() or (part_ends and late):
            raise Paused

    def _file(self, part: int) -> Path:
        return self._folder / f"part-{part}"

    def _key(self, part: int) -> str:
        return jobs.part_key(self._job.id, part, self._codec.container)

    def _fetched(self) -> int:
        """Copy the parts that are there; returns how many, without a gap."""
        count = 0
        with suppress(blobs.BlobMissing):
            while True:
                _fetch(self._key(count), self._file(count))
                count += 1
        return count

    def _keep(self, writer: Writer, part: int, until: Fraction) -> None:
        """Finish and keep a part."""
        writer.end(until - self._begins[part])
        writer.close()
        blobs.put_all({self._key(part): self._file(part)})
        failpoints.at("part", self._job.id)

    def _writer(self, part: int) -> Writer:
        size = self._clean.width, self._clean.height
        return Writer(str(self._file(part)), self._codec, size, self._clean.rate, clean=False)

    def _frames(self, film: InputContainer, done: int) -> Iterator[tuple[int, Picture, Fraction]]:
        """Yield part, painted frame and time of what is not painted yet."""
        options, clean = self._job.options, self._clean
        first = replace(self._request, content=next(self._contents(film)))
        paint = Painter(self._stylizer, first, options.get("weights_end", ()))
        plan = making.planned(film, clean, paint, self._report)
        blend, cuts = Steady(options["steady"]), set(plan.cuts)
        lead: deque[tuple[int, Picture]] = deque(maxlen=LEAD)

        def painted(number: int, pixels: Picture) -> Picture:
            made = paint.paint(pixels, plan.at(number), number / clean.frames)
            return blend.next(pixels, made, number in cuts)

        for part, number, pixels, at in _parts_of(files.frames(film)):
            if part == len(self._begins):
                self._begins.append(at)
            if part < done:
                lead.append((number, pixels))
                continue
            while lead:
                painted(*lead.popleft())
            self._report("paint", number, clean.frames)
            yield part, painted(number, pixels), at

    def _contents(self, film: InputContainer) -> Iterator[Image.Image]:
        return (Image.fromarray(pixels) for pixels, _ in files.frames(film))

    def _watched(self, stage: str, progress: float) -> None:
        """Say how far it is; raises what stops the work."""
        self._pause(part_ends=False)
        self._watch(stage, progress)

    def _report(self, stage: str, done: int, of: int) -> None:
        """Say how many frames are done in a stage."""
        painted = done / of if stage == "paint" else 0.0
        share = CLEANED + (PAINTED - CLEANED) * painted
        self._watched(stage_of(stage, min(done + 1, of), of), share)

    def _paint(self, film: InputContainer, done: int) -> None:
        """Paint the parts that are not there, and keep each; the first `done` are."""
        writer, last = None, -1
        for part, pixels, at in self._frames(film, done):
            if writer is None or part > last:
                if writer is not None:
                    self._keep(writer, last, at)
                    self._pause(part_ends=True)
                writer, last = self._writer(part), part
            writer.add(pixels, at - self._begins[part])
        if writer is not None:
            self._keep(writer, last, Fraction(self._clean.seconds))

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
        done = self._fetched()
        with files.opened(clean, self._codec) as opened:
            self._check(opened)
            self._paint(opened, done)
        self._watched("join", PAINTED)
        return self._stored(self._joined(clean))

    def _stored(self, film: Path) -> Painted:
        key = f"{self._job.id}/film-{self._job.attempt}.{self._codec.container}"
        with files.opened(film, self._codec) as opened:
            first = next(self._contents(opened))
        blobs.put_all({key: film})
        fingerprint = blobs.fingerprint_of(film)
        return Painted(key, first, fingerprint, disk.rounded_up(fingerprint[0]))
