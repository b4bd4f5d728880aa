"""The operation and the networks it acts in: tensors in, tensors out.

Knows no image file, no weights file and no device; `stylizer.py` brings those together.
Equation numbers are those of Huang and Belongie, "Arbitrary Style Transfer in Real-time
with Adaptive Instance Normalization", ICCV 2017.
"""

import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from adain.covariance import covariance, full_precision, positions, ridged, roots

EPSILON = 1e-5  # under both roots, so that a constant channel divides by something
FEWEST_CELLS = 4.0  # a region smaller than this has no statistics worth the name
_GRAIN_SIDE = 64  # cells, after which noise repeats: 512 px


class Transfer(StrEnum):
    """What of a style's features the content's get."""

    ADAIN = "adain"  # mean and standard deviation of each channel at every level: the paper's
    COVARIANCE = "covariance"  # at the levels after the first: mean and covariance

    def full(self, level: int) -> bool:
        """Tell whether covariances are transferred at a level."""
        return self == Transfer.COVARIANCE and level > 0


class Statistics(NamedTuple):
    """Mean and standard deviation of each channel: what AdaIN needs of a style."""

    mean: Tensor  # ...×C
    std: Tensor  # ...×C, biased, ≥ √EPSILON


class Moments(NamedTuple):
    """Mean, with the variance of each channel or the covariance of all: what is kept of a style."""

    mean: Tensor  # ...×C
    spread: Tensor  # ...×C biased variances, or ...×C×C

    @property
    def full(self) -> bool:
        """Tell whether the spread is a covariance."""
        return self.spread.dim() > self.mean.dim()

    def statistics(self) -> Statistics:
        """Return mean and standard deviation of each channel."""
        variance = self.spread.diagonal(dim1=-2, dim2=-1) if self.full else self.spread
        return Statistics(self.mean, (variance + EPSILON).sqrt())

    def each(self) -> "Moments":
        """Return those of N pictures as those of one region or style each: N×1×…."""
        return Moments(self.mean[:, None], self.spread[:, None])


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of each channel of N×C×h×w features, in float32: N×C each.

    Each row is measured about its own mean, and rows are set against each other at the end.
    Channels lie side by side in memory, and are summed side by side: on a CPU five times as
    fast as `torch.var_mean`.
    """
    positions = features.float().permute(0, 2, 3, 1)  # N×h×w×C
    rows = positions.mean(2)
    within = (positions - rows[:, :, None]).square().mean(2)
    mean = rows.mean(1)
    return mean, (within + (rows - mean[:, None]).square()).mean(1)


def statistics(features: Tensor) -> Statistics:
    """Measure each channel of N×C×h×w features over its positions (eqs. 5 and 6)."""
    mean, variance = moments(features)
    return Statistics(mean, (variance + EPSILON).sqrt())  # N×C each


def measured(features: Tensor, full: bool = False) -> Moments:
    """Measure N×C×h×w features over their positions; `full`: with covariance."""
    return Moments(*(covariance(features) if full else moments(features)))


class MomentAccumulator:
    """Moments of features that come in pieces, inside each of K soft regions (paper 7.4).

    Exact however the pieces are cut: each is measured about its own mean, and means are set
    against each other at the end. `full`: with covariances.
    """

    def __init__(self, full: bool = False) -> None:
        self._full = full
        self._pieces: list[tuple[Tensor, Tensor, Tensor]] = []  # cells N×K, mean, spread N×K×…

    def add(self, features: Tensor, regions: Tensor | None = None) -> None:
        """Measure N×C×h×w features; `regions` is N×K×h×w with weights in [0, 1], or the whole."""
        features = features.float()
        n, _, height, width = features.shape
        mean, spread = measured(features, self._full).each()
        cells = features.new_full((n, 1), height * width)
        if regions is not None:  # the whole stands last
            inside = regions.sum((2, 3))
            shares = regions / inside.clamp_min(EPSILON)[..., None, None]
            means = torch.einsum("nchw,nkhw->nkc", features, shares)
            spreads = [
                self._spread(features - own[..., None, None], share)
                for own, share in zip(means.unbind(1), shares.unbind(1), strict=True)
            ]
            cells = torch.cat([inside, cells], 1)
            mean = torch.cat([means, mean], 1)
            spread = torch.cat([torch.stack(spreads, 1), spread], 1)
        self._pieces.append((cells, mean, spread))

    def _spread(self, apart: Tensor, share: Tensor) -> Tensor:
        """Variances or covariance of features less their mean; shares N×h×w sum to 1."""
        if self._full:
            x = positions(apart)
            return (x * share.flatten(1)[..., None]).mT @ x
        return torch.einsum("nchw,nhw->nc", apart**2, share)

    def moments(self, fewest: float = FEWEST_CELLS) -> Moments:
        """Return N×K×…, or N×1×… where no regions were given.

        A region of fewer than `fewest` cells gets the moments of the whole; so does one of fewer
        cells than channels where covariances are measured.
        """
        cells, means, spreads = (torch.stack(values) for values in zip(*self._pieces, strict=True))
        shares = cells / cells.sum(0).clamp_min(EPSILON)
        mean = (shares[..., None] * means).sum(0)
        off = means - mean
        if self._full:
            spread = torch.einsum("pnk,pnkcd->nkcd", shares, spreads)
            spread = spread + torch.einsum("pnk,pnkc,pnkd->nkcd", shares, off, off)
            fewest = max(fewest, mean.shape[-1])
        else:
            spread = (shares[..., None] * (spreads + off**2)).sum(0)
        if mean.shape[1] == 1:
            return Moments(mean, spread)
        small = (cells.sum(0)[:, :-1] < fewest)[..., None]
        mean = torch.where(small, mean[:, -1:], mean[:, :-1])
        small = small[..., None] if self._full else small
        return Moments(mean, torch.where(small, spread[:, -1:], spread[:, :-1]))


def region_statistics(features: Tensor, regions: Tensor) -> Statistics:
    """Measure each channel of N×C×h×w inside each of N×K×h×w soft regions: N×K×C."""
    return region_moments(features, regions).statistics()


def region_moments(features: Tensor, regions: Tensor, full: bool = False) -> Moments:
    """Measure N×C×h×w features inside each of N×K×h×w soft regions."""
    accumulator = MomentAccumulator(full)
    accumulator.add(features, regions)
    return accumulator.moments()


def adain(
    features: Tensor,
    styles: Statistics,
    cover: Tensor | None = None,
    alpha: Tensor | float = 1.0,
    content: Statistics | None = None,
    plain: Statistics | None = None,
    grain: Tensor | None = None,
) -> Tensor:
    """Give content features the channel statistics of their styles (eqs. 8, 14 and 15).

    `features` is N×C×h×w; `styles` holds N×K×C. `cover` says how much of each style a
    position gets: N×K×1×1, or N×K×h×w for spatial control, summing to at most 1 over K; the
    remainder keeps the content's own features. None means equal shares everywhere. `alpha`
    in [0, 1], one number or N of them, goes from the content (0) to the full style (1).
    `content` holds the features' own statistics, N×1×C, or N×K×C region by region; None
    measures them here. `plain` holds those that the content would have here with no style at
    all, which alpha goes back to; None: the features' own, as where nothing was
    transferred before. `grain`, 1×C×h×w, is added in proportion to how far each channel's
    statistics move: none where content and style are alike.

    AdaIN, mixing and alpha are all affine in the features, so they fold into one
    gain and one bias per channel and position.
    """
    n, k = styles.mean.shape[:2]
    if cover is None:
        cover = features.new_full((n, k, 1, 1), 1 / k)
    if content is None:
        content = Statistics(*(value[:, None] for value in statistics(features)))  # N×1×C
    plain = plain or content
    alpha = torch.as_tensor(alpha, dtype=content.std.dtype, device=content.std.device)
    strength = alpha.view(-1, 1, 1)
    mean = strength * styles.mean + (1 - strength) * plain.mean  # N×K×C, what is wanted
    std = strength * styles.std + (1 - strength) * plain.std
    gain = std / content.std
    bias = mean - content.mean * gain  # so that gain · x + bias is eq. 8
    cover = cover.to(gain.dtype)
    gain = 1 + torch.einsum("nkc,nkhw->nchw", gain - 1, cover)
    bias = torch.einsum("nkc,nkhw->nchw", bias, cover)
    if grain is not None:
        moved = (mean - content.mean).abs() + (std - content.std).abs()
        bias = bias + torch.einsum("nkc,nkhw->nchw", moved, cover) * grain
    return torch.addcmul(bias, gain, features.float()).to(features.dtype)


def recolour(
    features: Tensor,
    styles: Moments,
    cover: Tensor | None = None,
    alpha: Tensor | float = 1.0,
    content: Moments | None = None,
    plain: Moments | None = None,
) -> Tensor:
    """Give content features the mean and covariance of their styles: whitening and colouring.

    Everything is as `adain` has it, with covariances N×K×C×C for variances and their symmetric
    roots for standard deviations: R_style R_content⁻¹ is the gain, a matrix. Mixtures and alpha
    interpolate the roots, so that they are affine in the features (eqs. 14 and 15). Where content
    and style are alike the features come back to the bit. Covariances get a ridge first.
    """
    n, k = styles.mean.shape[:2]
    if cover is None:
        cover = features.new_full((n, k, 1, 1), 1 / k)
    content = content or measured(features, full=True).each()
    with full_precision(features.device):
        own, inverse = roots(ridged(content.spread))
        back = roots(ridged(plain.spread))[0] if plain else own
        plain = plain or content
        alpha = torch.as_tensor(alpha, dtype=own.dtype, device=own.device)
        strength = alpha.view(-1, 1, 1)
        mean = strength * styles.mean + (1 - strength) * plain.mean  # N×K×C, what is wanted
        strength = strength[..., None]
        root = strength * roots(ridged(styles.spread))[0] + (1 - strength) * back
        gain = (root - own) @ inverse  # N×K×C×C, beside the identity
        bias = mean - content.mean - (gain @ content.mean[..., None])[..., 0]
        return _moved(features, gain, bias, cover.to(gain.dtype)).to(features.dtype)


def _moved(features: Tensor, gain: Tensor, bias: Tensor, cover: Tensor) -> Tensor:
    """Give x + Σₖ coverₖ (gainₖ x + biasₖ) at each position; one product where cover is even."""
    x = positions(features)
    n, channels, height, width = features.shape
    if cover.shape[2:] == (1, 1):
        shares = cover[..., 0]  # N×K×1
        matrix = torch.eye(channels, device=x.device) + (shares[..., None] * gain).sum(1)
        moved = torch.baddbmm((shares * bias).sum(1)[:, None], x, matrix.mT)
    else:
        moved = x
        for one, shift, where in zip(gain.unbind(1), bias.unbind(1), cover.unbind(1), strict=True):
            moved = moved + where.flatten(1)[..., None] * torch.baddbmm(shift[:, None], x, one.mT)
    return moved.view(n, height, width, channels).permute(0, 3, 1, 2)


def transferred(
    features: Tensor,
    styles: Moments,
    cover: Tensor | None,
    alpha: Tensor | float,
    content: Moments,
    plain: Moments | None = None,
    grain: Tensor | None = None,
) -> Tensor:
    """Change features by `recolour` where the content's covariance is known, else by `adain`."""
    if content.full:
        return recolour(features, styles, cover, alpha, content, plain)
    with full_precision(features.device):
        without = plain and plain.statistics()
        wanted, own = styles.statistics(), content.statistics()
        return adain(features, wanted, cover, alpha, own, without, grain)


