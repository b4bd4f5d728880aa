"""The trainer: network, optimiser and losses, one reproducible step at a time.

`train.py` is its command line, `runs.py` writes its files, `losses.py` has the losses.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from adain import catalog, pixels
from adain.catalog import Transfer
from adain.losses.critic import Critic
from adain.losses.names import ADVERSARIAL, STYLE_LOSSES, distances
from adain.model.builders import build
from adain.model.network import Network
from adain.training import crops, losses
from adain.training.crops import Pictures
from adain.training.eye import SPREADS, Eye, Seen
from adain.training.pool import Measured, Pool
from adain.training.recipe import Recipe, Stage

_GREY_PAIRS = 0.25  # of batches that have one, where there are grey crops


def _stylized(
    network: Network,
    content: Tensor,
    style: Tensor,
    transfer: Transfer,
    corner: tuple[int, int] = (0, 0),
) -> tuple[Tensor, Tensor]:
    """Decode N×C×h×w features in as many styles; returns pictures and the styles' own.

    At each level the content gets the moments that the style has there on its own way through
    the decoder, and noise from a corner on.
    """
    wanted, back = network.measure(style, transfer)
    styles = [moments.each() for moments in wanted]
    painted = network.paint(content, styles, transfer=transfer, corner=corner)
    return network.unfolded(painted), network.unfolded(back)


def _clamped(pictures: Tensor) -> Tensor:
    """Clamp to [0, 1], as everyone will see them, and let gradients through all the same."""
    return pictures + (pictures.clamp(0, 1) - pictures).detach()


class Trainer:
    """A network being taught: weights, their average, optimiser and position."""

    def __init__(
        self,
        recipe: Recipe,
        network: Network,
        photos: Pictures,
        paintings: Pictures,
        eyes: list[Eye],
        device: torch.device,
        half: bool = False,
        quiet: bool = False,
    ) -> None:
        self.recipe, self.device, self.half, self.step = recipe, device, half, 0
        self._quiet = quiet
        self.photos, self.paintings = photos, paintings
        self.eyes = [eye.to(device) for eye in eyes]
        self.network = network.requires_grad_(True).train().to(device)
        self.network.to(memory_format=torch.channels_last)
        if recipe.grain is not None:
            self.network.set_grain(recipe.grain)
        if catalog.network(recipe.network).fixed_encoder:
            network.encoder.requires_grad_(False)
        self.learned = [weight for weight in network.parameters() if weight.requires_grad]
        self.average = {name: v.detach().clone() for name, v in network.state_dict().items()}
        self.layers = torch.tensor(recipe.layers, device=device)
        self.half_layers = torch.tensor(recipe.half_layers, device=device)
        self.quarter_layers = torch.tensor(recipe.quarter_layers, device=device)
        self.optimiser = torch.optim.Adam(self.learned, betas=recipe.betas)
        self.critic = Critic(device) if ADVERSARIAL in recipe.loss else None
        self.watch: Callable[[], object] | None = None  # is called while crops are measured
        self._stage: Stage | None = None

    def state(self) -> dict[str, object]:
        """All that a run needs to go on: every draw of chance follows from seed and step."""
        return {
            "recipe": repr(self.recipe),
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            **({ADVERSARIAL: self.critic.state()} if self.critic else {}),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.critic:
            self.critic.restore(state[ADVERSARIAL])
        for name, value in state["average"].items():
            self.average[name].copy_(value)

    def _enter(self, stage: Stage) -> None:
        """Make and measure the crops of a stage."""
        self._stage, data, seed = stage, self.recipe.data, self.recipe.seed
        photos = crops.photos(self.photos, stage.crop, data, seed)
        paintings = crops.paintings(self.paintings, self.photos, stage.crop, data, seed)
        total = 2 * data.pool * len(self.eyes)
        off = self._quiet or not total
        with tqdm(total=total, desc="measuring crops", leave=False, disable=off) as bar:

            def measured(count: int) -> None:
                bar.update(count)
                if self.watch:
                    self.watch()

            self._photos, self._paintings = (
                Pool(crop, data.pool, self.eyes, self.device, losses_, self.half, measured)
                for crop, losses_ in ((photos, ()), (paintings, tuple(self.recipe.loss)))
            )

    def _numbers(self, stage: Stage) -> tuple[list[int], list[int]]:
        """Draw the photos and the paintings of a step, all its batches'."""
        data, rng = self.recipe.data, Random(f"{self.recipe.seed} step {self.step}")
        greys = [0.0] * stage.batch * stage.accumulate
        greys[0] = data.grey if rng.random() < _GREY_PAIRS else 0.0
        photos, paintings = (
            [crops.number(rng, data.pool, grey) for grey in greys] for _ in range(2)
        )
        return photos, paintings

    def _draw(self, stage: Stage, turn: int) -> Iterator[tuple[Measured, Measured]]:
        """Yield photos and paintings of one batch of a step after the other."""
        photos, paintings = self._numbers(stage)
        for start in range(0, len(photos), stage.batch):
            some = slice(start, start + stage.batch)
            yield self._photos.take(photos[some], turn), self._paintings.take(paintings[some], turn)

    @property
    def corner(self) -> tuple[int, int]:
        """Where noise begins: other noise each step."""
        return self.step * 7, self.step * 13

    def paint(self, content: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """Paint N×C×h×w features in as many styles; returns pictures and the styles' own."""
        return _stylized(self.network, content, style, self.recipe.transfer, self.corner)

    def losses(self, turn: int, photos: Measured, paintings: Measured) -> dict[str, Tensor]:
        """Paint one batch and measure what the recipe pulls at: a number a loss."""
        photo, painting = pixels.unit(photos.images), pixels.unit(paintings.images)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            content, styles = self.network.encode(torch.cat([photo, painting])).chunk(2)
            painted, back = (one.float() for one in self.paint(content, styles))
        output = _clamped(painted)
        seen = self.eyes[turn].look(output, self.recipe.loss, self.half, painted=True)
        found = self._found(seen, photos.seen, paintings.seen) | {
            "colour": lambda: losses.colour(output, painting),
            "chroma": lambda: losses.chroma(output, painting),
            "lattice": lambda: losses.lattice(output, photo),
            "flat": lambda: losses.flat(output, photo),
            "lightness": lambda: losses.lightness(output, photo),
            "identity": lambda: losses.identity(back, painting),
            "outside": lambda: losses.outside(painted),
            "mimic": lambda: losses.mimic(content, photos.seen.relu4_1),
        }
        if self.critic:
            found[ADVERSARIAL] = partial(self.critic, output, painting)
        return {name: found[name]().mean() for name in self.recipe.loss}

    def _found(self, seen: Seen, photo: Seen, painting: Seen) -> dict[str, Callable[[], Tensor]]:
        """Return the losses that lie in what an eye sees, to be called if they are wanted."""

        def far(name: str) -> Tensor:
            return distances(name, seen.features, painting.vectors[name]) @ self.layers

        def apart(name: str, by: Callable[..., Tensor], layers: Tensor | None = None) -> Tensor:
            found = by(seen.vectors[name], painting.vectors[name])
            return found.sum(1) if layers is None else found @ layers

        return {
            "content": lambda: losses.content(seen.relu4_1, photo.relu4_1),
            "style": lambda: apart("style", losses.style, self.layers),
            "style_half": lambda: apart("style_half", losses.style, self.half_layers),
            "style_quarter": lambda: apart("style_quarter", losses.style, self.quarter_layers),
            SPREADS: lambda: apart(SPREADS, losses.spread),
            "paper_content": lambda: losses.paper_content(
                seen.relu4_1, photo.relu4_1, painting.relu4_1
            ),
            "paper_style": lambda: apart("style", losses.paper_style, self.layers),
            **{name: partial(far, name) for name in STYLE_LOSSES},
        }

    def advance(self) -> dict[str, float]:
        """Make one step; returns its losses and its learning rate."""
        stage, within = self.recipe.at(self.step)
        if stage is not self._stage:
            self._enter(stage)
        rate = stage.rate_at(within)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        found = self.gradient(stage)
        norm = torch.nn.utils.clip_grad_norm_(self.learned, self.recipe.clip or math.inf)
        if torch.isfinite(norm):  # a step that overflowed teaches nothing
            self.optimiser.step()
        self.step += 1
        self._remember()
        return found | {"rate": rate}

    def gradient(self, stage: Stage) -> dict[str, float]:
        """Add up a step's gradient batch by batch; returns the mean of each loss.

        As one batch of all their pictures would give, in the memory of one of them.
        """
        turn, found = self.step % len(self.eyes), dict.fromkeys(self.recipe.loss, 0.0)
        for photos, paintings in self._draw(stage, turn):
            values = self.losses(turn, photos, paintings)
            total = torch.stack([self.recipe.loss[name] * one for name, one in values.items()])
            torch.autograd.backward(total.sum() / stage.accumulate)
            for name, value in values.items():
                found[name] += value.item() / stage.accumulate
        return found

    @torch.no_grad()
    def _remember(self) -> None:
        """Move the average towards the weights; faster in the beginning."""
        keep = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        for name, value in self.network.state_dict().items():
            self.average[name].lerp_(value, 1 - keep)

    @torch.no_grad()
    def sample(self, photos: list[Tensor], paintings: list[Tensor]) -> list[list[Image.Image]]:
        """Paint each photo (3×S×S bytes) in each style with the averaged weights, as rows."""
        network = build(self.recipe.network)
        network.set_grain(self.network.grain_deviation)
        network.load_state_dict(self.average)
        network.to(self.device).eval()
        white = torch.full_like(photos[0], 255)
        rows = [[white, *paintings]]
        for photo in photos:
            seen = network.encode(pixels.unit(torch.stack([photo, *paintings])).to(self.device))
            content = seen[:1].expand(len(paintings), -1, -1, -1)
            rows.append(
                [
                    photo,
                    *pixels.as_bytes(
                        _stylized(network, content, seen[1:], self.recipe.transfer)[0]
                    ),
                ]
            )
        return [[pixels.image(picture) for picture in row] for row in rows]
