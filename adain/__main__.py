"""`python -m adain photo.jpg style.jpg -o out.png`: repaint pictures from the command line."""

import argparse
import json
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError
from tqdm import tqdm

from adain import aot_runtime, malloc
from adain.color import Color
from adain.files import kinds, margins, pictures
from adain.model import NETWORKS, Transfer
from adain.request import BROADEST, FINEST, Region, Request
from adain.stylizer import FOLDER, Stylizer
from adain.weights import WeightsError

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".avif", ".gif"}
_SUFFIXES |= {".heic", ".heif"} if kinds.HEIC else set()


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m adain", description="Repaint photos in styles.")
    parser.add_argument("content", type=Path, help="a photo, or a folder of photos")
    parser.add_argument("styles", type=Path, nargs="+", help="one or more style pictures")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a file, or a folder")
    parser.add_argument("--alpha", type=float, default=1.0, help="strength, 0 to 1 (default 1)")
    parser.add_argument("--weights", type=float, nargs="+", default=(), help="one a style")
    parser.add_argument(
        "--masks", type=Path, nargs="+", default=(), help="one a style, or one for two"
    )
    parser.add_argument(
        "--region",
        type=Region,
        choices=list(Region),
        default=Region.ALL,
        help="subject or background: where one style acts, by a mask white on the subject",
    )
    parser.add_argument("--color", type=Color, choices=list(Color), default=Color.STYLE)
    parser.add_argument(
        "--size", type=int, default=512, help="shorter side in pixels, 0: as it is (default 512)"
    )
    parser.add_argument("--network", choices=list(NETWORKS), default="compact")
    parser.add_argument(
        "--transfer",
        type=Transfer,
        choices=list(Transfer),
        default=Transfer.COVARIANCE,
        help="covariance, or adain: mean and deviation alone, as in the paper",
    )
    parser.add_argument(
        "--keep-margins", action="store_true", help="keep plain borders of style pictures"
    )
    parser.add_argument(
        "--strokes",
        type=float,
        default=1.0,
        help=f"how broad, {FINEST:g} to {BROADEST:g} times what suits the picture (default 1); "
        "0: as the network paints at that size",
    )
    parser.add_argument("--weights-folder", type=Path, default=FOLDER)
    parser.add_argument(
        "--code-folder",
        type=Path,
        default=aot_runtime.FOLDER,
        help="of `python -m adain.aot_compile`",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--json", action="store_true", help="print a line of JSON a picture")
    return parser


def _open(path: Path) -> Image.Image:
    try:
        image = pictures.opened_bytes(path.read_bytes(), None)
        image.load()
    except FileNotFoundError as error:
        raise ValueError(f"There is no file {path}.") from error
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(f"{path} is not a picture that can be read.") from error
    return image


def _style(path: Path, keep_margins: bool) -> Image.Image:
    """Open a style picture, without a plain border unless it is to be kept."""
    style = pictures.rgb(_open(path))
    inside = style if keep_margins else margins.trimmed(style)
    if inside.size != style.size:
        print(
            f"adain: the plain border of {path} is left out, {inside.width} × {inside.height} of "
            f"{style.width} × {style.height} pixels; --keep-margins keeps it",
            file=sys.stderr,
        )
    return inside


def _mask(path: Path) -> Image.Image:
    mask = pictures.mask(_open(path))
    try:
        pictures.check_mask(mask)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return mask


def _pairs(content: Path, output: Path) -> list[tuple[Path, Path]]:
    """Return which photo becomes which file; a folder keeps its pictures' names."""
    if not content.is_dir():
        if output.is_dir():
            output = output / f"{content.stem}.png"
        return [(content, output)]
    photos = sorted(path for path in content.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not photos:
        raise ValueError(f"There is no picture in {content}.")
    output.mkdir(parents=True, exist_ok=True)
    stems = Counter(photo.stem for photo in photos)
    names = [photo.stem if stems[photo.stem] == 1 else photo.name for photo in photos]
    return [(photo, output / f"{name}.png") for photo, name in zip(photos, names, strict=True)]


def _repaint(args: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Make the pictures one by one; yields what there is to say of each."""
    pairs = _pairs(args.content, args.output)
    if args.masks and len(pairs) > 1:
        raise ValueError("Masks fit one photo, not a folder of photos.")
    stylizer = Stylizer.load(args.network, args.weights_folder, args.device, code=args.code_folder)
    masks = [_mask(path) for path in args.masks]
    if (len(masks), len(args.styles)) == (1, 2):
        masks.append(ImageOps.invert(masks[0]))
    styles = [_style(path, args.keep_margins) for path in args.styles]
    none = Image.new("RGB", (1, 1))  # each photo in its turn
    how = (args.alpha, args.color, args.size, args.transfer, args.strokes, args.region)
    first = Request(none, styles, args.weights, masks, *how)
    if args.color != Color.CONTENT:  # then a style is the same for every photo
        first = replace(
            first, styles=[stylizer.style(one, first.style_side(one)) for one in styles]
        )
    for photo, output in tqdm(pairs, disable=len(pairs) == 1, unit="picture"):
        started = time.perf_counter()
        [image] = stylizer.stylize([replace(first, content=_open(photo))])
        image.save(output, compress_type=zlib.Z_RLE)  # a PNG as small, in half the time
        yield {
            "content": str(photo),
            "output": str(output),
            "width": image.width,
            "height": image.height,
            "seconds": round(time.perf_counter() - started, 3),
            "network": stylizer.network,
            "sha256": stylizer.sha256,
        }


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, 2 for what the user can mend."""
    args = _arguments().parse_args(words)
    kinds.register()
    malloc.keep_freed()
    try:
        for made in _repaint(args):
            print(json.dumps(made) if args.json else made["output"], flush=True)
    except (ValueError, WeightsError, OSError) as error:
        print(f"adain: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
