"""Untrusted bytes → clean pictures, in a process of its own.

Image decoders are C code; malicious files exploit them or exhaust memory and time.
`python -m worker.images.decoder` is that process: `worker/images/images.py` starts it, asks it
over a pipe and replaces it when the kernel had to end it. Before the first picture it is confined,
as `worker/images/confinement.py` says. Knows no settings, no database and no job.
"""

import codecs
import contextlib
import io
import json
import logging
import math
import resource
import signal
import sys
import time
import warnings
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any

from PIL import ExifTags, Image, ImageCms, ImageOps

from adain.files import jpeg, kinds, pictures
from adain.files.kinds import ACCEPTED
from worker.errors import Refused
from worker.images import confinement

LOSSY = {"JPEG", "MPO", "HEIF", "AVIF"}  # kinds kept as JPEG: what they lost is gone
CHUNK = "adain-studio"  # of a PNG: where a picture tells how it was made
JPEG_SIDE = 65_500  # pixels at most of a JPEG's longer side, by libjpeg
ASCII = b"ASCII\0\0\0"  # how EXIF says what a user comment is written in

MEMORY = 300_000_000  # bytes beyond what the idle process has
SECONDS = 2.0  # of the processor, for a small picture …
SECONDS_A_PIXEL = 0.2e-6  # … and for each pixel more …
SECONDS_A_BYTE = 0.6e-6  # … and for each byte of the file; a slow machine takes a quarter of that
MOST_SECONDS_A_PIXEL = 0.4e-6  # … however many bytes
MOST_GROWTH = 4  # times the file's bytes; a PNG larger than that is compressed once more …
DEFLATE_LEVEL = 4  # … so: all of deflate, at half of the time that level 6 takes for a photo
MOST_SCANS = 100  # of a JPEG, each of which goes through all its pixels; ordinary ones have ten

log = logging.getLogger(__name__)

_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


class ImageRejected(Refused):
    """A picture that can't be used; the sentence says what is accepted."""


@dataclass(frozen=True)
class CleanImage:
    """A picture in a file that we wrote: `suffix` is jpg or png."""

    data: bytes
    suffix: str
    width: int
    height: int


# ---------------------------------------------------------------- the header


def _too_large(limit: int) -> ImageRejected:
    return ImageRejected(
        f"The picture is too large: at most {limit / 1e6:g} megapixels are accepted."
    )


def _check_pixels(image: Image.Image, limit: int) -> None:
    """Refuse by the header what is too large, or would be while it is decoded.

    libwebp keeps four buffers of a picture, libjpeg all coefficients of a CMYK one.
    """
    pixels = image.width * image.height
    if pixels > limit:
        raise _too_large(limit)
    if pixels > limit // 2 and (image.format == "WEBP" or image.mode == "CMYK"):
        raise ImageRejected(
            f"The picture is too large: as WebP or in CMYK at most {limit / 2e6:g} megapixels are "
            f"accepted; as PNG or JPEG in RGB {limit / 1e6:g}."
        )


def _check_scans(data: bytes) -> None:
    """Refuse a JPEG of very many scans, by its markers alone."""
    scans = (marker for marker in jpeg.markers(data) if marker == jpeg.SCAN)
    if next(islice(scans, MOST_SCANS, None), None):
        raise ImageRejected(
            f"The picture is a JPEG of more than {MOST_SCANS} scans; those of an ordinary "
            "progressive JPEG, about ten, are accepted."
        )


def opened(data: bytes, limit: int, keyword: str = "") -> Image.Image:
    """Read the header only; raises `ImageRejected`, also for more pixels than the limit.

    Of a PNG's texts those with the keyword are read.
    """
    try:
        image = pictures.opened_bytes(data, kinds.FORMATS, keyword.encode())
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(limit) from error
    except MemoryError:
        raise
    except Exception as error:  # whatever a decoder makes of a stranger's bytes
        raise ImageRejected(kinds.refusal(data)) from error
    if kinds.is_raw(image):
        raise ImageRejected(kinds.refused("Raw files of cameras"))
    _check_pixels(image, limit)
    if image.format in {"JPEG", "MPO"}:
        _check_scans(data)
    return image


