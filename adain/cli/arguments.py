"""The arguments of `python -m adain`."""

import argparse
from pathlib import Path

from adain import catalog
from adain.aot import trusted_folders
from adain.catalog import (
    DEFAULT_LOSS,
    DEFAULT_METHOD,
    DEFAULT_NETWORK,
    LOSSES,
    METHODS,
    NETWORKS,
    Color,
    Effort,
    Region,
    Start,
    Transfer,
    Transparency,
)
from adain.cli import outputs
from adain.cli.inputs import Part
from adain.files import cropping
from adain.film.limits import MOST_RATE, STEADIEST, USUAL_STEADY
from adain.request import BROADEST, FINEST
from adain.weights import FOLDER

_STATUS = (
    "Exit status: 0 if every picture was made, 1 if some were not, 2 if none was. "
    "What could not be made, and what is left out of a folder, is named on standard error."
)


def _files(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for input and output files."""
    parser.add_argument(
        "content",
        type=Path,
        help="a photo, a film, a folder of photos with the folders in it or, where the output is a "
        "film, of its frames, or - (stdin)",
    )
    parser.add_argument(
        "styles", nargs="+", help="style pictures, names of sample styles, folders, or - (stdin)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="a file, a folder, or - (stdout)"
    )
    parser.add_argument(
        "--each",
        action="store_true",
        help="every photo in every style, a picture for each, instead of one picture that mixes "
        "the styles; a folder of styles means that as well",
    )
    parser.add_argument(
        "--format",
        type=str.lower,
        choices=list(outputs.ENDINGS),
        help="of pictures in a folder or on stdout (default png); else the file's ending says it",
    )
    parser.add_argument("--sheet", type=Path, help="write a contact sheet of all pictures here")
    parser.add_argument(
        "--save-original",
        action="store_true",
        help="write photos and styles as the network got them as well, beside the results",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace files that exist; else they stay"
    )


def _crop(text: str) -> Part:
    """Return what makes a crop of a picture's size; argparse shows what it raises."""
    if text.lower() == cropping.SQUARE:
        return cropping.square
    try:
        crop = cropping.read(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return lambda width, height: crop


def _size(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of pixels; print sizes are for the page and the API."
        ) from error


def _look(parser: argparse.ArgumentParser) -> None:
    """Add what says how the pictures look."""
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
    parser.add_argument(
        "--transparency",
        type=Transparency,
        choices=list(Transparency),
        default=Transparency.FLATTEN,
        help="keep: of a transparent photo (PNG, WebP, TIFF, AVIF); flatten: on a plain ground",
    )
    parser.add_argument("--color", type=Color, choices=list(Color), default=Color.STYLE)
    parser.add_argument(
        "--size", type=_size, default=512, help="shorter side in pixels, 0: as it is (default 512)"
    )
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
        "--crop",
        type=_crop,
        help="what is used of a photo: square, the largest in the middle, or "
        "LEFT,TOP,RIGHT,BOTTOM, shares from 0 to 1; masks are those of the whole photo",
    )
    parser.add_argument("--style-crop", type=_crop, help="the same of every style picture")
    parser.add_argument(
        "--strokes",
        type=float,
        default=1.0,
        help=f"how broad, {FINEST:g} to {BROADEST:g} times what suits the picture (default 1); "
        "0: as the network paints at that size",
    )


def _method(parser: argparse.ArgumentParser) -> None:
    """Add what says how the pictures are made."""
    parser.add_argument(
        "--method",
        choices=list(METHODS),
        default=DEFAULT_METHOD,
        help=f"{catalog.described()} (default {DEFAULT_METHOD})",
    )
    parser.add_argument(
        "--effort",
        type=Effort,
        choices=list(Effort),
        default=Effort.MORE,
        help="how many steps a method of steps takes (default more)",
    )
    parser.add_argument(
        "--loss",
        choices=list(LOSSES),
        default=DEFAULT_LOSS,
        help=f"what of the style an optimisation follows (default {DEFAULT_LOSS})",
    )
    parser.add_argument(
        "--start",
        type=Start,
        choices=list(Start),
        default=Start.PHOTO,
        help="what an optimisation starts from (default photo)",
    )


def _machine(parser: argparse.ArgumentParser) -> None:
    """Add what says which network runs where."""
    parser.add_argument("--network", choices=list(NETWORKS), default=DEFAULT_NETWORK)
    parser.add_argument("--weights-folder", type=Path, default=FOLDER)
    parser.add_argument(
        "--code-folder",
        type=Path,
        default=trusted_folders.FOLDER,
        help="of `python -m adain.aot.compile`",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--json", action="store_true", help="print a line of JSON a picture")


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= STEADIEST:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {STEADIEST:g}.")
    return share


def _rate(text: str) -> float:
    rate = float(text)
    if not 1 <= rate <= MOST_RATE:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to {MOST_RATE} frames a second.")
    return rate


def _film(parser: argparse.ArgumentParser) -> None:
    """Add what films have beside pictures."""
    parser.add_argument(
        "--steady",
        type=_share,
        default=USUAL_STEADY,
        help=f"of a film: how much of its strokes each frame keeps from the one before, 0, lively, "
        f"to {STEADIEST:g} (default {USUAL_STEADY:g})",
    )
    parser.add_argument(
        "--weights-end",
        type=float,
        nargs="+",
        default=(),
        help="of a film: the weights at its end, towards which --weights change",
    )
    parser.add_argument(
        "--rate",
        type=_rate,
        help="of a film: frames a second, of a folder of frames (default 25), or at most "
        "(default 30)",
    )


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        "python -m adain", description="Repaint photos and films in styles.", epilog=_STATUS
    )
    _files(made)
    _look(made)
    _method(made)
    _film(made)
    _machine(made)
    return made
