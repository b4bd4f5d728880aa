"""`python -m adain`: from the words of the command line to its exit status."""

import argparse
import io
import os
import sys
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from adain import malloc, methods
from adain.catalog import DEFAULT_METHOD
from adain.cli import arguments, films, plan
from adain.cli.messages import say
from adain.cli.run import Run, sentence
from adain.files import kinds
from adain.weights import WeightsError

if TYPE_CHECKING:
    from adain.stylizer import Stylizer

_TEACH = "teach"  # the word that teaches a style
_INTERRUPTED = 130  # the exit status after Ctrl-C, as shells have it


def _stylizer(args: argparse.Namespace) -> "Stylizer":
    from adain.stylizer import Stylizer  # torch, whose import takes longer than a picture

    return Stylizer.load(args.network, args.weights_folder, args.device, code=args.code_folder)


def _of_taught(args: argparse.Namespace, planned: plan.Plan, file: Path) -> Run:
    """Return the run of a plan whose style is a taught one."""
    from adain.teaching import taught

    stylizer = taught.stylizer(file.read_bytes(), args.weights_folder, args.device)
    return Run(args, planned, stylizer, partial(methods.make, stylizer), stylizer)


def _prepared(args: argparse.Namespace, planned: plan.Plan) -> Run:
    """Return the run of a plan: without torch where it is to make one usual picture."""
    if (first := planned.styles.inputs[0]).painting is not None:
        return _of_taught(args, planned, first.path)
    one = sum(map(len, planned.results)) == 1 and args.device in {"auto", "cpu"}
    if one and args.method == DEFAULT_METHOD and not args.masks:
        from adain.live.without_torch import WithoutTorch

        load = partial(_stylizer, args)
        quick = WithoutTorch.load(args.network, args.weights_folder, args.code_folder, load)
        if quick:
            return Run(args, planned, quick, quick.stylize)
    stylizer = _stylizer(args)
    return Run(args, planned, stylizer, partial(methods.make, stylizer))


def _run(args: argparse.Namespace) -> int:
    if films.wanted(args):
        return films.run(args)
    planned = plan.make(args)
    for notice in plan.notices(planned):
        say(notice)
    return _prepared(args, planned).all()


def _take_any_name() -> None:
    """Let names of files be printed that are no text."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")


def _forget_output() -> None:
    """Let nothing be written any more to a pipe that the other program has closed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, 1: some pictures were not made, 2: none."""
    given = sys.argv[1:] if words is None else list(words)
    if given[:1] == [_TEACH]:
        from adain.cli import teach  # which loads torch

        args, run = teach.parser().parse_args(given[1:]), teach.run
    else:
        args, run = arguments.parser().parse_args(given), _run
    kinds.register()
    malloc.keep_freed()
    _take_any_name()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, on files that are opened in spite of them
        try:
            return run(args)
        except KeyboardInterrupt:
            return _INTERRUPTED
        except BrokenPipeError:
            _forget_output()
            return 1
        except (ValueError, WeightsError, OSError, RuntimeError, MemoryError) as error:
            say(sentence(error))
            return 2
