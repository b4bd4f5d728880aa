"""Training losses: distances between pictures, and between their features in a loss network.

Tensors in, one number a picture out.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from adain.model.covariance import covariance
from adain.model.moments import EPSILON, Statistics, statistics
from adain.model.transfer import adain

_LEAST_SPREAD = 1e-6  # squared covariance below which the distance is no longer relative
_FLAT = 0.03  # standard deviation of lightness at which a place counts as flat by a third


def halved(images: Tensor) -> Tensor:
    """Average 2×2 pixels: strokes twice as large show to the same layers."""
    return F.avg_pool2d(images, 2)


def normalised(x: Tensor) -> Tensor:
    """Instance-normalise N×C×h×w: what is left of features without the picture's contrast."""
    measured = statistics(x)
    return (x.float() - measured.mean[..., None, None]) / measured.std[..., None, None]


def content(output: Tensor, photo: Tensor) -> Tensor:
    """Mean squared distance of relu4_1 after instance normalisation: N. 0 to about 2."""
    return (normalised(output) - normalised(photo)).square().mean((1, 2, 3))


def style(output: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Squared distance of each layer's statistics relative to the style's own: N×layers.

    Divided by the style's norm it asks the same of faint and of strong styles (after the
    style-aware normalised loss, Cheng et al., CVPR 2021).
    """
    return torch.stack(
        [
            (o - w).square().sum(1) / w.square().sum(1).clamp_min(EPSILON)
            for o, w in zip(output, wanted, strict=True)
        ],
        dim=1,
    )


def spread(output: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Squared distance of covariances N×C×C, relative to the wanted ones, at most 5: N×layers.

    What Gram matrices tell of strokes and textures, without the means.
    """
    return torch.stack(
        [
            (o - w).square().sum((1, 2)) / w.square().sum((1, 2)).clamp_min(_LEAST_SPREAD)
            for o, w in zip(output, wanted, strict=True)
        ],
        dim=1,
    ).clamp_max(5)


def paper_content(output: Tensor, photo: Tensor, painting: Tensor) -> Tensor:
    """Eq. 12: distance of relu4_1 to t, the AdaIN of photo and painting in the same layer: N."""
    measured = statistics(painting)
    target = adain(photo, Statistics(measured.mean[:, None], measured.std[:, None]))
    return (output.float() - target.float()).square().mean((1, 2, 3))


def mimic(features: Tensor, photo: Tensor) -> Tensor:
    """Distance of a network's own features to relu4_1, relative to its variance: N.

    For encoders that have as many channels; without it, training from nothing stands still.
    """
    variance = photo.float().var().clamp_min(EPSILON)
    return (features.float() - photo.float()).square().mean((1, 2, 3)) / variance


def paper_style(output: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Eq. 13 with squared distances averaged over channels: N×layers."""
    halves = zip(output, wanted, strict=True)  # means and standard deviations alike
    return torch.stack([2 * (o - w).square().mean(1) for o, w in halves], dim=1)


def colour(output: Tensor, wanted: Tensor) -> Tensor:
    """Distance of mean and covariance of RGB, N×3×H×W each: N."""
    (mean, spread), (wanted_mean, wanted_spread) = covariance(output), covariance(wanted)
    least = 2e-4  # below a standard deviation of about 0.1 the relative distance fades
    relative = (spread - wanted_spread).square().sum((1, 2)) / (
        wanted_spread.square().sum((1, 2)) + least
    )
    return 10 * (mean - wanted_mean).square().sum(1) + 0.2 * relative.clamp_max(20)


def chroma(output: Tensor, wanted: Tensor) -> Tensor:
    """Energy of colour beyond the wanted picture's, relative to it, at most 10: N.

    Grey styles ask for grey results; colourful ones for nothing.
    """
    own, its = ((x - x.mean(1, keepdim=True)).square().mean((1, 2, 3)) for x in (output, wanted))
    return ((own - its).clamp_min(0) / (its + 3e-4)).clamp_max(10)


def repeated(x: Tensor, period: int = 16, window: int = 96) -> tuple[Tensor, Tensor]:
    """Energy of lightness in square windows: of what repeats every `period` px, and of all.

    N×windows each, of N×3×H×W pictures. Slow changes are taken out first. In irregular
    texture the part that repeats is (period / window)² of the whole by chance.
    """
    x = x.mean(1, keepdim=True)
    n, _, height, width = x.shape
    window = min(window, height // period * period, width // period * period)
    rows, columns, times = height // window, width // window, window // period
    x = x[:, :, : rows * window, : columns * window]
    x = x - F.interpolate(F.avg_pool2d(x, period), scale_factor=period, mode="bilinear")
    x = x.reshape(n, rows, times, period, columns, times, period)
    again = x.mean((2, 5)).square().mean((2, 4))  # N×rows×columns
    return again.flatten(1), x.square().mean((2, 3, 5, 6)).flatten(1)


def lattice(output: Tensor, photo: Tensor) -> Tensor:
    """Energy of what repeats in the output and not in the photo: N.

    A convolutional decoder can paint a featureless area only with a pattern that repeats
    with its stride: the hatch in skies. Irregular strokes average out inside a window.
    """
    return repeated(output - photo)[0].mean(1)


def hatch(output: Tensor, photo: Tensor) -> Tensor:
    """Share of the output's energy that repeats, in the flattest quarter of the photo: N.

    By chance 1/36; 1 is a perfect lattice.
    """
    flat = repeated(photo)[1].argsort(1)
    flat = flat[:, : max(1, flat.shape[1] // 4)]
    again, whole = (energy.gather(1, flat).sum(1) for energy in repeated(output))
    return again / (whole + 1e-4 * flat.shape[1])


def flat(output: Tensor, photo: Tensor) -> Tensor:
    """Energy of detail finer than 5 px where the photo is flat: N.

    Strokes in skies and on skin have to be broad; fine ones there become the hatch.
    """
    with torch.no_grad():
        light = photo.mean(1, keepdim=True)
        mean, square = (
            F.avg_pool2d(F.avg_pool2d(x, 8), 3, 1, 1, count_include_pad=False)
            for x in (light, light.square())
        )
        variance = (square - mean.square()).clamp_min(0)  # of about 24 px around
        where = F.interpolate(torch.exp(-variance / _FLAT**2), scale_factor=8)
    light = output.mean(1, keepdim=True)
    fine = light - F.avg_pool2d(light, 5, 1, 2, count_include_pad=False)
    return (where * fine.square()).sum((1, 2, 3)) / (where.sum((1, 2, 3)) + 1)


def lightness(output: Tensor, photo: Tensor) -> Tensor:
    """1 − correlation of coarse lightness, 8 px a cell: N. Keeps dark styles legible."""
    coarse = [normalised(F.avg_pool2d(x.mean(1, keepdim=True), 8)) for x in (output, photo)]
    return 1 - (coarse[0] * coarse[1]).mean((1, 2, 3))


def outside(output: Tensor) -> Tensor:
    """How far values leave [0, 1]: N."""
    beyond = torch.relu(-output) + torch.relu(output - 1)
    return (5 * beyond.square() + 0.2 * beyond).mean((1, 2, 3))


def identity(output: Tensor, photo: Tensor) -> Tensor:
    """Distance of a picture that went through with its own style from itself: N; 0 at equality."""
    error = output - photo
    floor = 1e-4  # 40 dB; the logarithm asks of easy and of hard pictures alike
    decibels = (error.square().mean((1, 2, 3)) / floor + 1).log()
    return 5 * error.abs().mean((1, 2, 3)) + 0.15 * decibels
