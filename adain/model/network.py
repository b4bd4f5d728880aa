"""A network that styles are transferred in: its halves, its levels and the loop over them."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise, product

import numpy as np
import torch
from torch import Tensor, nn

from adain.catalog import Transfer
from adain.model.moments import Moments, measured
from adain.model.transfer import restored, transferred

Change = Callable[[int, Tensor], Tensor]  # level and its features → the same, changed

_GRAIN_SIDE = 64  # cells, after which noise repeats: 512 px


def _reach(layers: nn.Module, scale: float) -> tuple[int, float]:
    """How many pixels around it an output depends on, and the pixels a cell at the end.

    `scale` is the pixels a cell at the start.
    """
    reach = 0
    for layer in layers.modules():
        if isinstance(layer, nn.Conv2d):
            reach += round(layer.kernel_size[0] // 2 * scale)
            scale *= layer.stride[0]
        elif isinstance(layer, nn.MaxPool2d):
            scale *= 2
        elif isinstance(layer, nn.PixelUnshuffle):
            scale *= layer.downscale_factor
        elif isinstance(layer, nn.Upsample | nn.PixelShuffle):
            scale /= 2
    return reach, scale


def _noise(channels: int) -> Tensor:
    """Return the same standard normal 1×C×64×64 on every machine and in every version."""
    drawn = np.random.RandomState(0).standard_normal((1, channels, _GRAIN_SIDE, _GRAIN_SIDE))
    return torch.from_numpy(drawn.astype(np.float32))


def _filters(layers: nn.Sequential) -> int:
    """Channels that come out at the end."""
    return [layer.out_channels for layer in layers.modules() if isinstance(layer, nn.Conv2d)][-1]


class Network(nn.Module):
    """An encoder and the decoder that mirrors it; AdaIN acts between them and in the decoder.

    `encode` takes N×3×H×W RGB in [0, 1], H and W multiples of `strides[0]` and at least twice
    it, to the features of level 0. `step` goes from each level to the next, and from the last
    to a folded image, not yet clamped to [0, 1]. Level l has `channels[l]` channels and a cell for
    every `strides[l]` pixels. `again` names the places in the decoder before which the further
    levels lie. `grain` is the standard deviation of noise at level 0 (see `adain`): from a place
    without features a decoder can paint only what repeats with its stride, a weave; with noise
    it can paint strokes.
    """

    fold: int
    _grain: Tensor | None

    def __init__(
        self,
        encoder: nn.Sequential,
        decoder: nn.Sequential,
        black_and_white: tuple[float, float],
        again: Sequence[int] = (),
        grain: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.black, self.white = black_and_white  # what the layers take for 0 and 1
        first = encoder[0]
        self.fold = first.downscale_factor if isinstance(first, nn.PixelUnshuffle) else 1
        edges = (0, *again, len(decoder) - (self.fold > 1))
        self.steps = [decoder[start:end] for start, end in pairwise(edges)]
        encoder_reach, scale = _reach(encoder, 1)
        self.channels, self.strides = [_filters(encoder)], [round(scale)]
        for step in self.steps[:-1]:
            _, scale = _reach(step, scale)
            self.channels.append(_filters(step))
            self.strides.append(round(scale))
        self.register_buffer("_grain", None, persistent=False)
        self.set_grain(grain)
        decoder_reach, _ = _reach(decoder, self.stride)
        # pixels around a picture's part that each half looks at, in whole cells of level 0
        self.encoder_reach = math.ceil(encoder_reach / self.stride) * self.stride
        self.decoder_reach = math.ceil(decoder_reach / self.stride) * self.stride

    @property
    def levels(self) -> range:
        """The levels AdaIN acts at, from the encoder's end towards the picture."""
        return range(len(self.steps))

    @property
    def dtype(self) -> torch.dtype:
        """Number format of weights and features."""
        return next(self.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def stride(self) -> int:
        """Pixels a cell of level 0, which a picture's sides have to be multiples of."""
        return self.strides[0]

    def set_grain(self, deviation: float) -> None:
        """Give the noise another standard deviation; 0: none."""
        self.grain_deviation = deviation
        noise = _noise(self.channels[0]).to(next(self.parameters()))
        self._grain = noise * deviation if deviation else None

    def folded(self, images: Tensor) -> Tensor:
        """N×3×H×W → N×3·fold²×H/fold×W/fold: `F.pixel_unshuffle` in a quarter of its time."""
        if self.fold == 1:
            return images
        n, channels, height, width = images.shape
        cells = (n, height // self.fold, width // self.fold, channels, self.fold, self.fold)
        folded = images.new_empty(cells)
        for i, j in product(range(self.fold), repeat=2):
            folded[..., i, j] = images[:, :, i :: self.fold, j :: self.fold].permute(0, 2, 3, 1)
        return folded.flatten(3).permute(0, 3, 1, 2)

    def unfolded(self, folded: Tensor) -> Tensor:
        """And back, as `F.pixel_shuffle`."""
        if self.fold == 1:
            return folded
        n, filters, height, width = folded.shape
        channels = filters // self.fold**2
        cells = folded.permute(0, 2, 3, 1)
        cells = cells.reshape(n, height, width, channels, self.fold, self.fold)
        images = folded.new_empty((n, height, self.fold, width, self.fold, channels))
        for i, j in product(range(self.fold), repeat=2):
            images[:, :, i, :, j] = cells[..., i, j]
        return images.flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)

    def enter(self, folded: Tensor) -> Tensor:
        """A folded image in [0, 1] → N×C×H/8×W/8, the features of level 0."""
        layers = self.encoder if self.fold == 1 else self.encoder[1:]
        features: Tensor = layers(folded * (self.white - self.black) + self.black)
        return features

    def step(self, level: int, features: Tensor) -> Tensor:
        """Features of a level → those of the next; of the last → a folded image, about [0, 1]."""
        x: Tensor = self.steps[level](features)
        return x if level < self.levels[-1] else (x - self.black) / (self.white - self.black)

    def run(
        self,
        features: Tensor,
        change: Change | None = None,
        start: int = 0,
        end: int | None = None,
    ) -> Tensor:
        """Features of level `start` → those of level `end`, None: a folded picture.

        `change` acts on the features of each level before the step to the next. All that passes
        through a network does so in this loop.
        """
        for level in range(start, len(self.levels) if end is None else end):
            features = self.step(level, features if change is None else change(level, features))
        return features

    def encode(self, images: Tensor) -> Tensor:
        """N×3×H×W in [0, 1] → N×C×H/8×W/8, the features of level 0."""
        return self.enter(self.folded(images))

    def decode(self, features: Tensor) -> Tensor:
        """Features of level 0 → N×3×H×W, about [0, 1], with no AdaIN on the way."""
        return self.unfolded(self.run(features))

    def measure(
        self, features: Tensor, transfer: Transfer = Transfer.COVARIANCE
    ) -> tuple[list[Moments], Tensor]:
        """Run level 0 to the end; return the moments at each level, N×…, and a folded picture."""
        found = []

        def measure(level: int, features: Tensor) -> Tensor:
            found.append(measured(features, transfer.full(level)))
            return features

        return found, self.run(features, measure)

    def paint(
        self,
        features: Tensor,
        styles: Sequence[Moments],
        coverage: Tensor | None = None,
        alpha: Tensor | float = 1.0,
        transfer: Transfer = Transfer.COVARIANCE,
        photo: Tensor | None = None,
        corner: tuple[int, int] = (0, 0),
    ) -> Tensor:
        """A content's way from level 0 on, a transfer at each level, to a folded picture.

        `styles` are N×K×… for each level; `coverage` and `alpha` as `adain` has them. `photo`, the
        folded content in [0, 1], is needed if any alpha is less than 1 (eq. 14): then the content
        goes a second time, with no style at all, to what alpha goes back to, and what that loses
        of the photo is given back (`restored`). Noise begins `corner` cells down and right.
        """
        without, plain = (None, None) if photo is None else self.measure(features, transfer)

        def change(level: int, features: Tensor) -> Tensor:
            own = measured(features, transfer.full(level)).each()
            back = without[level].each() if without else None
            grain = self.grain(level, *corner, features.shape[2:])
            return transferred(features, styles[level], coverage, alpha, own, back, grain)

        painted = self.run(features, change)
        if photo is None or plain is None:
            return painted
        strength = torch.as_tensor(alpha, device=photo.device).view(-1, 1, 1, 1)
        return restored(painted, plain, photo, strength)

    def grain(self, level: int, top: int, left: int, cells: torch.Size) -> Tensor | None:
        """Noise for so many cells of a level from a corner on: 1×C×h×w; always the same."""
        noise = self._grain
        if level or noise is None:
            return None
        rows, columns = (
            torch.arange(start, start + count, device=noise.device) % _GRAIN_SIDE
            for start, count in zip((top, left), cells, strict=True)
        )
        return noise[:, :, rows][:, :, :, columns]
