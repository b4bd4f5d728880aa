"""Training crops from folders of pictures: each is determined by its number alone.

So a resumed run sees the crops that an unbroken one would have seen, and crops can be measured
once and used again.
"""

import math
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from adain import pixels
from adain.files import pictures
from adain.training.patterns import pattern, sparse
from adain.training.recipe import Data

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}
_KEPT = 2 << 30  # bytes of decoded pictures kept a folder
_NUMBERS = 1 << 30  # of crops there can be

Crop = Callable[[int], Tensor]  # number → 3×S×S bytes


class NoPictures(Exception):
    """A folder without a picture that can be read."""


def part(split: Path | None, wanted: str) -> set[str] | None:
    """Return the file names that a table of `name<TAB>part…` lines puts in a part; None: all."""
    if split is None:
        return None
    lines = (line.split("\t") for line in split.read_text().splitlines())
    return {name for name, part, *_ in lines if part == wanted}


class Pictures:
    """A folder's pictures, decoded when first drawn and kept while memory is left for them.

    `skipped` holds the files that could not be read.
    """

    def __init__(self, folder: Path, side: int = 0, names: set[str] | None = None) -> None:
        if not folder.is_dir():
            raise NoPictures(f"There is no folder {folder}.")
        paths = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        self.paths = sorted(path for path in paths if names is None or path.name in names)
        if not self.paths:
            raise NoPictures(f"There is no picture in {folder} ({', '.join(sorted(SUFFIXES))}).")
        self.folder, self.side = folder, side
        self.skipped: set[Path] = set()
        self._kept: dict[Path, Image.Image] = {}
        self._free = _KEPT

    def open(self, path: Path) -> Image.Image | None:
        """Return a picture as RGB, its shorter side scaled; None if it can't be read."""
        if path in self._kept:
            return self._kept[path]
        if path in self.skipped:
            return None
        try:
            image = pictures.scaled(pictures.rgb(Image.open(path)), self.side)
        except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError):
            self.skipped.add(path)
            return None
        self._free -= image.width * image.height * 3
        if self._free > 0:
            self._kept[path] = image
        return image

    def draw(self, rng: Random) -> Image.Image:
        """Return any picture that can be read. Raises `NoPictures` when none can."""
        while len(self.skipped) < len(self.paths):
            image = self.open(rng.choice(self.paths))
            if image is not None:
                return image
        raise NoPictures(f"None of the {len(self.paths)} pictures in {self.folder} can be read.")


def cut(rng: Random, image: Image.Image, side: int, data: Data) -> Image.Image:
    """Cut a random square, seen `data.zoom` times larger, and scale it to `side` pixels."""
    least, most = (math.log(zoom) for zoom in data.zoom)
    part = min(side / math.exp(rng.uniform(least, most)), *image.size)
    left, top = rng.uniform(0, image.width - part), rng.uniform(0, image.height - part)
    if part == side:  # nothing to scale: keep the pixels
        left, top = round(left), round(top)
    box = (left, top, left + part, top + part)
    square = image.resize((side, side), Image.Resampling.LANCZOS, box=box)
    return ImageOps.mirror(square) if data.flip and rng.random() < 0.5 else square


def is_grey(number: int, share: float) -> bool:
    """Tell whether a crop is grey: by its number, so that grey pairs can be asked for."""
    return math.floor((number + 1) * share) > math.floor(number * share)


def _toned(rng: Random, image: Image.Image) -> Image.Image:
    contrast, brightness = rng.uniform(0.5, 1.3), rng.uniform(-55, 55)
    return image.point(lambda value: (value - 128) * contrast + 128 + brightness)


def _swapped(rng: Random, image: Image.Image) -> Image.Image:
    bands = list(image.split())
    rng.shuffle(bands)
    image = Image.merge("RGB", bands)
    return ImageOps.invert(image) if rng.random() < 0.3 else image


def _finished(rng: Random, image: Image.Image, number: int, data: Data) -> Tensor:
    if rng.random() < data.tone:
        image = _toned(rng, image)
    if is_grey(number, data.grey):
        image = image.convert("L").convert("RGB")
    return pixels.tensor(image)[0]


def photos(folder: Pictures, side: int, data: Data, seed: int) -> Crop:

    def crop(number: int) -> Tensor:
        rng = Random(f"{seed} photo {number}")
        return _finished(rng, cut(rng, folder.draw(rng), side, data), number, data)

    return crop


def paintings(folder: Pictures, others: Pictures, side: int, data: Data, seed: int) -> Crop:
    """Crops of paintings, patterns and photos to take the style of."""

    def crop(number: int) -> Tensor:
        rng = Random(f"{seed} painting {number}")
        kind = rng.random()
        drawn = data.patterns + data.sparse
        if kind < drawn:
            image = pattern(rng, side) if kind < data.patterns else sparse(rng, side)
        else:
            source = others if kind < drawn + data.photos else folder
            image = cut(rng, source.draw(rng), side, data)
        if rng.random() < data.swap:
            image = _swapped(rng, image)
        return _finished(rng, image, number, data)

    return crop


def number(rng: Random, pool: int, grey: float = 0.0) -> int:
    """Draw a crop's number: below `pool`, or any when that is 0; given their share, a grey one."""
    count = pool or _NUMBERS
    greys = math.floor(count * grey)
    return math.ceil((rng.randrange(greys) + 1) / grey) - 1 if greys else rng.randrange(count)


def stacked(crop: Crop, numbers: list[int]) -> Tensor:
    """Make crops: N×3×S×S bytes, channels last in memory."""
    made = np.stack([crop(number).permute(1, 2, 0).numpy() for number in numbers])
    return torch.from_numpy(made).permute(0, 3, 1, 2)
