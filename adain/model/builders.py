"""The builders of the networks that `adain.catalog` names, untrained."""

import pkgutil
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from adain import catalog
from adain.model.network import Network


def _conv(channels: int, filters: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, filters, 3, stride, padding=1, padding_mode="reflect")


def _relu() -> nn.ReLU:
    return nn.ReLU(inplace=True)


class Residual(nn.Module):
    """x + b(relu(a(x))), both 3×3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a = _conv(channels, channels)
        self.b = _conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """N×C×h×w → the same shape."""
        y: Tensor = x + self.b(torch.relu(self.a(x)))
        return y


def compact() -> Network:
    """Ours: every convolution at half resolution or below, 865,004 parameters.

    AdaIN acts at 1/8, 1/4 and 1/2: structure, strokes, and grain with colour.
    """
    encoder = nn.Sequential(
        nn.PixelUnshuffle(2),  # 3 channels → 12 at 1/2
        *(_conv(12, 32), _relu()),
        *(_conv(32, 64, stride=2), _relu()),  # 1/4
        *(_conv(64, 128, stride=2), _relu()),  # 1/8
        Residual(128),
    )
    decoder = nn.Sequential(
        *(Residual(128), _relu()),
        *(_conv(128, 64), _relu(), nn.Upsample(scale_factor=2)),  # 1/4
        *(Residual(64), _relu()),
        *(_conv(64, 32), _relu(), nn.Upsample(scale_factor=2)),  # 1/2
        *(_conv(32, 32), _relu()),
        _conv(32, 12),
        nn.PixelShuffle(2),  # 12 channels at 1/2 → 3
    )
    again = (7, 12)  # after the 64 channels at 1/4 and the 32 at 1/2
    return Network(encoder, decoder, black_and_white=(-1.0, 1.0), again=again, grain=0.4)


# VGG-19 from the picture to relu4_1 as (channels in, channels out); None is a 2×2 max-pool.
_VGG19: Sequence[tuple[int, int] | None] = (
    *((3, 64), (64, 64), None),
    *((64, 128), (128, 128), None),
    *((128, 256), (256, 256), (256, 256), (256, 256), None),
    (256, 512),
)


def _padded_conv(channels: int, filters: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(1), nn.Conv2d(channels, filters, 3), _relu()]


def vgg19() -> Network:
    """The paper's: VGG-19 up to relu4_1, fixed, and its mirror without normalisation layers.

    Nearest up-sampling mirrors pooling. Layers stand where they stand in the well-known
    PyTorch port, so that its state dictionaries load as they are.
    """
    encoder: list[nn.Module] = [nn.Conv2d(3, 3, 1)]  # RGB in [0, 1] → BGR · 255 − mean
    decoder: list[nn.Module] = []
    for step in _VGG19:
        encoder += [nn.MaxPool2d(2)] if step is None else _padded_conv(*step)
    for step in reversed(_VGG19):
        decoder += [nn.Upsample(scale_factor=2)] if step is None else _padded_conv(*step[::-1])
    decoder.pop()  # no activation after the last convolution
    return Network(nn.Sequential(*encoder), nn.Sequential(*decoder), black_and_white=(0.0, 1.0))


def build(name: str) -> Network:
    """Return the named network, untrained: for training, timing and loading weights into."""
    builder: Callable[[], Network] = pkgutil.resolve_name(catalog.network(name).builder)
    return builder()
