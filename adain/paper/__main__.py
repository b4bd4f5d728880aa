"""`python -m adain.paper FIGURE …`: figures and table of the paper reproduced.

Each leaves a sheet or plot, its figures as JSON, and says what came out against the paper.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from adain import devices
from adain.paper import (
    ablations,
    comparison,
    controls,
    named_losses,
    normalisation,
    result,
    times,
)
from adain.paper.drawing import NoPlots
from adain.paper.result import Result
from adain.paper.settings import Settings
from adain.training.crops import NoPictures
from adain.training.runs import NoSpace

FIGURES: dict[str, Callable[[Settings], Result]] = {  # the quick ones first
    "figure-7": controls.trade_off,
    "figure-8": controls.interpolation,
    "figure-9": controls.colour,
    "figure-10": controls.spatial,
    "table-1": times.table,
    "figure-4": comparison.visual,
    "figure-3": comparison.losses,
    "losses": named_losses.figure,
    "figure-1": normalisation.figure,
    "figure-5": ablations.results,
    "figure-6": ablations.training,
}
ALL = "all"


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m adain.paper", description=__doc__)
    parser.add_argument(
        "figures",
        nargs="+",
        choices=[*FIGURES, ALL],
        metavar="FIGURE",
        help=f"{', '.join(FIGURES)}, or {ALL}",
    )
    parser.add_argument("--photos", type=Path, default=Settings.photos, help="folder of photos")
    parser.add_argument("--styles", type=Path, default=Settings.styles, help="folder of styles")
    parser.add_argument("--out", type=Path, default=Path("runs/paper"))
    parser.add_argument("--full", action="store_true", help="sizes for a GPU, hours without one")
    parser.add_argument("--steps", type=int, help="of trainings and optimisations")
    parser.add_argument("--side", type=int, help="of the squares in pixels, 64 or more")
    parser.add_argument("--count", type=int, help="photos and styles at most")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    return parser


def _make(name: str, settings: Settings, folder: Path) -> None:
    """Make one figure and say what came out."""
    started = time.monotonic()
    made = FIGURES[name](settings)
    seconds = time.monotonic() - started
    picture = result.write(folder, name, made, settings, seconds)
    print(f"{made.title} ({picture}, {seconds:.0f} s)\n  {made.sentence}", flush=True)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, 2 for what the user can mend."""
    args = _arguments().parse_args(words)
    names = list(FIGURES) if ALL in args.figures else args.figures
    try:
        device = str(devices.of(args.device))
        settings = Settings(
            args.photos, args.styles, args.full, args.steps, args.side, args.count, device
        )
        args.out.mkdir(parents=True, exist_ok=True)
        for name in names:
            _make(name, settings, args.out)
    except (NoPictures, NoPlots, NoSpace, ValueError) as error:
        print(f"adain.paper: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
