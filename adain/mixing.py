"""What a batch of requests does to features at each level, and the forward pass it does it in.

`restyle` is `Network.paint` for pictures of any size, with masks: equal to it where both can act.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from adain.catalog import Transfer
from adain.model.moments import Moments
from adain.model.network import Network
from adain.model.transfer import transferred
from adain.request import Request, Style
from adain.tiled_forward import TiledForward
from adain.tiles import Tile

Watch = Callable[[str, float], None]  # stage name, fraction done; may raise to stop
# all of a level's features at once → the same, changed; reports fractions of that by a watch
Whole = Callable[[Tensor, Watch], Tensor]


@dataclass(frozen=True)
class Mix:
    """What a batch does to its features at one level, as `transferred` takes it."""

    styles: Moments  # N×K×…
    coverage: Tensor  # N×K×1×1, or as regions
    regions: Tensor | None  # N×K×h×w with masks or transparency
    alpha: Tensor  # N
    full: bool  # whether covariances are transferred
    cell: int  # pixels a side
    grain: Callable[[int, int, torch.Size], Tensor | None]  # noise from a corner on
    whole: Whole | None = None  # what is done in place of a transfer

    def transfer(
        self, content: Moments, plain: Moments | None, features: Tensor, tile: Tile
    ) -> Tensor:
        """Change the features of a tile, measured over the whole and with no style at all."""
        coverage = self.coverage if self.regions is None else tile.of(self.coverage, self.cell)
        grain = self.grain(tile.top // self.cell, tile.left // self.cell, features.shape[2:])
        return transferred(features, self.styles, coverage, self.alpha, content, plain, grain)


def mix(
    network: Network, requests: Sequence[Request], styles: Sequence[Sequence[Style]], level: int
) -> Mix:
    """Bring the requests' styles, weights, masks and alphas to one shape at a level.

    Requests with fewer styles than others are filled up with styles that cover nothing.
    """
    n, k, device = len(requests), max(map(len, styles)), network.device
    channels, cell = network.channels[level], network.strides[level]
    regions = [request.regions(network.stride, cell) for request in requests]
    measured = [request.inside(network.stride, cell) for request in requests]
    partly = any(request.masks or request.opaque for request in requests)
    cells = max(region.shape[1:] for region in measured)  # 1×1 without masks and transparency
    mean, spread = torch.zeros(n, k, channels), torch.ones(n, k, channels)
    if Transfer.COVARIANCE.full(level):  # as styles are measured, whatever is then done
        spread = torch.diag_embed(spread)
    coverage, inside = torch.zeros(n, k, *cells), torch.ones(n, k, *cells)
    for place, (request, own, region) in enumerate(zip(requests, styles, regions, strict=True)):
        for number, style in enumerate(own):
            mean[place, number], spread[place, number] = style.levels[level]
        coverage[place, : len(own)] = request.coverage(region)
        inside[place, : len(own)] = measured[place]
    return Mix(
        Moments(mean.to(device), spread.to(device)),
        coverage.to(device),
        inside.to(device) if partly else None,
        torch.tensor([request.alpha for request in requests], device=device),
        requests[0].transfer.full(level),
        cell,
        partial(network.grain, level),
    )


def _pooled(some: Sequence[Moments]) -> Moments:
    """Return the moments of several pictures of one size as those of all their positions."""
    means = torch.stack([one.mean for one in some])
    mean, spread = means.mean(0), torch.stack([one.spread for one in some]).mean(0)
    off = means - mean
    if some[0].full:
        return Moments(mean, spread + torch.einsum("p...c,p...d->...cd", off, off) / len(some))
    return Moments(mean, spread + off.square().mean(0))


@dataclass(frozen=True)
class Fixed:
    """Content statistics of a level that were measured before, for several pictures."""

    own: Moments  # N×K×…
    plain: Moments | None  # with no style at all; None where alpha goes back to `own`


def fixed(forwards: Sequence[TiledForward], mixes: Sequence[Sequence[Mix]]) -> list[Fixed]:
    """Measure pictures of one size and one kind of mix together, level after level.

    `mixes` are each picture's. Each is changed on its way by what is measured of all of them.
    """
    found: list[Fixed] = []
    plains = [forward.untouched() for forward in forwards]
    for level in range(len(mixes[0])):
        at = [each[level] for each in mixes]

        def measured(
            some: Sequence[TiledForward], at: list[Mix] = at, level: int = level
        ) -> Moments:
            pairs = zip(some, at, strict=True)
            return _pooled([one.measure(level, mix.full, mix.regions) for one, mix in pairs])

        own = measured(forwards)
        plain = measured(plains) if level and bool((at[0].alpha < 1).any()) else None
        found.append(Fixed(own, plain))
        for forward, mix in zip(forwards, at, strict=True):
            forward.transfer(level, partial(mix.transfer, own, plain))
    return found


def restyle_by(
    forward: TiledForward, mixes: Sequence[Mix], levels: Sequence[Fixed]
) -> TiledForward:
    """Transfer styles by statistics that were measured before; return the pass without any."""
    plain = forward.untouched()
    for level, (mix, known) in enumerate(zip(mixes, levels, strict=True)):
        forward.transfer(level, partial(mix.transfer, known.own, known.plain))
    return plain


def _within(watch: Watch, since: float, part: float, stage: str, fraction: float) -> None:
    """Report progress as a part of the whole."""
    watch(stage, since + part * fraction)


def _part_of(changed: Tensor, cell: int, features: Tensor, tile: Tile) -> Tensor:
    """Return what became of a tile's features."""
    return tile.of(changed, cell)


def restyle(forward: TiledForward, mixes: Sequence[Mix], watch: Watch) -> TiledForward:
    """Transfer styles level by level, measuring before each; return the pass without any.

    Alpha goes back to what the content is at a level with no style at all: where it is
    less than 1, that is measured as well, on a second forward pass.
    """
    part = 0.6 / len(mixes)
    plain_too = bool((mixes[0].alpha < 1).any())
    for level, mix in enumerate(mixes):
        stage, since = ("picture" if level else "content"), 0.2 + part * level

        def report(fraction: float, stage: str = stage, since: float = since) -> None:
            watch(stage, since + part * fraction)

        own, without = forward.measure(level, mix.full, mix.regions, report), None
        if level == 0:
            plain = forward.untouched()
        elif plain_too:
            without = plain.measure(level, mix.full, mix.regions, report)
        if mix.whole is None:
            forward.transfer(level, partial(mix.transfer, own, without))
        else:
            changed = mix.whole(forward.kept, partial(_within, watch, since, part))
            forward.transfer(level, partial(_part_of, changed, mix.cell))
    return plain
