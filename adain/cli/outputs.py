"""Where results go: names that are not taken, kinds of files, and writing them whole or not at all.

Raises `Refused` with a sentence.
"""

import io
import os
import sys
import unicodedata
import uuid
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import Any

from PIL import Image

from adain.cli.inputs import STANDARD
from adain.files import kinds, pictures

_OPAQUE = {"JPEG", "BMP"}  # kinds of files without transparency
_JPEG: dict[str, Any] = {"format": "JPEG", "quality": 92, "subsampling": "4:4:4"}
_TIFF: dict[str, Any] = {"format": "TIFF", "compression": "tiff_lzw"}
ENDINGS: dict[str, dict[str, Any]] = {  # of files that can be written: how Pillow writes them
    "png": {"format": "PNG", "compress_type": zlib.Z_RLE},  # as small, in half the time
    "jpg": _JPEG,
    "jpeg": _JPEG,
    "webp": {"format": "WEBP", "quality": 92},
    "avif": {"format": "AVIF", "quality": 92, "subsampling": "4:4:4"},
    "tif": _TIFF,
    "tiff": _TIFF,
    "bmp": {"format": "BMP"},
}
DOTTED = frozenset(f".{one}" for one in ENDINGS)


class Refused(ValueError):
    """A place where no picture can be written; the sentence says why."""


def _ending(path: PurePath) -> str:
    return path.suffix.lower().removeprefix(".")


def check_ending(path: Path) -> None:
    """Refuse a file whose ending is none that can be written."""
    if path != STANDARD and _ending(path) not in ENDINGS:
        endings = ", ".join(f".{one}" for one in ENDINGS)
        raise Refused(f"{path} has none of the endings that can be written: {endings}.")


def check_folder(folder: Path) -> None:
    """Refuse a folder that neither exists nor can be made."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if not there.is_dir():
        raise Refused(f"{there} is a file, not a folder: choose another name.")
    if not os.access(there, os.W_OK):
        raise Refused(f"Nothing can be written in the folder {there}: choose another one.")


def check(path: Path, overwrite: bool) -> None:
    """Refuse a picture's file that may not be written."""
    if path == STANDARD:
        return
    if path.is_dir():
        raise Refused(f"{path} is a folder: name a file.")
    check_ending(path)
    check_place(path, overwrite)


def check_place(path: Path, overwrite: bool) -> None:
    """Refuse a file that is there and shall stay, or that can't be."""
    if path.exists() and not overwrite:
        raise Refused(f"{path} exists already; --overwrite replaces it.")
    check_folder(path.parent)


def check_transparency(ending: str) -> None:
    """Refuse an ending of files that hold no transparency, where it is to be kept."""
    if ENDINGS[ending]["format"] in _OPAQUE:
        kept = {how["format"]: f".{one}" for one, how in reversed(ENDINGS.items())}
        names = ", ".join(name for kind, name in reversed(kept.items()) if kind not in _OPAQUE)
        raise Refused(f".{ending} holds no transparency to keep; {names} do.")


def _same(path: Path) -> str | tuple[int, int]:
    """Return what is equal for paths of one file, whether it exists or not."""
    try:
        found = path.stat()
    except OSError:
        return _folded(path.resolve())
    return found.st_dev, found.st_ino


def check_apart(read: Iterable[Path], written: Iterable[Path]) -> None:
    """Refuse to write onto a file that is read, or twice onto one, whatever it is called."""
    sources, given = {_same(path) for path in read}, set[str | tuple[int, int]]()
    for path in written:
        if (same := _same(path)) in sources:
            raise Refused(f"{path} is read, and is never written over: choose another name.")
        if same in given:
            raise Refused(f"{path} would be written twice: choose another name for the sheet.")
        given.add(same)


def is_folder(output: Path, many: bool) -> bool:
    """Whether results go into a folder; many need one."""
    if output.is_dir():
        return True
    if many and (output == STANDARD or output.is_file() or _ending(output) in ENDINGS):
        raise Refused(f"More than one picture needs a folder, and {output} is none.")
    return many


# ---------------------------------------------------------------- names


def _folded(name: PurePath) -> str:
    """Return what is equal for names that some file systems take for one."""
    return unicodedata.normalize("NFC", str(name)).casefold()


def without_endings(names: Sequence[PurePath]) -> list[PurePath]:
    """Return names without endings, but with them where two would else be one."""
    counts = Counter(_folded(name.with_suffix("")) for name in names)
    return [
        short if counts[_folded(short := name.with_suffix(""))] == 1 else name for name in names
    ]


class Names:
    """Names of files in one folder, each given once."""

    def __init__(self, taken: Iterable[PurePath] = ()) -> None:
        self._taken = {_folded(name) for name in taken}

    def take(self, name: PurePath, ending: str) -> PurePath:
        """Return the name with its ending, and with a number if it was taken."""
        made, number = name.with_name(f"{name.name}.{ending}"), 2
        while _folded(made) in self._taken:
            made, number = name.with_name(f"{name.name}-{number}.{ending}"), number + 1
        self._taken.add(_folded(made))
        return made


# ---------------------------------------------------------------- writing


def _encoded(image: Image.Image, ending: str) -> bytes:
    out, kind = io.BytesIO(), ENDINGS[ending]["format"]
    if not kinds.holds(kind, *image.size):
        raise Refused(
            f"A picture of {image.width} × {image.height} pixels is too large for .{ending}, which "
            f"holds {kinds.LONGEST[kind]:,} pixels a side; .png holds it."
        )
    if kind in _OPAQUE:
        image = pictures.rgb(image)
    image.save(out, **ENDINGS[ending])
    return out.getvalue()


def write(image: Image.Image, path: Path, ending: str) -> None:
    """Write a picture by an ending, whole or not at all; raises OSError and ValueError."""
    data = _encoded(image, ending)
    if path == STANDARD:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{uuid.uuid4().hex}")
    try:
        aside.write_bytes(data)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
