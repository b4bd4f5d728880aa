"""Untrusted bytes → clean pictures, in a process of its own.

Image decoders are C code; malicious files exploit them or exhaust memory and time.
`python -m worker.images.decoder` is that process: `worker/images/decoders.py` starts it, asks it
over a pipe and replaces it when the kernel had to end it. Before the first picture it is confined,
as `worker/images/confinement.py` says. Knows no settings, no database and no job.
"""

import codecs
import contextlib
import io
import json
import math
import resource
import signal
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from PIL import ExifTags, Image, ImageCms, ImageOps

from adain.files import cropping, kinds, margins, pictures, webp
from worker.images import confinement
from worker.images.answers import CUT, FAINT, TRIMMED
from worker.images.header import ACCEPTED, MEMORY, Header, ImageRejected, opened, turn

LOSSY = {"JPEG", "MPO", "HEIF", "AVIF"}  # kept as JPEG as some WebP: what they lost is gone
CHUNK = "adain-studio"  # of a PNG: where a picture tells how it was made
STRIP = 4  # how many times as long as wide a small picture may be
ASCII = b"ASCII\0\0\0"  # how EXIF says what a user comment is written in
SECONDS = 2.0  # of the processor, for a small picture …
SECONDS_A_PIXEL = 0.2e-6  # … and for each pixel more …
SECONDS_A_BYTE = 0.6e-6  # … and for each byte of the file; a slow machine takes a quarter of that
MOST_SECONDS_A_PIXEL = 0.4e-6  # … however many bytes
SHARES = 1_000_000  # parts of a side in which crops are asked for
MOST_GROWTH = 4  # times the file's bytes; a PNG larger than that is compressed once more …
DEFLATE_LEVEL = 4  # … so: all of deflate, at half of the time that level 6 takes for a photo

_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@dataclass(frozen=True)
class CleanImage:
    """A picture in a file that we wrote: `suffix` is jpg or png."""

    data: bytes
    suffix: str
    width: int
    height: int
    original: tuple[int, int] = (0, 0)  # upright width and height before it was made smaller
    notes: tuple[str, ...] = ()  # of `answers.NOTES`: what its owner should know


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


def _picture(header: Header) -> Image.Image:
    """Return RGB, or RGBA where anything is transparent."""
    image = _decoded(header.image)
    upright = turn(image)
    image.info = pictures.described(image)
    if image.mode != "RGB" or image.info or header.shrink > 1:
        image = pictures.by_pieces(image, header.shrink)
        header.image.close()  # its samples' memory is for encoding
    return image.transpose(upright) if upright is not None else image


def _mask(header: Header) -> Image.Image:
    image = _decoded(header.image)
    upright = turn(image)
    image.info = pictures.described(image)
    mask = pictures.upright_mask(image).reduce(header.shrink)
    try:
        pictures.check_mask(mask)
    except pictures.MaskError as error:
        raise ImageRejected(error.code, **error.params) from error
    return mask.transpose(upright) if upright is not None else mask


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
        raise ImageRejected("picture.damaged", accepted=ACCEPTED) from error


def _saved(image: Image.Image, kind: str, **how: object) -> bytes:
    """Return a picture as a file; raises MemoryError, also where Pillow calls that an OSError."""
    out = io.BytesIO()
    try:
        image.save(out, kind, **how)
    except OSError as error:  # nothing is written to a disk: an encoder got no memory for a row
        raise MemoryError from error
    return out.getvalue()


def encode(image: Image.Image, suffix: str) -> bytes:
    """Encode as png or jpg (near lossless), fast before small; raises MemoryError."""
    image.info.clear()
    match suffix:
        case "jpg":
            return _saved(image, "JPEG", quality=95, subsampling="4:4:4")
        case _:
            # runs of equal bytes alone: of painted pictures smaller than the usual way, and faster
            return _saved(image, "PNG", compress_level=1, compress_type=zlib.Z_RLE)


def _encoded(image: Image.Image, suffix: str, size: int) -> bytes:
    """Encode what came in a file of so many bytes, so that it hardly grows.

    Patterns that repeat have no runs of equal bytes: 0.5 MB become 62 MB in the fast way.
    """
    data = encode(image, suffix)
    if suffix == "jpg" or len(data) <= MOST_GROWTH * size:
        return data
    del data
    _allow(SECONDS + image.width * image.height * MOST_SECONDS_A_PIXEL)
    return _saved(image, "PNG", compress_level=DEFLATE_LEVEL)


# ---------------------------------------------------------------- what may be asked


def _cropped(image: Image.Image, crop: Sequence[int]) -> Image.Image:
    """Return what is inside a crop in parts of `SHARES`, of all of it if there is none."""
    return cropping.cropped(image, [side / SHARES for side in crop])


