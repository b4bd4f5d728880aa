"""`python -m adain.training.distil VGG19 PHOTOS PAINTINGS`: a loss network near to VGG-19.

Layer after layer, from relu1_1 to relu3_1, the pupil's convolution and the 1 × 1 one after it are
fitted by least squares to what the teacher's gives before its ReLU, of a lower rank (reduced-rank
regression; that VGG's responses have a low rank: Zhang et al., "Accelerating Very Deep
Convolutional Networks for Classification and Detection", 2015). Each is fitted from what the pupil
itself gives before it, so that errors are made up for. On to relu4_1 it is the small loss network.
It takes four minutes of a core.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adain import pixels
from adain.training import crops, lossnet, runs
from adain.training.crops import NoPictures, Pictures
from adain.training.lossnet import LossNetwork, LossNetworkMissing
from adain.training.teach import LESSONS, save

RANKS = {"11": 16, "12": 16, "21": 32, "22": 44, "31": 64}  # channels in the middle
_LAYERS = 3  # that the teacher has: relu1_1, 2_1, 3_1
_BATCH = 4
_PLACES = 320  # of each crop, drawn by chance
_RIDGE = 1e-5  # of the mean square of what is fitted from


class Fit(NamedTuple):
    """A linear map in two steps: to a few numbers, and from those."""

    into: Tensor  # rank × inputs
    out: Tensor  # outputs × rank
    bias: Tensor  # outputs


class Sums:
    """Products of inputs and outputs, added up over positions, of which a map is fitted."""

    def __init__(self) -> None:
        self._inputs, self._both = torch.zeros(()), torch.zeros(())

    def add(self, inputs: Tensor, outputs: Tensor) -> None:
        """Add positions × inputs and positions × outputs."""
        inputs = torch.cat([inputs, torch.ones(len(inputs), 1)], 1)
        self._inputs = self._inputs + (inputs.mT @ inputs).double()
        self._both = self._both + (inputs.mT @ outputs).double()

    def fit(self, rank: int) -> Fit:
        """Return the map of such a rank that keeps most of what can be foretold."""
        ridge = _RIDGE * self._inputs.diagonal().mean()
        full = torch.linalg.solve(self._inputs + ridge * torch.eye(len(self._inputs)), self._both)
        count = self._inputs[-1, -1]
        mean = self._inputs[-1] @ full / count
        spread = full.mT @ self._inputs @ full / count - torch.outer(mean, mean)
        kept = torch.linalg.eigh(spread).eigenvectors[:, -rank:]
        weight, bias = full[:-1], full[-1]
        return Fit(
            (weight @ kept).mT.float(),
            kept.float(),
            ((bias - mean) @ kept @ kept.mT + mean).float(),
        )


def _before(network: LossNetwork, images: Tensor, name: str) -> Tensor:
    """Return what a network's convolution is given: N×C×h×w."""
    x: Tensor = network.colours(images)
    for block in network.blocks:
        for each in block:
            if each == name:
                return x
            x = (
                F.max_pool2d(x, 2, ceil_mode=True)
                if each == "pool"
                else network.after_relu(each, x)
            )
    raise ValueError(f"no convolution {name!r}")


def _rows(x: Tensor, places: Tensor) -> Tensor:
    """Return N×C×positions at some positions, as rows: (N · places)×C."""
    return x[:, :, places].transpose(1, 2).flatten(0, 1)


def _patches(x: Tensor, side: int) -> Tensor:
    """Return what a convolution sees at each position: N×(C · side²)×positions."""
    edge = side // 2
    return F.unfold(F.pad(x, (edge,) * 4, mode="reflect"), side) if edge else x.flatten(2)


def _batches(images: Tensor) -> Iterator[Tensor]:
    for some in torch.split(images, _BATCH):
        yield pixels.unit(some)


def _learn(pupil: LossNetwork, teacher: LossNetwork, name: str, images: Tensor) -> None:
    """Fit a pupil's convolution to what the teacher's responds."""
    sums, chance = Sums(), torch.Generator().manual_seed(0)
    for some in _batches(images):
        seen = _patches(_before(pupil, some, name), 3)
        wanted = teacher.response(name, _before(teacher, some, name)).flatten(2)
        places = torch.randperm(seen.shape[2], generator=chance)[:_PLACES]
        sums.add(_rows(seen, places), _rows(wanted, places))
    channels, filters = teacher.convs[name].in_channels, teacher.convs[name].out_channels
    rank = min(RANKS[name], filters)
    fit = sums.fit(rank)
    middle = nn.Conv2d(channels, rank, 3, padding=1, padding_mode="reflect", bias=False)
    middle.load_state_dict({"weight": fit.into.view(rank, channels, 3, 3)})
    after = nn.Conv2d(rank, filters, 1)
    after.load_state_dict({"weight": fit.out[:, :, None, None], "bias": fit.bias})
    pupil.put(name, middle, None, after)


