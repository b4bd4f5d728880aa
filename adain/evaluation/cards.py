"""Cards for a blind comparison: the judge sees results without the names of the programs.

Photo and painting on top, below them the results as A, B, … in an order drawn at random for each
card; `key.json` has the names, and is not for the judge.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

from adain.training import runs

KEY = "key.json"
_ABOVE, _BELOW, _GAP, _TITLE = 260, 512, 20, 18  # pixels


def _scaled(image: Image.Image, height: int) -> Image.Image:
    """Bring a picture to a height; all results of a card have one."""
    width = max(1, round(image.width * height / image.height))
    return image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)


def _row(images: Sequence[Image.Image], names: Sequence[str]) -> Image.Image:
    """Put pictures of one height side by side, each under its name."""
    width = sum(image.width for image in images) + _GAP * (len(images) - 1)
    row = Image.new("RGB", (width, _TITLE + images[0].height), "white")
    draw, left = ImageDraw.Draw(row), 0
    for image, name in zip(images, names, strict=True):
        draw.text((left, 2), name, fill="black")
        row.paste(image, (left, _TITLE))
        left += image.width + _GAP
    return row


def card(photo: Image.Image, painting: Image.Image, results: Sequence[Image.Image]) -> Image.Image:
    """Lay out one card, the results in the order given."""
    above = _row([_scaled(one, _ABOVE) for one in (photo, painting)], ["photo", "painting"])
    letters = [chr(ord("A") + place) for place in range(len(results))]
    below = _row([_scaled(one, _BELOW) for one in results], letters)
    size = (max(above.width, below.width), above.height + _GAP + below.height)
    whole = Image.new("RGB", size, "white")
    whole.paste(above, (0, 0))
    whole.paste(below, (0, above.height + _GAP))
    return whole


class Deck:
    """The cards of one sitting, in a folder; `rng` draws the orders."""

    def __init__(self, folder: Path, rng: Random) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._rng = folder, rng
        self._key: dict[str, list[str]] = {}

    def add(
        self, photo: Image.Image, painting: Image.Image, results: Mapping[str, Image.Image]
    ) -> None:
        """Write the next card, results by their makers' names, and the key so far."""
        order = self._rng.sample(list(results), len(results))
        name = f"card-{len(self._key):02}"
        card(photo, painting, [results[one] for one in order]).save(self._folder / f"{name}.png")
        self._key[name] = order
        runs.write(self._folder / KEY, json.dumps(self._key, indent=1).encode())
