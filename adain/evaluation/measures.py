"""What is measured of a result, and tables of it with bootstrap intervals.

Pictures in, numbers and Markdown out; knows no network that paints.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from adain import pixels
from adain.training import losses
from adain.training.lossnet import LossNetwork

_SAMPLES = 2000  # of the bootstrap
_FULL = 3  # layers of the full VGG-19 that are looked at, to relu3_1
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Measures:
    """What is measured of one picture; NaN where an entrant can't be asked."""

    content: float  # distance of relu4_1 after instance normalisation, lower is better
    style: float  # relative squared distance of statistics, mean over layers, lower is better
    identity: float  # PSNR in dB of a photo that is its own style, higher is better
    ssim: float  # of luminance, photo against result: structure kept
    colour: float  # distance of mean and covariance of RGB, lower is better
    hatch: float  # share of energy that repeats in flat areas, lower is better, 0.028 by chance
    vgg19: float = float("nan")  # style at relu1_1, 2_1, 3_1 of the full VGG-19
    relu3_1: float = float("nan")  # the last of these three


def _blurred(x: Tensor) -> Tensor:
    """Gaussian of σ 1.5 over 11 px, without borders."""
    at = torch.arange(-5.0, 6.0)
    kernel = torch.exp(-(at**2) / (2 * 1.5**2))
    kernel = (kernel / kernel.sum()).to(x)
    return F.conv2d(F.conv2d(x, kernel.view(1, 1, 1, 11)), kernel.view(1, 1, 11, 1))


def ssim(one: Tensor, other: Tensor) -> float:
    """Structural similarity of luminance (Wang et al., 2004) of 1×3×H×W pictures in [0, 1]."""
    luma = one.new_tensor(_LUMA).view(1, 3, 1, 1)
    x, y = ((picture * luma).sum(1, keepdim=True) for picture in (one, other))
    mean_x, mean_y = _blurred(x), _blurred(y)
    var_x, var_y = _blurred(x * x) - mean_x**2, _blurred(y * y) - mean_y**2
    both = _blurred(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    likeness = (2 * mean_x * mean_y + c1) * (2 * both + c2)
    return (likeness / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))).mean().item()


def psnr(one: Tensor, other: Tensor) -> float:
    """Peak signal to noise in dB of pictures in [0, 1]."""
    return -10 * (one - other).square().mean().clamp_min(1e-10).log10().item()


def _unit(image: Image.Image) -> Tensor:
    return pixels.unit(pixels.tensor(image))


@torch.inference_mode()
def measure(
    eye: LossNetwork,
    result: Image.Image,
    photo: Image.Image,
    painting: Image.Image,
    own: Image.Image | None = None,
    full: LossNetwork | None = None,
) -> Measures:
    """Measure one result; `own` is the photo as its own style, where there is one.

    `full` is a VGG-19 of full width, where its file is at hand.
    """
    made, content, style = _unit(result), _unit(photo), _unit(painting)
    seen, photo_seen, style_seen = eye(made), eye(content), eye(style)
    layers = [float("nan")]
    if full:
        wanted = full.style(full(style, _FULL))
        layers = losses.style(full.style(full(made, _FULL)), wanted)[0].tolist()
    return Measures(
        content=losses.content(seen[-1], photo_seen[-1]).item(),
        style=losses.style(eye.style(seen), eye.style(style_seen)).mean().item(),
        identity=psnr(_unit(own), content) if own else float("nan"),
        ssim=ssim(made, content),
        colour=losses.colour(made, style).item(),
        hatch=losses.hatch(made, content).item(),
        vgg19=sum(layers) / len(layers),
        relu3_1=layers[-1],
    )


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean of values and the bootstrap's 95 % interval of it; the same values give the same."""
    array = np.array(values)
    picks = np.random.default_rng(0).integers(0, len(array), (_SAMPLES, len(array)))
    low, high = np.quantile(array[picks].mean(1), [0.025, 0.975])
    return float(array.mean()), float(low), float(high)


_DIGITS = {"identity": 1, "style": 4, "vgg19": 4}


def _cell(name: str, values: Sequence[float]) -> str:
    """A mean with its interval; a dash for what could not be asked."""
    digits = _DIGITS.get(name, 3)
    mean, low, high = (f"{value:.{digits}f}" for value in interval(values))
    return "–" if mean == "nan" else f"{mean} [{low}, {high}]" if len(values) > 1 else mean


def table(found: dict[str, list[Measures]]) -> str:
    """Means of each row's measures with their intervals, as Markdown."""
    names = [entry.name for entry in fields(Measures)]
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for title, measures in found.items():
        cells = [_cell(name, [getattr(one, name) for one in measures]) for name in names]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)
