"""Films of the command line: a film, or a folder of frames, painted into one file.

Raises `Unusable` and `Refused` with a sentence.
"""

import argparse
import json
import re
import tempfile
import time
import uuid
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps
from tqdm import tqdm

from adain.catalog import Transparency
from adain.cli import inputs, outputs
from adain.cli.inputs import STANDARD, Unusable
from adain.cli.messages import say
from adain.cli.outputs import Refused
from adain.files import pictures
from adain.film import kinds
from adain.film.limits import FilmError, Limits, size_for
from adain.request import Request

if TYPE_CHECKING:  # where the extra `film` is not installed, films are refused in a sentence
    from adain.film.cleaning import Clean
    from adain.film.codecs import Codec

_LIMITS = Limits(seconds=3600, side=3840, bytes=64 << 30)  # of one's own files: one's own time
_USUAL_RATE, _MOST_RATE = 25.0, 30.0  # frames a second: of a folder of frames, of a film
_PICTURES_ALONE = {  # what can be asked of pictures, and not of films
    "each": "--each",
    "sheet": "--sheet",
    "save_original": "--save-original",
    "crop": "--crop",
    "format": "--format",
}


def _is_film(path: Path) -> bool:
    """Tell whether a file is a film by its first bytes, and none that is opened as a picture."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return kinds.reader(file.read(kinds.HEAD)) in {"mov", "matroska"}


def _output(args: argparse.Namespace) -> Path:
    """Return the film that is to be written."""
    output: Path = args.output
    return output / f"{args.content.stem}.mp4" if output.is_dir() else output


def wanted(args: argparse.Namespace) -> bool:
    """Tell whether a film is to be made: from a film, or into a file of a kind that is one."""
    ending = args.output.suffix.lower()
    alone = ending in kinds.ENDINGS and ending not in outputs.DOTTED
    return alone or (args.content != STANDARD and _is_film(args.content))


def _check(args: argparse.Namespace, output: Path) -> None:
    """Refuse what films can't be asked for, and a file that can't be written."""
    if not kinds.INSTALLED:
        raise Refused("Films need more than is installed here: pip install 'adain-studio[film]'.")
    for name, said in _PICTURES_ALONE.items():
        if getattr(args, name):
            raise Refused(f"{said} is for pictures; leave it out for a film.")
    if args.transparency == Transparency.KEEP:
        raise Refused("A film has no transparency to keep.")
    if args.strokes not in (0.0, 1.0):
        raise Refused("Strokes of films are as broad as the network paints them; choose --size.")
    if STANDARD in (args.content, output):
        raise Refused("A film is read from a file and written to one, not through - .")
    if output.suffix.lower() not in kinds.ENDINGS:
        endings = ", ".join(kinds.ENDINGS)
        raise Refused(f"{output} has none of the endings of films: {endings}.")
    if not args.content.exists():
        raise Unusable(f"There is no file {args.content}.")
    outputs.check_apart([args.content, *args.masks], [output])
    outputs.check_place(output, args.overwrite)


# ---------------------------------------------------------------- what comes in


def _number(path: Path) -> list[int | str]:
    """Return what frames are ordered by: frame-2 goes before frame-10."""
    parts = re.split(r"(\d+)", path.as_posix())
    return [int(part) if part.isdigit() else part for part in parts]


def _frames(folder: Path, output: Path, side: int) -> Iterator[Image.Image]:
    """Yield the frames of a folder in order, all as large as the first becomes."""
    found, size = inputs.search(folder, output), None
    for notice in inputs.notices(found):
        say(notice)
    for one in sorted(found.inputs, key=lambda one: _number(one.path)):
        image = pictures.rgb(inputs.opened(one.path))
        size = size or size_for(*image.size, side, _LIMITS)
        yield image if image.size == size else ImageOps.fit(image, size)


def _from_folder(args: argparse.Namespace, output: Path, into: Path, codec: "Codec") -> "Clean":
    """Write the frames of a folder as a clean film."""
    from adain.film import cleaning, files

    rate = args.rate or _USUAL_RATE
    writer, count = None, 0
    for image in _frames(args.content, output, args.size):
        writer = writer or files.Writer(str(into), codec, image.size, rate, clean=True)
        writer.add(np.asarray(image), count / Fraction(rate))
        count, size = count + 1, image.size
    if writer is None or count < 2:
        raise Unusable(f"{args.content} has one frame only; a film needs two.")
    writer.end(count / Fraction(rate))
    writer.close()
    return cleaning.Clean(*size, rate, count, count / rate, sound=False, cut=False)


def _from_film(args: argparse.Namespace, into: Path, codec: "Codec") -> "Clean":
    """Write the clean film of a film."""
    from dataclasses import replace

    from adain.film import cleaning

    limits = replace(_LIMITS, rate=args.rate or _MOST_RATE)
    try:
        with args.content.open("rb") as file:
            clean = cleaning.clean(file, str(into), args.size, limits, codec)
    except FilmError as error:
        raise Unusable(f"{args.content}: {error}") from error
    if clean.cut:
        say(f"{args.content}: the end of the file is missing; what is there is painted.")
    return clean


def _request(args: argparse.Namespace) -> Request:
    """Return what is asked, without a content."""
    found = inputs.search_styles(args.styles, args.output)
    styles = []
    for one in found.inputs:
        style, notice = inputs.style(one.path, args.keep_margins, args.style_crop)
        if notice:
            say(notice)
        styles.append(style)
    masks = [inputs.mask(path) for path in args.masks]
    if (len(masks), len(styles)) == (1, 2):
        masks.append(ImageOps.invert(masks[0]))
    none = Image.new("RGB", masks[0].size if masks else (1, 1))
    how = (args.alpha, args.color, args.size, args.transfer, 0.0, args.region)
    return Request(none, styles, args.weights, masks, *how, method=args.method)


# ---------------------------------------------------------------- the film


def _paint(args: argparse.Namespace, request: Request, output: Path, folder: Path) -> "Clean":
    """Paint a film into a file beside the output, then put it in its place."""
    from adain.film import animation, codecs, making

    ending = output.suffix.lower()
    codec = codecs.chosen({".mp4": "h264", ".webm": "vp9"}.get(ending, ""))
    source = folder / f"clean.{codec.container}"
    if args.content.is_dir():
        clean = _from_folder(args, output, source, codec)
    else:
        clean = _from_film(args, source, codec)
    if ending in kinds.ANIMATIONS:
        animation.check(clean.seconds)
    how = (args.network, args.weights_folder, args.device)
    from adain.stylizer import Stylizer  # torch, which pictures may need not

    stylizer = Stylizer.load(*how, code=args.code_folder)
    settings = making.Settings(args.size, args.steady, args.weights_end)
    output.parent.mkdir(parents=True, exist_ok=True)
    aside = output.with_name(f".{uuid.uuid4().hex}{ending}")
    with tqdm(total=clean.frames, unit="frame", disable=None) as bar:

        def watch(stage: str, done: int, of: int) -> None:
            if stage == "paint":
                bar.update(done - bar.n)

        try:
            making.paint_clean(stylizer, request, source, clean, aside, codec, settings, watch)
            aside.replace(output)
        finally:
            aside.unlink(missing_ok=True)
    return clean


def run(args: argparse.Namespace) -> int:
    """Make a film; returns the exit status."""
    output, started = _output(args), time.perf_counter()
    _check(args, output)
    request = _request(args)
    with tempfile.TemporaryDirectory(prefix="adain-") as folder:
        clean = _paint(args, request, output, Path(folder))
    made = {
        "content": str(args.content),
        "output": str(output),
        "width": clean.width,
        "height": clean.height,
        "frames": clean.frames,
        "duration": round(clean.seconds, 3),
        "sound": clean.sound,
        "seconds": round(time.perf_counter() - started, 3),
        "network": args.network,
    }
    print(json.dumps(made) if args.json else output)
    return 0