# ---------------------------------------------------------------- conversion


def _upright(image: Image.Image) -> Image.Image:
    """Decode the first frame and turn it, in place, by its EXIF orientation if that can be read."""
    pictures.load(image)
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except MemoryError:
        raise
    except Exception:  # what it says of its picture, not the picture, is broken
        log.debug("EXIF can't be read", exc_info=True)
    image.info = pictures.described(image)
    return image


def _rgb(image: Image.Image) -> Image.Image:
    image = _upright(image)
    if image.mode == "RGB" and not image.info:
        return image
    out = Image.new("RGB", image.size)
    for place, piece in pictures.pieces(image):
        out.paste(pictures.rgb(piece), place)
    return out


def _mask(image: Image.Image) -> Image.Image:
    mask = pictures.upright_mask(_upright(image))
    try:
        pictures.check_mask(mask)
    except ValueError as error:
        raise ImageRejected(str(error)) from error
    return mask


def seconds_for(pixels: int, size: int) -> float:
    """Return the processor's seconds that a picture in a file of so many bytes may take."""
    by_file = pixels * SECONDS_A_PIXEL + size * SECONDS_A_BYTE
    return SECONDS + min(by_file, pixels * MOST_SECONDS_A_PIXEL)


def _converted(
    image: Image.Image, size: int, convert: Callable[[Image.Image], Image.Image]
) -> Image.Image:
    _allow(seconds_for(image.width * image.height, size))
    try:
        return convert(image)
    except (MemoryError, ImageRejected):
        raise
    except Exception as error:
        raise ImageRejected(f"The picture is damaged or incomplete; whole {ACCEPTED}.") from error


def encode(image: Image.Image, suffix: str) -> bytes:
    """Encode as png or jpg (near lossless), fast before small."""
    image.info.clear()
    out = io.BytesIO()
    match suffix:
        case "jpg":
            image.save(out, "JPEG", quality=95, subsampling="4:4:4")
        case _:
            # runs of equal bytes alone: of painted pictures smaller than the usual way, and faster
            image.save(out, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return out.getvalue()


def _encoded(image: Image.Image, suffix: str, size: int) -> bytes:
    """Encode what came in a file of so many bytes, so that it hardly grows.

    Patterns that repeat have no runs of equal bytes: 0.5 MB become 62 MB in the fast way.
    """
    data = encode(image, suffix)
    if suffix == "jpg" or len(data) <= MOST_GROWTH * size:
        return data
    del data
    _allow(SECONDS + image.width * image.height * MOST_SECONDS_A_PIXEL)
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=DEFLATE_LEVEL)
    return out.getvalue()


# ---------------------------------------------------------------- what may be asked


def clean(data: bytes, limit: int) -> CleanImage:
    """Check and re-encode a picture of at most so many pixels; raises `ImageRejected`."""
    image = opened(data, limit)
    suffix = "jpg" if image.format in LOSSY else "png"
    image = _converted(image, len(data), _rgb)
    return CleanImage(_encoded(image, suffix, len(data)), suffix, image.width, image.height)


def _fitted(data: bytes, limit: int, *size: int) -> Image.Image:
    """Read a mask and bring it to its photo's size; without one it keeps its own."""
    image = _converted(opened(data, limit), len(data), _mask)
    width, height = size or image.size
    try:
        return pictures.fitted(image, (width, height))
    except ValueError as error:
        raise ImageRejected(str(error)) from error


def mask(data: bytes, limit: int, *size: int) -> CleanImage:
    """Check and re-encode a mask as grey, for a photo's width and height."""
    image = _fitted(data, limit, *size)
    return CleanImage(_encoded(image, "png", len(data)), "png", image.width, image.height)


def opposite(data: bytes, limit: int, *size: int) -> CleanImage:
    """Clean a mask as `mask` does, and make it black where it is white."""
    image = ImageOps.invert(_fitted(data, limit, *size))
    return CleanImage(_encoded(image, "png", len(data)), "png", image.width, image.height)