def _go_on(pupil: LossNetwork, deeper: LossNetwork, images: Tensor) -> None:
    """Let the layers after relu3_1 be another network's, from an estimate of its relu3_1."""
    sums, chance = Sums(), torch.Generator().manual_seed(0)
    for some in _batches(images):
        seen, wanted = (net(some, _LAYERS)[-1].flatten(2) for net in (pupil, deeper))
        places = torch.randperm(seen.shape[2], generator=chance)[:_PLACES]
        sums.add(_rows(seen, places), _rows(wanted, places))
    channels, filters = seen.shape[1], wanted.shape[1]
    fit = sums.fit(filters)
    before = nn.Conv2d(channels, filters, 1)
    weight = (fit.out @ fit.into)[:, :, None, None]
    before.load_state_dict({"weight": weight, "bias": fit.bias})
    pupil.put("32", deeper.convs["32"], before, None)


@torch.no_grad()
def distilled(teacher: LossNetwork, deeper: LossNetwork, images: Tensor) -> LossNetwork:
    """Return a pupil of both, fitted on N×3×H×W bytes; the teacher is rescaled on some of them."""
    lossnet.rescale(teacher, pixels.unit(images[:24]))
    widths = [teacher.convs[f"{layer}1"].out_channels for layer in (1, 2, 3)]
    pupil = LossNetwork([*widths, deeper.convs["41"].out_channels])
    pupil.colours.load_state_dict(teacher.colours.state_dict())
    for name in RANKS:
        _learn(pupil, teacher, name, images)
    _go_on(pupil, deeper, images)
    for name in ("33", "34", "41"):
        pupil.put(name, deeper.convs[name], None, None)
    return lossnet.ready(pupil)


@torch.no_grad()
def unexplained(pupil: LossNetwork, teacher: LossNetwork, images: Tensor) -> list[float]:
    """Return the share of the teacher's variance that the pupil misses, a layer each."""
    missed, there = torch.zeros(_LAYERS), torch.zeros(_LAYERS)
    for some in _batches(images):
        each = zip(pupil(some, _LAYERS), teacher(some, _LAYERS), strict=True)
        for layer, (mine, its) in enumerate(each):
            missed[layer] += (mine - its).square().sum()
            there[layer] += its.var((0, 2, 3)).sum() * its[:, 0].numel()
    return (missed / there).tolist()


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m adain.training.distil", description="Make a loss network near to VGG-19."
    )
    parser.add_argument("teacher", type=Path, help="a full VGG-19's file, to relu3_1 at least")
    parser.add_argument("content", type=Path, help="folder of photos")
    parser.add_argument("style", type=Path, help="folder of paintings")
    parser.add_argument("--deeper", type=Path, default=lossnet.SHIPPED, help="for relu4_1")
    parser.add_argument("--out", type=Path, default=Path("runs/losses_large.safetensors"))
    parser.add_argument("--crop", type=int, default=160)
    parser.add_argument("--count", type=int, default=400, help="crops; an eighth more is held out")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, 2 for what the user can mend."""
    args = _arguments().parse_args(words)
    try:
        photos, paintings = (Pictures(folder) for folder in (args.content, args.style))
        crop = crops.paintings(paintings, photos, args.crop, LESSONS, seed=0)
        images = crops.stacked(crop, list(range(args.count + max(1, args.count // 8))))
        teacher = lossnet.load(args.teacher, _LAYERS)
        pupil = distilled(teacher, lossnet.load(args.deeper), images[: args.count])
        missed = unexplained(pupil, teacher, images[args.count :])
        about = {
            "network": "loss network: VGG-19 to relu3_1 at lower ranks, on to relu4_1 as losses",
            "recipe": f"adain.training.distil, {args.count} crops of {args.crop} px",
            "measured on": "crops that were held out",
        }
        said = save(args.out, pupil, about, missed)
    except (NoPictures, LossNetworkMissing, runs.NoSpace) as error:
        print(f"adain.training.distil: {error}", file=sys.stderr)
        return 2
    print(said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
