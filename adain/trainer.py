"""A network being taught: one step at a time, each the same however often it is run.

Tensors and optimiser; `train.py` is the door, `runs.py` the folder, `losses.py` what it
pulls at.
"""

import math
from collections.abc import Callable
from random import Random
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from adain import crops, losses, pixels
from adain.crops import Pictures
from adain.lossnet import LossNetwork
from adain.model import Network, Transfer, build
from adain.pool import Measured, Pool
from adain.recipe import Recipe, Stage

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
    wanted, back = network.measure(style, transfer == Transfer.COVARIANCE)
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
        networks: list[LossNetwork],
        device: torch.device,
        half: bool = False,
    ) -> None:
        self.recipe, self.device, self.half, self.step = recipe, device, half, 0
        self.photos, self.paintings = photos, paintings
        self.networks = [eye.to(device) for eye in networks]
        self.network = network.requires_grad_(True).train().to(device)
        self.network.to(memory_format=torch.channels_last)
        if recipe.network == "vgg19":  # the paper's encoder stays as it is
            network.encoder.requires_grad_(False)
        self.learned = [weight for weight in network.parameters() if weight.requires_grad]
        self.average = {name: v.detach().clone() for name, v in network.state_dict().items()}
        self.layers = torch.tensor(recipe.layers, device=device)
        self.half_layers = torch.tensor(recipe.half_layers, device=device)
        self.optimiser = torch.optim.Adam(self.learned, betas=recipe.betas)
        self._stage: Stage | None = None

    def state(self) -> dict[str, object]:
        """All that a run needs to go on: every draw of chance follows from seed and step."""
        return {
            "recipe": repr(self.recipe),
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        for name, value in state["average"].items():
            self.average[name].copy_(value)

    def _enter(self, stage: Stage) -> None:
        """Make and measure the crops of a stage."""
        self._stage, data, seed = stage, self.recipe.data, self.recipe.seed
        photos = crops.photos(self.photos, stage.crop, data, seed)
        paintings = crops.paintings(self.paintings, self.photos, stage.crop, data, seed)
        total, smaller = 2 * data.pool * len(self.networks), "style_half" in self.recipe.loss
        with tqdm(total=total, desc="measuring crops", leave=False, disable=not total) as bar:
            self._photos, self._paintings = (
                Pool(crop, data.pool, self.networks, self.device, self.half, smaller, bar.update)
                for crop in (photos, paintings)
            )

    def _draw(self, stage: Stage, turn: int) -> tuple[Measured, Measured]:
        """Draw a step's photos and paintings."""
        data, rng = self.recipe.data, Random(f"{self.recipe.seed} step {self.step}")
        greys = [0.0] * stage.batch
        greys[0] = data.grey if rng.random() < _GREY_PAIRS else 0.0
        photos, paintings = (
            pool.take([crops.number(rng, data.pool, grey) for grey in greys], turn)
            for pool in (self._photos, self._paintings)
        )
        return photos, paintings

    def losses(self, stage: Stage) -> dict[str, Tensor]:
        """Paint one step's batch and measure what the recipe pulls at: a number a loss."""
        turn, layers = self.step % len(self.networks), self.layers
        photos, paintings = self._draw(stage, turn)
        photo, painting = pixels.unit(photos.images), pixels.unit(paintings.images)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            content, styles = self.network.encode(torch.cat([photo, painting])).chunk(2)
            corner = (self.step * 7, self.step * 13)  # other noise each step
            made = _stylized(self.network, content, styles, self.recipe.transfer, corner)
            painted, back = (pictures.float() for pictures in made)
        output = _clamped(painted)
        seen, measured = self._look(turn, output)
        found: dict[str, Callable[[], Tensor]] = {
            "content": lambda: losses.content(seen, photos.relu4_1),
            "style": lambda: losses.style(measured, paintings.style) @ layers,
            "style_half": lambda: (
                losses.style(self._look(turn, losses.halved(output))[1], paintings.half)
                @ self.half_layers
            ),
            "paper_content": lambda: losses.paper_content(seen, photos.relu4_1, paintings.relu4_1),
            "paper_style": lambda: losses.paper_style(measured, paintings.style) @ layers,
            "colour": lambda: losses.colour(output, painting),
            "lattice": lambda: losses.lattice(output, photo),
            "flat": lambda: losses.flat(output, photo),
            "lightness": lambda: losses.lightness(output, photo),
            "identity": lambda: losses.identity(back, painting),
            "outside": lambda: losses.outside(painted),
            "mimic": lambda: losses.mimic(content, photos.relu4_1),
        }
        return {name: found[name]().mean() for name in self.recipe.loss}

    def _look(self, turn: int, output: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return relu4_1 and the style vectors of what was painted."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            seen = self.networks[turn](output)
        return seen[-1], self.networks[turn].style(seen)

    def advance(self) -> dict[str, float]:
        """Make one step; returns its losses and its learning rate."""
        stage, within = self.recipe.at(self.step)
        if stage is not self._stage:
            self._enter(stage)
        rate = stage.rate_at(within)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        found = self.losses(stage)
        total = torch.stack([self.recipe.loss[name] * value for name, value in found.items()])
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(total.sum())
        norm = torch.nn.utils.clip_grad_norm_(self.learned, self.recipe.clip or math.inf)
        if torch.isfinite(norm):  # a step that overflowed teaches nothing
            self.optimiser.step()
        self.step += 1
        self._remember()
        return {name: value.item() for name, value in found.items()} | {"rate": rate}

    @torch.no_grad()
    def _remember(self) -> None:
        """Move the average towards the weights; faster in the beginning."""
        keep = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        for name, value in self.network.state_dict().items():
            self.average[name].lerp_(value, 1 - keep)

    @torch.no_grad()
    def sample(self, photos: list[Tensor], paintings: list[Tensor]) -> list[list[Image.Image]]:
        """Paint each photo (3×S×S bytes) in each style with the averaged weights, as rows."""
        network = build(self.recipe.network).to(self.device).eval()
        network.load_state_dict(self.average)
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
