"""Photos, styles and masks of the command line: which files there are, and their pictures.

Raises `Unusable` with a sentence that names the file.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePath

from PIL import Image

from adain.cli.messages import say
from adain.files import cropping, kinds, margins, pictures, samples
from adain.files.cropping import Crop
from adain.request import Request

Part = Callable[[int, int], Crop]  # a crop by width and height

TAUGHT = ".safetensors"  # the ending of a taught style
STANDARD = Path("-")  # stands for standard input or output


class Unusable(ValueError):
    """A file that can't be used; the sentence names it and says why."""


@dataclass(frozen=True)
class Input:
    """A picture to be read; `name` has the folders below the one that was given."""

    path: Path
    name: PurePath
    painting: int | None = None  # which of a taught style's, where the file is one


@dataclass
class Found:
    """What a folder holds: pictures, and sentences on what is not used of it."""

    inputs: list[Input] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)  # folders that can't be looked into
    hidden: int = 0


@cache
def _endings() -> frozenset[str]:
    return kinds.endings()


def _skipped(entry: Path, output: Path) -> str:
    """Return why an entry of a folder is left out, "" if it is not."""
    if entry.is_dir():
        if entry.is_symlink():
            return "it is a link to a folder"
        return "the results go there" if entry.resolve() == output else ""
    if not entry.is_file():
        return "it is not a file"
    return "" if entry.suffix.lower() in _endings() else "its ending is not one of a picture"


def _search(folder: Path, top: Path, output: Path, found: Found) -> None:
    """Add what a folder and those in it hold."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        found.unread.append(f"{folder} can't be read: {error.strerror}.")
        return
    for entry in entries:
        if entry.name.startswith("."):
            found.hidden += 1
        elif why := _skipped(entry, output):
            found.left_out.append(f"{entry} is left out: {why}.")
        elif entry.is_dir():
            _search(entry, top, output, found)
        else:
            found.inputs.append(Input(entry, entry.relative_to(top)))


def search(path: Path, output: Path) -> Found:
    """Return a file, or the pictures of a folder and the folders in it but the output's."""
    if path != STANDARD and not path.exists():
        raise Unusable(f"There is no file {path}.")
    if not path.is_dir():
        return Found([Input(path, PurePath("photo" if path == STANDARD else path.name))])
    found = Found()
    _search(path, path, output.resolve(), found)
    if not found.inputs:
        raise Unusable(f"There is no picture in {path}.")
    return found


def _bytes(path: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == STANDARD else path.read_bytes()
    except FileNotFoundError as error:
        raise Unusable(f"There is no file {path}.") from error
    except OSError as error:
        raise Unusable(f"{path} can't be read: {error.strerror}.") from error


def _taught(path: Path, alone: bool) -> list[Input]:
    """Return the paintings of a taught style."""
    if not alone:
        raise Unusable(f"{path} is a taught style, which stands alone; leave the others out.")
    from adain.teaching import taught  # which loads torch

    count = len(taught.read(_bytes(path)).paintings)
    names = [path.stem if count == 1 else f"{path.stem}-{place + 1}" for place in range(count)]
    return [Input(path, PurePath(f"{name}.jpg"), place) for place, name in enumerate(names)]


def search_styles(words: Sequence[str], output: Path) -> Found:
    """Return the style pictures of paths, folders and names of samples."""
    found = Found()
    for word in words:
        path = Path(word)
        sample = None if path.exists() or path == STANDARD else samples.file("styles", word)
        if not (sample or path.exists() or path == STANDARD):
            raise Unusable(samples.unknown(word))
        if path.suffix == TAUGHT:
            found.inputs += _taught(path, len(words) == 1)
            continue
        one = search(sample or path, output)
        found.inputs += one.inputs
        found.left_out += one.left_out
        found.unread += one.unread
        found.hidden += one.hidden
    return found


# ---------------------------------------------------------------- pictures


def opened(path: Path) -> Image.Image:
    """Open and decode a picture."""
    data = _bytes(path)
    try:
        image = pictures.opened_bytes(data, kinds.openable())
        pictures.load(image)
    except MemoryError:
        raise
    except Image.DecompressionBombError as error:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise Unusable(f"{path} is too large: at most {most} megapixels can be opened.") from error
    except Exception as error:  # whatever a decoder makes of a file's bytes
        raise Unusable(f"{path}: {kinds.refusal(data)}") from error
    if pictures.is_cut(image):
        say(f"{path}: the end of the file is missing, so the last rows may be grey.")
    return image


def part(image: Image.Image, crop: Part | None) -> Image.Image:
    """Return what is used of an upright picture."""
    return cropping.cropped(image, crop(*image.size)) if crop else image


def style(path: Path, keep_margins: bool, crop: Part | None = None) -> tuple[Image.Image, str]:
    """Return the crop of a style picture, or all but its plain border and a notice of that."""
    whole = pictures.cut_out(opened(path))
    if crop:
        return part(whole, crop), ""
    inside = whole if keep_margins or whole.mode == "RGBA" else margins.trimmed(whole)
    if inside.size == whole.size:
        return inside, ""
    return inside, (
        f"the plain border of {path} is left out, {inside.width} × {inside.height} of "
        f"{whole.width} × {whole.height} pixels; --keep-margins keeps it"
    )


def cropped(request: Request, photo: Image.Image, crop: Part | None) -> Request:
    """Return a request for the crop of a photo, with that of its masks, which fit all of it."""
    if not crop:
        return replace(request, content=photo)
    whole = pictures.cut_out(photo)
    masks = [part(pictures.fitted(one, whole.size), crop) for one in request.masks]
    return replace(request, content=part(whole, crop), masks=masks)


def mask(path: Path) -> Image.Image:
    """Return a mask of mode L, white where a style acts."""
    read = pictures.mask(opened(path))
    try:
        pictures.check_mask(read)
    except ValueError as error:
        raise Unusable(f"{path}: {error}") from error
    return read


def check_mask(path: Path, mask: Image.Image, size: tuple[int, int], crop: Part | None) -> None:
    """Raise `Unusable` if a mask has not its photo's shape, or is black inside the crop.

    Says so if it is faint there.
    """
    try:
        used = part(pictures.fitted(mask, size), crop)
        if crop:
            pictures.check_mask(used, cropped=True)
    except pictures.MaskError as error:
        raise Unusable(f"{path}: {error}") from error
    if pictures.is_faint(used):
        say(f"{path} {pictures.FAINT}")


def notices(found: Found) -> Iterator[str]:
    """Yield a sentence on everything that is not used."""
    yield from found.left_out
    if found.hidden:
        many = "files and folders are" if found.hidden > 1 else "file or folder is"
        yield f"{found.hidden} hidden {many} passed over."
