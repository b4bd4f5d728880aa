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
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO, Any

from PIL import ExifTags, Image, ImageCms, ImageOps
from PIL.JpegImagePlugin import JpegImageFile

from adain.files import jpeg, kinds, pictures, profiles
from adain.files.kinds import ACCEPTED
from worker.errors import Refused
from worker.images import confinement

LOSSY = {"JPEG", "MPO", "HEIF", "AVIF"}  # kinds kept as JPEG: what they lost is gone
CHUNK = "adain-studio"  # of a PNG: where a picture tells how it was made
STRIP = 4  # how many times as long as wide a small picture may be
ASCII = b"ASCII\0\0\0"  # how EXIF says what a user comment is written in

MEMORY = 300_000_000  # bytes beyond what the idle process has
SECONDS = 2.0  # of the processor, for a small picture …
SECONDS_A_PIXEL = 0.2e-6  # … and for each pixel more …
SECONDS_A_BYTE = 0.6e-6  # … and for each byte of the file; a slow machine takes a quarter of that
MOST_SECONDS_A_PIXEL = 0.4e-6  # … however many bytes
MOST_GROWTH = 4  # times the file's bytes; a PNG larger than that is compressed once more …
DEFLATE_LEVEL = 4  # … so: all of deflate, at half of the time that level 6 takes for a photo
MOST_SHRUNK = 8  # times the limit: larger pictures are not made smaller but refused
MOST_OF_MEMORY = 0.95  # is given to a picture; the rest is for what is in pieces
# Bytes a pixel while decoding, beyond the picture itself, as measured with 12 megapixels
DECODING = {"WEBP": 9.5, "AVIF": 5.5, "HEIF": 5.0, "TIFF": 3.5, "PNG": 1.0, "GIF": 2.0}
SAMPLES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2}  # bytes a pixel in Pillow, others 4
NAMES = {"MPO": "JPEG", "HEIF": "HEIC", "WEBP": "WebP"}
TURNS = {
    **{2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180},
    **{4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE},
    **{6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90},
}
MOST_SCANS = 100  # of a JPEG, each of which goes through all its pixels; ordinary ones have ten

log = logging.getLogger(__name__)

_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

Image.MAX_IMAGE_PIXELS = None  # `opened` looks at the header itself


class ImageRejected(Refused):
    """A picture that can't be used; the sentence says what is accepted."""


@dataclass(frozen=True)
class CleanImage:
    """A picture in a file that we wrote: `suffix` is jpg or png."""

    data: bytes
    suffix: str
    width: int
    height: int
    original: tuple[int, int] = (0, 0)  # upright width and height before it was made smaller


# ---------------------------------------------------------------- the header


@dataclass(frozen=True)
class Header:
    """A picture that is not decoded yet; a JPEG may be set to be decoded smaller."""

    image: Image.Image
    size: tuple[int, int]  # of what is in the file
    shrink: int  # by how much the decoded picture is to be made smaller


def _too_large(limit: int) -> ImageRejected:
    most = MOST_SHRUNK * limit / 1e6
    return ImageRejected(f"The picture is too large: at most {most:g} megapixels are accepted.")


