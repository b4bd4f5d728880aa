"""References to pictures in a form: each is checked to be the visitor's before it is read.

A value is `upload:ID`, one of the visitor's own uploads; `shelf:KIND/NAME`, a picture of the
shelf; or `job:ID/content`, `job:ID/styles/PLACE` or `job:ID/masks/PLACE`, a picture that one of the
visitor's own jobs was given. Nothing else opens anything. What is used of a picture may follow:
`@LEFT,TOP,RIGHT,BOTTOM`, shares from 0 to 1.
"""

import io
import re
from dataclasses import replace
from functools import partial
from typing import IO

from adain.files import cropping
from web.samples import shelf
from worker import jobs
from worker.errors import Refused
from worker.images import images
from worker.images.images import Source
from worker.storage import blobs
from worker.visitors import uploads

FIELD = "value-"  # how the ids of the fields begin that hold such a value
LONGEST = 120  # characters of a value
CROP = "@"  # between a picture and what is used of it

_UPLOAD = re.compile(r"upload:([0-9a-f]{32})")
_SHELF = re.compile(r"shelf:(photos|styles)/([a-z0-9-]{1,40})")
_GIVEN = re.compile(r"job:([0-9a-f-]{36})/(content|styles|masks)(?:/([0-9]{1,2}))?")


def is_value(text: str) -> bool:
    """Tell whether a text has the form of a value; whose the picture is, only `read` knows."""
    picture, at, crop = text.partition(CROP)
    if at and not _is_crop(crop):
        return False
    return any(pattern.fullmatch(picture) for pattern in (_UPLOAD, _SHELF, _GIVEN))


def _is_crop(text: str) -> bool:
    try:
        return bool(cropping.read(text))
    except ValueError:
        return False


def crop(value: str) -> list[float]:
    """Return what is used of the picture of a value that has the form of one; []: all of it."""
    _, at, text = value.partition(CROP)
    return [*cropping.read(text)] if at else []


def upload(upload_id: str) -> str:
    """Return the value that names an upload."""
    return f"upload:{upload_id}"


def job_of(value: str) -> str:
    """Return the id of the job whose photo a value names, "" if it names none."""
    found = _GIVEN.fullmatch(value.partition(CROP)[0])
    return found[1] if found and found[2] == "content" else ""


def photo_of(job: jobs.Job) -> str:
    """Return the value that names the photo of a job."""
    return f"job:{job.id}/content"


def styles_of(job: jobs.Job) -> list[str]:
    """Return the values that name a job's styles."""
    return [f"job:{job.id}/styles/{place}" for place in range(len(job.style_keys))]


def masks_of(job: jobs.Job) -> list[str]:
    """Return the values that name a job's masks."""
    return [f"job:{job.id}/masks/{place}" for place in range(len(job.mask_keys))]


def _sample(kind: str, name: str) -> tuple[int, IO[bytes]]:
    found = shelf.data(kind, name)
    if found is None:
        raise Refused("upload.not_found")
    return len(found), io.BytesIO(found)


def _given(found: re.Match[str], owner: str, film: bool) -> tuple[str, bool]:
    """Return the key of what an owner's job was given, and whether it is that of a film.

    `film`: its film rather than a frame.
    """
    job = jobs.get(found[1], owner)
    if film and found[2] == "content":
        [*films] = jobs.film_keys(job.id, job.film)
        if films:
            return films[0], True
    keys = {"content": [job.content_key], "styles": job.style_keys, "masks": job.mask_keys}[
        found[2]
    ]
    place = int(found[3] or 0)
    if place >= len(keys):
        raise Refused("upload.not_found")
    return keys[place], False


def _opened(value: str, owner: str) -> tuple[int, IO[bytes]]:
    """Return the bytes' number and the file that a value names."""
    value, _, _ = value.partition(CROP)
    if found := _UPLOAD.fullmatch(value):
        return uploads.opened(found[1], owner)[:2]
    if found := _SHELF.fullmatch(value):
        return _sample(found[1], found[2])
    if found := _GIVEN.fullmatch(value):
        return blobs.opened(_given(found, owner, film=False)[0])
    raise Refused("upload.not_found")


def read(value: str, owner: str) -> bytes:
    """Return the picture that a value names; raises `Refused`, `JobNotFound`, `BlobMissing`."""
    _, file = _opened(value, owner)
    with file:
        return file.read()


def source(value: str, owner: str, film: bool = False) -> Source:
    """Return the whole picture that a value names, read when it is its turn; raises as `read`.

    An upload may be a film. `film`: so may be what a job was given, else it is its first frame.
    """
    value, _, _ = value.partition(CROP)
    if found := _GIVEN.fullmatch(value):
        key, is_film = _given(found, owner, film)
        # a film was never read as a picture, and may be larger than one
        return replace(images.stored(key), stored=not is_film)
    size, file = _opened(value, owner)
    file.close()
    return Source("", size, partial(read, value, owner), file=lambda: _opened(value, owner)[1])
