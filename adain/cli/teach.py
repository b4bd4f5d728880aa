"""`python -m adain teach PAINTINGS -o FILE`: teach a style, whose file is a style like others."""

import argparse
import json
import time
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from adain.catalog import DEFAULT_NETWORK, LESSON_STEPS, NETWORKS, TaughtKind
from adain.cli import inputs, outputs
from adain.cli.inputs import TAUGHT
from adain.cli.outputs import Refused
from adain.files import pictures
from adain.stylizer import FOLDER
from adain.teaching.lesson import SIDE, Lesson
from adain.training import runs
from adain.training.crops import NoPictures, Pictures
from adain.training.runs import NoSpace

_LARGEST = 200  # photos of a folder that are learnt on


def parser() -> argparse.ArgumentParser:
    """Return the parser of the word `teach`."""
    made = argparse.ArgumentParser(
        "python -m adain teach",
        description="Teach a style from paintings, in minutes. The file is a style for `python -m "
        "adain PHOTO FILE -o OUTPUT`.",
    )
    made.add_argument(
        "paintings", nargs="+", help="one to eight paintings, names of sample styles, or folders"
    )
    made.add_argument(
        "-o", "--output", type=Path, required=True, help=f"the file to write, *{TAUGHT}"
    )
    made.add_argument(
        "--kind",
        type=TaughtKind,
        choices=list(TaughtKind),
        default=TaughtKind.FEEDFORWARD,
        help="feedforward: a network of that style (default); conditional: scales and shifts in "
        "the network that there is, some kilobytes a painting",
    )
    made.add_argument(
        "--steps",
        type=int,
        help="default: " + ", ".join(f"{count} of {kind}" for kind, count in LESSON_STEPS.items()),
    )
    made.add_argument(
        "--photos", type=Path, help="folder of photos to learn on (default: those that ship)"
    )
    made.add_argument("--network", choices=list(NETWORKS), default=DEFAULT_NETWORK)
    made.add_argument("--weights-folder", type=Path, default=FOLDER)
    made.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    made.add_argument("--side", type=int, default=SIDE, help=argparse.SUPPRESS)
    made.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    made.add_argument("--json", action="store_true", help="print a line of JSON")
    return made


def _check(args: argparse.Namespace) -> None:
    """Refuse before anything is learnt what could not be written after it."""
    if args.output.suffix != TAUGHT:
        raise Refused(f"{args.output}: a taught style's file ends in {TAUGHT}.")
    if args.steps is not None and args.steps < 1:
        raise Refused("Steps are a number from 1 up.")
    if args.output.exists() and not args.overwrite:
        raise Refused(f"{args.output} exists already; --overwrite replaces it.")
    outputs.check_folder(args.output.parent)


def _photos(folder: Path | None) -> list[Image.Image]:
    """Return the photos of a folder that can be read, none: those that ship."""
    if folder is None:
        return []
    try:
        found = Pictures(folder)
    except NoPictures as error:
        raise Refused(str(error)) from error
    opened = [found.open(path) for path in found.paths[:_LARGEST]]
    return [one for one in opened if one is not None]


def run(args: argparse.Namespace) -> int:
    """Teach a style and write its file; returns the exit status."""
    _check(args)
    found = inputs.search_styles(args.paintings, args.output)
    paintings = [pictures.rgb(inputs.style(one.path, False)[0]) for one in found.inputs]
    lesson = Lesson(
        args.kind,
        paintings,
        args.steps or 0,
        network=args.network,
        folder=args.weights_folder,
        device=args.device,
        photos=_photos(args.photos),
        side=args.side,
    )
    started = time.perf_counter()
    with tqdm(total=lesson.steps, unit="step", disable=None) as bar:
        while lesson.step < lesson.steps:
            losses = lesson.advance()
            bar.set_postfix(style=f"{losses['style']:.4f}")
            bar.update()
    data = lesson.taught()
    try:
        runs.write(args.output, data)
    except NoSpace as error:
        raise Refused(str(error)) from error
    made = {
        "output": str(args.output),
        "kind": args.kind,
        "paintings": len(paintings),
        "steps": lesson.steps,
        "seconds": round(time.perf_counter() - started, 1),
        "bytes": len(data),
    }
    print(json.dumps(made) if args.json else args.output)
    return 0
