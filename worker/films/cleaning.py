"""The stage of a film's job that writes its clean film, which takes the place of what was sent."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adain.film import codecs
from adain.film.codecs import Codec
from adain.methods import stage_of
from adain.mixing import Watch
from worker import jobs
from worker.images import films
from worker.images.film_records import Cleaned
from worker.jobs import Job, Paused
from worker.settings import MIB, settings
from worker.storage import blobs, disk

CLEANED = 0.05  # of the whole job, where this stage ends


def fetch(key: str, file: Path, known: list[Any] | None = None) -> None:
    """Copy a blob to a file; raises `BlobMissing`, `BlobDamaged` if it is not as it was known."""
    _, source = blobs.opened(key)
    with source, file.open("wb") as into:
        shutil.copyfileobj(source, into, MIB)
    if known and blobs.fingerprint_of(file) != list(known):
        raise blobs.BlobDamaged(key)


def fetch_of(job: Job, key: str, file: Path) -> None:
    """Copy one of a job's files, as it was recorded."""
    known: Mapping[str, Any] = job.files or {}
    fetch(key, file, known.get(key))


class Cleaning:
    """The stage that writes a job's clean film."""

    def __init__(self, job: Job, watch: Watch, folder: Path) -> None:
        self._job, self._watch, self._folder = job, watch, folder

    def _written(self, codec: Codec, into: Path) -> Cleaned:
        film, source = self._job.film or {}, self._folder / "source"
        fetch_of(self._job, f"{self._job.id}/{jobs.SOURCE}", source)
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
            blobs.delete([key])
            raise Paused  # another attempt has it
        job.film, job.files = film, known
        blobs.delete([source])
