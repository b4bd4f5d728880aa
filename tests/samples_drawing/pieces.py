"""Pictures put together from small pieces: points, tesserae, panes."""

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter

from tests.samples_drawing.paint import (
    FINE,
    SIZE,
    Array,
    color,
    inside,
    lit,
    looked_up,
    noise,
    over,
    palette,
    ramp,
    rgb,
    scattered,
    spun,
    square,
    to_array,
    to_image,
)

SIDE = SIZE * FINE


def _harbour(rng: Generator) -> Array:
    """The sun over the sea, three boats and two headlands, still in flat colour."""
    x, y = square(SIZE)
    sun = np.hypot(x - 0.62, (y - 0.42) * 1.1)
    sky = ramp(np.clip(sun * 1.5, 0, 1), palette("fff6d0 ffd98a ffb07a f58aa0 d58ac8 a58ad8"))
    path = np.abs(x - 0.62) * 2.2 + 0.25 * noise(rng, SIZE, 9) + 0.3 * (y - 0.5)
    sea = ramp(np.clip(path, 0, 1), palette("fff0b0 ffc48a f29ab0 b79ae0 7f9ae8 5f6ac8"))
    scene = over(sky, sea, inside(y - 0.52))
    west = 0.13 * np.exp(-(((x - 0.12) / 0.2) ** 2))
    east = 0.08 * np.exp(-(((x - 0.98) / 0.14) ** 2))
    scene = over(scene, color("7a6ac0"), inside(y - 0.52 + west + east) * inside(0.52 - y))
    for mast, deck, wide in [(0.30, 0.66, 0.13), (0.52, 0.57, 0.06), (0.80, 0.74, 0.16)]:
        rise = (deck - y) / (wide * 2.6)
        sail = inside((1 - rise) * wide * 0.75 - np.abs(x - mast - 0.1 * wide)) * inside(deck - y)
        scene = over(scene, ramp(np.clip(rise, 0, 1), palette("e8552d f6ae5a fff0cf")), sail)
        hull = inside(wide * 1.1 - np.abs(x - mast) - 1.2 * (y - deck)) * inside(y - deck - 0.008)
        scene = over(scene, color("2a2350"), hull * inside(deck + 0.22 * wide - y))
    return scene


def dots(rng: Generator) -> Array:
    """A harbour at sunset in points of unmixed colour."""
    picture = Image.new("RGB", (SIDE, SIDE), "#f3c9c0")
    brush = ImageDraw.Draw(picture)
    pure = palette("ff7a1a 3a7fe0 ffd21f 8a4fd0 f0446e 4fc0a0 ffffff 5040b0")
    at = looked_up(_harbour(rng))
    for count, width, stray in [(9000, 9, 0.05), (9000, 6.5, 0.12), (9000, 5, 0.2)]:
        x, y = scattered(rng, count)
        for spot_x, spot_y, paint in zip(x * SIDE, y * SIDE, at(x, y), strict=True):
            own = paint + rng.normal(0, 0.05, 3)
            if rng.random() < stray:
                own = 0.45 * own + 0.55 * rng.choice(pure)
            high = width * FINE / 2 * (0.7 + 0.6 * rng.random())
            wide = high * (0.8 + 0.4 * rng.random())
            box = spot_x - wide, spot_y - high, spot_x + wide, spot_y + high
            brush.ellipse(box, rgb(own))
    return to_array(picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS))


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


def _panes(rng: Generator) -> tuple[Array, Array]:
    """Middles (N×2) and colours (N×3) of the panes, ring by ring."""
    hues = palette("b3001b ff5a1f ffb703 ffe66d 0a8754 1aa6b7 0b4fc4 3a0ca3 9d0faa f72585 dff3ff")
    rings = [(1, 0.0, (2, 3)), (8, 0.10, (0, 9)), (12, 0.19, (6, 7)), (12, 0.27, (0, 6))]
    rings += [(20, 0.355, (7, 8)), (24, 0.44, (6, 0)), (28, 0.52, (7, 6)), (34, 0.61, (6, 8))]
    middles, tones = [], []
    for count, radius, pair in rings:
        for place in range(count):
            turn = 2 * np.pi * (place + rng.normal(0, 0.07) + 0.5 * (radius > 0.2)) / count
            far = radius * (1 + rng.normal(0, 0.02))
            middles.append((0.5 + far * np.cos(turn), 0.5 + far * np.sin(turn)))
            tones.append(int(rng.integers(len(hues))) if rng.random() < 0.12 else pair[place % 2])
    corners = rng.random((150, 2))
    corners = corners[np.hypot(corners[:, 0] - 0.5, corners[:, 1] - 0.5) > 0.66]
    tones.extend(rng.choice([6, 6, 7, 5, 10, 4], len(corners)).tolist())
    return np.concatenate([middles, corners]), hues[tones]


def glass(rng: Generator) -> Array:
    """A rose window: leaded panes about a centre, lit from behind."""
    x, y = square(SIZE)
    bent_x = x + 0.012 * (noise(rng, SIZE, 9, 2) - 0.5)
    bent_y = y + 0.012 * (noise(rng, SIZE, 9, 2) - 0.5)
    middles, tones = _panes(rng)
    first, second = np.full((SIZE, SIZE), 9.0), np.full((SIZE, SIZE), 9.0)
    pane = np.zeros((SIZE, SIZE), dtype=int)
    for index, (a, b) in enumerate(middles.tolist()):
        far = np.hypot(bent_x - a, bent_y - b)
        closer = far < first
        second = np.where(closer, first, np.minimum(second, far))
        pane, first = np.where(closer, index, pane), np.where(closer, far, first)
    edge = (second - first) * SIZE  # pixels from the lead, about
    middle = np.hypot(x - 0.5, y - 0.5)
    glow = np.clip(0.55 + edge / 30, 0, 1.15) * (1.15 - 0.5 * middle)
    glow *= rng.normal(0.75, 0.1, len(middles))[pane] + 0.5 * noise(rng, SIZE, 26, 4)
    glow *= 0.9 + 0.2 * noise(rng, SIZE, 90, 2)
    window = (tones[pane] ** 1.15 + np.clip(edge / 60, 0, 0.18)[..., None]) * glow[..., None]
    for radius in (0.145, 0.315, 0.575):  # iron rings
        edge = np.minimum(edge, np.abs(middle - radius) * SIZE * 1.1 - 1)
    lead = inside(4.2 + 1.6 * (noise(rng, SIZE, 30, 2) - 0.5) - edge, 1.6)
    shine = 0.6 * np.clip(1 - edge / 4, 0, 1) * noise(rng, SIZE, 120, 1)
    return over(window, ramp(shine, palette("08080b 3c3c46")), lead)
