"""Synthetic style pictures, which supplement a small set of paintings.

Strokes, mosaics, stripes, in random colours; variety matters more than beauty.
"""

import math
from collections.abc import Callable
from random import Random

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]


def _palette(rng: Random) -> list[Colour]:
    """Two to six colours: any at all, or a family around one."""
    base, spread = [rng.randrange(256) for _ in range(3)], rng.choice([30, 80, 400])

    def colour() -> Colour:
        red, green, blue = (min(255, max(0, round(rng.gauss(value, spread)))) for value in base)
        return red, green, blue

    return [colour() for _ in range(rng.randint(2, 6))]


def _strokes(rng: Random, side: int) -> Image.Image:
    """Short bent strokes, one over the other, in about one direction or in any."""
    palette = _palette(rng)
    image = Image.new("RGB", (side, side), palette[0])
    draw = ImageDraw.Draw(image)
    direction, spread = rng.uniform(0, math.pi), rng.choice([0.2, 0.6, 3.0])
    length, width = rng.uniform(10, 60), rng.uniform(2, 14)
    for _ in range(round(4 * side**2 / (length * width))):
        x, y = rng.uniform(0, side), rng.uniform(0, side)
        angle, reach = direction + rng.uniform(-spread, spread), length * rng.uniform(0.5, 1.5)
        points = [
            (x + reach * share * math.cos(angle + bend), y + reach * share * math.sin(angle + bend))
            for share, bend in ((0, 0), (0.5, 0), (1, 0.3))
        ]
        draw.line(points, rng.choice(palette), width=1 + round(width * rng.uniform(0.5, 1.3)))
    return image


def _mosaic(rng: Random, side: int) -> Image.Image:
    """Cells around random points, most often with a joint between them."""
    palette = np.array(_palette(rng), np.uint8)
    count = rng.randint(20, 150)
    points = np.array([[rng.uniform(0, side), rng.uniform(0, side)] for _ in range(count)])
    y, x = np.mgrid[:side, :side]
    distance = np.hypot(y[..., None] - points[:, 0], x[..., None] - points[:, 1])
    colours = palette[[rng.randrange(len(palette)) for _ in range(count)]]
    image = colours[distance.argmin(-1)]
    first, second = np.moveaxis(np.partition(distance, 1, -1)[..., :2], -1, 0)
    image[second - first < rng.choice([0, 1, 2, 4])] = rng.choice([0, 255])
    return Image.fromarray(image)


def _stripes(rng: Random, side: int) -> Image.Image:
    palette = np.array(_palette(rng), np.uint8)
    y, x = np.mgrid[:side, :side]
    angle, width, wave = rng.uniform(0, math.pi), rng.uniform(3, 30), rng.uniform(10, 60)
    along = (x * math.cos(angle) + y * math.sin(angle) + 4 * np.sin(y / wave)) / width
    across = (y * math.cos(angle) - x * math.sin(angle)) / width if rng.random() < 0.5 else 0 * x
    place = np.floor(along).astype(int) + np.floor(across).astype(int)
    return Image.fromarray(palette[place % len(palette)])


def _blot(rng: Random, draw: ImageDraw.ImageDraw, colour: Colour, side: int) -> None:
    x, y, radius = rng.uniform(0, side), rng.uniform(0, side), rng.uniform(0.008, 0.12) * side
    flatter = radius * rng.uniform(0.4, 1)
    draw.ellipse((x - radius, y - flatter, x + radius, y + flatter), fill=colour)


def _line(rng: Random, draw: ImageDraw.ImageDraw, colour: Colour, side: int) -> None:
    """A broken line of two to six pieces."""
    points = [(rng.uniform(0, side), rng.uniform(0, side))]
    for _ in range(rng.randint(2, 6)):
        x, y = points[-1]
        points.append((x + rng.uniform(-0.18, 0.18) * side, y + rng.uniform(-0.18, 0.18) * side))
    width = rng.uniform(0.004, 0.027) * side
    draw.line(points, colour, width=max(1, round(width)), joint="curve")


def sparse(rng: Random, side: int) -> Image.Image:
    """Draw a few marks on a plain ground: blots on white, lines on black, or in any colours."""
    tone = rng.choice([255, 250, 240, 12, 0])
    ground = (tone, tone, tone) if rng.random() < 0.6 else _palette(rng)[0]
    palette = _palette(rng)[:3] if rng.random() < 0.5 else [(255 - tone,) * 3]
    image = Image.new("RGB", (2 * side, 2 * side), ground)
    draw = ImageDraw.Draw(image)
    for _ in range(rng.randint(6, 70)):
        rng.choice([_blot, _line])(rng, draw, rng.choice(palette), 2 * side)
    return image.resize((side, side), Image.Resampling.LANCZOS)


_KINDS: list[Callable[[Random, int], Image.Image]] = [_strokes, _strokes, _mosaic, _stripes]


def pattern(rng: Random, side: int) -> Image.Image:
    """Draw a square RGB picture; the same generator state gives the same picture."""
    return rng.choice(_KINDS)(rng, 2 * side).resize((side, side), Image.Resampling.LANCZOS)
