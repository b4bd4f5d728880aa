"""A lesson: the steps in which a network learns the style of some paintings.

`feedforward`: the whole network learns them and forgets all other styles, as the networks of one
style do (Johnson, Alahi and Fei-Fei, ECCV 2016; Ulyanov, Vedaldi and Lempitsky, CVPR 2017; both as
`adain.paper.networks.FeedForward`); here it starts from one that knows many. `conditional`: the
network stays, and each painting is a row of scales and shifts at its levels (Dumoulin, Shlens and
Kudlur, "A Learned Representation For Artistic Style", ICLR 2017), which starts as measured.
"""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from adain import devices, pixels, weights
from adain.catalog import DEFAULT_NETWORK, MOST_PAINTINGS, MOST_PIXELS, TaughtKind, lesson_steps
from adain.files import pictures, samples
from adain.model.moments import EPSILON, Moments
from adain.model.network import Network
from adain.stylizer import FOLDER
from adain.teaching import taught
from adain.teaching.taught import Taught
from adain.training import lossnet, recipe
from adain.training.crops import Pictures
from adain.training.eye import Eye
from adain.training.pool import Measured
from adain.training.recipe import Recipe
from adain.training.trainer import Trainer

_ANY = 1 << 30
_LEAST = 64  # pixels of a shorter side
SIDE = 512  # pixels of the shorter side of photos and paintings; crops have half of it


def _unwatched() -> None:
    pass


