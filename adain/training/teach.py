"""`python -m adain.training.teach TEACHER PICTURES`: distil a small loss network.

The student has the teacher's layers at given widths, starts from random weights and learns the
teacher's features at relu1_1 … relu4_1. So a clone trains with no download.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import torch
from torch import Tensor, nn
from tqdm import tqdm

from adain import pixels
from adain.training import crops, lossnet, runs
from adain.training.crops import NoPictures, Pictures
from adain.training.lossnet import LossNetwork, LossNetworkMissing
from adain.training.recipe import Data, Stage

LESSONS = Data(zoom=(0.4, 1.6), flip=True, grey=0.1, tone=0.2, swap=0.2, patterns=0.1, photos=0.6)


def untaught(teacher: LossNetwork, seed: int) -> LossNetwork:
    """Build a pupil of the teacher's widths: colours centred, all else by chance."""
    torch.manual_seed(seed)
    widths = (teacher.convs[name].out_channels for name in ("11", "21", "31", "41"))
    pupil = LossNetwork(tuple(widths))
    colours = {"weight": 4 * torch.eye(3).view(3, 3, 1, 1), "bias": torch.full((3,), -1.8)}
    pupil.colours.load_state_dict(colours)
    for conv in pupil.convs.values():
        nn.init.kaiming_normal_(conv.weight)
        nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return pupil.to(memory_format=torch.channels_last)


@torch.no_grad()
def loudness(teacher: LossNetwork, images: Tensor) -> list[float]:
    """Root mean square of each layer's features. The pupil learns at loudness 1."""
    return [features.square().mean().sqrt().item() for features in teacher(images)]


@torch.no_grad()
def as_loud(pupil: LossNetwork, loud: Sequence[float]) -> None:
    """Scale a student's features at each layer: ReLU and pooling keep positive factors."""
    factor, layer = 1.0, 0
    for name, conv in pupil.convs.items():
        if name.endswith("1"):  # gives one of the layers
            conv.weight.mul_(loud[layer] / factor)
            factor, layer = loud[layer], layer + 1
        conv.bias.mul_(factor)  # type: ignore[union-attr]


def unexplained(pupil: list[Tensor], teacher: list[Tensor]) -> Tensor:
    """Share of each layer's variance over positions that the pupil misses: one a layer."""
    return torch.stack(
        [
            (mine - its).square().mean() / its.var((0, 2, 3)).mean()
            for mine, its in zip(pupil, teacher, strict=True)
        ]
    )


def save(out: Path, network: LossNetwork, about: dict[str, str], missed: Sequence[float]) -> str:
    """Write a loss network and what it misses of each layer; return a line that says so.

    Raises `runs.NoSpace`.
    """
    pairs = zip(lossnet.LAYERS, missed, strict=False)
    shares = ", ".join(f"{layer} {share:.3f}" for layer, share in pairs)
    out.parent.mkdir(parents=True, exist_ok=True)
    about = about | {"unexplained variance": shares}
    runs.save_weights(out, lossnet.names_and_weights(network), about, half=True)
    return f"{out}: unexplained variance {shares}"


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m adain.training.teach", description="Teach a loss network."
    )
    parser.add_argument("teacher", type=Path, help="a loss network's file")
    parser.add_argument("content", type=Path, help="folder of photos")
    parser.add_argument("style", type=Path, help="folder of paintings")
    parser.add_argument("--split", type=Path, help="use only what this table calls train")
    parser.add_argument("--out", type=Path, default=Path("runs/losses.safetensors"))
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--crop", type=int, default=64)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--pool", type=int, default=2000, help="crops used again and again")
    return parser


def _taught(args: argparse.Namespace) -> tuple[LossNetwork, Tensor]:
    """Teach; returns the pupil and what it misses of each layer, as a moving average."""
    names = crops.part(args.split, "train")
    photos, paintings = (Pictures(folder, names=names) for folder in (args.content, args.style))
    crop = crops.paintings(paintings, photos, args.crop, LESSONS, seed=0)
    images = crops.stacked(crop, list(range(args.pool)))
    teacher = lossnet.load(args.teacher)
    pupil = untaught(teacher, seed=0)
    loud = loudness(teacher, pixels.unit(images[: args.batch]))
    stage = Stage(args.steps, rate=3e-3, last=0.01, warm=20)
    learned = [weight for conv in pupil.convs.values() for weight in conv.parameters()]
    optimiser = torch.optim.Adam(learned)
    missed = torch.ones(len(lossnet.LAYERS))
    with tqdm(total=args.steps, unit="step", mininterval=1) as bar:
        for step in range(args.steps):
            optimiser.param_groups[0]["lr"] = stage.rate_at(step)
            places = Random(f"lesson {step}").sample(range(args.pool), args.batch)
            some = pixels.unit(images[places])
            with torch.no_grad():
                wanted = [x / rms for x, rms in zip(teacher(some), loud, strict=True)]
            found = unexplained(pupil(some), wanted)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(found.sum())
            optimiser.step()
            missed = missed * 0.98 + found.detach() * 0.02
            bar.set_postfix_str(" ".join(f"{share:.3f}" for share in missed.tolist()))
            bar.update()
    as_loud(pupil, loud)
    return pupil, missed


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, 2 for what the user can mend."""
    args = _arguments().parse_args(words)
    try:
        pupil, missed = _taught(args)
        about = {
            "network": "loss network: VGG-19 to relu4_1, a quarter of the channels",
            "recipe": (
                f"adain.training.teach, {args.steps} steps of {args.batch} crops of {args.crop} px"
            ),
        }
        said = save(args.out, pupil, about, missed.tolist())
    except (NoPictures, LossNetworkMissing, runs.NoSpace) as error:
        print(f"adain.training.teach: {error}", file=sys.stderr)
        return 2
    print(said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
