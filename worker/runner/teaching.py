"""Teaching a style as a job: steps shown, checkpoints kept, and the taught style stored at the end.

A job that is stopped, by its worker's death too, goes on from its last checkpoint. It is given back
to the queue before its time is up, so that it may take longer than any other job.
"""

import logging
import time
from dataclasses import dataclass, replace
from threading import Event

from PIL import Image
from sqlalchemy import select

from adain.catalog import Color, TaughtKind
from adain.methods import stage_of
from adain.mixing import Watch
from adain.request import Request
from adain.teaching import taught
from adain.teaching.lesson import Lesson
from adain.teaching.taught import TaughtStylizer
from worker.gallery.taught_styles import CHECKPOINT, SAMPLE
from worker.images import images
from worker.jobs import Job, Paused, Status
from worker.observability import failpoints
from worker.settings import settings
from worker.storage import blobs, database
from worker.visitors.previews import Preview

log = logging.getLogger(__name__)

STAGE = "teach"
SHOWN = 256  # pixels of the shorter side of the picture that shows how far it is
PART = 0.7  # of a job's time, after which it is given back to the queue
LOADED = 4  # taught styles that a process keeps loaded


class TaughtGone(Exception):
    """The taught style that a job was to be made in was deleted meanwhile."""


# ---------------------------------------------------------------- a taught style is used


@dataclass(frozen=True)
class Found:
    """Where a taught style lies, and what it is known by."""

    key: str
    fingerprint: tuple[int, str]  # length and sha256
    digests: tuple[str, ...]  # of its paintings


def find(job: Job | Preview) -> Found | None:
    """Return the taught style of its owner that a job names; raises `TaughtGone`."""
    name = job.options.get("taught")
    if not name:
        return None
    mine = Job.id == name, Job.owner == job.owner, Job.status == Status.DONE
    wanted = select(Job.taught_key, Job.files, Job.style_digests).where(*mine)
    with database.reading() as session:
        row = session.execute(wanted).one_or_none()
    if row is None or row[0] is None or not row[1]:
        raise TaughtGone
    key, files, digests = row
    return Found(key, (files[key][0], files[key][1]), tuple(digests))


class TaughtStyles:
    """The taught styles that a process has loaded, the latest ones."""

    def __init__(self) -> None:
        self._loaded: dict[str, TaughtStylizer] = {}  # by the sha256 of their files

    def load(self, found: Found) -> TaughtStylizer:
        """Return what paints in a taught style; raises `TaughtGone` if its file is gone."""
        digest = found.fingerprint[1]
        stylizer = self._loaded.pop(digest, None)
        if stylizer is None:
            try:
                data = blobs.get(found.key, found.fingerprint)
            except blobs.BlobMissing as error:
                raise TaughtGone from error
            stylizer = taught.stylizer(data, settings().weights_dir, settings().device)
            stylizer.known = dict(zip(found.digests, stylizer.rows, strict=False))
        self._loaded[digest] = stylizer  # the last one used stands last
        for old in list(self._loaded)[:-LOADED]:
            del self._loaded[old]
        return stylizer


# ---------------------------------------------------------------- a style is taught


def _painted(data: bytes, request: Request, watch: Watch) -> tuple[TaughtStylizer, Image.Image]:
    """Return what paints in a taught style, and a picture by it: in its paintings, mixed."""
    stylizer = taught.stylizer(data, settings().weights_dir, settings().device)
    rows = stylizer.rows
    color = Color.STYLE if rows and request.color == Color.CONTENT else request.color
    asked = replace(request, styles=rows or stylizer.paintings, color=color)
    [image] = stylizer.stylize([asked], watch)
    return stylizer, image


def clear(job: Job) -> None:
    """Delete what was kept while a style was taught; what can't be goes with its job."""
    try:
        blobs.delete([f"{job.id}/{name}" for name in (CHECKPOINT, SAMPLE)])
    except Exception:  # whatever a storage raises
        log.exception("job %s: its checkpoint is left", job.id)


class Teacher:
    """One attempt at teaching a job's style."""

    def __init__(self, job: Job, request: Request, watch: Watch, stop: Event) -> None:
        self._job, self._request, self._watch, self._stop = job, request, watch, stop
        self._begun = self._kept = time.monotonic()
        paintings = [one for one in request.styles if isinstance(one, Image.Image)]
        self._lesson = Lesson(
            TaughtKind(job.options["teach"]),
            paintings,
            job.options.get("steps", 0),
            network=job.options["network"],
            folder=settings().weights_dir,
            device=settings().device,
            most=settings().teach_steps,
            pixels=settings().method_pixels,
            watch=self._between,
        )

    def _between(self, *_: object) -> None:
        """Say how far it is, and let quick jobs go between; raises `Stop` where it is cancelled."""
        lesson = self._lesson
        stage = stage_of(STAGE, min(lesson.step + 1, lesson.steps), lesson.steps)
        self._watch(stage, 0.95 * lesson.step / lesson.steps)

    def _go_on(self) -> None:
        """Go on from the checkpoint, if there is one that can be read."""
        try:
            self._lesson.restore(blobs.get(f"{self._job.id}/{CHECKPOINT}"))
        except blobs.BlobMissing:
            return
        except (RuntimeError, ValueError, KeyError, EOFError):
            log.warning("job %s: its checkpoint can't be read", self._job.id, exc_info=True)

    def _checkpoint(self) -> None:
        """Keep how far it is, and a picture that shows it."""
        request = replace(self._request, size=min(SHOWN, self._request.size or SHOWN))
        _, sample = _painted(self._lesson.taught(), request, self._between)
        kept = {CHECKPOINT: self._lesson.state(), SAMPLE: images.small_jpeg(sample, 3 * SHOWN)}
        files = {f"{self._job.id}/{name}": data for name, data in kept.items()}
        blobs.put_all(files, durable=False)
        self._kept = time.monotonic()
        failpoints.at("checkpoint", self._job.id)

    def _step(self) -> None:
        """Make a step; raises `Paused` when the time is up or the process is to end."""
        self._between()
        self._lesson.advance()
        now = time.monotonic()
        pauses = self._stop.is_set() or now - self._begun > PART * settings().job_time_limit
        if pauses or now - self._kept >= settings().teach_checkpoint_seconds:
            self._checkpoint()
        if pauses:
            raise Paused

    def run(self) -> bytes:
        """Return the file of the taught style."""
        self._go_on()
        while self._lesson.step < self._lesson.steps:
            self._step()
        return self._lesson.taught()


def teach(
    job: Job, request: Request, watch: Watch, stop: Event
) -> tuple[TaughtStylizer, list[tuple[Job, Image.Image, bytes]]]:
    """Teach a job's style; return what paints in it, and the job with a picture and the file.

    Raises `Paused` soon after `stop` is set.
    """
    data = Teacher(job, request, watch, stop).run()
    stylizer, image = _painted(data, request, watch)
    return stylizer, [(job, image, data)]
