"""`python -m adain.training.train CONTENT STYLE`: train a network on folders of pictures.

The command line of `trainer.py`: parses, loads, shows progress, and writes checkpoint, log, plot,
sheets and weights into a folder. A run that was stopped goes on with `--resume` exactly as if it
had not been.
"""

import argparse
import resource
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import FrameType

import torch
from tqdm import tqdm

from adain import catalog, pixels, weights
from adain.model.builders import build
from adain.model.network import Network
from adain.training import crops, eye, lossnet, recipe, runs
from adain.training.crops import NoPictures, Pictures
from adain.training.eye import Eye
from adain.training.lossnet import LossNetworkMissing
from adain.training.recipe import Data, Recipe, RecipeError
from adain.training.runs import NoSpace
from adain.training.trainer import Trainer

_SHEET = 4  # photos and paintings on a sample sheet
_SMOOTH = 0.98  # of the losses shown
_RESCALED_OVER = 32  # photos over which raw networks' filters are brought to mean 1

_MENDABLE = (
    *(RecipeError, NoPictures, LossNetworkMissing, NoSpace, weights.WeightsError),
    *(FileNotFoundError, NotADirectoryError, FileExistsError, PermissionError),
)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m adain.training.train", description="Teach a network."
    )
    parser.add_argument("content", type=Path, help="folder of photos, searched through")
    parser.add_argument("style", type=Path, help="folder of paintings, searched through")
    parser.add_argument(
        "--loss",
        type=Path,
        nargs="+",
        default=[lossnet.SHIPPED],
        help="loss network(s), used by turns; one that ends at relu3_1 or 3_4 stands in for the "
        "first layers of the next (default: the small one that comes with adain)",
    )
    parser.add_argument("--recipe", default="paper", help="one of ours, or a .toml file")
    parser.add_argument("--out", type=Path, default=Path("runs/train"), help="the run's folder")
    parser.add_argument("--resume", action="store_true", help="go on from --out's checkpoint")
    parser.add_argument("--steps", type=int, help="stages shortened in proportion to this many")
    parser.add_argument("--split", type=Path, help="train only on what this table calls train")
    parser.add_argument("--every", type=int, default=500, help="steps between checkpoints")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument(
        "--bf16", action="store_true", help="bfloat16 on a CPU that has it too (CUDA: always)"
    )
    return parser


def _length(plan: Recipe, steps: int | None, photos: int) -> Recipe:
    """Shorten a recipe to the steps asked for, else to what suits so many photos."""
    if steps is None and plan.passes:
        wanted = max(
            plan.least, plan.passes * photos // (plan.stages[-1].batch * plan.stages[-1].accumulate)
        )
        steps = min(plan.steps, wanted)
    return plan.shortened(steps) if steps else plan


def _start(plan: Recipe, eyes: list[Eye]) -> Network:
    """Build the network a recipe starts from; a fixed encoder is the loss network's."""
    if plan.start == "shipped":
        return weights.load_file_of(plan.network, weights.SHIPPED / f"{plan.network}.safetensors")
    if plan.start != "random":
        return weights.load_file_of(plan.network, Path(plan.start))
    torch.manual_seed(plan.seed)
    network = build(plan.network)
    if catalog.network(plan.network).fixed_encoder:
        lossnet.copy_into(eyes[0].network, network.encoder)
    else:
        *_, last = (weight for weight in network.decoder.parameters() if weight.dim() == 4)
        with torch.no_grad():  # four sub-pixels a colour, alike: no checkerboard to unlearn
            last.copy_(last[::4].repeat_interleave(4, 0))
    return network


def _eyes(files: Sequence[Path], layers: int, photos: Pictures, device: torch.device) -> list[Eye]:
    """Load the loss networks; raw ones are brought to a mean activation of 1 on photos."""
    networks = [lossnet.load(file, layers).to(device) for file in files]
    for network in networks:
        if network.raw:
            crop = crops.photos(photos, 256, Data(), seed=0)
            some = crops.stacked(crop, list(range(_RESCALED_OVER))).to(device)
            lossnet.rescale(network, pixels.unit(some))
    return eye.eyes(networks, layers)


