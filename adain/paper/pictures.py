"""The pictures figures are made from: squares of a folder's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from PIL import Image, ImageOps
from torch import Tensor

from adain import pixels
from adain.paper.settings import Settings
from adain.training import crops
from adain.training.crops import NoPictures, Pictures
from adain.training.patterns import pattern
from adain.training.recipe import Data

_DATA = Data(zoom=(0.8, 1.25), flip=True)  # how crops are cut for trainings


@dataclass(frozen=True)
class Named:
    """A square picture and what it is called."""

    name: str
    image: Image.Image


def squares(folder: Path, count: int, side: int) -> list[Named]:
    """Return the first pictures of a folder by name, their middle squares scaled to a side."""
    found = Pictures(folder)
    opened = ((path, found.open(path)) for path in found.paths)
    made = [
        Named(path.stem, ImageOps.fit(image, (side, side), Image.Resampling.LANCZOS))
        for path, image in opened
        if image is not None
    ]
    if not made:
        raise NoPictures(f"None of the {len(found.paths)} pictures in {folder} can be read.")
    return made[:count]


def photos(settings: Settings, count: int, side: int) -> list[Named]:
    return squares(settings.photos, count, side)


def styles(settings: Settings, count: int, side: int) -> list[Named]:
    return squares(settings.styles, count, side)


def drawn(count: int, side: int) -> list[Named]:
    """Return style pictures drawn by rule, always the same."""
    return [Named(f"drawn {number}", pattern(Random(number), side)) for number in range(count)]


def unit(image: Image.Image, device: str = "cpu") -> Tensor:
    """1×3×H×W in [0, 1]."""
    return pixels.unit(pixels.tensor(image.convert("RGB"))).to(device)


def shown(picture: Tensor) -> Image.Image:
    """1×3×H×W in about [0, 1] → a picture."""
    return pixels.image(pixels.as_bytes(picture.detach())[0])


def batch(images: Sequence[Image.Image], count: int, side: int, seed: str) -> Tensor:
    """Cut random crops, each of any of the pictures: N×3×S×S in [0, 1]; a seed gives the same."""
    rng = Random(seed)
    cuts = [crops.cut(rng, rng.choice(images), side, _DATA) for _ in range(count)]
    return torch.cat([pixels.unit(pixels.tensor(one)) for one in cuts])