def _fits(size: tuple[int, int], shrink: int, limit: int) -> bool:
    """Whether a picture made smaller so has at most so many pixels; parts of a pixel count."""
    return math.prod(-(-side // shrink) for side in size) <= limit


def _opened(image: Image.Image, limit: int) -> Header:
    """Choose how a picture becomes small enough; raises `ImageRejected` where none does."""
    size = image.size
    if image.width * image.height > MOST_SHRUNK * limit:
        raise _too_large(limit)
    if _fits(size, 1, limit):
        return Header(image, size, 1)
    if not isinstance(image, JpegImageFile):
        return Header(image, size, next(by for by in count(2) if _fits(size, by, limit)))
    shrink = next((by for by in (2, 4, 8) if _fits(size, by, limit)), None)
    if shrink is None:
        raise _too_large(limit)
    image.draft(image.mode, (max(1, size[0] // shrink), max(1, size[1] // shrink)))
    return Header(image, size, 1)


def _coefficients(image: JpegImageFile, data: bytes) -> float:
    """Return the bytes a pixel that libjpeg keeps of a JPEG of several scans."""
    if not jpeg.has_scans(data, 2):
        return 0.0
    sides = [(layer[1], layer[2]) for layer in image.layer]
    whole = max(wide for wide, _ in sides) * max(high for _, high in sides)
    return 2 * sum(wide * high for wide, high in sides) / whole


def _turn(image: Image.Image) -> Image.Transpose | None:
    """Return what sets a picture upright by its EXIF orientation, if that can be read."""
    try:
        return TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except MemoryError:
        raise
    except Exception:  # what it says of its picture, not the picture, is broken
        log.debug("EXIF can't be read", exc_info=True)
        return None


def _needed(header: Header, data: bytes) -> float:
    """Return the bytes of memory that it takes to decode and convert a picture."""
    image, (width, height) = header.image, header.size
    pixels, made = width * height, image.width * image.height / header.shrink**2
    needed = DECODING.get(image.format or "", 0.0) * pixels
    needed += SAMPLES.get(image.mode, 4) * image.width * image.height
    if isinstance(image, JpegImageFile):
        needed += _coefficients(image, data) * pixels
    managed = profiles.of_info(image.info) or "transparency" in image.info
    if image.mode != "RGB" or header.shrink > 1 or managed:
        needed += 4 * made
    return needed + (4 * made if _turn(image) else 0)


def _check_memory(header: Header, data: bytes) -> None:
    """Refuse by the header what would take too much memory while it is decoded."""
    room, needed = MEMORY * MOST_OF_MEMORY - len(data), _needed(header, data)
    if needed > room:
        kind = NAMES.get(header.image.format or "", header.image.format)
        most = header.size[0] * header.size[1] * room / needed / 1e6
        raise ImageRejected(
            f"The picture is too large: as {kind} in this form at most {most:.0f} megapixels are "
            "accepted, as an ordinary JPEG more."
        )


def _check_scans(data: bytes) -> None:
    """Refuse a JPEG of very many scans, by its markers alone."""
    if jpeg.has_scans(data, MOST_SCANS + 1):
        raise ImageRejected(
            f"The picture is a JPEG of more than {MOST_SCANS} scans; those of an ordinary "
            "progressive JPEG, about ten, are accepted."
        )


def opened(data: bytes, limit: int, keyword: str = "") -> Header:
    """Read the header only; raises `ImageRejected`, also for what is too large.

    Of a PNG's texts those with the keyword are read.
    """
    try:
        image = pictures.opened_bytes(data, kinds.FORMATS, keyword.encode())
    except MemoryError:
        raise
    except Exception as error:  # whatever a decoder makes of a stranger's bytes
        raise ImageRejected(kinds.refusal(data)) from error
    if kinds.is_raw(image):
        raise ImageRejected(kinds.refused("Raw files of cameras"))
    if isinstance(image, JpegImageFile):
        _check_scans(data)
    header = _opened(image, limit)
    if not keyword:
        _check_memory(header, data)
    return header


# ---------------------------------------------------------------- conversion


def _loaded_webp(image: Image.Image) -> Image.Image:
    """Decode a WebP of one frame with the memory of two, where Pillow takes that of four.

    The file can't be decoded a second time.
    """
    decoder = vars(image).pop("_decoder")
    samples, _ = decoder.get_next()
    del decoder
    mode = "RGBA" if image.mode == "RGBA" else "RGBX"
    loaded = Image.frombuffer(mode, image.size, samples, "raw", mode, 0, 1)
    loaded.info = image.info
    return loaded


def _decoded(image: Image.Image) -> Image.Image:
    if image.format == "WEBP" and getattr(image, "n_frames", 1) == 1:
        return _loaded_webp(image)
    pictures.load(image)
    return image


def _rgb(header: Header) -> Image.Image:
    image = _decoded(header.image)
    turn = _turn(image)
    image.info = pictures.described(image)
    if image.mode != "RGB" or image.info or header.shrink > 1:
        image = pictures.rgb_by_pieces(image, header.shrink)
    return image.transpose(turn) if turn is not None else image


def _mask(header: Header) -> Image.Image:
    image = _decoded(header.image)
    turn = _turn(image)
    image.info = pictures.described(image)
    mask = pictures.upright_mask(image).reduce(header.shrink)
    try:
        pictures.check_mask(mask)
    except ValueError as error:
        raise ImageRejected(str(error)) from error
    return mask.transpose(turn) if turn is not None else mask


def seconds_for(pixels: int, size: int) -> float:
    """Return the processor's seconds that a picture in a file of so many bytes may take."""
    by_file = pixels * SECONDS_A_PIXEL + size * SECONDS_A_BYTE
    return SECONDS + min(by_file, pixels * MOST_SECONDS_A_PIXEL)


def _converted(
    data: bytes, header: Header, convert: Callable[[Header], Image.Image]
) -> Image.Image:
    width, height = header.size
    _allow(seconds_for(width * height, len(data)))
    try:
        return convert(header)
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
    """Check and re-encode a picture, made smaller if it has more pixels; raises `ImageRejected`."""
    header = opened(data, limit)
    suffix = "jpg" if header.image.format in LOSSY else "png"
    image = _converted(data, header, _rgb)
    made = _encoded(image, suffix, len(data))
    return CleanImage(made, suffix, image.width, image.height, _upright_size(header, image))


def _upright_size(header: Header, image: Image.Image) -> tuple[int, int]:
    """Return width and height of what is in a file as they are in the upright picture of it."""
    wide, high = sorted(header.size, reverse=image.width > image.height)
    return wide, high


def _fitted(data: bytes, limit: int, *sizes: int) -> Image.Image:
    """Read a mask and bring it to a size: that of its photo as kept, then as it was sent.

    With no size it keeps its own.
    """
    header = opened(data, limit)
    image = _converted(data, header, _mask)
    width, height = sizes[:2] or image.size
    wide, high = sizes[2:] or (width, height)
    try:
        pictures.check_shape(_upright_size(header, image), (wide, high))
    except ValueError as error:
        raise ImageRejected(str(error)) from error
    if image.size == (width, height):
        return image
    return image.resize((width, height), Image.Resampling.BILINEAR)


def mask(data: bytes, limit: int, *sizes: int) -> CleanImage:
    """Check and re-encode a mask as grey; `sizes`: its photo's width and height, kept and sent."""
    image = _fitted(data, limit, *sizes)
    return CleanImage(_encoded(image, "png", len(data)), "png", image.width, image.height)


def opposite(data: bytes, limit: int, *sizes: int) -> CleanImage:
    """Clean a mask as `mask` does, and make it black where it is white."""
    image = ImageOps.invert(_fitted(data, limit, *sizes))
    return CleanImage(_encoded(image, "png", len(data)), "png", image.width, image.height)


def small(data: bytes, limit: int, side: int) -> CleanImage:
    """Clean a picture and make it small, if it is larger.

    The shorter side gets at most `side` pixels, the longer one at most `STRIP` times as many.
    """
    image = _converted(data, opened(data, limit), _rgb)
    scale = min(1.0, side / min(image.size), STRIP * side / max(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return CleanImage(encode(image, "jpg"), "jpg", image.width, image.height)


def small_mask(data: bytes, limit: int, width: int, height: int) -> CleanImage:
    """Clean a mask and bring it to a size."""
    image = _converted(data, opened(data, limit), _mask)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    return CleanImage(encode(image, "png"), "png", image.width, image.height)


def note(data: bytes, limit: int) -> CleanImage:
    """Return, in place of a picture, what stands where one of ours tells how it was made."""
    image, found = opened(data, limit, CHUNK).image, b""
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
    fields = {"suffix": made.suffix, "width": made.width, "height": made.height}
    return fields | {"original": made.original}, made.data


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