def small(data: bytes, limit: int, side: int) -> CleanImage:
    """Clean a picture and make its shorter side so small, if it is larger."""
    image = _converted(opened(data, limit), len(data), _rgb)
    scale = min(1.0, side / min(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    suffix = "jpg" if max(size) <= JPEG_SIDE else "png"
    return CleanImage(encode(image, suffix), suffix, image.width, image.height)


def small_mask(data: bytes, limit: int, width: int, height: int) -> CleanImage:
    """Clean a mask and bring it to a size."""
    image = _converted(opened(data, limit), len(data), _mask)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    return CleanImage(encode(image, "png"), "png", image.width, image.height)


def note(data: bytes, limit: int) -> CleanImage:
    """Return, in place of a picture, what stands where one of ours tells how it was made."""
    image, found = opened(data, limit, CHUNK), b""
    try:
        if image.format == "PNG":
            found = str(image.info.get(CHUNK, "")).encode()
        else:
            exif = image.getexif().get_ifd(ExifTags.IFD.Exif)
            comment = exif.get(ExifTags.Base.UserComment, b"")
            if isinstance(comment, bytes) and comment.startswith(ASCII):
                found = comment.removeprefix(ASCII).rstrip(b"\0 ")
    except MemoryError:
        raise
    except Exception as error:
        raise ImageRejected(f"The picture is damaged or incomplete; whole {ACCEPTED}.") from error
    return CleanImage(found, "txt", image.width, image.height)


# ---------------------------------------------------------------- the process


def _allow(seconds: float) -> None:
    """Have the kernel end this process when it takes so much more of the processor."""
    most = math.ceil(time.process_time() + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def limit_memory() -> int:
    """Let no allocation go beyond the limit; macOS keeps no such count, and so has no limit.

    Returns the bytes held already.
    """
    status = Path("/proc/self/status")
    held = 0
    if status.exists():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmData")]
        held = int(line.split()[1]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (held + MEMORY, held + MEMORY))
    return held


_VERBS: dict[str, Callable[..., CleanImage]] = {
    "clean": clean,
    "mask": mask,
    "opposite": opposite,
    "small": small,
    "small_mask": small_mask,
    "note": note,
}


def _answer(
    verb: str, data: bytes, limit: int, to: Sequence[int] = ()
) -> tuple[dict[str, Any], bytes]:
    try:
        made = _VERBS[verb](data, limit, *to)
    except ImageRejected as rejected:
        return {"refused": str(rejected)}, b""
    except MemoryError:  # what it has left is in pieces: the next picture gets a new process
        signal.raise_signal(signal.SIGKILL)
        raise
    return {"suffix": made.suffix, "width": made.width, "height": made.height}, made.data


def get_ready() -> None:
    """Load all that pictures may need: once confined, this process opens no file."""
    kinds.register()
    for suffix in ("PNG", "JPEG", "MPO", "TIFF", "WEBP", "AVIF", "GIF", "BMP"):
        out = io.BytesIO()
        Image.new("RGB", (2, 2)).save(out, suffix, exif=Image.Exif(), icc_profile=_PROFILE)
        with contextlib.suppress(ImageRejected):
            for verb in (clean, mask, opposite, note, partial(small, side=1)):
                verb(out.getvalue(), 4)
            small_mask(out.getvalue(), 4, 3, 3)
    for encoding in ("ascii", "latin-1", "utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1252"):
        codecs.lookup(encoding)


def serve(asked: IO[bytes], answers: IO[bytes], held: int) -> None:
    """Answer requests until the input ends; each way a line of JSON with a length, then bytes."""
    while line := asked.readline():
        question = json.loads(line)
        data = asked.read(question["length"])
        begun = time.process_time()
        _allow(SECONDS)
        memory = held + question["memory"], held + MEMORY
        resource.setrlimit(resource.RLIMIT_DATA, memory)
        reported, made = _answer(question["verb"], data, question["limit"], question["to"])
        reported |= {"length": len(made), "seconds": time.process_time() - begun}
        answers.write(json.dumps(reported).encode() + b"\n" + made)
        answers.flush()


if __name__ == "__main__":
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C is for the parent process; this one ends with it
    get_ready()
    held = limit_memory()
    print(json.dumps({"confined": confinement.enter()}), flush=True)
    serve(sys.stdin.buffer, sys.stdout.buffer, held)
