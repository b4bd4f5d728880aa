"""Pictures put together from small pieces: tesserae."""

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter

from tests.samples_drawing.paint import (
    FINE,
    SIZE,
    Array,
    inside,
    lit,
    looked_up,
    noise,
    over,
    palette,
    ramp,
    rgb,
    spun,
    square,
    to_array,
    to_image,
)

SIDE = SIZE * FINE


def _flower() -> Array:
    """A flower in a round of green, waves about it, a gold border."""
    x, y = square(SIZE)
    petal = np.hypot(x - 0.5, y - 0.46) - 0.03 * np.cos(12 * np.arctan2(y - 0.46, x - 0.5))
    golds = palette("fff1c1 f2c14e d99a1e 0f6b5c 0a4a44 e9b33b f6e3a1 1c8c6d 0c4f4a d9a441")
    wave = 0.5 + 0.5 * np.sin(44 * (y + 0.03 * np.sin(10 * x)) + 2 * x)
    waves = ramp(wave, palette("07302c 0c5a4c 1a8a6a 7fc28a e0b43a"))
    scene = over(ramp(np.clip(petal / 0.44, 0, 1), golds), waves, inside(petal - 0.43))
    checks = ramp(0.5 + 0.5 * np.sign(np.sin(40 * (x + y))), palette("0a2a2a e8b53a"))
    frame = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    return over(scene, checks, inside(0.055 - frame))


def _places(rng: Generator, tile: float) -> Array:
    """Where the tiles lie, in rings and along waves: N×3 of x, y and turn."""
    places = []
    for radius in np.arange(tile / 2, 0.46, tile).tolist():
        turns = (np.arange(round(2 * np.pi * radius / tile)) + rng.random()) * tile / radius
        for turn in turns.tolist():
            places.append((0.5 + radius * np.cos(turn), 0.46 + radius * np.sin(turn), turn))
    for line in np.arange(-0.05, 1.08, tile).tolist():
        for x in (np.arange(-0.02, 1.02, tile) + rng.random() * tile).tolist():
            y = line - 0.03 * np.sin(10 * x)
            if np.hypot(x - 0.5, y - 0.46) > 0.468:
                places.append((x, y, np.arctan(-0.3 * np.cos(10 * x))))
    return np.array(places)


def mosaic(rng: Generator) -> Array:
    """Green glass and gold tesserae laid around a flower."""
    tile = 0.029
    picture, relief = Image.new("RGB", (SIDE, SIDE), "#54462e"), Image.new("L", (SIDE, SIDE), 0)
    mortar, bevel = ImageDraw.Draw(picture), ImageDraw.Draw(relief)
    places = _places(rng, tile)
    paints = looked_up(_flower())(places[:, 0], places[:, 1])
    for (x, y, turn), paint in zip(places.tolist(), paints, strict=True):
        half = tile * SIDE / 2 * (0.82 + 0.05 * rng.normal(size=(4, 1)))
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
        corners = spun(corners, turn + rng.normal(0, 0.06)) + np.array([x, y]) * SIDE
        outline = [(a, b) for a, b in corners.tolist()]
        mortar.polygon(outline, rgb(paint + rng.normal(0, 0.07) + rng.normal(0, 0.035, 3)))
        bevel.polygon(outline, int(150 + 60 * rng.random()))
    patina = 0.9 + 0.2 * noise(rng, SIDE, 60, 3)[..., None]
    height = to_array(relief.filter(ImageFilter.GaussianBlur(2.2)))
    shining = to_image(lit(to_array(picture) * patina, height, 1.6))
    return to_array(shining.resize((SIZE, SIZE), Image.Resampling.LANCZOS))