def restored(painted: Tensor, plain: Tensor, photo: Tensor, strength: Tensor) -> Tensor:
    """Give back what the network itself lost, in proportion to what is not painted.

    `plain` is what it makes of `photo` with no style. All are in about [0, 1], not clamped, of
    one shape that `strength`, alpha · coverage, fits. At 1 the result is `painted`, towards 0
    it goes to the photo.
    """
    return painted.float() + (1 - strength) * (photo - plain.float())


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
        self._steps = [decoder[start:end] for start, end in pairwise(edges)]
        encoder_reach, scale = _reach(encoder, 1)
        self.channels, self.strides = [_filters(encoder)], [round(scale)]
        for step in self._steps[:-1]:
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
        return range(len(self._steps))

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
        x: Tensor = self._steps[level](features)
        return x if level < self.levels[-1] else (x - self.black) / (self.white - self.black)

    def encode(self, images: Tensor) -> Tensor:
        """N×3×H×W in [0, 1] → N×C×H/8×W/8, the features of level 0."""
        return self.enter(self.folded(images))

    def decode(self, features: Tensor) -> Tensor:
        """Features of level 0 → N×3×H×W, about [0, 1], with no AdaIN on the way."""
        for level in self.levels:
            features = self.step(level, features)
        return self.unfolded(features)

    def measure(self, features: Tensor, full: bool = True) -> tuple[list[Moments], Tensor]:
        """A style's way from level 0 on, with no transfer: its moments at each level, N×….

        Also the folded picture at the end. `full`: covariances at the levels after the first.
        """
        found = []
        for level in self.levels:
            found.append(measured(features, full and level > 0))
            features = self.step(level, features)
        return found, features

    def paint(
        self,
        features: Tensor,
        styles: Sequence[Moments],
        cover: Tensor | None = None,
        alpha: Tensor | float = 1.0,
        transfer: Transfer = Transfer.COVARIANCE,
        photo: Tensor | None = None,
        corner: tuple[int, int] = (0, 0),
    ) -> Tensor:
        """A content's way from level 0 on, a transfer at each level, to a folded picture.

        `styles` are N×K×… for each level; `cover` and `alpha` as `adain` has them. `photo`, the
        folded content in [0, 1], is needed if any alpha is less than 1 (eq. 14): then the content
        goes a second time, with no style at all, to what alpha goes back to, and what that loses
        of the photo is given back (`restored`). Noise begins `corner` cells down and right.
        """
        plain, interpolating = features, photo is not None
        for level in self.levels:
            full = transfer.full(level)
            own = measured(features, full).each()
            without = measured(plain, full).each() if interpolating else None
            grain = self.grain(level, *corner, features.shape[2:])
            moved = transferred(features, styles[level], cover, alpha, own, without, grain)
            features = self.step(level, moved)
            if interpolating:
                plain = self.step(level, plain)
        if photo is None:
            return features
        strength = torch.as_tensor(alpha, device=photo.device).view(-1, 1, 1, 1)
        return restored(features, plain, photo, strength)

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


NETWORKS: dict[str, Callable[[], Network]] = {"compact": compact, "vgg19": vgg19}


def build(name: str) -> Network:
    """Return the named network, untrained: for training, timing and loading weights into."""
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}; there are: {', '.join(NETWORKS)}")
    return NETWORKS[name]()
