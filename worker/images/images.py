"""Untrusted bytes in, clean pictures out.

A clean picture is upright sRGB without alpha, encoded by us, with nothing else of the upload in it.
A process of its own decodes (`worker/images/decoders.py`), under limits of memory and time that
the kernel enforces. Raises `Refused`.
"""

import contextlib
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from PIL import Image

from adain.files import cropping, pictures
from adain.files.cropping import Crop
from worker.images import answers, decoders
from worker.images.decoder import SHARES
from worker.images.decoder import CleanImage as CleanImage
from worker.images.decoder import encode as encode
from worker.images.decoders import SEATS
from worker.images.header import MEMORY
from worker.images.header import ImageRejected as ImageRejected
from worker.settings import MIB, settings
from worker.storage import blobs

OURS = ("PNG", "JPEG")  # what we write
KEPT = (*OURS, "WEBP")  # what earlier versions wrote as well
_SMALL = MIB // 2  # of a file; a picture in it hardly takes long


# ---------------------------------------------------------------- pictures in files


@dataclass(frozen=True)
class Source:
    """A picture as it is sent, not yet read, since all at once might not fit in memory.

    `stored`: it is one that this studio encoded and keeps, to which the limit of what visitors
    send does not apply.
    """

    name: str
    size: int  # bytes
    read: Callable[[], bytes]
    stored: bool = False
    file: Callable[[], IO[bytes]] | None = None  # opens what need not fit in memory

    def opened(self) -> IO[bytes]:
        """Return what is sent as an open file, to be closed."""
        return self.file() if self.file else io.BytesIO(self.read())


Given = bytes | Source


def source(given: Given) -> Source:
    """Return a picture that is in memory as one to be read."""
    return given if isinstance(given, Source) else Source("", len(given), lambda: given)


def stored(key: str) -> Source:
    """Return a picture that is kept here, to be read when it is its turn; raises `BlobMissing`."""
    size, file = blobs.opened(key)
    file.close()

    def again() -> IO[bytes]:
        return blobs.opened(key)[1]

    return Source("", size, partial(blobs.get, key), stored=True, file=again)


@dataclass(frozen=True)
class CleanFile:
    """A picture that passed, in a file that we wrote: `suffix` is jpg or png."""

    file: Path
    suffix: str
    width: int
    height: int
    size: int  # bytes
    digest: str  # sha256
    original: tuple[int, int] = (0, 0)  # upright width and height before it was made smaller
    notes: tuple[str, ...] = ()  # of `answers.NOTES`
    crop: Crop = ()  # what part of the original it is

    @property
    def sent(self) -> tuple[int, int]:
        """Width and height of that part before it was made smaller; zeros: not known."""
        return cropping.size(self.crop, *self.original) if all(self.original) else self.original

    def alone(self) -> "CleanFile":
        """Return that part as if nothing else of the picture had been sent."""
        return replace(self, original=self.sent, crop=())


class _Written:
    """A file that is being written, its size and its sha256."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size, self.hash = 0, hashlib.sha256()

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self.size += len(piece)
        self.hash.update(piece)


class _Nowhere:
    """A sink that drops the picture, for where only its size is wanted."""

    def write(self, piece: bytes) -> None:
        """Forget the bytes."""


def _check_size(picture: Source, size: int) -> None:
    """Raise `ImageRejected` where more was sent than may be."""
    most = settings().max_upload_bytes
    if size > most and not picture.stored:
        raise ImageRejected("picture.file_too_large", limit=most / MIB)


def _bytes(picture: Source) -> bytes:
    """Return a picture's bytes; raises `ImageRejected` where more came than was announced."""
    data = picture.read()
    _check_size(picture, len(data))
    return data


def _ask(
    verb: str, given: Given, into: answers.Sink, memory: int = MEMORY, to: Sequence[int] = ()
) -> dict[str, Any]:
    """Have a picture looked at, within so many bytes; `to`: what the verb makes it as large as."""
    picture = source(given)
    _check_size(picture, picture.size)
    return decoders.ask(verb, partial(_bytes, picture), into, memory, to)


def _made(verb: str, given: Given, *to: int) -> CleanImage:
    """Ask, and return in memory what was made."""
    into = io.BytesIO()
    reported = _ask(verb, given, into, to=to)
    wide, high = reported["original"]
    made = reported["suffix"], reported["width"], reported["height"]
    return CleanImage(into.getvalue(), *made, (wide, high))


def _made_file(
    verb: str, given: Source, file: Path, memory: int = MEMORY, to: Sequence[int] = ()
) -> CleanFile:
    """Ask, and write what was made to a file, piece by piece."""
    with file.open("wb") as opened:
        into = _Written(opened)
        reported = _ask(verb, given, into, memory, to=to)
    size, digest = into.size, into.hash.hexdigest()
    wide, high = reported["original"]
    made = file, reported["suffix"], reported["width"], reported["height"]
    return CleanFile(*made, size, digest, (wide, high), tuple(reported["notes"]))


def clean(data: bytes) -> CleanImage:
    """Check and re-encode a picture; raises `ImageRejected`."""
    return _made("clean", data)


def _shares(crop: Crop) -> tuple[int, ...]:
    """Return a crop as a decoder is asked for it."""
    return tuple(round(side * SHARES) for side in crop)


