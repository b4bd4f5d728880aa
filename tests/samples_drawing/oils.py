"""Pictures in oil: strokes that follow a flow, thick enough to catch the light."""

import numpy as np
from numpy.random import Generator

from tests.samples_drawing.paint import (
    SIZE,
    Array,
    Canvas,
    blurred,
    inside,
    looked_up,
    noise,
    over,
    palette,
    ramp,
    square,
)

WHIRLS = [(0.36, 0.34, 0.17, 2.2), (0.63, 0.49, 0.13, -2.2), (0.86, 0.15, 0.12, 1.6)]
STARS = [(0.10, 0.12), (0.25, 0.08), (0.47, 0.13), (0.66, 0.09), (0.08, 0.45), (0.72, 0.28)]
STARS += [(0.92, 0.42), (0.45, 0.58), (0.18, 0.62)]


def _night_sky(rng: Generator) -> tuple[Array, Array]:
    """Colours and angles of a wind that turns about two whirls, the stars and the moon."""
    x, y = square(SIZE)
    east, south = np.ones_like(x), 0.35 * (noise(rng, SIZE, 3, 2) - 0.5)
    foam = np.zeros_like(x)
    for at_x, at_y, reach, turn in WHIRLS + [(*star, 0.06, 1.4) for star in STARS]:
        right, down = x - at_x, y - at_y
        far = np.hypot(right, down) + 1e-6
        pull = 2.2 * turn * np.exp(-((far / reach) ** 2))
        east, south = east - pull * down / far, south + pull * right / far
        rings = 0.25 + 0.5 * np.sin(85 * far - 2 * np.arctan2(down, right) * np.sign(turn))
        foam += np.exp(-((far / reach) ** 4)) * rings * (reach > 0.1)
    angle = np.arctan2(south, east)
    banded = 0.5 + 0.5 * np.sin(16 * (y + 0.1 * noise(rng, SIZE, 4, 2)) + 5 * angle)
    light = np.clip(0.12 + 0.5 * banded + 0.3 * (y - 0.4) + 0.75 * foam, 0, 1)
    sky = ramp(light, palette("0b1a4a 14317d 1d4fa3 2f7fc1 7fb8d6 c9dcc9"))
    gold = palette("fff6c8 ffe066 f4b41a 86b6a6 2d66a8")
    for at_x, at_y, reach in [*((*star, 0.055) for star in STARS), WHIRLS[-1][:3]]:
        far = np.hypot(x - at_x, y - at_y) / reach
        sky = over(sky, ramp(np.clip(far, 0, 1), gold), np.clip(1.35 - far, 0, 1))
    return sky, angle


def night(rng: Generator) -> Array:
    """A sky of whirls over sleeping hills, in thick short strokes."""
    x, y = square(SIZE)
    scene, angle = _night_sky(rng)
    ridge = 0.72 + 0.07 * np.sin(5 * x + 0.6) + 0.03 * np.sin(13 * x)
    land = inside(y - ridge)
    depth = np.clip((y - ridge) * 4 + 0.2 * noise(rng, SIZE, 8, 2), 0, 1)
    scene = over(scene, ramp(depth, palette("2c5f8a 1b3a63 22523f 3f7048 0e2233")), land)
    angle = np.where(land > 0.5, np.arctan(0.35 * np.cos(5 * x + 0.6)), angle)
    width = 0.075 * np.clip((y - 0.18) / 0.8, 0, 1) ** 0.8 * (1 + 0.25 * np.sin(38 * y + 9 * x))
    cypress = inside(width - np.abs(x - 0.17 - 0.02 * np.sin(9 * y)))
    scene = over(scene, ramp(noise(rng, SIZE, 20), palette("07120f 12281c 2f4a25 5a4a1f")), cypress)
    angle = np.where(cypress > 0.5, -np.pi / 2 + 0.5 * np.sin(30 * y), angle)
    canvas, flow = Canvas(scene * 0.6), looked_up(angle)
    canvas.fill(rng, scene, flow, 1400, 15, 0.10, 0.05)
    canvas.fill(rng, scene, flow, 4200, 7.5, 0.07, 0.06)
    canvas.fill(rng, scene * 1.08, flow, 4200, 4, 0.05, 0.08)
    return canvas.finished(0.6)


def fjord(rng: Generator) -> Array:
    """A burning sky over dark water, in long winding lines."""
    x, y = square(SIZE)
    bend = 0.10 * np.sin(7 * x + 1) + 0.12 * (noise(rng, SIZE, 3, 2) - 0.5)
    sky = ramp(
        np.clip(0.5 + 0.5 * np.sin(34 * (y + 0.5 * bend) + 3 * x), 0, 1),
        palette("7a1410 c42a14 ea5a1c f58a1f fbb23a f9dc7a"),
    )
    swirl = np.hypot((x - 0.42) * 0.8, y - 0.66 + bend)
    water = ramp(
        0.5 + 0.5 * np.sin(46 * swirl + 2 * x), palette("08162c 0f3350 1d5a66 d9792b f0b048 10223f")
    )
    shore = 0.55 + 0.10 * np.sin(4 * x + 2.4) + 0.03 * np.sin(11 * x)
    land = ramp(
        np.clip(0.5 + 0.5 * np.sin(50 * (x + y) + 8 * bend), 0, 1),
        palette("2a0f12 6b1d18 b23a1a e0762a 3a1a22"),
    )
    bank = inside(y - 1.12 + 0.62 * x + 0.06 * np.sin(12 * y))
    scene = over(over(sky, water, inside(y - shore)), land, bank)
    smooth = np.stack([blurred(channel, 1.5) for channel in np.moveaxis(scene, -1, 0)], axis=-1)
    along = [np.gradient(level) for level in (34 * (y + 0.5 * bend) + 3 * x, swirl)]
    angle = np.where(y < shore, *(np.arctan(-right / (down + 1e-9)) for down, right in along))
    angle = np.where(bank > 0.5, -0.75 + 0.3 * np.sin(9 * y), angle)
    canvas, flow = Canvas(scene * 0.7), looked_up(angle)
    canvas.fill(rng, smooth, flow, 900, 14, 0.24, 0.04)
    canvas.fill(rng, smooth, flow, 2400, 6, 0.26, 0.07)
    canvas.fill(rng, smooth * 1.05, flow, 1500, 2.6, 0.22, 0.10)
    return canvas.finished(0.35)
