"""What the command line makes: which photos in which styles, and where each file goes."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePath

from adain.catalog import Transparency
from adain.cli import inputs, outputs, sheet
from adain.cli.inputs import STANDARD, Found, Input
from adain.cli.outputs import Names, Refused


@dataclass(frozen=True)
class Plan:
    """Photos are rows; styles are columns, or one column that mixes them all."""

    photos: Found
    styles: Found
    each: bool  # whether every style is a column
    ending: str
    results: list[list[Path]]  # by row and column
    photo_originals: list[Path]  # empty unless they are wanted, as the others
    style_originals: list[Path]
    sheets: list[Path]

    @property
    def written(self) -> Iterator[Path]:
        """Yield every file that is written."""
        results = chain.from_iterable(self.results)
        every = chain(results, self.photo_originals, self.style_originals, self.sheets)
        return (path for path in every if path != STANDARD)

    @property
    def columns(self) -> list[list[Input]]:
        """The styles of each column."""
        some = self.styles.inputs
        return [[one] for one in some] if self.each else [some]


def _check_standard(read: Sequence[Path], output: Path) -> None:
    """Refuse standard input where it would be read twice, and a terminal as output."""
    if read.count(STANDARD) > 1:
        raise Refused("Standard input is one picture, and can't be two of photo, styles and masks.")
    if output == STANDARD and sys.stdout.isatty():
        raise Refused("A picture can't be written to a terminal; send it to a file or a program.")


def _check_mix(args: argparse.Namespace, each: bool, photos: int) -> None:
    """Refuse what fits one photo, or one picture of several styles, where there are others."""
    if args.masks and photos > 1:
        raise Refused("Masks fit one photo, not a folder of photos.")
    if each and len(args.masks) > 1:
        raise Refused("Where every style makes a picture of its own, there is one mask for all.")
    if each and args.weights:
        raise Refused("Weights mix styles; where every style makes a picture, there is no mix.")


def _joined(photo: PurePath, style: PurePath) -> PurePath:
    return photo.with_name(f"{photo.name}--{'-'.join(style.parts)}")


def _marked(name: PurePath, mark: str) -> PurePath:
    return name.with_name(f"{name.name}--{mark}")


def _names(some: Sequence[Input]) -> list[PurePath]:
    return outputs.without_endings([one.name for one in some])


def _in_folder(args: argparse.Namespace, photos: Found, styles: Found, each: bool) -> Plan:
    """Return where files go in a folder, below which the folders of photos are kept."""
    ending, names, folder = args.format or "png", Names(), args.output
    rows, columns = _names(photos.inputs), _names(styles.inputs)

    def place(name: PurePath) -> Path:
        return Path(folder, names.take(name, ending))

    wanted = [[_joined(row, one) for one in columns] if each else [row] for row in rows]
    results = [[place(name) for name in row] for row in wanted]
    kept = args.save_original
    photo_originals = [place(_marked(row, "photo")) for row in rows if kept]
    style_originals = [place(_marked(PurePath(one.name), "style")) for one in columns if kept]
    sheets = sheet.paths(args.sheet, len(rows)) if args.sheet else []
    return Plan(photos, styles, each, ending, results, photo_originals, style_originals, sheets)


def _in_file(args: argparse.Namespace, photos: Found, styles: Found, each: bool) -> Plan:
    """Return where files go where there is one result, whose file is named."""
    output, names = args.output, Names()
    outputs.check_ending(output)
    ending = output.suffix.lower().removeprefix(".") or args.format or "png"
    if args.format and outputs.ENDINGS[args.format] != outputs.ENDINGS[ending]:
        raise Refused(f"--format {args.format} is another kind than {output}: leave one out.")
    if output == STANDARD and args.save_original:
        raise Refused("--save-original writes files beside the result, which needs a file as well.")

    def place(mark: str) -> Path:
        return Path(output.parent, names.take(_marked(PurePath(output.stem), mark), ending))

    kept = args.save_original
    photo_originals = [place("photo") for _ in photos.inputs if kept]
    style_originals = [place("style") for _ in styles.inputs if kept]
    sheets = sheet.paths(args.sheet, 1) if args.sheet else []
    return Plan(photos, styles, each, ending, [[output]], photo_originals, style_originals, sheets)


def make(args: argparse.Namespace) -> Plan:
    """Look for what there is and choose where files go; raises `Unusable` and `Refused`."""
    photos = inputs.search(args.content, args.output)
    styles = inputs.search_styles(args.styles, args.output)
    each = args.each or any(Path(word).is_dir() for word in args.styles)
    read = [one.path for one in (*photos.inputs, *styles.inputs)]
    _check_standard([*read, *args.masks], args.output)
    _check_mix(args, each, len(photos.inputs))
    many = args.content.is_dir() or (each and len(styles.inputs) > 1)
    folder = outputs.is_folder(args.output, many)
    plan = (_in_folder if folder else _in_file)(args, photos, styles, each)
    outputs.check_apart([path for path in (*read, *args.masks) if path != STANDARD], plan.written)
    if folder:
        outputs.check_folder(args.output)
    else:
        outputs.check(args.output, args.overwrite)
    for path in plan.sheets:
        outputs.check(path, args.overwrite)
    if args.transparency == Transparency.KEEP:
        outputs.check_transparency(plan.ending)
    return plan


def notices(plan: Plan) -> Iterator[str]:
    """Yield a sentence on everything that is not used."""
    return chain(inputs.notices(plan.photos), inputs.notices(plan.styles))
