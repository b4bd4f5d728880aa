"""Networks of the paper's experiments that we do not ship: small, trained within minutes."""

from collections.abc import Callable
from enum import StrEnum

import torch
from torch import Tensor, nn


class Norm(StrEnum):
    """What normalises the features after a convolution."""

    INSTANCE = "instance"
    BATCH = "batch"
    NONE = "none"


_LAYERS: dict[Norm, Callable[[int], nn.Module]] = {
    Norm.INSTANCE: lambda channels: nn.InstanceNorm2d(channels, affine=True),
    Norm.BATCH: nn.BatchNorm2d,
    Norm.NONE: lambda channels: nn.Identity(),
}


def _conv(channels: int, filters: int, norm: Norm, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(channels, filters, 3, stride, padding=1, padding_mode="reflect")
    return [conv, _LAYERS[norm](filters), nn.ReLU()]


class _Residual(nn.Module):
    """x + what two convolutions make of it."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        first, second = (_conv(channels, channels, norm) for _ in range(2))
        self.inner = nn.Sequential(*first, *second[:2])

    def forward(self, x: Tensor) -> Tensor:
        """N×C×h×w → the same shape."""
        y: Tensor = x + self.inner(x)
        return y


class FeedForward(nn.Module):
    """A network of one style: pictures in, pictures out.

    Johnson, Alahi and Fei-Fei, "Perceptual Losses for Real-Time Style Transfer", ECCV 2016, at a
    half of its channels; with instance normalisation Ulyanov, Vedaldi and Lempitsky, "Improved
    Texture Networks", CVPR 2017.
    """

    def __init__(self, norm: Norm, width: int = 16) -> None:
        super().__init__()
        deep = 4 * width
        self.layers = nn.Sequential(
            *_conv(3, width, norm),
            *_conv(width, 2 * width, norm, stride=2),
            *_conv(2 * width, deep, norm, stride=2),
            *(_Residual(deep, norm) for _ in range(3)),
            *(nn.Upsample(scale_factor=2), *_conv(deep, 2 * width, norm)),
            *(nn.Upsample(scale_factor=2), *_conv(2 * width, width, norm)),
            nn.Conv2d(width, 3, 3, padding=1, padding_mode="reflect"),
        )

    def forward(self, images: Tensor) -> Tensor:
        """N×3×H×W in [0, 1] → the same shape, in [0, 1]."""
        made: Tensor = self.layers(2 * images - 1)
        return torch.sigmoid(made)


# The mirror of VGG-19 to relu4_1, in parts of its own channels there; None doubles the size.
_MIRROR = (*((8, 4), None), *((4, 4),) * 3, *((4, 2), None), *((2, 2), (2, 1), None), (1, 1))


class Decoder(nn.Module):
    """The mirror of the loss network's layers to relu4_1, with or without normalisation."""

    def __init__(self, channels: int, taken: int, norm: Norm, loudness: float = 1.0) -> None:
        """Take `taken` channels of that root mean square; `channels` are relu4_1's."""
        super().__init__()
        self.loudness = loudness
        unit, layers, first = channels // 8, list[nn.Module](), True
        for part in _MIRROR:
            if part is None:
                layers.append(nn.Upsample(scale_factor=2))
                continue
            layers += _conv(taken if first else part[0] * unit, part[1] * unit, norm)
            first = False
        self.layers = nn.Sequential(
            *layers, nn.Conv2d(unit, 3, 3, padding=1, padding_mode="reflect")
        )
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):  # so that nothing fades on its way without norms
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def forward(self, features: Tensor) -> Tensor:
        """N×C×h×w → N×3×8h×8w, about [0, 1]."""
        made: Tensor = self.layers(features / self.loudness)
        return made