def _sized(image: Image.Image, side: int, most: int) -> Image.Image:
    """Return an upright RGB picture of a shorter side, and of `most` pixels at most.

    A long one is smaller for it; no side has fewer than `_LEAST` pixels, so a strip is squeezed.
    """
    image = pictures.rgb(image)
    width, height = pictures.scaled_size(*image.size, side)
    factor = min(1.0, math.sqrt(most / (width * height)))
    longest = max(_LEAST, most // _LEAST)
    wide, high = (min(longest, max(_LEAST, int(factor * one))) for one in (width, height))
    if image.size == (wide, high):
        return image
    return image.resize((wide, high), Image.Resampling.LANCZOS, reducing_gap=3.0)


class Given(Pictures):
    """Pictures in memory, for crops to be cut from."""

    def __init__(self, images: Sequence[Image.Image]) -> None:
        self.folder, self.side, self.paths = Path(), 0, []
        self.skipped: set[Path] = set()
        self._images = images

    def draw(self, rng: Random) -> Image.Image:
        """Return any of them."""
        return rng.choice(self._images)


def sample_photos() -> list[Image.Image]:
    """Return the photos that ship with the program."""
    files = [samples.file("photos", name) for name in samples.names("photos")]
    return [Image.open(file) for file in files if file is not None]


class _Rows(Trainer):
    """A trainer of one painting's scales and shifts; the network around them stays as it is."""

    def __init__(self, painting: Image.Image, *given: Any) -> None:  # noqa: ANN401
        super().__init__(*given)
        self.network.requires_grad_(False)
        measured = _parameters(self.network, painting)
        self._scales = [float(_spread(root).mean()) for root in measured[1::2]]
        self.rows = nn.ParameterList(self._scaled(measured, -1))
        self.network.add_module("rows", self.rows)  # so that they are averaged and kept as it is
        self.learned = [*self.rows]
        self.average = {name: v.detach().clone() for name, v in self.network.state_dict().items()}
        self.optimiser = torch.optim.Adam(self.learned, betas=self.recipe.betas)
        self._whole = self._seen(painting)

    def _scaled(self, values: Sequence[Tensor], power: int = 1) -> list[Tensor]:
        """Go from what is learnt, about 1 at every level, to the features' own numbers, or back."""
        return [value * self._scales[place // 2] ** power for place, value in enumerate(values)]

    @torch.no_grad()
    def _seen(self, painting: Image.Image) -> Measured:
        """Measure the whole painting; of its pixels a square is enough, for their colours."""
        crop = self.recipe.stages[0].crop
        seen = self.eyes[0].look(
            pixels.unit(pixels.tensor(painting)).to(self.device), self.recipe.loss
        )
        square = pixels.tensor(painting.resize((crop, crop), Image.Resampling.BOX))
        return Measured(square.to(self.device), seen)

    def paint(self, content: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """Paint with the rows, whatever style comes."""
        found = [one.each() for one in _moments([row[None] for row in self._scaled([*self.rows])])]
        count = len(content)
        styles = [Moments(*(x.expand(count, *x.shape[1:]) for x in one)) for one in found]
        made = self.network.paint(
            content, styles, transfer=self.recipe.transfer, corner=self.corner
        )
        painted = self.network.unfolded(made)
        return painted, painted

    def losses(self, turn: int, photos: Measured, paintings: Measured) -> dict[str, Tensor]:
        """Measure what comes out by the whole painting: one row can't be that of each crop."""
        whole = self._whole.take([0] * len(photos.images))
        return super().losses(turn, photos, whole)

    def learnt(self) -> list[Moments]:
        """Return the averaged rows, as moments of each level."""
        kept = [self.average[f"rows.{place}"].cpu() for place in range(len(self.rows))]
        return _moments(self._scaled(kept))


def _spread(root: Tensor) -> Tensor:
    """Return the deviations of a level, or about them, from a root of its covariance."""
    return root.diagonal().abs() if root.dim() > 1 else root


@torch.no_grad()
def _parameters(network: Network, painting: Image.Image) -> list[Tensor]:
    """Return a painting's means and roots of variances or covariances, one after the other."""
    padded = pixels.unit(pixels.padded(pixels.tensor(painting), network.stride))
    found, _ = network.measure(network.encode(padded.to(network.device)))
    values = []
    for one in found:
        values.append(one.mean[0])
        if one.full:
            values.append(torch.linalg.cholesky(one.spread[0] + EPSILON * _eye(one.spread)))
        else:
            values.append((one.spread[0] + EPSILON).sqrt())
    return values


def _eye(spread: Tensor) -> Tensor:
    return torch.eye(spread.shape[-1], device=spread.device)


def _moments(values: Sequence[Tensor]) -> list[Moments]:
    """Return the moments of means and roots, one after the other: …×C, …×C or …×C×C."""
    found = []
    for mean, root in zip(values[::2], values[1::2], strict=True):
        spread = root @ root.mT if root.dim() > mean.dim() else root.square()
        found.append(Moments(mean, spread))
    return found


def _plan(kind: TaughtKind, steps: int, side: int) -> Recipe:
    plan = recipe.read(kind.value)
    stages = tuple(replace(stage, crop=side // 2 // 8 * 8) for stage in plan.stages)
    pool = min(plan.data.pool, steps * plan.stages[0].batch)  # no more than are drawn
    return replace(plan, stages=stages, data=replace(plan.data, pool=pool)).shortened(steps)


def _side(paintings: Sequence[Image.Image], most: int) -> int:
    """Return the shorter side at which pictures are seen: the smallest painting's, if smaller."""
    return max(_LEAST, min(most, *(min(one.size) for one in paintings)))


class Lesson:
    """A style being taught: `advance` until `step` is `steps`, then `taught`.

    `state` is all that is needed to go on later, in another process too: a lesson of the same
    paintings and steps that is given it by `restore` ends as one that was never stopped.
    """

    def __init__(
        self,
        kind: TaughtKind,
        paintings: Sequence[Image.Image],
        steps: int = 0,
        *,
        network: str = DEFAULT_NETWORK,
        folder: Path = FOLDER,
        device: str = "auto",
        photos: Sequence[Image.Image] = (),
        side: int = SIDE,
        most: int = 0,
        pixels: int = MOST_PIXELS,
        watch: Callable[[], object] = _unwatched,
    ) -> None:
        """Take `steps`, 0: the usual number, but no more than `most`, 0: any number.

        `pixels` is how many of each painting and photo are seen at most: both networks are given
        them whole. `watch` is called before and between the parts of what takes long, steps apart;
        it may raise to stop there.

        Raises ValueError for too many paintings or too few steps.
        """
        taught.check_network(network)
        if not 1 <= len(paintings) <= MOST_PAINTINGS:
            raise ValueError(
                f"A style is taught from 1 to {MOST_PAINTINGS} paintings, not {len(paintings)}."
            )
        wanted = lesson_steps(kind, steps, len(paintings))
        self.kind, self.steps, self.step = kind, min(wanted, most or _ANY), 0
        if not len(paintings) <= self.steps:
            raise ValueError("A lesson takes a step for each painting at least.")
        self._name, self._folder, self._side = network, folder, _side(paintings, side)
        self._device, self._watch = devices.of(device), watch
        self._paintings = list(paintings)
        self.sized = [_sized(one, self._side, pixels) for one in paintings]
        self._photos = Given([_sized(one, self._side, pixels) for one in photos or sample_photos()])
        self._kept: list[bytes] = []  # paintings as JPEGs
        self._rows: list[list[Moments]] = []  # of the paintings before
        self._trainer: Trainer | None = None
        self._at = -1  # the painting whose trainer that is

    def _load(self) -> tuple[Network, str]:
        model, found = weights.load(self._name, self._folder)
        return model, found.sha256

    def _begun(self, place: int) -> Trainer:
        """Return a trainer of one painting's rows, or of the network and all paintings."""
        self._watch()
        eyes = [Eye(lossnet.load())]
        each = [self.sized[place]] if self.kind == TaughtKind.CONDITIONAL else self.sized
        seen = Given(each)
        count = self._until(place) - self._until(place - 1)
        plan = _plan(self.kind, count, self._side)
        given = (plan, self._load()[0], self._photos, seen, eyes, self._device, False, True)
        conditional = self.kind == TaughtKind.CONDITIONAL
        trainer = _Rows(each[0], *given) if conditional else Trainer(*given)
        trainer.watch = self._watch
        return trainer

    def _until(self, place: int) -> int:
        """Return the step at which a painting's part of the steps ends."""
        if self.kind == TaughtKind.FEEDFORWARD:
            return 0 if place < 0 else self.steps
        return self.steps * (place + 1) // len(self._paintings)

    def _current(self) -> Trainer:
        """Return the trainer of the next step."""
        place = self._at
        while place < 0 or self.step >= self._until(place):
            place += 1
        if place != self._at or self._trainer is None:
            self._keep_rows()
            self._at, self._trainer = place, self._begun(place)
        return self._trainer

    def _keep_rows(self) -> None:
        if isinstance(self._trainer, _Rows) and len(self._rows) == self._at:
            self._rows.append(self._trainer.learnt())

    def advance(self) -> dict[str, float]:
        """Make one step; return its losses."""
        found = self._current().advance()
        self.step += 1
        return found

    def state(self) -> bytes:
        """Return all that is needed to go on: as a file of PyTorch's, tensors and numbers alone."""
        rows = [[list(one) for one in row] for row in self._rows]
        trainer = self._trainer.state() if self._trainer else None
        out = io.BytesIO()
        torch.save({"step": self.step, "at": self._at, "rows": rows, "trainer": trainer}, out)
        return out.getvalue()

    def restore(self, state: bytes) -> None:
        """Go on from `state()`."""
        kept = torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)
        self._rows = [[Moments(*one) for one in row] for row in kept["rows"]]
        self.step, self._at = kept["step"], kept["at"]
        if kept["trainer"] is not None:
            self._trainer = self._begun(self._at)
            self._trainer.restore(kept["trainer"])

    def _jpegs(self) -> list[bytes]:
        """Return the paintings as they are kept, made once."""
        while len(self._kept) < len(self._paintings):
            self._watch()
            self._kept.append(taught.small(self._paintings[len(self._kept)]))
        return self._kept

    def taught(self) -> bytes:
        """Return what was taught so far as a file; rows not yet begun are as measured."""
        trainer = self._trainer or self._current()
        model, base = self._load()
        rows = list(self._rows)
        if isinstance(trainer, _Rows):
            rows += [trainer.learnt()] if len(rows) == self._at else []
            for painting in self.sized[len(rows) :]:
                self._watch()
                rows.append(_moments(_parameters(model, painting)))
        whole = {} if self.kind == TaughtKind.CONDITIONAL else trainer.average
        jpegs = self._jpegs()
        grain = trainer.network.grain_deviation
        return taught.write(
            Taught(self.kind, self._name, base, self.step, grain, whole, rows, jpegs)
        )