def _part(given: Source, trim: bool, crop: Crop) -> tuple[int, ...]:
    """Return what a decoder is asked for so that a plain border is left out, or a crop is made.

    A picture that is kept here has no border any more.
    """
    return int(trim and not given.stored), *_shares(crop)


def clean_file(
    given: Source, file: Path, trim: bool = False, crop: Crop = (), memory: int = MEMORY
) -> CleanFile:
    """Check and re-encode a picture to a file, which need not fit in memory.

    With `trim` a plain border is left out, unless a crop says what is used. Raises `ImageRejected`,
    and OSError when it can't be written.
    """
    made = _made_file("clean", given, file, memory, _part(given, trim, crop))
    return replace(made, crop=tuple(crop))


def measured(given: Given) -> tuple[int, int]:
    """Check a picture as `clean` does; returns the width and height that it would have."""
    reported = _ask("clean", given, _Nowhere())
    return reported["width"], reported["height"]


@contextlib.contextmanager
def looks(
    pictures: Sequence[Source], folder: Path, trim: bool = False, crops: Sequence[Crop] = ()
) -> Iterator[list[Callable[[], CleanFile]]]:
    """Yield for each picture what cleans it when called, as `clean_file` does, into the folder.

    `trim` is for all but the first, the photo; `crops` has one for each picture, or is empty.

    Those of one request share the memory of one. Small files are looked at side by side, and one
    that is refused once more, alone, since its part of the memory may have been too little. At the
    end nothing is being written any more.
    """
    files = [folder / f"look-{place}" for place in range(len(pictures))]
    trims = [trim and place > 0 for place in range(len(pictures))]
    each = zip(pictures, files, trims, crops or [()] * len(pictures), strict=True)
    cleaning: list[Callable[..., CleanFile]] = [partial(clean_file, *one) for one in each]
    if len(pictures) == 1 or max(one.size for one in pictures) > _SMALL:
        yield [*cleaning]
        return
    pool = ThreadPoolExecutor(SEATS, "looks")  # of this request: it delays no other
    hands = [
        pool.submit(copy_context().run, partial(clean, memory=MEMORY // SEATS))
        for clean in cleaning
    ]

    def look(place: int) -> CleanFile:
        try:
            return hands[place].result()
        except ImageRejected:
            wait(hands)
            return cleaning[place]()

    try:
        yield [partial(look, place) for place in range(len(pictures))]
    finally:
        pool.shutdown(cancel_futures=True)


def clean_mask(data: bytes, size: tuple[int, int]) -> CleanImage:
    """Check a mask and bring it to its photo's (width, height); raises `ImageRejected`."""
    return _made("mask", data, *size)


def _sizes(photo: CleanFile) -> tuple[int, ...]:
    """Return a photo's width and height, as it is kept and as all of it was sent; its crop."""
    kept = photo.width, photo.height
    return kept + (photo.original if all(photo.original) else kept) + _shares(photo.crop)


def clean_mask_file(given: Source, file: Path, photo: CleanFile) -> CleanFile:
    """Check a mask of a photo as `clean_mask` does, to a file as `clean_file` does.

    It has the shape of the photo as that was sent.
    """
    return _made_file("mask", given, file, to=_sizes(photo))


def opposite_mask_file(given: Source, file: Path, photo: CleanFile) -> CleanFile:
    """Check a mask as `clean_mask_file` does, and make it black where it is white."""
    return _made_file("opposite", given, file, to=_sizes(photo))


def opposite_mask(given: Given) -> CleanImage:
    """Check a mask and make it black where it is white, in its own size."""
    return _made("opposite", given)


def note(given: Given) -> str:
    """Return what stands in a picture where one of ours tells how it was made.

    Raises `ImageRejected`; "": nothing does.
    """
    return _made("note", given).data.decode("utf-8", "replace")


def ours(picture: CleanImage) -> Image.Image:
    """Open a picture that passed: a decoder of ours wrote it, or one that was taken over."""
    return Image.open(io.BytesIO(picture.data), formats=OURS)


def small(given: Given, side: int, trim: bool = False, crop: Crop = ()) -> CleanImage:
    """Check a picture and make it small; `side` as in `decoder.small`, the rest as `clean_file`."""
    return _made("small", given, side, *_part(source(given), trim, crop))


def small_mask(given: Given, size: tuple[int, int], crop: Crop = ()) -> CleanImage:
    """Check a mask and bring it to the size of a small photo, of which it has the crop."""
    return _made("small_mask", given, *size, *_shares(crop))


def small_jpeg(image: Image.Image, side: int = 384) -> bytes:
    """Return a JPEG no wider or higher than `side`: a tenth of the time that a WebP takes."""
    small, out = pictures.rgb(image).copy(), io.BytesIO()
    small.thumbnail((side, side), Image.Resampling.HAMMING, reducing_gap=2.0)
    small.save(out, "JPEG", quality=82)
    return out.getvalue()


def media_type(key: str) -> str:
    """Return the media type of a kept picture by its key."""
    kinds = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
    kinds |= {"mp4": "video/mp4", "webm": "video/webm"}
    return kinds[key.rpartition(".")[2]]