def _trainer(args: argparse.Namespace) -> Trainer:
    """Bring together what the arguments name; resumed, the run's own position."""
    names, plan = crops.part(args.split, "train"), recipe.read(args.recipe)
    photos = Pictures(args.content, plan.data.side, names)
    paintings = Pictures(args.style, plan.data.side, names)
    plan = _length(plan, args.steps, len(photos.paths))
    chosen = "cuda" if args.device == "auto" and torch.cuda.is_available() else args.device
    device = torch.device("cpu" if chosen == "auto" else chosen)
    half = args.bf16 or device.type == "cuda"
    eyes = _eyes(args.loss, len(plan.layers), photos, device)
    trainer = Trainer(plan, _start(plan, eyes), photos, paintings, eyes, device, half)
    if args.resume:
        state = runs.load_checkpoint(args.out)
        if state["recipe"] != repr(plan):
            raise RecipeError(f"{args.out} was begun with another recipe; go on with that one.")
        trainer.restore(state)
        runs.forget_after(args.out, trainer.step)
    elif (args.out / runs.CHECKPOINT).exists():
        raise RecipeError(f"{args.out} holds a run already; go on with --resume, or name another.")
    return trainer


def keep(trainer: Trainer, folder: Path, last: dict[str, float]) -> None:
    """Leave everything in the run's folder that shows how it stands."""
    runs.save_checkpoint(folder, trainer.state())
    plan = trainer.recipe
    about = {
        "network": plan.network,
        "recipe": plan.name,
        "steps": str(trainer.step),
        "data": f"{len(trainer.photos.paths)} photos, {len(trainer.paintings.paths)} paintings",
        weights.GRAIN: f"{trainer.network.grain_deviation:g}",
        "losses": ", ".join(f"{name} {last[name]:.4f}" for name in plan.loss),
    }
    runs.save_weights(folder / f"{plan.network}.safetensors", trainer.average, about)
    runs.plot(folder, list(plan.loss))
    data = replace(plan.data, patterns=0, sparse=0, photos=0, swap=0, grey=0, tone=0, zoom=(1, 1))
    side = plan.stages[-1].crop
    photos = crops.photos(trainer.photos, side, data, seed=-1)
    paintings = crops.paintings(trainer.paintings, trainer.photos, side, data, seed=-1)
    shown = [[crop(number) for number in range(_SHEET)] for crop in (photos, paintings)]
    runs.sheet(folder / f"sheet-{trainer.step:06}.jpg", trainer.sample(*shown))


def _run(trainer: Trainer, folder: Path, every: int, stop: Event) -> float:
    """Train to the recipe's end or until `stop` is set, saving all every so many steps.

    Returns the seconds the steps took, without checkpoints and sheets.
    """
    total, seconds = trainer.recipe.steps, 0.0
    smooth: dict[str, float] = {}
    with tqdm(total=total, initial=trainer.step, unit="step", smoothing=0.05) as bar:
        while trainer.step < total and not stop.is_set():
            started = time.monotonic()
            found = trainer.advance()
            seconds += time.monotonic() - started
            smooth = {n: smooth.get(n, v) * _SMOOTH + v * (1 - _SMOOTH) for n, v in found.items()}
            runs.log(folder, {"step": trainer.step, **found})
            bar.set_postfix({name: f"{smooth[name]:.3f}" for name in trainer.recipe.loss})
            bar.update()
            if trainer.step % every == 0 or trainer.step == total:
                keep(trainer, folder, smooth)
    if stop.is_set():
        runs.save_checkpoint(folder, trainer.state())
    return seconds


def _stopped_by_signals() -> Event:
    """Return what Ctrl-C and SIGTERM set, so that a step is finished first; once only."""
    stop = Event()

    def received(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, received)
    return stop


def _speed(steps: int, seconds: float) -> str:
    """Say how fast it went and what it took."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    return f"{steps / max(seconds, 1e-9):.2f} steps/s, peak memory {peak:.1f} GiB"


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, 2 for what the user can mend."""
    args = _arguments().parse_args(words)
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        trainer = _trainer(args)
        stop, first = _stopped_by_signals(), trainer.step
        seconds = _run(trainer, args.out, args.every, stop)
    except _MENDABLE as error:
        print(f"adain.training.train: {error}", file=sys.stderr)
        return 2
    skipped = trainer.photos.skipped | trainer.paintings.skipped
    speed = _speed(trainer.step - first, seconds)
    print(f"{args.out}: {trainer.step} steps; {len(skipped)} unreadable files skipped; {speed}")
    if stop.is_set():
        print("stopped; go on with --resume")
    return 130 if stop.is_set() else 0


if __name__ == "__main__":
    sys.exit(main())
