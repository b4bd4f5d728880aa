"""Recipes: the settings of a training run, read from a TOML file and checked.

A recipe is one of `adain/training/recipes/` by name, or a path.
"""

import itertools
import math
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from adain.catalog import NETWORKS, Transfer
from adain.losses.names import ADVERSARIAL, STYLE_LOSSES
from adain.training.lossnet import DEEPEST, LAYERS

FOLDER = Path(__file__).parent / "recipes"
LOSSES = (  # names of functions in `losses`, and those of `adain.losses`
    *("content", "style", "style_half", "style_quarter", "covariance", "paper_content"),
    *("paper_style", "colour", "chroma", "lattice", "flat", "lightness", "identity", "outside"),
    *("mimic", *STYLE_LOSSES, ADVERSARIAL),
)
_LARGE = {"mmd_rbf", "histogram", "sliced", "mrf"}  # of a style they keep too much for a pool


class RecipeError(ValueError):
    """A recipe that can't be followed; the message names the key, the value, what is wanted."""


@dataclass(frozen=True)
class Stage:
    """A stretch of training with one crop size; the learning rate restarts with each."""

    steps: int
    crop: int = 256  # pixels a side, a multiple of 8
    batch: int = 8
    accumulate: int = 1  # batches a step; their gradients add up to that of one large batch
    rate: float = 1e-4
    decay: float = 0.0  # rate / (1 + decay · step), the paper's 5e-5
    last: float = 1.0  # cosine down to this fraction of the rate
    warm: int = 0  # steps of rising rate

    def rate_at(self, step: int) -> float:
        """Learning rate at a step of this stage, from 0."""
        rate = self.rate / (1 + self.decay * step)
        fall = self.last + (1 - self.last) * (1 + math.cos(math.pi * step / self.steps)) / 2
        return rate * fall * min(1.0, (step + 1) / (self.warm + 1))


@dataclass(frozen=True)
class Data:
    """How crops are made of pictures. Shares are fractions from 0 to 1."""

    side: int = 512  # the shorter side a picture is scaled to first; 0: as it is
    zoom: tuple[float, float] = (1.0, 1.0)  # a crop is then seen this much larger
    flip: bool = False
    grey: float = 0.0  # of photos and of paintings
    tone: float = 0.0  # with other contrast and brightness
    swap: float = 0.0  # of paintings, channels swapped and some inverted
    patterns: float = 0.0  # of paintings, drawn by rule
    sparse: float = 0.0  # of paintings, a few marks on a plain ground
    photos: float = 0.0  # of paintings, photos in their place
    pool: int = 0  # crops of each kind measured once and used again; 0: always fresh ones


@dataclass(frozen=True)
class Recipe:
    """A training run in full."""

    name: str
    network: str
    loss: dict[str, float]
    stages: tuple[Stage, ...]
    start: str = "shipped"  # "shipped", "random" or a weights file
    transfer: Transfer = Transfer.COVARIANCE
    layers: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)  # weights in the style losses
    half_layers: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)  # the same, at half size
    quarter_layers: tuple[float, ...] = (1.0, 1.0, 1.0)  # at a quarter of the size
    grain: float | None = None  # deviation of the noise; None: that of the weights it starts from
    betas: tuple[float, float] = (0.9, 0.999)
    clip: float = 0.0  # largest norm of the gradient; 0: any
    average: float = 0.999  # of the weights, over about 1 / (1 − average) steps
    seed: int = 0
    passes: int = 0  # through the photos, when no number of steps is given; 0: all steps
    least: int = 0  # steps all the same
    data: Data = field(default_factory=Data)

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def at(self, step: int) -> tuple[Stage, int]:
        """Return the stage a step falls in and the step within it."""
        for stage in self.stages:
            if step < stage.steps:
                return stage, step
            step -= stage.steps
        return self.stages[-1], self.stages[-1].steps + step

    def shortened(self, steps: int) -> "Recipe":
        """Return the recipe with all its stages in proportion, `steps` in all."""
        share = steps / self.steps
        ends, total = [0], 0
        for stage in self.stages:
            total += stage.steps
            ends.append(round(total * share))
        lengths = [after - before for before, after in itertools.pairwise(ends)]
        stages = [
            Stage(**vars(stage) | {"steps": length, "warm": min(stage.warm, length // 10)})
            for stage, length in zip(self.stages, lengths, strict=True)
            if length
        ]
        return Recipe(**vars(self) | {"stages": tuple(stages)})


def _filled(kind: type, table: dict[str, Any], where: str) -> Any:  # noqa: ANN401 (a dataclass)
    known = {entry.name for entry in fields(kind)}
    for key in table:
        if key not in known:
            raise RecipeError(f"{where}: unknown key {key!r}; there are: {', '.join(known)}")
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise RecipeError(f"{where}: {error}") from error


def _check(recipe: Recipe, where: str) -> Recipe:
    if recipe.network not in NETWORKS:
        raise RecipeError(f"{where}: network {recipe.network!r} is none of {', '.join(NETWORKS)}")
    for name in recipe.loss:
        if name not in LOSSES:
            raise RecipeError(f"{where}: unknown loss {name!r}; there are: {', '.join(LOSSES)}")
    if recipe.data.pool and (large := _LARGE & recipe.loss.keys()):
        raise RecipeError(f"{where}: {', '.join(sorted(large))}: only without a pool, pool = 0")
    if len(recipe.layers) not in {len(LAYERS), DEEPEST}:
        raise RecipeError(
            f"{where}: layers wants {len(LAYERS)} numbers, one for each of {LAYERS}, "
            f"or {DEEPEST}, to relu{DEEPEST}_1"
        )
    for stage in recipe.stages:
        if min(stage.steps, stage.batch, stage.accumulate) < 1:
            raise RecipeError(f"{where}: a stage wants steps, batch and accumulate from 1 up")
        if stage.crop < 32 or stage.crop % 8:
            raise RecipeError(f"{where}: crop {stage.crop} is not a multiple of 8 from 32 up")
    return recipe


def _transfer(name: str, where: str) -> Transfer:
    try:
        return Transfer(name)
    except ValueError:
        known = ", ".join(Transfer)
        raise RecipeError(f"{where}: transfer {name!r} is none of {known}") from None


def read(name: str) -> Recipe:
    """Read a recipe by the name of one of ours, or by path. Raises `RecipeError`."""
    file = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not file.is_file():
        ours = ", ".join(sorted(path.stem for path in FOLDER.glob("*.toml")))
        raise RecipeError(f"There is no recipe {name!r}; ours are: {ours}; or name a .toml file.")
    try:
        table = tomllib.loads(file.read_text())
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{file}: {error}") from error
    stages = [_filled(Stage, stage, f"{file.name}, stage") for stage in table.pop("stage", [])]
    if not stages:
        raise RecipeError(f"{file.name}: a recipe wants at least one [[stage]]")
    data = _filled(Data, table.pop("data", {}), f"{file.name}, data")
    transfer = _transfer(table.get("transfer", Recipe.transfer), file.name)
    parts = {"name": file.stem, "stages": stages, "data": data, "transfer": transfer}
    return _check(_filled(Recipe, table | parts, file.name), file.name)