def _part(whole: Image.Image, trim: int, crop: Sequence[int]) -> Image.Image:
    """Return the part of a picture that is used.

    A crop says it exactly; else a plain border is left out where `trim` is 1, but for transparent
    ones, which are not looked at anyway.
    """
    if crop or not trim or whole.mode != "RGB":
        return _cropped(whole, crop)
    return margins.trimmed(whole)


def clean(data: bytes, limit: int, trim: int = 0, *crop: int) -> CleanImage:
    """Check and re-encode a picture, made smaller if it has more pixels; raises `ImageRejected`.

    `trim` and `crop` as in `_part`.
    """
    header = opened(data, limit)
    cut = pictures.is_cut(header.image)
    whole = _converted(data, header, _picture)
    size, image = _upright_size(header, whole), _part(whole, trim, crop)
    lossy = header.image.format in LOSSY or webp.is_lossy(data)
    suffix = "jpg" if lossy and image.mode == "RGB" else "png"
    notes = (CUT,) * cut + (TRIMMED,) * (image is not whole and not crop)
    made = _encoded(image, suffix, len(data))
    return CleanImage(made, suffix, image.width, image.height, size, notes)


def _upright_size(header: Header, image: Image.Image) -> tuple[int, int]:
    """Return width and height of what is in a file as they are in the upright picture of it."""
    wide, high = sorted(header.size, reverse=image.width > image.height)
    return wide, high


def _fitted(data: bytes, limit: int, *sizes: int) -> Image.Image:
    """Read a mask and bring it to a size: that of its photo as kept, then as it was sent.

    With no size it keeps its own. What follows the sizes is the crop of the photo.
    """
    sizes, crop = sizes[:4], sizes[4:]
    header = opened(data, limit)
    image = _converted(data, header, _mask)
    width, height = sizes[:2] or image.size
    wide, high = sizes[2:] or (width, height)
    try:
        pictures.check_shape(_upright_size(header, image), (wide, high))
        if crop:
            image = _cropped(image, crop)
            pictures.check_mask(image, cropped=True)
    except pictures.MaskError as error:
        raise ImageRejected(error.code, **error.params) from error
    if image.size == (width, height):
        return image
    return image.resize((width, height), Image.Resampling.BILINEAR)


def mask(data: bytes, limit: int, *sizes: int) -> CleanImage:
    """Check and re-encode a mask as grey; `sizes`: its photo's width and height, kept and sent."""
    image = _fitted(data, limit, *sizes)
    made, notes = _encoded(image, "png", len(data)), (FAINT,) * pictures.is_faint(image)
    return CleanImage(made, "png", image.width, image.height, notes=notes)


def opposite(data: bytes, limit: int, *sizes: int) -> CleanImage:
    """Clean a mask as `mask` does, and make it black where it is white."""
    image = ImageOps.invert(_fitted(data, limit, *sizes))
    return CleanImage(_encoded(image, "png", len(data)), "png", image.width, image.height)


def small(data: bytes, limit: int, side: int, trim: int = 0, *crop: int) -> CleanImage:
    """Clean a picture and make it small, if it is larger; `trim` and `crop` as in `_part`.

    The shorter side gets at most `side` pixels, the longer one at most `STRIP` times as many.
    """
    header = opened(data, limit)
    whole = _converted(data, header, _picture)
    sent, image = _upright_size(header, whole), _part(whole, trim, crop)
    scale = min(1.0, side / min(image.size), STRIP * side / max(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    suffix = "jpg" if image.mode == "RGB" else "png"
    return CleanImage(encode(image, suffix), suffix, image.width, image.height, sent)


def small_mask(data: bytes, limit: int, width: int, height: int, *crop: int) -> CleanImage:
    """Clean a mask and bring what is inside the crop to a size."""
    image = _cropped(_converted(data, opened(data, limit), _mask), crop)
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
        raise ImageRejected("picture.damaged", accepted=ACCEPTED) from error
    return CleanImage(found, "txt", image.width, image.height)


# ---------------------------------------------------------------- the process


def _allow(seconds: float) -> None:
    """Have the kernel end this process when it takes so much more of the processor."""
    _, ever = resource.getrlimit(resource.RLIMIT_CPU)
    most = math.ceil(time.process_time() + seconds)
    soon = most if ever == resource.RLIM_INFINITY else min(most, ever)
    resource.setrlimit(resource.RLIMIT_CPU, (soon, ever))


def limit_memory(more: int = MEMORY) -> int:
    """Let no allocation go beyond what is held and so many bytes more.

    macOS keeps no such count, and so has no limit.

    Returns the bytes held already.
    """
    status = Path("/proc/self/status")
    held = 0
    if status.exists():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmData")]
        held = int(line.split()[1]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (held + more, held + more))
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
        return {"refused": rejected.message.dump()}, b""
    except MemoryError:  # what it has left is in pieces: the next picture gets a new process
        signal.raise_signal(signal.SIGKILL)
        raise
    fields = {"suffix": made.suffix, "width": made.width, "height": made.height}
    return fields | {"original": made.original, "notes": made.notes}, made.data


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
